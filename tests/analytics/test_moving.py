"""A warehouse is moved: to PostgreSQL and a bucket, and back; on after a kill at any point; and never by half."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics.connection import LAYERS
from analytics.copies.moving import NOTE, look, move
from analytics.engine.attaching import attach, attach_catalog, make_catalog
from analytics.engine.catalogs import catalog_of
from analytics.engine.data_files import files_of
from analytics.engine.seals import Seals
from analytics.engine.sessions import DuckConnection, open_session
from analytics.folding.rebuild import TableHash, table_hash
from analytics.landing.batches import Landed
from analytics.reading.readers import open_side_by_side
from analytics.settings import AnalyticsSettings
from analytics.warehouse import Batch, Writer, open_writer
from schemas.errors import Halted, Misconfigured, NotYet
from schemas.instants import Instant, instant
from tests.analytics.landing_cases import (
    NOW,
    KafkaRecord,
    call_events,
    message_events,
    missed_events,
    other_events,
    records_of,
    settings_at,
)
from tests.postgres import PASSWORD, Postgres
from tests.torture.bucket import Bucket

pytestmark = pytest.mark.timeout(600)  # it begins many processes, and a busy machine gives each little time

ROOT = Path(__file__).parents[2]
CALLS = 60  # more than the catalog takes into itself
# Types of columns, as the engine is told them.
TYPES = [
    *("boolean", "tinyint", "smallint", "integer", "bigint", "utinyint", "usmallint", "uinteger", "ubigint", "float"),
    *("double", "decimal(18,6)", "date", "time", "timestamp", "timestamptz", "varchar", "blob", "json", "uuid"),
    "varchar[]",
]
ERASED = "of somebody who was erased since"
PLANT = f"insert into ducklake_tag (key, value) values ('comment', '{ERASED}')"  # noqa: S608  # our own words
_MOVE = """
import sys
from analytics.copies.moving import move
from tests.analytics.landing_cases import settings_at

home, catalog, files = sys.argv[1:]
source = settings_at(home)
move(source, source.model_copy(update={"catalog": catalog, "warehouse_files": files}))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home whose warehouse has rows in files and in the catalog, deleted ones and given up files among them."""
    home = tmp_path_factory.mktemp("whole")
    with open_writer(settings_at(home)) as writer:
        _land(writer, _all_of(range(CALLS)))
        writer.maintain(_later(1))
        _land(writer, _all_of(range(2), first_offset=10_000))
        _land(writer, records_of(call_events(CALLS), first_offset=20_000))
    return home


@pytest.fixture
def source(whole: Path, tmp_path: Path) -> AnalyticsSettings:
    """Give a copy of it."""
    return settings_at(shutil.copytree(whole, tmp_path / "home"))


@pytest.fixture
def database(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a database; gives its address."""
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    return postgres.new_database()


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Generator[Bucket]:
    """Run a bucket, of which the settings of this process tell."""
    with Bucket() as running:
        for name, setting in running.address.items():
            monkeypatch.setenv(name, setting)
        yield running


def test_a_warehouse_goes_to_postgresql_and_a_bucket_and_back(
    source: AnalyticsSettings, database: str, bucket: Bucket, tmp_path: Path
) -> None:
    there = _to(source, catalog=database, warehouse_files="s3://lake/angime")
    back = _to(source, warehouse_folder=tmp_path / "back")
    before, files = _hashes(source), _bytes_in(source.warehouse / "data")
    said: list[str] = []
    moved = move(source, there, on_step=said.append)

    assert (moved.differing, moved.files, moved.copied) == ((), len(files), len(files))
    assert moved.size_bytes == sum(map(len, files.values()))
    assert said[-2:] == [f"{moved.catalog_rows} rows of the catalog", "the rows of both are compared"]
    assert _hashes(there) == before == _hashes(source)
    assert (moved.tables, moved.rows) == (len(before), sum(found.rows for found in before.values()))
    kept = {name: content for name, content in bucket.kept.items() if "/data/" in name}
    assert {name.removeprefix("/lake/angime/data/"): content for name, content in kept.items()} == files
    assert f"/lake/angime/{NOTE}" not in bucket.kept
    assert files_of(there).note("seals") == files_of(source).note("seals")
    _lands_on(there)
    grown = _hashes(there)
    assert move(there, back).differing == ()
    assert _hashes(back) == grown != before
    assert Seals(files_of(back)).damaged() == []
    with open_writer(back) as writer:
        writer.maintain(_later(2))
        assert [table for table in writer.rebuild(verify=True) if not table["same"]] == []
    assert (_hashes(source), _bytes_in(source.warehouse / "data")) == (before, files)


