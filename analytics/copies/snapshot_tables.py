"""The tables of a snapshot, copied side by side: into the one file with what is said of them, hashed, and as Parquet.

Each table is copied on one thread, or, where it is large and would be waited for alone, in parts on several. Left to
itself the engine would write it from several threads in pieces of any size, and read and compress these once more to
make them whole, which cost up to twice the work. Small tables share a transaction, for to begin to read the lake takes
longer than to copy one.
"""

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from analytics.connection import Connection, transaction
from analytics.engine.data_files import DataFiles
from analytics.engine.sessions import DuckConnection
from analytics.folding.rebuild import TableHash, table_hash
from analytics.log import quoted
from analytics.progress import Pace
from analytics.reading.personal import treatment
from analytics.settings import MIB

OnStep = Callable[[str], None]

# A part has so many rows at least, four of the engine's groups: where rests of groups lie closer together, the engine
# writes all between them anew, to have one group less.
PART_ROWS = 500_000
# Tables whose files take so much are copied in parts; those of less than the other, several in one transaction, and no
# file of theirs as it is: to find out which could be takes longer than to write them.
LARGE_BYTES = 8 * MIB
SMALL_BYTES = MIB // 4


class Wanted(Struct, frozen=True, kw_only=True):
    """A table to copy, by its `time` if it is large; with its key."""

    relation: str
    size_bytes: int = 0
    time: str = ""
    key: tuple[str, ...] = ()

    @property
    def is_small(self) -> bool:
        """Whether it is copied together with others."""
        return self.size_bytes < SMALL_BYTES

    @property
    def is_large(self) -> bool:
        """Whether it would be waited for alone."""
        return self.size_bytes >= LARGE_BYTES


