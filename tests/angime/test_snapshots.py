"""Snapshots: any DuckDB opens them, the same moment gives the same rows, and without personal data there is none."""

import json
import re
import resource
import subprocess
import venv
from datetime import timedelta
from importlib.metadata import distribution
from pathlib import Path

import polars as pl
import pytest

import angime
from analytics import progress
from analytics.copies import snapshot_tables, snapshots
from analytics.copies.snapshot_tables import Copier, Wanted
from analytics.engine.data_files import FolderFiles
from analytics.folding.rebuild import table_hash
from analytics.privacy.keys import installation_key
from analytics.reading.personal import treatment
from analytics.views import read_views
from analytics.warehouse import Batch, open_reader, open_side_by_side, open_writer
from angime.shell import Shell
from angime.simulator.company import company_toml
from schemas.company import parse_company
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant
from tests.analytics.landing_cases import BEGIN, call_events, message_events, records_of, settings_at
from tests.analytics.simulated import WHOLE, landed
from tests.angime.front_door import angime as front_door

EARLIER: Instant = "2026-03-09T12:00:00.000Z"
BETWEEN: Instant = "2026-03-09T12:30:00.000Z"
LATER: Instant = "2026-03-09T13:00:00.000Z"
SECRET = b"k" * 32


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a warehouse in which three calls and a message were landed, and a fourth call an hour later."""
    made: Path = tmp_path_factory.mktemp("home")
    early = [fact for number in (1, 2, 3) for fact in call_events(number)] + message_events(1)
    with open_writer(settings_at(made)) as writer:
        writer.land(Batch(records_of(early)), now=EARLIER)
        writer.land(Batch(records_of(call_events(4), first_offset=len(early))), now=LATER)
    return made


@pytest.fixture(scope="module")
def taken(home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a snapshot of it with everything."""
    folder: Path = tmp_path_factory.mktemp("snapshot") / "all"
    snapshots.take(settings_at(home), folder)
    return folder


@pytest.fixture(scope="module")
def plain_python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the Python of an environment of its own, in which the package duckdb is and nothing else."""
    folder: Path = tmp_path_factory.mktemp("plain")
    venv.create(folder, symlinks=True, with_pip=False)
    [packages] = folder.glob("lib/python*/site-packages")
    duckdb = distribution("duckdb")
    for name in {Path(file).parts[0] for file in duckdb.files or ()} - {"..", "__pycache__"}:
        (packages / name).symlink_to(Path(str(duckdb.locate_file(name))))
    return folder / "bin" / "python"


def by_plain_duckdb(python: Path, folder: Path, program: str) -> list[list[object]]:
    """Run a program that has the package duckdb and no other, and read what it prints as JSON."""
    done = subprocess.run(
        [python, "-I", "-c", f"import duckdb, json\n{program}"],
        cwd=folder,
        env={},
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    return json.loads(done.stdout)


def parquet_of(folder: Path) -> dict[str, bytes]:
    """Read the bytes of a snapshot's Parquet files, by table and number."""
    files = sorted((folder / "parquet").glob("*/*.parquet"))
    return {str(file.relative_to(folder / "parquet")): file.read_bytes() for file in files}


