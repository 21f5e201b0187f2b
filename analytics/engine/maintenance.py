"""Maintenance: small files are merged and old snapshots forgotten, bounded, in the order that no reader notices."""

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import islice

import structlog
from msgspec import Struct

from analytics.connection import Connection, transaction
from analytics.engine.sessions import NoMemory
from schemas.instants import Instant, moment

# Each table is merged by so many files a time, up to this size: the writer waits for each step, a tenth of a second.
MERGED_FILES = 10
MERGED_BYTES = 5_000_000
REWRITE_SHARE = 0.3
# Files of which fewer rows were deleted are not merged either. Where a table has more than `MERGED_FILES` of them they
# are written anew all the same, up to this size.
REWRITTEN_BYTES = 2 * MERGED_BYTES
# A statement of a reader may run for so long: files that were given up are deleted no sooner.
FILE_SECONDS = 30
# A transaction of a reader may be open for so long: a snapshot that it may see is forgotten no sooner. The longer, the
# slower is every statement: it reads of all files that such snapshots have, for the catalog has no index.
READER_SECONDS = 120
# Who holds a state for reading (a snapshot is being taken) is waited for this long, and no round is done meanwhile.
HELD_HOURS = 24
SNAPSHOTS_A_TIME = 1_000
OFFSET_ROWS = 2_000

_log = structlog.get_logger()


class Maintained(Struct, frozen=True, kw_only=True):
    """What a call did: whether it ended a round, which merges files and gives them up, and snapshots it forgot.

    What was deleted before `clean_until` is in no data file any longer.
    """

    is_merged: bool = False
    expired: int = 0
    clean_until: Instant | None = None


