"""Maintenance beside readers: no error, no answer that contradicts itself, few files, and every row still there."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import nullcontext, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import settings as drawing
from msgspec.structs import replace

from analytics.engine import maintenance
from analytics.engine.keeping import vacuum
from analytics.engine.maintenance import HELD_HOURS, MERGED_FILES, READER_SECONDS, Maintainer
from analytics.engine.sessions import FileError
from analytics.log import STORED
from analytics.warehouse import CATALOG, Batch, Maintained, Writer, open_reader, open_side_by_side, open_writer
from schemas.errors import NotYet
from schemas.instants import Instant, instant
from tests.analytics.landing_cases import NOW, call_events, records_of, settings_at

READERS = 2
TRANSACTIONS = 500 if drawing.get_current_profile_name() == "thorough" else 60
# What readers are promised in this test; their transactions last a fraction of it.
FILE_SECONDS, READER_SECONDS_HERE = 3.0, 6.0
VACUUM_SECONDS = 0.1
STEPS_OF_NO_TABLE, STEPS_OF_A_TABLE = 4, 2
ROOT = Path(__file__).parents[2]

# Statements of one transaction, with time between them in which the writer lands and maintains, at least one round.
_READ = """
import sys, time
from pathlib import Path
from analytics.warehouse import open_reader
from tests.analytics.landing_cases import settings_at

QUESTION = "select count(*) as calls, sum(events) as events, min(started_at) as first from facts.calls"
least, inconsistent, kept_short = 0, 0, 0
with open_reader(settings_at(sys.argv[1])) as reader:
    while kept_short < int(sys.argv[2]) or not Path(sys.argv[1], "maintained").exists():
        began = time.monotonic()
        with reader.transaction():
            [before] = reader.sql(QUESTION).rows()
            [(events,)] = reader.sql("select count(*) from log.events").rows()
            time.sleep(0.004 * (kept_short % 25))
            [after] = reader.sql(QUESTION).rows()
        if time.monotonic() - began < float(sys.argv[3]):
            kept_short += 1
            inconsistent += before != after or before[1] != events or before[0] < least
        least = before[0]
