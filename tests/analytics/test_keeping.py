"""What a catalog goes through while it is written anew: readers, a disk without room, and the end of the process."""

import os
import resource
import signal
import sqlite3
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path

import pytest

from analytics.engine.keeping import LONG_LOG_BYTES, IsRead, vacuum
from analytics.settings import MIB
from analytics.warehouse import Batch, open_reader, open_writer
from schemas.errors import NotYet
from tests.analytics.landing_cases import NOW, call_events, records_of, settings_at

KILLED = 8
LONGEST_SECONDS = 0.2
WAIT_SECONDS = 0.1


def test_a_log_that_a_reader_kept_long_is_cut_when_he_has_left(tmp_path: Path) -> None:
    catalog = _catalog(tmp_path, mib=24)
    with closing(sqlite3.connect(catalog, isolation_level=None)) as reader:
        reader.execute("begin")
        assert reader.execute("select count(*) from drawn").fetchall() == [(24,)]
        with pytest.raises(IsRead):
            vacuum(catalog, wait_seconds=WAIT_SECONDS)
        assert _log_bytes(catalog) > LONG_LOG_BYTES
        reader.execute("rollback")
        vacuum(catalog, least_bytes=MIB, least_share=0.5)
        assert _log_bytes(catalog) == 0


def test_a_disk_without_room_is_told_of_in_one_sentence(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    catalog = _catalog(tmp_path, mib=4)
    bounds = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (2 * MIB, bounds[1]))
    try:
        with pytest.raises(NotYet) as refused:
            vacuum(catalog)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, bounds)
    assert refused.value.reason == (
        f"the disk does not take the catalog anew (SQLITE_IOERR): see that 9 MiB are free in {tmp_path}, and ask again"
    )
    assert capfd.readouterr() == ("", "")
    vacuum(catalog)


def test_a_catalog_is_whole_when_its_writing_anew_was_killed_at_any_moment(home: Path) -> None:
    settings = settings_at(home)
    with open_writer(settings) as writer, open_reader(settings) as reader, ThreadPoolExecutor(1) as hands:
        writer.connection.execute("create table facts.drawn (word varchar)")
        for number in range(KILLED):
            writer.connection.execute("insert into facts.drawn select repeat('x', 20_000) from range(50)")
            vacuuming = hands.submit(vacuum, settings.catalog_file)
            time.sleep(LONGEST_SECONDS * number / KILLED)
            _kill_what_vacuums()
            assert _said(vacuuming) in {"", "the catalog could not be written anew (exit -9): ask again"}
            writer.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)
            assert reader.sql("select count(*) from facts.calls").item() == number + 1
            assert reader.sql("select count(*) from facts.drawn").item() == 50 * (number + 1)
        vacuum(settings.catalog_file)
    with closing(sqlite3.connect(settings.catalog_file)) as held:
        assert held.execute("pragma integrity_check").fetchall() == [("ok",)]


def _catalog(folder: Path, *, mib: int) -> Path:
    """Make a catalog that holds so much."""
    catalog = folder / "catalog.sqlite"
    with closing(sqlite3.connect(catalog, isolation_level=None)) as held:
        held.execute("pragma journal_mode = wal")
        held.execute("create table drawn (word blob)")
        held.executemany("insert into drawn values (zeroblob(?))", [(MIB,)] * mib)
    return catalog


def _log_bytes(catalog: Path) -> int:
    return catalog.with_name(f"{catalog.name}-wal").stat().st_size


def _said(vacuuming: Future[None]) -> str:
    refusal = vacuuming.exception()
    return refusal.reason if isinstance(refusal, NotYet) else str(refusal or "")


def _kill_what_vacuums() -> None:
    """Kill our child that vacuums, if it has not ended."""
    for children in Path("/proc/self/task").glob("*/children"):
        for pid in children.read_text().split():
            with suppress(OSError):
                if b"vacuum" in Path(f"/proc/{pid}/cmdline").read_bytes():
                    os.kill(int(pid), signal.SIGKILL)