class Maintainer:
    """Maintains one warehouse from within its writing process; remembers when it last gave up files.

    A round is made of steps, a few to each table, between which batches are landed: done in one go, it would keep every
    event that arrives meanwhile waiting for two seconds.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        catalog: str,
        file_seconds: float = FILE_SECONDS,
        reader_seconds: float = READER_SECONDS,
        is_held: Callable[[], bool] = lambda: False,
    ) -> None:
        self._connection = connection
        self._catalog = catalog
        self._file_grace = timedelta(seconds=file_seconds)
        self._reader_grace = timedelta(seconds=reader_seconds)
        self._is_held = is_held
        self._given_up_at: datetime | None = None
        self._round: Iterator[int] | None = None
        self._looked_after: int | None = None
        self._has_to_clean = False
        self._rewritten: tuple[int, Instant] | None = None
        self._clean_until: Instant | None = None

    def clean(self) -> None:
        """See to it that what was deleted goes from the disk: the next round rewrites every file that holds any of it.

        When the last state that reads the old files is forgotten they go, and `maintain` says so.
        """
        self._has_to_clean = True

    def maintain(self, now: Instant, *, steps: int | None = None) -> Maintained:
        """Do a bounded round at `now`, or so many steps of it; nothing while files of the last may still be read.

        `older_than` is never used: on a SQLite catalog it ignores the time of day, and would delete under readers.
        So all files given up are deleted at once, and before that no others are given up. What a round does to a state
        that was there when it began is seen from the next round on, so that it is asked only then whether one is held.
        """
        today = moment(now)
        if self._given_up_at is None or self._given_up_at > today:
            # A process before this one may have given up files just now, or the clock was set back since.
            self._given_up_at = today
        if self._round is None:
            rested = today - self._given_up_at
            if rested < self._file_grace or (rested < timedelta(hours=HELD_HOURS) and self._is_held()):
                return Maintained()
            self._round = self._steps(until=today - self._reader_grace, now=now)
        done = list(islice(self._round, steps))
        is_over = steps is None or len(done) < steps
        if is_over:
            self._round, self._given_up_at = None, today
        clean_until, self._clean_until = self._clean_until, None
        return Maintained(is_merged=is_over, expired=sum(done), clean_until=clean_until)

    def _steps(self, *, until: datetime, now: Instant) -> Iterator[int]:
        """Do one step after the other; gives of each how many snapshots it forgot."""
        is_last_use_over = self._rewritten is not None and self._oldest_snapshot() >= self._rewritten[0]
        self._call("ducklake_cleanup_old_files", ", cleanup_all => true")
        if is_last_use_over and self._rewritten is not None:
            self._clean_until, self._rewritten = self._rewritten[1], None
        # Kept until the engine needs the room, they would take a third of a lander's memory after ten busy minutes.
        self._connection.forget_files()
        yield 0
        is_thorough, self._has_to_clean = self._has_to_clean, False
        self._sum_up_offsets()
        yield 0
        for schema, table in self._tables() if is_thorough else self._due():
            # Assumption: DuckLake rewrites no file of a table of which the catalog holds rows with a floating number:
            # none may land between these two.
            self.flush(f"{schema}.{table}")
            place = f", '{table}', schema => '{schema}'"
            share = 0 if is_thorough else self._share_to_rewrite(schema, table)
            self._call("ducklake_rewrite_data_files", f"{place}, delete_threshold => {share}")
            yield 0
            self._merge(f"{schema}.{table}", place)
            self._forget_bounds()
            yield 0
        if is_thorough:
            self._rewritten = (self._newest_snapshot(), now)
        yield self._expire(until)

    def _merge(self, relation: str, place: str) -> None:
        """Merge some files of a table, unless memory does not suffice: few bytes may be of many, of the same words."""
        try:
            self._call(
                "ducklake_merge_adjacent_files",
                f"{place}, max_compacted_files => {MERGED_FILES}, max_file_size => {MERGED_BYTES}",
            )
        except NoMemory:
            _log.warning("files_not_merged", table=relation, reason="that needs more memory than there is")

    def flush(self, relation: str = "") -> None:
        """Write the rows of a table, or of all, that the catalog holds into files."""
        schema, _, table = relation.partition(".")
        named = f", schema_name => '{schema}', table_name => '{table}'" if relation else ""
        self._call("ducklake_flush_inlined_data", named)

    def purge(self) -> None:
        """Rewrite all files without deleted rows and delete every other file now.

        What was deleted is then in no data file; the catalog itself must be vacuumed after the warehouse is closed.
        Whoever reads meanwhile sees files vanish.
        """
        self.flush()
        for schema, table in self._tables():
            self._call("ducklake_rewrite_data_files", f", '{table}', schema => '{schema}', delete_threshold => 0")
        old = self._connection.rows(
            f"select snapshot_id from ducklake_snapshots('{self._catalog}') where snapshot_id < "  # noqa: S608
            f"(select max(snapshot_id) from ducklake_snapshots('{self._catalog}')) order by snapshot_id"
        )
        for begin in range(0, len(old), SNAPSHOTS_A_TIME):
            some = [snapshot for (snapshot,) in old[begin : begin + SNAPSHOTS_A_TIME]]
            self._call("ducklake_expire_snapshots", f", versions => {some}")
        self._call("ducklake_cleanup_old_files", ", cleanup_all => true")
        self._call("ducklake_delete_orphaned_files", ", cleanup_all => true")

    def _call(self, function: str, arguments: str = "") -> None:
        self._connection.execute(f"call {function}('{self._catalog}'{arguments})")

    def _expire(self, until: datetime) -> int:
        """Forget the newest state of before `until` and all before it, whatever clock they were written by."""
        old = self._connection.rows(
            f"""
            with known as (select snapshot_id, snapshot_time from ducklake_snapshots('{self._catalog}'))
            select snapshot_id from known
            where snapshot_id <= (select max(snapshot_id) from known where snapshot_time < ?)
            and snapshot_id < (select max(snapshot_id) from known)
            order by snapshot_id limit {SNAPSHOTS_A_TIME}
            """,  # noqa: S608  # our own names
            [until],
        )
        if old:
            self._call("ducklake_expire_snapshots", f", versions => {[snapshot for (snapshot,) in old]}")
        return len(old)

    def _forget_bounds(self) -> None:
        """Forget between which values the columns of files lie that newer states do not have, as a merge leaves them.

        Some tens of rows a file, of which each statement reads all: where they wait for the next round, a batch takes a
        twentieth longer. Assumption: of what is not known DuckLake believes that it may hold anything, so that those
        who still see an older state open a file more. Bounds of the newest state must all stay: when it writes files
        anew, DuckLake sums up the bounds of a table from those that it finds, and the engine then keeps numbers in as
        few bits as these bounds need, and writes others in their place.
        """
        listed = self._listed()
        self._connection.execute(
            f"delete from {listed}_file_column_stats where data_file_id not in "  # noqa: S608  # our own names
            f"(select data_file_id from {listed}_data_file where end_snapshot is null)"
        )

    def _listed(self) -> str:
        """Begin the name of a table in which the catalog lists what it has."""
        return f"__ducklake_metadata_{self._catalog}.ducklake"

    def _share_to_rewrite(self, schema: str, table: str) -> float:
        """Give from which share of deleted rows on to rewrite a file: a lower one where too many are not merged.

        What was deleted since the last round is listed once it was flushed: asked before, it would wait for the next.
        Assumption: the catalog lists the files and what was deleted of each as the published format of DuckLake says.
        """
        listed = self._listed()
        rows = self._connection.rows(
            f"""
            select min(share) from (
                select *, sum(file_size_bytes) over by_share as size_bytes
                from (
                    select file.*, deleted.delete_count / file.record_count as share
                    from {listed}_data_file as file join {listed}_delete_file as deleted using (data_file_id)
                    join {listed}_table as held on file.table_id = held.table_id
                    join {listed}_schema as layer using (schema_id)
                    where schema_name = ? and table_name = ? and file.end_snapshot is null
                    and deleted.end_snapshot is null and held.end_snapshot is null and layer.end_snapshot is null
                )
                where share < {REWRITE_SHARE}
                window by_share as (order by share desc, data_file_id)
            )
            where size_bytes <= {REWRITTEN_BYTES}
            having count(*) > {MERGED_FILES}
            """,  # noqa: S608  # our own names
            [schema, table],
        )
        return rows[0][0] if rows else REWRITE_SHARE

    def _due(self) -> list[tuple[str, str]]:
        """Give the tables that were written since the round before began, by it too; at first all.

        Two of three have nothing new, and to find that out in each costs as long as to fold some events.
        Assumption: a state that was written says in numbers of which tables, as the published format of DuckLake says.
        """
        before, self._looked_after = self._looked_after, self._newest_snapshot()
        if before is None:
            return self._tables()
        return self._tables(
            f"""
            and table_id in (
                select cast(unnest(regexp_extract_all(changes_made, ':([0-9]+)', 1)) as bigint)
                from {self._listed()}_snapshot_changes where snapshot_id > {before}
            )
            """  # noqa: S608  # our own names, and a number
        )

    def _newest_snapshot(self) -> int:
        [(newest,)] = self._connection.rows(f"from ducklake_current_snapshot('{self._catalog}')")
        return newest

    def _oldest_snapshot(self) -> int:
        [(oldest,)] = self._connection.rows(f"select min(snapshot_id) from ducklake_snapshots('{self._catalog}')")  # noqa: S608
        return oldest

    def _sum_up_offsets(self) -> None:
        """Keep one row a partition where batches have left thousands: each start of a batch reads them."""
        [(rows,)] = self._connection.rows("select count(*) from log.offsets")
        if rows < OFFSET_ROWS:
            return
        with transaction(self._connection):
            self._connection.execute("""
                create or replace temp table summed_offsets as
                select topic, "partition", min(first_offset) as first_offset, max(next_offset) as next_offset,
                    sum(records) as records, sum(events) as events, sum(dead) as dead, max(landed_at) as landed_at,
                    arg_max_null(last_at, next_offset) as last_at
                from log.offsets group by all
            """)
            self._connection.execute("delete from log.offsets")
            self._connection.execute("insert into log.offsets by name from summed_offsets")

    def _tables(self, which: str = "") -> list[tuple[str, str]]:
        """Give the tables of the warehouse, of the catalog: the engine would read the statistics of each to list it."""
        listed = self._listed()
        return self._connection.rows(
            f"""
            select schema_name, table_name
            from {listed}_table as held join {listed}_schema as layer using (schema_id)
            where held.end_snapshot is null and layer.end_snapshot is null
            and schema_name in ('log', 'facts', 'reports') {which}
            order by all
            """  # noqa: S608  # our own names
        )