print(inconsistent)
"""


def test_readers_never_notice_maintenance_at_full_speed(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        maintainer = Maintainer(
            writer.connection, catalog=CATALOG, file_seconds=FILE_SECONDS, reader_seconds=READER_SECONDS_HERE
        )
        writer.land(Batch(records_of(call_events(0))), now=NOW)
        command = [sys.executable, "-c", _READ, str(home), str(TRANSACTIONS // READERS), str(FILE_SECONDS)]
        readers = [subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT, text=True) for _ in range(READERS)]
        number, rounds = 1, 0
        while any(reader.poll() is None for reader in readers):
            writer.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)
            if maintainer.maintain(_now()).is_merged:
                rounds += 1
                (home / "maintained").touch()
            with suppress(NotYet):  # it is written anew all the same, and shrinks when nobody reads
                vacuum(settings_at(home).catalog_file, wait_seconds=VACUUM_SECONDS)
            number += 1
        said = [(reader.communicate()[0], reader.returncode) for reader in readers]
        assert writer.connection.rows("select count(*) from facts.calls") == [(number,)]
    assert said == [("0\n", 0)] * READERS
    assert rounds > 0


def test_maintenance_leaves_few_files_and_every_row(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        for number in range(10):
            writer.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)
        before = writer.table_hash("facts.calls"), writer.table_hash("log.events")
        for hours in range(3):
            writer.maintain(_now(hours=hours))
        assert len(list(home.rglob("*.parquet"))) < 30
        assert (writer.table_hash("facts.calls"), writer.table_hash("log.events")) == before
        assert writer.next_offsets() == {("calls", 0): 49, ("transcripts", 0): 50}
        assert [table for table in writer.rebuild(verify=True) if not table["same"]] == []


def test_tables_in_which_nothing_was_written_are_left_alone(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        rounds = (_steps_of_a_round(writer, hours=hours) for hours in range(1, 9))
        everything = next(rounds)
        while next(rounds) > STEPS_OF_NO_TABLE:
            pass
        writer.connection.execute("insert into facts.beeps default values")
        assert next(rounds) == STEPS_OF_NO_TABLE + STEPS_OF_A_TABLE
        assert everything > STEPS_OF_NO_TABLE + 20 * STEPS_OF_A_TABLE


def test_files_are_written_anew_although_between_all_steps_a_few_rows_land(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.maintain(_now())
        writer.connection.execute("create table facts.drawn (number integer, seconds double)")
        writer.connection.execute("insert into facts.drawn select unnest(range(100)), 0.5")
        writer.connection.execute("delete from facts.drawn where number < 50")
        steps = 0
        while not writer.maintain(_now(hours=1), steps=1).is_merged:
            writer.connection.execute("insert into facts.drawn values (?, 0.5)", [1000 + steps])
            steps += 1
        assert [(0,)] == writer.connection.rows(
            "select delete_file_count from ducklake_table_info(?) where table_name = 'drawn'", [CATALOG]
        )
        assert [(50 + steps,)] == writer.connection.rows("select count(*) from facts.drawn")


def test_many_files_of_which_few_rows_were_deleted_become_one_in_one_round(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.connection.execute("create table facts.drawn (batch integer, number integer)")
        for batch in range(MERGED_FILES + 1):
            writer.connection.execute("insert into facts.drawn select ?, unnest(range(100))", [batch])
            writer.connection.execute("delete from facts.drawn where batch = ? and number < 3", [batch])
        for hours in range(2):  # the first call only begins to wait
            writer.maintain(_now(hours=hours))
        held = writer.connection.rows(
            "select file_count, delete_file_count from ducklake_table_info(?) where table_name = 'drawn'", [CATALOG]
        )
        assert held == [(1, 0)]
        assert writer.connection.rows("select count(*), sum(number) from facts.drawn") == [
            (97 * (MERGED_FILES + 1), sum(range(3, 100)) * (MERGED_FILES + 1))
        ]


class Meanwhile:
    """A table of no rows; when a running statement first begins to read it, something else happens."""

    def __init__(self, happen: Callable[[], None]) -> None:
        self._empty = pa.schema({"id": pa.string()}).empty_table()
        self._happen = happen
        self.times_read = 0

    def __arrow_c_schema__(self) -> object:
        return self._empty.schema.__arrow_c_schema__()

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        self.times_read += 1
        if self.times_read == 1:
            self._happen()
        return self._empty.__arrow_c_stream__(requested_schema)


@pytest.mark.parametrize(("is_in_transaction", "expected"), [(False, (10, 2)), (True, (None, 1))])
def test_a_statement_whose_files_go_while_it_runs_is_asked_again_where_it_may_see_another_state(
    home: Path, is_in_transaction: bool, expected: tuple[int | None, int]
) -> None:
    with open_writer(settings_at(home)) as writer, open_reader(settings_at(home)) as reader:
        for number in range(2):
            writer.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)
            writer.connection.execute(f"call ducklake_flush_inlined_data('{CATALOG}')")

        layer, _, table = STORED.partition(".")

        def merge() -> None:
            writer.connection.execute(
                f"call ducklake_merge_adjacent_files('{CATALOG}', '{table}', schema => '{layer}')"
            )
            writer.connection.execute(f"call ducklake_cleanup_old_files('{CATALOG}', cleanup_all => true)")

        meanwhile, found = Meanwhile(merge), None
        reader._connection.hand_in("meanwhile", meanwhile)  # noqa: SLF001  # nobody else hands a reader a table
        with reader.transaction() if is_in_transaction else nullcontext(), suppress(FileError):
            found = reader.sql("select count(*) from log.events where id not in (select id from meanwhile)").item()
        assert expected == (found, meanwhile.times_read)


def test_a_snapshot_that_a_reader_may_still_see_is_kept(tmp_path: Path) -> None:
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of(call_events(0))), now=NOW)
        writer.maintain(_now())
        with open_reader(settings_at(tmp_path)) as reader, reader.transaction():
            assert reader.sql("select count(*) from facts.calls").item() == 1
            writer.land(Batch(records_of(call_events(1), first_offset=5)), now=NOW)
            assert writer.maintain(_now(seconds=READER_SECONDS // 2)) == Maintained(is_merged=True)
            assert reader.sql("select count(*) from facts.calls").item() == 1


def test_bounds_of_files_that_only_older_states_have_are_forgotten_and_nobody_notices(tmp_path: Path) -> None:
    catalog = f"__ducklake_metadata_{CATALOG}.ducklake"
    bounds = f"select count(*) from {catalog}_file_column_stats join {catalog}_data_file as file using (data_file_id)"  # noqa: S608
    with open_writer(settings_at(tmp_path)) as writer:
        writer.connection.execute("create table facts.drawn (number integer)")
        writer.connection.execute("insert into facts.drawn from range(200)")
        writer.connection.execute("delete from facts.drawn where number >= 100")
        writer.maintain(_now())
        assert writer.maintain(_now(seconds=READER_SECONDS // 3)) == Maintained(is_merged=True)
        assert writer.connection.rows(f"select count(*) from {catalog}_data_file where end_snapshot > 0") != [(0,)]  # noqa: S608
        assert writer.connection.rows(f"{bounds} where file.end_snapshot is not null") == [(0,)]
        with open_reader(settings_at(tmp_path)) as reader, reader.transaction():
            assert reader.sql("select count(*) from facts.drawn").item() == 100
            writer.connection.execute("delete from facts.drawn")
            writer.connection.execute("insert into facts.drawn from range(200, 300)")
            assert writer.connection.rows(f"{bounds} where file.end_snapshot is not null") != [(0,)]
            assert writer.maintain(_now(seconds=2 * READER_SECONDS // 3)) == Maintained(is_merged=True)
            assert writer.connection.rows(f"{bounds} where file.end_snapshot is not null") == [(0,)]
            assert writer.connection.rows(f"{bounds} where file.end_snapshot is null") != [(0,)]
            assert reader.sql("select min(number), max(number) from facts.drawn").rows() == [(0, 99)]
            assert reader.sql("select count(*) from facts.drawn where number between 10 and 19").item() == 10
        assert writer.connection.rows("select min(number), max(number) from facts.drawn") == [(200, 299)]


def test_landing_goes_on_after_offsets_were_summed_up(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(maintenance, "OFFSET_ROWS", 2)
    with open_writer(settings_at(home)) as writer:
        for number in range(4):
            if number == 2:
                writer.maintain(_now())
                assert writer.maintain(_now(hours=1)).is_merged
                assert writer.connection.rows("select count(*) from log.offsets") == [(2,)]
            writer.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)
        assert writer.next_offsets() == {("calls", 0): 19, ("transcripts", 0): 20}
        assert all(table["same"] for table in writer.rebuild(verify=True))


def test_files_that_are_written_anew_hold_the_numbers_that_were_there(home: Path) -> None:
    now, there = datetime.now(UTC), set[tuple[int, int]]()
    with open_writer(settings_at(home)) as writer:
        writer.connection.execute("create table facts.drawn (day integer, number integer)")
        writer.connection.sort("facts.drawn", by="day")
        writer.connection.keep_in_files("facts.drawn")
        for day in range(12):
            writer.connection.execute(f"delete from facts.drawn where day = {day - 1}")  # noqa: S608
            coming = {(day - 1, 5), (day - 1, 6)} | {(day, place + (0 if day % 3 else 300)) for place in range(4)}
            writer.connection.execute(f"insert into facts.drawn values {', '.join(map(str, sorted(coming)))}")  # noqa: S608
            there = {row for row in there if row[0] != day - 1} | coming
            for _ in range(3):
                now += timedelta(seconds=READER_SECONDS)
                writer.maintain(instant(now))
            assert set(writer.connection.rows("select day, number from facts.drawn order by day")) == there


def test_an_index_still_finds_every_call_after_rows_of_it_were_replaced_and_flushed(home: Path) -> None:
    calls = [call_events(number) for number in range(24)]
    # The first news of a call, told last, is of an hour before: its row of the index goes, and another comes.
    late = [replace(told[0], time="2026-02-20T08:00:00.000Z") for told in calls[3:9]]
    batches = [*([fact for told in calls[first : first + 4] for fact in told[1:]] for first in range(0, 24, 4)), late]
    with open_writer(settings_at(home)) as writer:
        offset = 0
        for batch in batches:
            writer.land(Batch(records_of(batch, first_offset=offset)), now=NOW)
            offset += len(batch)
        later = datetime.now(UTC)
        for _ in range(2):
            later += timedelta(hours=1)
            writer.maintain(instant(later))
        found = "select md5_number_lower(call_id), started_at from facts.calls order by all"
        assert writer.connection.rows(found) == writer.connection.rows(
            "select call_number, started_at from facts.call_starts order by all"
        )


def test_the_catalog_gives_back_to_the_disk_what_forgotten_snapshots_took(home: Path) -> None:
    settings = settings_at(home)
    with open_writer(settings) as writer, open_reader(settings) as reader:
        writer.connection.execute("create table facts.drawn (word varchar)")
        for _ in range(40):
            writer.connection.execute(
                "insert into facts.drawn select repeat(md5(number::text), 60) from range(50) as t(number)"
            )
        assert reader.sql("select count(*) from facts.drawn").item() == 2_000
        before = settings.catalog_file.stat().st_size
        for hours in range(3):
            writer.maintain(_now(hours=hours))
        assert settings.catalog_file.stat().st_size < before / 2
        assert reader.sql("select count(*) from facts.drawn").item() == 2_000
        writer.land(Batch(records_of(call_events(0))), now=NOW)
        assert reader.sql("select count(*) from facts.calls").item() == 1


def test_the_catalog_gives_back_to_the_disk_what_a_round_freed_that_forgot_no_snapshot(home: Path) -> None:
    settings = settings_at(home)
    with open_writer(settings) as writer:
        writer.maintain(_now())
        writer.connection.execute("create table facts.drawn (word varchar)")
        for _ in range(40):
            writer.connection.execute(
                "insert into facts.drawn select repeat(md5(number::text), 60) from range(50) as t(number)"
            )
        writer.connection.execute(f"call ducklake_flush_inlined_data('{CATALOG}')")
        writer.connection.execute(f"call ducklake_expire_snapshots('{CATALOG}', older_than => now() + interval 1 day)")
        before = settings.catalog_file.stat().st_size
        assert writer.maintain(_now(hours=1)) == Maintained(is_merged=True)
        assert settings.catalog_file.stat().st_size < before / 2


def test_what_was_read_of_files_does_not_stay_in_memory(home: Path) -> None:
    kept = "select memory_usage_bytes from duckdb_memory() where tag = 'EXTERNAL_FILE_CACHE'"
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of([event for call in range(60) for event in call_events(call)])), now=_now())
        writer.connection.rows("select max(outcome) from facts.calls")
        assert writer.connection.rows(kept) != [(0,)]
        writer.maintain(_now())
        writer.maintain(_now(hours=1), steps=1)
        assert writer.connection.rows(kept) == [(0,)]


def test_a_state_that_is_held_for_reading_stays_for_as_long_as_it_is_read(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(call_events(0))), now=NOW)
        writer.maintain(_now())
        with open_side_by_side({CATALOG: settings_at(home)}, is_held=True) as held:
            for number in range(1, 4):
                writer.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)
                assert writer.maintain(_now(hours=number)) == Maintained()
            assert held.rows(f"select count(*), sum(events) from {CATALOG}.facts.calls") == [(1, 5)]  # noqa: S608
            assert writer.maintain(_now(hours=HELD_HOURS + 1)).is_merged
        assert writer.maintain(_now(hours=HELD_HOURS + 2)).is_merged


def test_a_round_soon_after_another_leaves_the_files_alone(tmp_path: Path) -> None:
    with open_writer(settings_at(tmp_path)) as writer:
        writer.maintain(_now())
        assert writer.maintain(_now(seconds=60)) == Maintained(is_merged=True)
        assert writer.maintain(_now(seconds=61)) == Maintained()


def test_a_clock_that_was_set_back_by_a_day_keeps_neither_files_nor_snapshots_for_a_day(tmp_path: Path) -> None:
    with open_writer(settings_at(tmp_path)) as writer:
        writer.maintain(_now(hours=24))
        writer.land(Batch(records_of(call_events(0))), now=NOW)
        writer.connection.execute(
            f"update __ducklake_metadata_{CATALOG}.ducklake_snapshot "  # noqa: S608  # our own names
            "set snapshot_time = cast(cast(snapshot_time as timestamptz) + interval 1 day as varchar)"
        )
        writer.land(Batch(records_of(call_events(1), first_offset=5)), now=NOW)
        ahead = f"select 1 from ducklake_snapshots('{CATALOG}') where snapshot_time > now() + interval 12 hours limit 1"  # noqa: S608

        assert writer.connection.rows(ahead)
        assert writer.maintain(_now()) == Maintained()
        later = writer.maintain(_now(seconds=READER_SECONDS + 1))

        assert (later.is_merged, later.expired > 0) == (True, True)
        assert not writer.connection.rows(ahead)
        assert writer.connection.rows("select count(*) from facts.calls") == [(2,)]


def test_a_round_in_steps_lets_batches_land_between_and_files_live_on_from_its_end(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.maintain(_now())
        minute, number = 60, 0
        while not writer.maintain(_now(seconds=minute + number), steps=15).is_merged:
            writer.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)
            number += 1
        assert number > 2
        assert writer.maintain(_now(seconds=minute + number + 20), steps=4) == Maintained()
        assert writer.maintain(_now(seconds=minute + number + 40)).is_merged
        assert writer.connection.rows("select count(*) from facts.calls") == [(number,)]
        assert [table for table in writer.rebuild(verify=True) if not table["same"]] == []


def _now(*, seconds: float = 0, hours: float = 0) -> Instant:
    return instant(datetime.now(UTC) + timedelta(seconds=seconds, hours=hours))


def _steps_of_a_round(writer: Writer, *, hours: int) -> int:
    """Count the steps of the round that begins so many hours from now."""
    writer.maintain(_now())
    steps = 1
    while not writer.maintain(_now(hours=hours), steps=1).is_merged:
        steps += 1
    return steps