def test_a_move_that_is_killed_goes_on_with_what_was_landed_and_given_up_since(
    source: AnalyticsSettings, database: str, postgres: Postgres, tmp_path: Path
) -> None:
    there = _to(source, catalog=database, warehouse_files=str(tmp_path / "files"))
    files, data = files_of(there), tmp_path / "files" / "data"
    many = len(files_of(source).sizes())
    points: list[Callable[[], bool]] = [
        lambda: files.note(NOTE) is not None,
        lambda: len(files.sizes()) > many // 3,
        catalog_of(there).exists,
    ]
    for point in points:
        _kill_a_move(source, there, at=point)
        with pytest.raises(Misconfigured, match=r"is being moved to .* and is not whole there: type `angime move`"):
            open_writer(there)
    name = database.rpartition("/")[2]
    postgres.ask(PLANT, database=name)
    with pytest.raises(Misconfigured, match=r"another move to .* was broken off, from .*catalog.sqlite to angime_"):
        look(_to(source, warehouse_folder=shutil.copytree(source.warehouse, tmp_path / "other")), there)
    with open_writer(source) as writer:
        writer.purge()
        _land(writer, records_of(call_events(CALLS + 1), first_offset=30_000))
    written = _written(data)
    moved = move(source, there)

    stayed = written & _written(data)
    assert (moved.differing, moved.files - moved.copied) == ((), len(stayed))
    assert _bytes_in(data) == _bytes_in(source.warehouse / "data")
    assert _hashes(there) == _hashes(source)
    postgres.ask("checkpoint")
    assert [file for file in _files_of(postgres) if ERASED.encode() in file.read_bytes()] == []
    _lands_on(there)


def test_what_is_not_the_same_there_is_not_called_moved(
    source: AnalyticsSettings, database: str, postgres: Postgres, tmp_path: Path
) -> None:
    there = _to(source, catalog=database, warehouse_files=str(tmp_path / "files"))

    def lose(step: str) -> None:
        if step == "the rows of both are compared":
            postgres.ask(
                "delete from ducklake_data_file where data_file_id = "
                "(select max(data_file_id) from ducklake_data_file where end_snapshot is null)",
                database=database.rpartition("/")[2],
            )

    moved = move(source, there, on_step=lose)
    assert [name for name in moved.differing if name.startswith(("facts.", "reports."))] == list(moved.differing)
    assert len(moved.differing) == 1
    with pytest.raises(Misconfigured, match="is not whole there"):
        open_writer(there)
    again = move(source, there)
    assert (again.differing, again.copied) == ((), 0)
    open_writer(there).close()


def test_a_damaged_file_is_not_moved(source: AnalyticsSettings, tmp_path: Path) -> None:
    there = _to(source, warehouse_folder=tmp_path / "there")
    file = next((source.warehouse / "data" / "log" / "stored_events").rglob("*.parquet"))
    whole = file.read_bytes()
    file.write_bytes(whole[:-1] + b"?")
    with pytest.raises(Halted, match="gives back other bytes than were written of log/stored_events/"):
        move(source, there)
    file.write_bytes(whole)
    assert move(source, there).differing == ()


def test_a_place_that_is_taken_or_the_same_is_refused_in_one_line(
    source: AnalyticsSettings, database: str, postgres: Postgres, bucket: Bucket, tmp_path: Path
) -> None:
    def refusal(target: AnalyticsSettings, *, of: AnalyticsSettings = source) -> str:
        with pytest.raises((Misconfigured, NotYet)) as refused:
            move(of, target)
        assert "\n" not in refused.value.reason
        return refused.value.reason

    data, elsewhere = source.warehouse / "data", str(tmp_path / "files")
    assert refusal(_to(source)) == f"the data files would stay in {data}: name another place for them with --files"
    assert refusal(_to(source, catalog=database)).startswith("the data files would stay in")
    assert refusal(_to(source, warehouse_files=elsewhere)) == (
        f"the catalog would stay {data.parent}/catalog.sqlite: name a database with --catalog, or a folder for it "
        "with --folder"
    )
    other = settings_at(tmp_path / "other")
    open_writer(other).close()
    assert refusal(_to(source, warehouse_folder=other.warehouse)) == (
        f"there is a warehouse already at {other.catalog_file}: name a place where none is"
    )
    bucket.kept["/lake/angime/data/log/somebody.parquet"] = b""
    assert refusal(_to(source, catalog=database, warehouse_files="s3://lake/angime")) == (
        "there are data files already in s3://lake/angime/data: name a place where none are"
    )
    assert refusal(_to(source, warehouse_folder=tmp_path / "new"), of=settings_at(tmp_path / "none")).startswith(
        "there is no warehouse yet at"
    )
    with open_writer(source):
        assert refusal(_to(source, warehouse_folder=tmp_path / "new")).startswith("another process writes")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / f"{NOTE}.draft").symlink_to("/dev/full")
    assert refusal(_to(source, catalog=database, warehouse_files=elsewhere)) == (
        f"{elsewhere}/data takes no more (No space left on device): free some room there, and type this once more"
    )
    name = database.rpartition("/")[2]
    postgres.ask(f"alter database {name} owner to current_user")
    assert refusal(_to(source, catalog=database, warehouse_files=elsewhere)) == (
        f"angime may only read {name} at 127.0.0.1: name the role that owns the database"
    )
    postgres.ask("grant create on schema public to angime", database=name)
    assert refusal(_to(source, catalog=database, warehouse_files=elsewhere)) == (
        f"what is erased would stay in PostgreSQL: let its role own the database: alter database {name} owner to angime"
    )
    postgres.ask(f"alter database {name} owner to angime")
    bucket.is_away = True
    assert refusal(_to(source, catalog=database, warehouse_files="s3://lake/angime")).startswith(
        "the data files are away: s3://lake/angime"
    )