class Copier(Struct, frozen=True, kw_only=True):
    """Copies tables of catalog `source` into catalog `target`, and as Parquet below `folder`.

    Rows stand as a lake keeps them, or by key if they were folded. With a `secret`, personal data is left out.
    """

    source: str
    target: str
    folder: Path
    is_lake: bool
    files: DataFiles
    secret: bytes | None
    part_rows: int = PART_ROWS

    def copy(self, connection: DuckConnection, wanted: Iterable[Wanted], *, hands: int, on_step: OnStep) -> None:
        """Copy tables in this order, so many at a time. Every copy reads one state."""
        connection.use_threads(1)
        listed = list(wanted)
        with ThreadPoolExecutor(hands) as pool:
            copies: dict[str, list[Future[None]]] = {}
            for one in listed:
                if one.is_small:
                    continue
                if parts := self._parts(connection, one, hands=hands):
                    self._create(connection, one)
                    copies[one.relation] = [pool.submit(self._copy_part, connection, one, part) for part in parts]
                else:
                    copies[one.relation] = [pool.submit(self._copy, connection, [one])]
            small = [one for one in listed if one.is_small]
            for some in (small[hand::hands] for hand in range(hands)):
                together = pool.submit(self._copy, connection, some)
                copies |= {one.relation: [together] for one in some}
            progress, sizes = Pace(on_step, of="MB"), {one.relation: one.size_bytes / 1e6 for one in listed}
            done = 0.0
            for relation, copied in copies.items():
                on_step(relation)
                for copy in copied:
                    copy.result()
                done += sizes[relation]
                progress.tell(done, sum(sizes.values()))

    def write_files(self, connection: DuckConnection, wanted: Iterable[Wanted], *, hands: int) -> dict[str, TableHash]:
        """Write the Parquet of tables that were copied, so many at a time; gives the hash of each."""
        left = iter(list(wanted))

        def write_next() -> dict[str, TableHash]:
            with closing(connection.beside()) as session:
                return {one.relation: self._write_files(session, one) for one in left}

        with ThreadPoolExecutor(hands) as pool:
            written = [pool.submit(write_next) for _ in range(hands)]
            return {relation: found for some in written for relation, found in some.result().items()}

    def _parts(self, connection: Connection, wanted: Wanted, *, hands: int) -> list[str]:
        """Give conditions that part the rows of a large table of a lake by time; none where it is copied whole."""
        if not (self.is_lake and wanted.is_large and wanted.time):
            return []
        time, place = wanted.time, f"{self.source}.{wanted.relation}"
        [(rows, dated)] = connection.rows(f"select count(*), count({time}) from {place}")  # noqa: S608  # our own names
        parts = min(hands, rows // self.part_rows)
        if parts < 2 or dated < rows:
            return []
        shares = [number / parts for number in range(1, parts)]
        bounds = connection.rows(
            f"select cast(unnest(quantile_disc({time}, {shares})) as varchar) from {place}"  # noqa: S608
        )
        begins = ["true", *(f"{time} >= {quoted(bound)}" for (bound,) in bounds)]
        ends = [*(f"{time} < {quoted(bound)}" for (bound,) in bounds), "true"]
        return [f"{begin} and {end}" for begin, end in zip(begins, ends, strict=True)]

    def _copy(self, connection: DuckConnection, wanted: Iterable[Wanted]) -> None:
        """Copy whole tables in one transaction: as they come from a lake, else by key."""
        with closing(connection.beside()) as session, transaction(session):
            for one in wanted:
                order = "" if self.is_lake else f"order by {', '.join(map(_named, one.key)) or 'all'}"
                self._create(session, one)
                self._fill(session, one, rows=order)

    def _copy_part(self, connection: DuckConnection, wanted: Wanted, part: str) -> None:
        """Copy the rows of a part into the table, which is there and empty."""
        with closing(connection.beside()) as session:
            self._fill(session, wanted, rows=f"where {part}")

    def _create(self, session: Connection, wanted: Wanted) -> None:
        """Create a table without rows.

        Its key stays as it is: ids of no meaning become half as large at best, for a tenth of the time of the table.
        """
        columns = [
            f"{_named(name)} {type_}{' using compression uncompressed' if name in wanted.key else ''}"
            for name, type_, *_ in session.rows(f"describe {self.source}.{wanted.relation}")
        ]
        session.execute(f"create table {self.target}.{wanted.relation} ({', '.join(columns)})")

    def _fill(self, session: Connection, wanted: Wanted, *, rows: str) -> None:
        place, copy = f"{self.source}.{wanted.relation}", f"{self.target}.{wanted.relation}"
        columns = _columns(session, copy, secret=self.secret)
        session.execute(f"insert into {copy} select {columns} from {place} {rows}")  # noqa: S608  # our own names

    def _write_files(self, session: Connection, wanted: Wanted) -> TableHash:
        """Write the files of a table: of a larger one the lake's own that are whole; the other rows anew."""
        relation = wanted.relation
        folder = self.folder / relation
        folder.mkdir(parents=True)
        copied = table_hash(session, f"{self.target}.{relation}")
        has_own = self.is_lake and self.secret is None and not wanted.is_small
        whole = self._whole_files(session, relation) if has_own else {}
        for number, file in enumerate(whole):
            self.files.copy(file, to=folder / f"{number:05}.parquet")
        if copied.rows > sum(whole.values()) or not whole:
            others = f"filename is null or filename not in ({', '.join(map(quoted, whole))})"
            rows = f"{self.source}.{relation} where {others}" if whole else f"{self.target}.{relation}"
            file = quoted(str((folder / f"{len(whole):05}.parquet").resolve()))
            session.execute(f"copy (from {rows}) to {file} (format parquet, parquet_version v2, compression zstd)")
        return copied

    def _whole_files(self, session: Connection, relation: str) -> dict[str, int]:
        """Name the data files of the lake's table that hold its columns and rows that are all there, with how many.

        Rows may be deleted from a file without a trace in it. A row stays as it was written, so that a file is whole
        of which as many rows are there as were written into it. One that the lake put together of others may say in a
        column more which row was which; one from before a change of the table lacks a column.
        """
        layer, _, name = relation.partition(".")
        files = session.rows(
            "select data_file from "  # noqa: S608  # our own names
            f"ducklake_list_files('{self.source}', '{name}', schema => '{layer}') where delete_file is null"
        )
        if not files:
            return {}
        there = dict(
            session.rows(f"select filename, count(*) from {self.source}.{relation} group by filename")  # noqa: S608
        )
        # Written out: for a parameter, the engine's client would first load what it can find of pandas.
        listed = f"[{', '.join(quoted(file) for (file,) in files)}]"
        written = session.rows(f"select file_name, num_rows from parquet_file_metadata({listed})")  # noqa: S608
        columns = _columns_of(session, f"{self.target}.{relation}")
        return {
            file: rows
            for file, rows in written
            if there.get(file) == rows
            and _columns_of(session, f"read_parquet({quoted(file)}, hive_partitioning = false)") == columns
        }


def _columns_of(session: Connection, place: str) -> list[tuple[str, str]]:
    return [(name, type_) for name, type_, *_ in session.rows(f"describe from {place}")]


def _named(column: str) -> str:
    return f'"{column}"'


def _columns(session: Connection, relation: str, *, secret: bytes | None) -> str:
    if secret is None:
        return "*"
    listed: list[str] = []
    for name, type_, *_ in session.rows(f"describe {relation}"):
        match treatment(name, type_, relation=relation.partition(".")[2]):
            case "kept":
                listed.append(f'"{name}"')
            case "replaced":
                listed.append(f'{_replaced(name, is_list=type_.endswith("[]"), secret=secret)} as "{name}"')
            case "emptied":
                listed.append(f'cast(null as {type_}) as "{name}"')
    return ", ".join(listed)


def _replaced(column: str, *, is_list: bool, secret: bytes) -> str:
    """Write a name without meaning in place of each; where there was none there is none."""
    name = f"if({{0}} = '', '', left(sha256({quoted(secret.hex())} || {{0}}), 32))"
    return f'list_transform("{column}", one -> {name.format("one")})' if is_list else name.format(f'"{column}"')
