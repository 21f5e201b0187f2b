"""Maintenance: small files are merged and old snapshots forgotten, bounded, in the order that no reader notices."""

from datetime import datetime, timedelta

from msgspec import Struct

from analytics.connection import Connection, transaction
from schemas.instants import Instant, moment

# Each table is merged by so many files a time, up to this size: the writer waits for it, half a second at most.
MERGED_FILES = 10
MERGED_BYTES = 5_000_000
REWRITE_SHARE = 0.3
# A statement of a reader may run for so long: files that were given up are deleted no sooner.
FILE_SECONDS = 30
# A transaction of a reader may be open for so long: a snapshot that it may see is forgotten no sooner.
READER_SECONDS = 600
SNAPSHOTS_A_TIME = 1_000
OFFSET_ROWS = 2_000


class Maintained(Struct, frozen=True, kw_only=True):
    """What one round did: whether files were merged and given up, and how many snapshots were forgotten."""

    is_merged: bool = False
    expired: int = 0


class Maintainer:
    """Maintains one warehouse from within its writing process; remembers when it last gave up files."""

    def __init__(
        self,
        connection: Connection,
        *,
        catalog: str,
        file_seconds: float = FILE_SECONDS,
        reader_seconds: float = READER_SECONDS,
    ) -> None:
        self._connection = connection
        self._catalog = catalog
        self._file_grace = timedelta(seconds=file_seconds)
        self._reader_grace = timedelta(seconds=reader_seconds)
        self._given_up_at: datetime | None = None

    def maintain(self, now: Instant) -> Maintained:
        """Do one bounded round at `now`, or nothing while readers may still read files that the last one gave up.

        `older_than` is never used: on a SQLite catalog it ignores the time of day, and would delete under readers.
        So all files given up are deleted at once, and before that no others are given up.
        """
        today = moment(now)
        if self._given_up_at is None:
            # A process before this one may have given up files just now.
            self._given_up_at = today
        if today - self._given_up_at < self._file_grace:
            return Maintained()
        self._call("ducklake_cleanup_old_files", ", cleanup_all => true")
        self._sum_up_offsets()
        self._call("ducklake_flush_inlined_data")
        for schema, table in self._tables():
            place = f", '{table}', schema => '{schema}'"
            self._call("ducklake_rewrite_data_files", f"{place}, delete_threshold => {REWRITE_SHARE}")
            self._call(
                "ducklake_merge_adjacent_files",
                f"{place}, max_compacted_files => {MERGED_FILES}, max_file_size => {MERGED_BYTES}",
            )
        expired = self._expire(today - self._reader_grace)
        self._given_up_at = today
        return Maintained(is_merged=True, expired=expired)

    def purge(self) -> None:
        """Rewrite all files without deleted rows and delete every other file now.

        What was deleted is then in no data file; the catalog itself must be vacuumed after the warehouse is closed.
        Whoever reads meanwhile sees files vanish.
        """
        self._call("ducklake_flush_inlined_data")
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
        old = self._connection.rows(
            f"""
            select snapshot_id from ducklake_snapshots('{self._catalog}')
            where snapshot_time < ?
            and snapshot_id < (select max(snapshot_id) from ducklake_snapshots('{self._catalog}'))
            order by snapshot_id limit {SNAPSHOTS_A_TIME}
            """,  # noqa: S608  # our own names
            [until],
        )
        if old:
            self._call("ducklake_expire_snapshots", f", versions => {[snapshot for (snapshot,) in old]}")
        return len(old)

    def _sum_up_offsets(self) -> None:
        """Keep one row a partition where batches have left thousands: each start of a batch reads them."""
        [(rows,)] = self._connection.rows("select count(*) from log.offsets")
        if rows < OFFSET_ROWS:
            return
        with transaction(self._connection):
            self._connection.execute("""
                create or replace temp table summed as
                select topic, "partition", min(first_offset) as first_offset, max(next_offset) as next_offset,
                    sum(records) as records, sum(events) as events, sum(dead) as dead, max(landed_at) as landed_at
                from log.offsets group by all
            """)
            self._connection.execute("delete from log.offsets")
            self._connection.execute("insert into log.offsets by name from summed")

    def _tables(self) -> list[tuple[str, str]]:
        return self._connection.rows(
            """
            select schema_name, table_name from duckdb_tables()
            where database_name = ? and schema_name in ('log', 'facts', 'reports') order by all
            """,
            [self._catalog],
        )