@pytest.mark.parametrize("form", ["file", "database"])
def test_rows_that_lie_in_no_file_are_kept_as_the_engine_keeps_them(form: str, database: str, tmp_path: Path) -> None:
    settings = _to(settings_at(tmp_path), catalog=database if form == "database" else "")
    settings.warehouse.mkdir()
    columns = ", ".join(f"c{place} {type_}" for place, type_ in enumerate(TYPES))
    held = catalog_of(settings)
    with closing(open_session(settings)) as session:
        make_catalog(session, settings)
        attach(session, settings, reads_only=False)
        session.execute(f"create table lake.kept ({columns}); insert into lake.kept default values; detach lake")
        attach_catalog(session, held, name="held", reads_only=True)
        rows = DuckConnection(session).rows("""
            select column_name, column_type, data_type
            from held.ducklake_column join duckdb_columns() as physical using (column_name)
            where database_name = 'held' and starts_with(physical.table_name, 'ducklake_inlined_data_')
            and parent_column is null and starts_with(column_name, 'c')
        """)

    assert len(rows) == len(TYPES)
    assert {name: held.keeps_as(type_) for name, type_, _ in rows} == {name: engine for name, _, engine in rows}


def _to(source: AnalyticsSettings, **place: object) -> AnalyticsSettings:
    """Give the settings of another place, of the same home."""
    nowhere = {"catalog": "", "warehouse_files": "", "warehouse_folder": None}
    return source.model_copy(update={**nowhere, **place})


def _kill_a_move(source: AnalyticsSettings, target: AnalyticsSettings, *, at: Callable[[], bool]) -> None:
    words = [sys.executable, "-c", _MOVE, str(source.home), target.catalog, target.warehouse_files]
    with subprocess.Popen(words, cwd=ROOT) as process:
        while not at():
            assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert process.returncode == -signal.SIGKILL


def _lands_on(settings: AnalyticsSettings) -> None:
    """Land what was landed before the move, by offset and by id, and something new; each event stands there once."""
    with open_writer(settings) as writer:
        first_offset = max(writer.next_offsets().values())
        known = records_of(call_events(CALLS), first_offset=20_000)
        new = records_of([*call_events(7), *call_events(999)], first_offset=first_offset)
        assert writer.land(Batch([*known, *new]), now=NOW) == Landed(events=5, duplicates=5, known=5)
        writer.maintain(_later(2))


def _hashes(settings: AnalyticsSettings) -> dict[str, TableHash]:
    with open_side_by_side({"lake": settings}) as session:
        tables = session.rows("select schema_name, table_name from duckdb_tables() where database_name = 'lake'")
        return {
            f"{layer}.{name}": table_hash(session, f"lake.{layer}.{name}") for layer, name in tables if layer in LAYERS
        }


def _written(data: Path) -> set[tuple[Path, int]]:
    """Give each file by its name and number; the number of one that was removed may be another's soon."""
    return {(path, path.stat().st_ino) for path in data.rglob("*.parquet")}


def _bytes_in(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def _files_of(postgres: Postgres) -> list[Path]:
    """Give the files of the server, but for its write-ahead log."""
    return [path for path in postgres.files.rglob("*") if path.is_file() and "pg_wal" not in path.parts]


def _land(writer: Writer, records: list[KafkaRecord]) -> None:
    writer.land(Batch(records), now=NOW)


def _all_of(numbers: range, *, first_offset: int = 0) -> list[KafkaRecord]:
    told = (call_events, other_events, message_events, missed_events)
    return records_of([fact for number in numbers for tell in told for fact in tell(number)], first_offset=first_offset)


def _later(hours: float) -> Instant:
    return instant(datetime(2026, 3, 9, 12, tzinfo=UTC) + timedelta(hours=hours))