@pytest.mark.parametrize("part_rows", [1, 2, 3])
def test_a_large_table_is_copied_in_parts_and_whole(
    part_rows: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[str] = []
    told = [fact for number in range(7) for fact in call_events(number, begin=BEGIN + number // 2 * timedelta(hours=1))]
    with open_writer(settings_at(tmp_path / "home")) as writer:
        writer.land(Batch(records_of(told)), now=EARLIER)
    with open_side_by_side({"lake": settings_at(tmp_path / "home")}) as connection:
        connection.execute("attach ':memory:' as copied; create schema copied.facts")
        copier = Copier(
            source="lake",
            target="copied",
            folder=tmp_path,
            is_lake=True,
            files=FolderFiles(tmp_path),
            secret=None,
            part_rows=part_rows,
        )
        wanted = Wanted(relation="facts.calls", size_bytes=20_000_000, time="started_at", key=("call_id",))

        monkeypatch.setattr(progress, "SAY_SECONDS", 0.0)
        copier.copy(connection, [wanted], hands=7, on_step=said.append)

        assert [said[0], said[1].partition(", ")[0]] == ["facts.calls", "20 of 20 MB"]
        assert copier.write_files(connection, [wanted], hands=7) == {
            wanted.relation: table_hash(connection, "lake.facts.calls")
        }
        assert connection.rows("from lake.facts.calls order by call_id") == connection.rows(
            "from copied.facts.calls order by call_id"
        )


# As text: the package alone gives no instant as an object of Python, for which it wants pytz.
COUNT = "print(json.dumps([len(c.sql('select columns(*)::varchar from ' + name).fetchall()) for name in names]))"
ASK = "print(json.dumps(c.sql('select provider_call_id, outcome from facts.calls order by all').fetchall()))"
CALLS = [["CA1", "answered"], ["CA2", "answered"], ["CA3", "answered"], ["CA4", "answered"]]
FILE = "c = duckdb.connect('angime.duckdb', read_only=True)"
PARQUET = "c = duckdb.connect(); c.execute(open('views.sql').read())"


@pytest.mark.parametrize("opened", [FILE, PARQUET])
def test_plain_duckdb_of_another_environment_opens_the_file_and_the_parquet_with_views(
    taken: Path, plain_python: Path, opened: str
) -> None:
    manifest = json.loads((taken / "manifest.json").read_text())
    names: list[str] = [*manifest["tables"], *manifest["views"]]
    counted = by_plain_duckdb(plain_python, taken, f"{opened}; names = {names}\n{COUNT}")

    assert counted[: len(manifest["tables"])] == [table["rows"] for table in manifest["tables"].values()]
    assert by_plain_duckdb(plain_python, taken, f"{opened}\n{ASK}") == CALLS
    assert {"metrics.daily", "facts.call_starts"} <= set(manifest["views"])


def test_that_environment_has_nothing_but_duckdb(plain_python: Path, tmp_path: Path) -> None:
    found = "from importlib.metadata import distributions\nprint(json.dumps([d.name for d in distributions()]))"

    assert by_plain_duckdb(plain_python, tmp_path, found) == ["duckdb"]


def test_files_of_the_warehouse_are_copied_unless_rows_were_deleted_from_them(
    tmp_path: Path, plain_python: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_tables, "SMALL_BYTES", 0)
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of([fact for number in range(60) for fact in call_events(number)])), now=EARLIER)
        whole = snapshots.take(settings_at(tmp_path), tmp_path / "whole")
        writer.connection.execute("update facts.calls set outcome = 'missed' where provider_call_id = 'CA2'")
        changed = snapshots.take(settings_at(tmp_path), tmp_path / "changed")
        writer.connection.execute("delete from facts.calls where provider_call_id = 'CA1'")
        less = snapshots.take(settings_at(tmp_path), tmp_path / "less")
    own = {file.read_bytes() for file in (tmp_path / "warehouse" / "data" / "facts" / "calls").rglob("*.parquet")}

    assert set(parquet_of(tmp_path / "whole").values()) & own == own
    assert [file for name in ("changed", "less") for file in parquet_of(tmp_path / name).values() if file in own] == []
    assert [taken.tables["facts.calls"].rows for taken in (whole, changed, less)] == [60, 60, 59]
    left = by_plain_duckdb(
        plain_python,
        tmp_path / "less",
        "c = duckdb.sql(\"select provider_call_id, outcome from 'parquet/facts.calls/*.parquet'\")\n"
        "print(json.dumps(c.fetchall()))",
    )
    assert sorted(name for name, _ in left) == sorted(f"CA{number}" for number in range(60) if number != 1)
    assert dict(left)["CA2"] == "missed"


def test_beside_whole_files_of_the_warehouse_lie_the_other_rows_in_one_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot_tables, "SMALL_BYTES", 0)
    with open_writer(settings_at(tmp_path)) as writer:
        for first in (0, 100, 200):
            told = [fact for number in range(first, first + 60) for fact in call_events(number)]
            writer.land(Batch(records_of(told, first_offset=first * 10)), now=EARLIER)
        # Of one file a row is gone, one was put together of others, and three rows stand in the catalog.
        writer.connection.execute("delete from facts.calls where provider_call_id = 'CA1'")
        writer.connection.execute(
            "call ducklake_rewrite_data_files('lake', 'calls', schema => 'facts', delete_threshold => 0)"
        )
        writer.connection.execute("delete from facts.calls where provider_call_id = 'CA101'")
        writer.land(
            Batch(records_of([fact for number in (301, 302, 303) for fact in call_events(number)], first_offset=9000)),
            now=LATER,
        )
        snapshots.take(settings_at(tmp_path), tmp_path / "taken")
        rows = writer.connection.rows("from facts.calls order by call_id")
    own = {file.read_bytes() for file in (tmp_path / "warehouse" / "data" / "facts" / "calls").rglob("*.parquet")}
    files = {name: held for name, held in parquet_of(tmp_path / "taken").items() if name.startswith("facts.calls/")}

    assert [held in own for held in files.values()] == [True, False]
    assert pl.read_parquet(tmp_path / "taken" / "parquet" / "facts.calls").sort("call_id").rows() == rows


