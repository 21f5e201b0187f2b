"""Secrets that were said in calls are in no event, in no file of the lake, in no log and on no page."""

import json
import re
import sqlite3
import sys
import zlib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest

from analytics.search.index import FILE as INDEX
from analytics.settings import AnalyticsSettings
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin, assign, connect_producer
from schemas.calls import CallRecordingStored
from schemas.codec import encode
from schemas.company import parse_company
from schemas.envelope import event
from schemas.ids import call_id, fact_id, raw_id, recording_id
from schemas.instants import instant
from schemas.records import RawRecord, raw_to_kafka
from schemas.topics import CANONICAL
from schemas.transcripts import SECRET_KINDS, Turn, Word
from streams.listening import Ears, transcribed
from streams.store import open_store
from streams.transcribe import Transcript
from tests.dashboards.without_browser import run, sent
from tests.forked import running
from tests.journeys.stages import looking_into, wait_for

PLANTED = {
    "card": "Номер карты 5555 5555 5555 4444.",
    "iban": "Счёт KZ86 125K ZT50 0410 0100.",
    "iin": "Мой ИИН 900101300017.",
    "cpf": "Еще CPF 529.982.247-25.",
    "passport": "Паспорт 4508 123456.",
    "snils": "СНИЛС 112-233-445 95.",
    "email": "Пишите на zharkynai@planted.example сегодня.",
    "phone": "Телефон 8 (702) 345-67-89.",
}
# What of each would give it away, without what people put between digits.
NEEDLES = (
    *("5555555555554444", "kz86125kzt5004100100", "900101300017", "52998224725", "4508123456", "11223344595"),
    *("zharkynai", "plantedexample", "87023456789", "7023456789"),
)
DICTATED = "Номер карты пять пять пять пять, пять пять пять пять, пять пять пять пять, четыре четыре четыре четыре."
DICTATED_NEEDLE = "четыречетыре"
BESIDE = "Қарлығаш"  # stands beside the secrets, and so is found wherever they would be
COMPANY = """
id = "planted"
name = "Planted"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "module"
source = "ingest"
"""
# Yesterday or before in every hour of the day: the last 28 days end with yesterday.
AT = instant(datetime.now(UTC) - timedelta(hours=30))
OURS, THEIRS = "said-to-us", "said-to-a-provider"

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


def test_the_planted_sentences_hold_a_secret_of_every_kind() -> None:
    assert (set(SECRET_KINDS), []) == (
        set(PLANTED),
        [one for one in NEEDLES if one not in _squeezed(*PLANTED.values())],
    )
    assert DICTATED_NEEDLE in _squeezed(DICTATED)


