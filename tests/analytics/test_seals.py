"""Seals: a bit that a disk turns is found; facts are built anew, and a log is not believed."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from analytics.engine.data_files import FolderFiles, files_of
from analytics.engine.seals import Seals
from analytics.warehouse import Batch, Writer, open_writer
from schemas.errors import Halted
from schemas.instants import Instant, instant
from tests.analytics.landing_cases import NOW, call_events, records_of, settings_at
from tests.runbooks import Runbook

CALLS = 60  # more than the catalog takes into itself
HASHED = ("log.events", "facts.calls", "facts.call_starts", "reports.calls_grouped", "reference.dialling_codes")
DAMAGED = ("facts/calls", "facts/call_starts", "reference/dialling_codes")


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home whose warehouse has its rows in Parquet, sealed."""
    home = tmp_path_factory.mktemp("whole")
    with open_writer(settings_at(home)) as writer:
        events = [event for number in range(CALLS) for event in call_events(number)]
        writer.land(Batch(records_of(events)), now=NOW)
        _maintain(writer, hours=1)
    return home


@pytest.fixture
def home(whole: Path, tmp_path: Path) -> Path:
    """Give a copy of it to be damaged."""
    return shutil.copytree(whole, tmp_path / "home")


def test_damaged_facts_and_company_data_are_built_anew_while_all_runs_and_at_the_next_start(home: Path) -> None:
    files = files_of(settings_at(home))
    with open_writer(settings_at(home)) as writer:
        before = [writer.table_hash(relation) for relation in HASHED]
        damaged = [_turn_a_bit(home, table) for table in DAMAGED]
        assert Seals(files).damaged() == sorted(damaged)
        _maintain(writer, hours=2)
        assert [writer.table_hash(relation) for relation in HASHED] == before
        assert Seals(files).damaged() == []
    for table in DAMAGED:
        _turn_a_bit(home, table)

    with open_writer(settings_at(home)) as writer:
        assert [writer.table_hash(relation) for relation in HASHED] == before
    assert Seals(files).damaged() == []


def test_nothing_is_built_from_a_damaged_log_until_a_copy_is_put_back(home: Path) -> None:
    files, book = files_of(settings_at(home)), Runbook("damaged-file", home=home)
    with open_writer(settings_at(home)) as writer:
        file = _file_of(home, "log/stored_events")
        copy = file.read_bytes()
        name = _turn_a_bit(home, "log/stored_events")
        _maintain(writer, hours=2)
        assert Seals(files).known_damaged() == [name]
        with pytest.raises(Halted, match="1 file of the log, such as log/stored_events"):
            writer.rebuild()
        with pytest.raises(Halted, match="put back copies"):
            writer.purge()
    file.write_bytes(copy[: len(copy) // 2])
    named = book.type("angime doctor", code=1)
    refused = book.type("angime rebuild", code=3)
    file.write_bytes(copy)
    rebuilt = book.type("angime rebuild --verify")
    mended = book.type("angime doctor", code=1)  # for no broker runs here
    book.done()

    assert f"1 data file is not as written, such as {name}" in named.out
    assert "put back copies" in " ".join(refused.err.split())
    assert "False" not in rebuilt.out
    assert "✓ warehouse" in mended.out
    assert Seals(files).known_damaged() == []


def test_a_large_warehouse_is_looked_through_in_turns(tmp_path: Path) -> None:
    for number in range(9):
        _write(tmp_path, f"facts/calls/{number}.parquet")
    seals = Seals(FolderFiles(tmp_path))
    seals.renew()
    (tmp_path / "data" / "facts" / "calls" / "3.parquet").write_text("other")

    found = [seals.look_through(max_bytes=1) for _ in range(18)]

    assert found == [frozenset({"facts.calls"} if number % 9 == 3 else ()) for number in range(18)]


def test_a_seal_that_cannot_be_read_is_made_again_and_one_of_a_file_that_is_gone_is_forgotten(tmp_path: Path) -> None:
    for number in range(3):
        _write(tmp_path, f"log/events/{number}.parquet")
    Seals(FolderFiles(tmp_path)).renew()
    before = (tmp_path / "seals").read_text().splitlines()
    (tmp_path / "seals").write_text("\n".join(["torn", *before[1:]]))
    (tmp_path / "data" / "log" / "events" / "2.parquet").unlink()

    Seals(FolderFiles(tmp_path)).renew()

    assert (tmp_path / "seals").read_text().splitlines() == before[:2]


def _write(warehouse: Path, name: str) -> None:
    path = warehouse / "data" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(name)


def _maintain(writer: Writer, *, hours: float) -> None:
    """Do a whole round, of a writer whose last one is over for long."""
    writer.maintain(_later(hours))
    writer.maintain(_later(hours + 0.5))


def _later(hours: float) -> Instant:
    return instant(datetime(2026, 3, 9, 12, tzinfo=UTC) + timedelta(hours=hours))


def _file_of(home: Path, table: str) -> Path:
    return max((settings_at(home).warehouse / "data" / table).rglob("*.parquet"), key=lambda file: file.stat().st_mtime)


def _turn_a_bit(home: Path, table: str) -> str:
    """Turn one bit of a table's newest file, behind the four bytes by which Parquet is known; gives the file."""
    path = _file_of(home, table)
    content = bytearray(path.read_bytes())
    content[len(content) // 3] ^= 4
    path.write_bytes(content)
    return str(path.relative_to(settings_at(home).warehouse / "data"))