def test_a_snapshot_that_is_broken_off_leaves_an_empty_folder_so_that_it_can_be_asked_for_again(
    home: Path, tmp_path: Path
) -> None:
    def stop(step: str) -> None:
        raise KeyboardInterrupt(step)

    with pytest.raises(KeyboardInterrupt):
        snapshots.take(settings_at(home), tmp_path / "half", on_step=stop)
    assert list((tmp_path / "half").iterdir()) == []


def test_a_snapshot_wants_a_folder_of_its_own(home: Path, taken: Path) -> None:
    with pytest.raises(Misconfigured, match="is not empty"):
        snapshots.take(settings_at(home), taken)
    with pytest.raises(Misconfigured, match="cannot be made: Not a directory"):
        snapshots.take(settings_at(home), taken / "manifest.json" / "below")


def test_of_a_snapshot_that_was_killed_is_said_that_its_half_is_to_be_deleted(home: Path, tmp_path: Path) -> None:
    (tmp_path / snapshots.UNFINISHED).touch()

    with pytest.raises(Misconfigured, match="holds half a snapshot: where none is being made, delete the folder"):
        snapshots.take(settings_at(home), tmp_path)


@pytest.mark.parametrize(
    ("lacks", "statement"),
    [
        ("facts.turns", "drop table facts.turns"),
        ("facts.accounts", "drop table facts.accounts"),  # reference.accounts is another one
        ("reference.companies.week_starts", "alter table reference.companies drop column week_starts"),
    ],
)
def test_a_warehouse_of_another_version_is_brought_up_first(tmp_path: Path, lacks: str, statement: str) -> None:
    with open_writer(settings_at(tmp_path)) as writer:
        writer.connection.execute(statement)

    with pytest.raises(NotYet, match=rf"lacks {re.escape(lacks)}: start"):
        snapshots.take(settings_at(tmp_path), tmp_path / "snapshot")


def test_the_same_moment_gives_the_same_rows_however_much_later(home: Path, taken: Path, tmp_path: Path) -> None:
    once = snapshots.take(settings_at(home), tmp_path / "once", as_of=BETWEEN)
    again = snapshots.take(settings_at(home), tmp_path / "again", as_of=BETWEEN)
    now = snapshots.take(settings_at(home), tmp_path / "now", as_of=LATER)
    whole = json.loads((taken / "manifest.json").read_text())["tables"]

    assert once.tables == again.tables
    assert parquet_of(tmp_path / "once") == parquet_of(tmp_path / "again")
    assert (once.tables["facts.calls"].rows, now.tables["facts.calls"].rows) == (3, 4)
    assert (once.landed_until, now.landed_until) == (EARLIER, LATER)
    assert {name: table.hash for name, table in now.tables.items()} == {
        name: table["hash"] for name, table in whole.items()
    }


