"""The programs that are compared: how each is started, when it says that it wrote, and what it keeps afterwards."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import duckdb
from msgspec import Struct

from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from schemas.topics import TOPICS
from tests.bench import events
from tests.environments import QUIXSTREAMS, make_environment
from tests.rivals.judge import Call, calls_of
from tests.rivals.story import Row

HERE = Path(__file__).parent
TOPIC = TOPICS["calls"].kafka_name
ENDED = "call.ended"


class Kept(Struct, frozen=True, kw_only=True):
    """What a program keeps: the ids of its events, and what it says of each call."""

    ids: list[str]
    calls: dict[str, Call]


class Program(Struct, frozen=True, kw_only=True):
    """A program by name; `says` stands in the line that it prints after each write."""

    name: str
    command: Callable[[str, Path], list[str]]
    says: str
    read: Callable[[Path], Kept]


def all_of_them(folder: Path) -> list[Program]:
    """Give every program; what lives in an environment of its own gets it under `folder`."""
    return [
        Program(
            name="kafka-python loop + DuckDB",
            command=lambda bootstrap, home: _ours("kafka_loop", bootstrap, TOPIC, home, "first"),
            says="wrote",
            read=_from_duckdb,
        ),
        Program(
            name="the loop, careful: commits after the insert, primary key",
            command=lambda bootstrap, home: _ours("kafka_loop", bootstrap, TOPIC, home, "careful"),
            says="wrote",
            read=_from_duckdb,
        ),
        Program(
            name="plain Faust + DuckDB",
            command=lambda bootstrap, home: _ours("plain_faust", bootstrap, TOPIC, home),
            says="wrote",
            read=_from_duckdb,
        ),
        Program(
            name="quixstreams + its sink of files",
            command=lambda bootstrap, home: [
                str(quix_python(folder / "quix")),
                str(HERE / "quix_files.py"),
                bootstrap,
                TOPIC,
                str(home),
            ],
            says="wrote",
            read=_from_files,
        ),
        Program(
            name="angime",
            command=lambda bootstrap, home: _ours("own_lander", bootstrap, _furnished(home)),
            says="landed",
            read=_from_warehouse,
        ),
    ]


def quix_python(folder: Path) -> Path:
    """Give the Python of an environment that has quixstreams, made at the first call."""
    python = folder / "bin" / "python"
    return python if python.exists() else make_environment(folder, [QUIXSTREAMS, "jsonlines"])


def _ours(module: str, *arguments: object) -> list[str]:
    """Run a module here, with the environment of Angime, which has what it needs."""
    return [sys.executable, "-m", f"tests.rivals.{module}", *map(str, arguments)]


def _furnished(home: Path) -> Path:
    (home / "company.toml").write_text(events.COMPANY, encoding="utf-8")
    return home


def _from_duckdb(home: Path) -> Kept:
    session = duckdb.connect(str(home / "rows.duckdb"))
    rows = [Row(*row) for row in session.execute("select * from events order by rowid").fetchall()]
    session.close()
    return Kept(ids=[row.id for row in rows], calls=calls_of(rows))


def _from_files(home: Path) -> Kept:
    """Read the files of each partition in their order; a call lies on one partition. A torn line is no row."""
    rows: list[Row] = []
    for file in sorted(home.glob("rows/*/*/*.jsonl")):
        for line in file.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(Row(**json.loads(line)["_value"]))
            except ValueError:
                continue
    return Kept(ids=[row.id for row in rows], calls=calls_of(rows))


def _from_warehouse(home: Path) -> Kept:
    with open_reader(AnalyticsSettings(home=home)) as reader:
        ids = reader.sql("select id from log.events")["id"].to_list()
        calls = reader.sql(
            "select call_id, outcome = 'in_progress' as goes_on, coalesce(talk_seconds, 0) as talk from facts.calls"
        ).rows()
    return Kept(ids=ids, calls={name: Call("goes on" if goes_on else ENDED, talk) for name, goes_on, talk in calls})