def test_what_was_said_in_secret_is_nowhere(
    tmp_path: Path, kafka: local_kafka.Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "company.toml").write_text(COMPANY)
    with closing(Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    _say(tmp_path, bootstrap=kafka.bootstrap)
    told = {"home": tmp_path, "kafka": kafka.bootstrap}
    with _running("normalise", **told), _running("land", **told) as lander:
        _wait_until_both_are_landed(tmp_path, lander=lander)

    pages = {
        "call": _page(tmp_path, monkeypatch, page="call", call=call_id("ingest", "module", OURS)),
        "call of a provider": _page(tmp_path, monkeypatch, page="call", call=call_id("ingest", "module", THEIRS)),
        "search": _page(tmp_path, monkeypatch, page="search", search=BESIDE, period="last28"),
    }
    places = {"events": _events(kafka.bootstrap), "lake": _lake(tmp_path), "index": _index(tmp_path), **pages}
    logs = {path.name: path.read_text() for path in (tmp_path / "logs").iterdir()}

    assert ["land.log", "normalise.log"] == sorted(logs)
    assert [] == [name for name, held in places.items() if BESIDE not in held]
    assert [] == [name for name, held in logs.items() if BESIDE in held]
    assert [] == [
        (name, needle)
        for name, held in {**places, **logs}.items()
        for needle in (*NEEDLES, DICTATED_NEEDLE)
        if needle in _squeezed(held)
    ]


def _squeezed(*texts: str) -> str:
    return re.sub(r"[^\w]|_", "", "".join(texts)).lower()


def _turns() -> tuple[Turn, ...]:
    """One sentence a turn, with its words as an aligner places them."""
    said = [f"{BESIDE}: {sentence}" for sentence in (*PLANTED.values(), DICTATED)]
    return tuple(
        Turn(
            channel=1,
            role="customer",
            start_seconds=30.0 * number,
            end_seconds=30.0 * number + 9,
            text=text,
            words=tuple(
                Word(text=word, start_seconds=30.0 * number + place / 4, end_seconds=30.0 * number + place / 4 + 0.2)
                for place, word in enumerate(text.split())
            ),
        )
        for number, text in enumerate(said)
    )


def _say(home: Path, *, bootstrap: str) -> None:
    """Say them in a call that we transcribe, as the worker does, and in one whose provider tells us what was said."""
    told = [_ended(OURS), _ended(THEIRS), _transcribed_by_provider()]
    body = json.dumps(told, ensure_ascii=False).encode()
    raw = RawRecord(
        raw_id=raw_id("ingest", "module", "planted"), source="ingest", account="module", company="planted",
        received_at=AT, content_type="application/json", body=body,
    )  # fmt: skip
    ours = _transcribed_by_us(home)
    with closing(connect_producer(bootstrap)) as producer:
        key, value, headers = raw_to_kafka(raw)
        producer.send("raw", key=key, value=value, headers=headers)
        producer.send("transcripts", key=ours.partitionkey.encode(), value=encode(ours))
        producer.flush()


def _ended(name: str) -> dict[str, Any]:
    told = {"call_id": name, "direction": "incoming", "channel": "phone", "talk_seconds": 280}
    return {"specversion": "1.0", "id": f"{name}-end", "source": "/m", "type": "call.ended", "time": AT, "data": told}


def _transcribed_by_provider() -> dict[str, Any]:
    told = {
        "call_id": THEIRS, "recording_id": THEIRS, "origin": "provider", "model": "vendor", "language": "ru",
        "grade": "words", "duration_seconds": 280, "channels": 2, "turns": msgspec.to_builtins(_turns()),
    }  # fmt: skip
    about = {"specversion": "1.0", "id": f"{THEIRS}-said", "source": "/m", "type": "call.transcribed", "time": AT}
    return {**about, "data": told}


def _transcribed_by_us(home: Path) -> Any:
    call = call_id("ingest", "module", OURS)
    stored = CallRecordingStored(
        call_id=call, provider_call_id=OURS, recording_id=recording_id("ingest", "module", OURS), path="x.wav",
        sha256="0" * 64, size_bytes=1, direction="incoming",
    )  # fmt: skip
    id_ = fact_id("ingest", "module", "call.recording_stored", OURS)
    fact = event(stored, id=id_, source="ingest", account="module", company="planted", time=AT, recordedat=AT, key=call)
    company = parse_company(COMPANY, file="company.toml")
    ears = Ears(companies={"planted": company}, fetch_secrets={}, store=open_store((home / "recordings").as_uri()))
    heard = Transcript(
        model="demo model", is_demo_model=True, language="ru", grade="words", duration_seconds=280.0, channels=2,
        turns=_turns(), engine="", model_load_seconds=0.0, transcribe_seconds=0.1,
    )  # fmt: skip
    return transcribed(fact, transcript=heard, ears=ears, now=AT)


@contextmanager
def _running(stage: str, *, home: Path, kafka: str) -> Iterator[ForkServerProcess]:
    (home / "logs").mkdir(exist_ok=True)
    with running(stage, home=home, log=home / "logs" / f"{stage}.log", ANGIME_KAFKA=kafka) as process:
        yield process


def _wait_until_both_are_landed(home: Path, *, lander: ForkServerProcess) -> None:
    text = "select count(distinct call_id) from facts.turns where company = 'planted'"
    with looking_into(AnalyticsSettings(home=home)) as ask:
        wait_for(lambda: not lander.is_alive() or ask(text) == [(2,)])
    assert lander.is_alive(), "what was said was not landed"


def _page(home: Path, monkeypatch: pytest.MonkeyPatch, **asked: str) -> str:
    test = run(home, monkeypatch, **asked)
    assert [] == list(test.exception)
    # What is sent is printed with letters beyond ASCII as the numbers of their bytes, and JSON in it once more.
    printed = sent(test).encode("latin-1", "backslashreplace").decode("unicode_escape").encode("latin-1", "replace")
    return re.sub(r"\\u([0-9a-f]{4})", lambda one: chr(int(one[1], 16)), printed.decode("utf-8", "replace"))


def _events(bootstrap: str) -> str:
    """Read every record of every topic of events, and all dead letters: raw records are kept as they came (ADR 24)."""
    listed = (*CANONICAL, "dead")
    with closing(Admin(bootstrap)) as admin:
        left = {place: end for place, end in admin.end_offsets(listed).items() if end}
    held: list[str] = []
    with closing(assign(bootstrap, topics=listed, offsets={})) as consumer:
        while left:
            for record in consumer.poll(max_records=500, timeout_seconds=1.0):
                held += [(record.value or b"").decode(errors="replace"), str(record.headers)]
                if record.offset + 1 >= left.get((record.topic, record.partition), sys.maxsize):
                    del left[record.topic, record.partition]
    return "\n".join(held)


def _lake(home: Path) -> str:
    """Read every file of the warehouse: columns of Parquet unpacked, all others by their bytes."""
    files = [path for path in (home / "warehouse").rglob("*") if path.is_file() and path.name != INDEX]
    parquet = [path for path in files if path.suffix == ".parquet"]
    held = [str(pl.read_parquet(path).to_dicts()) for path in parquet]
    return "\n".join([*held, *(path.read_bytes().decode(errors="replace") for path in files if path not in parquet)])


def _index(home: Path) -> str:
    with closing(sqlite3.connect(home / "warehouse" / INDEX)) as file:
        packed = [row[0] for row in file.execute("select turns from told")]
        stems = [row[0] for row in file.execute("select words from stems")]
    return "\n".join([*(zlib.decompress(one).decode(errors="replace") for one in packed), *stems])