def test_without_personal_data_no_identity_name_or_text_is_in_any_file(
    home: Path, tmp_path: Path, plain_python: Path
) -> None:
    folder = tmp_path / "plain"
    snapshots.take(settings_at(home), folder, secret=SECRET)
    personal = ["+77010000001", "77010000001", "Your order has arrived", "Good day", "Сәлем", "CA1"]

    texts = by_plain_duckdb(
        plain_python,
        folder,
        "c = duckdb.connect('angime.duckdb', read_only=True)\n"
        "names = c.sql(\"select schema_name || '.' || table_name from duckdb_tables()\").fetchall()\n"
        "print(json.dumps([str(c.sql('select columns(*)::varchar from ' + n).fetchall()) for (n,) in names]))",
    )
    assert [word for word in personal for text in texts if word in str(text)] == []
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert [(path.name, word) for path in files for word in personal if word.encode() in path.read_bytes()] == []
    [keys] = by_plain_duckdb(
        plain_python,
        folder,
        "c = duckdb.connect('angime.duckdb', read_only=True)\n"
        "print(json.dumps(c.sql('select count(*), count(distinct contact_key) from facts.calls').fetchall()))",
    )
    assert keys == [4, 4]


def test_without_personal_data_figures_and_keys_are_as_with_it(tmp_path: Path) -> None:
    text = company_toml(
        secrets_folder=tmp_path, recordings_host="127.0.0.1:9", first_day=WHOLE.first, last_day=WHOLE.last
    )
    (tmp_path / "company.toml").write_text(text)
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of(landed(company=parse_company(text)))), now=LATER)
    taken = snapshots.take(settings_at(tmp_path), tmp_path / "whole")
    snapshots.take(settings_at(tmp_path), tmp_path / "plain", secret=SECRET)

    daily = "select day, metric, value, numerator, denominator, sample from metrics.daily order by all"
    keyed = [view for view in read_views() if view.relation in {*taken.tables, *taken.views} and view.key]
    counts = [
        f"select count(*), (select count(*) from (select distinct {', '.join(one.key)} from {one.relation}))"  # noqa: S608
        f" from {one.relation}"
        for one in keyed
    ]
    with angime.connect(tmp_path / "whole") as whole, angime.connect(tmp_path / "plain") as plain:
        for asked in [daily, *counts]:
            assert (asked, whole.sql(asked).fetchall()) == (asked, plain.sql(asked).fetchall())


@pytest.mark.parametrize(
    ("column", "type_", "becomes"),
    [
        ("contact_key", "VARCHAR", "replaced"),
        ("outcome", "VARCHAR", "kept"),
        ("talk_seconds", "DOUBLE", "kept"),
        ("started_at", "TIMESTAMP WITH TIME ZONE", "kept"),
        ("text", "VARCHAR", "emptied"),
        ("words", "JSON", "emptied"),
        ("a_column_of_tomorrow", "VARCHAR", "emptied"),
        ("names", "VARCHAR[]", "emptied"),
        ("channels", "VARCHAR[]", "kept"),
        ("identities", "VARCHAR[]", "replaced"),
        ("counts", "INTEGER[]", "kept"),
        ("said", 'STRUCT("text" VARCHAR)', "emptied"),
    ],
)
def test_a_text_leaves_only_when_it_is_known_to_be_plain(column: str, type_: str, becomes: str) -> None:
    assert treatment(column, type_) == becomes


def test_the_dbt_project_describes_every_relation_and_tests_the_keys(taken: Path) -> None:
    manifest = json.loads((taken / "manifest.json").read_text())
    sources = json.loads((taken / "dbt" / "models" / "sources.yml").read_text())["sources"]
    described = {f"{source['name']}.{table['name']}": table for source in sources for table in source["tables"]}

    assert {*manifest["tables"], *manifest["views"]} == set(described)
    assert all(column["description"] for table in described.values() for column in table["columns"])
    [call_id] = [column for column in described["facts.calls"]["columns"] if column["name"] == "call_id"]
    assert call_id["data_tests"] == ["unique", "not_null"]
    twice = (taken / "dbt" / "tests" / "unique_facts_legs.sql").read_text()
    assert "select \"call_id\", \"leg_id\"\nfrom {{ source('facts', 'legs') }}" in twice


def test_every_relation_and_every_column_carries_its_meaning(taken: Path) -> None:
    with angime.connect(taken) as connection:
        silent = connection.sql("""
            select schema_name || '.' || table_name from duckdb_tables() where comment is null
            union all select schema_name || '.' || view_name from duckdb_views() where comment is null and not internal
            union all
            select schema_name || '.' || table_name || '.' || column_name
            from duckdb_columns() where comment is null and not internal
        """).fetchall()

    assert silent == []


def test_every_view_has_the_same_rows_in_a_tool_of_any_zone_and_of_the_casts_that_metabase_asks_for(
    taken: Path,
) -> None:
    ours = rows_of_views(taken, "set timezone = 'UTC'")
    theirs = rows_of_views(taken, "set timezone = 'America/Sao_Paulo'; set old_implicit_casting = true")

    assert (ours["facts.call_starts"][0], ours) == (4, theirs)


def rows_of_views(folder: Path, settings: str) -> dict[str, tuple[int, int]]:
    """Give how many rows each view of a snapshot has under settings of the engine, and their hash."""
    with angime.connect(folder) as connection:
        connection.execute(settings)
        views = connection.sql("""
            select schema_name || '.' || table_name, string_agg(column_name, ', ') from duckdb_columns()
            where (schema_name, table_name) in (select (schema_name, view_name) from duckdb_views() where not internal)
            group by all
        """).fetchall()
        counted = (f"select '{view}', count(*), bit_xor(hash({columns})) from {view}" for view, columns in views)  # noqa: S608
        return {view: (rows, found) for view, rows, found in connection.sql(" union all ".join(counted)).fetchall()}


def test_python_connects_to_the_live_warehouse_and_to_a_snapshot(home: Path, taken: Path) -> None:
    for place in (home, taken, taken / "angime.duckdb"):
        with angime.connect(place) as connection:
            frame = connection.sql("select count(*) as calls from facts.calls").pl()
            assert frame.equals(pl.DataFrame({"calls": [4]}))
            with pytest.raises(Exception, match=r"read-only|read only"):
                connection.execute("delete from facts.calls")


def test_the_installation_has_one_secret_that_only_its_owner_reads(tmp_path: Path) -> None:
    key = installation_key(tmp_path)

    assert (len(key), installation_key(tmp_path)) == (32, key)
    assert (tmp_path / "secret.key").stat().st_mode & 0o777 == 0o600


def test_a_secret_for_which_there_was_no_room_is_made_as_soon_as_there_is(tmp_path: Path) -> None:
    bounds = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, bounds[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            installation_key(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, bounds)

    assert len(installation_key(tmp_path)) == 32
    assert [file.name for file in tmp_path.iterdir()] == ["secret.key"]


def test_the_shell_answers_each_statement(home: Path) -> None:
    lines = ["\\d", "\\d facts.calls", "select count(*)", "  as calls from facts.calls;"]
    lines += ["select 6 as m; select 7 as n;", ""]
    said = front_door("sql", home=home, typed="\n".join(lines))

    assert said.code == 0
    assert re.search(r"facts.messages +One row a message", said.out)
    assert re.search(r"outcome_reason +varchar +the rule that decided", said.out)
    assert said.out.split()[-4:] == ["m", "6", "n", "7"]


def test_the_shell_goes_on_after_the_mistake_of_a_person(home: Path) -> None:
    shown, said = list[object](), list[str]()
    with open_reader(settings_at(home)) as reader:
        shell = Shell(reader, show=shown.append, say=said.append, is_typed=True)
        shell.run(iter(["select nothing from nowhere;", "\\d nowhere", "select 7 as n;"]))

    assert (shown, [name in said[place] for place, name in enumerate(("Catalog Error", "write a name"))]) == (
        [[{"n": 7}]],
        [True, True],
    )


def test_a_time_between_two_moments_is_told_in_words(home: Path) -> None:
    said = front_door("sql", "select max(started_at) - min(started_at) as span from facts.calls", "--json", home=home)

    assert (said.code, [list(row) for row in json.loads(said.out)]) == (0, [["span"]])


def test_a_wrong_question_is_one_sentence_and_exit_2(home: Path) -> None:
    said = front_door("sql", "select outcme from facts.calls", home=home)

    assert said.code == 2
    assert "outcome" in said.err
    assert "Traceback" not in said.err
