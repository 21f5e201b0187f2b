"""The tables of a snapshot, copied side by side: into the one file with what is said of them, hashed, and as Parquet.

Each table is copied on one thread. What several write into one table are pieces of any size, which the engine reads and
compresses once more to make them whole: on two threads that cost up to twice the work.
"""

import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

from msgspec import Struct

from analytics.connection import Connection, transaction
from analytics.log import quoted
from analytics.personal import treatment
from analytics.rebuild import TableHash, table_hash
from analytics.sessions import DuckConnection
from analytics.views import Column

OnStep = Callable[[str], None]


class Wanted(Struct, frozen=True, kw_only=True):
    """A table to copy, with its key and what is said of it and of its columns."""

    relation: str
    key: tuple[str, ...] = ()
    grain: str = ""
    columns: tuple[Column, ...] = ()


class Copier(Struct, frozen=True, kw_only=True):
    """Copies tables of catalog `source` into catalog `target`, and as Parquet below `folder`.

    Rows stand as a lake keeps them, or by key if they were folded. With a `secret`, personal data is left out.
    """

    source: str
    target: str
    folder: Path
    is_lake: bool
    secret: bytes | None

    def copy(
        self, connection: DuckConnection, wanted: Iterable[Wanted], *, hands: int, on_step: OnStep
    ) -> dict[str, TableHash]:
        """Copy tables in this order, so many at a time; gives the hash of each. Every copy reads one state."""
        connection.use_threads(1)
        with ThreadPoolExecutor(hands) as pool:
            copies = {one.relation: pool.submit(self._copy, connection, one) for one in wanted}
            hashes: dict[str, TableHash] = {}
            for relation, copy in copies.items():
                on_step(relation)
                hashes[relation] = copy.result()
        return hashes

    def _copy(self, connection: DuckConnection, wanted: Wanted) -> TableHash:
        with closing(connection.beside()) as session:
            with transaction(session):
                self._fill(session, wanted)
            copied = table_hash(session, f"{self.target}.{wanted.relation}")
            self._write_files(session, wanted.relation, rows=copied.rows)
        return copied

    def _fill(self, session: Connection, wanted: Wanted) -> None:
        place, copy = f"{self.source}.{wanted.relation}", f"{self.target}.{wanted.relation}"
        order = "" if self.is_lake else f"order by {', '.join(map(_named, wanted.key)) or 'all'}"
        columns = _columns(session, place, secret=self.secret)
        session.execute(f"create table {copy} as select {columns} from {place} {order}")  # noqa: S608  # our own names
        said = [f"comment on table {copy} is {quoted(wanted.grain)}"] if wanted.grain else []
        for column in wanted.columns:
            meaning = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
            said.append(f'comment on column {copy}."{column.name}" is {quoted(meaning)}')
        if said:
            session.execute(";\n".join(said))

    def _write_files(self, session: Connection, relation: str, *, rows: int) -> None:
        """Write the files of a table: the lake's own, as they are, where these are its rows and nothing else."""
        folder = self.folder / relation
        folder.mkdir(parents=True)
        is_copied = self.is_lake and self.secret is None and rows > 0
        own = self._own_files(session, relation, rows=rows) if is_copied else []
        for number, file in enumerate(own):
            shutil.copyfile(file, folder / f"{number:05}.parquet")
        if not own:
            file = quoted(str((folder / "00000.parquet").resolve()))
            session.execute(f"copy {self.target}.{relation} to {file} (format parquet, compression zstd)")

    def _own_files(self, session: Connection, relation: str, *, rows: int) -> list[str]:
        """Name the data files of the lake's table where they hold its rows and no other; else none.

        Rows may be deleted from a file, or stand in the catalog, without a trace in the files. A row stays as it was
        written, so that files are whole of which as many rows are there as were written into them.
        """
        layer, _, name = relation.partition(".")
        files = session.rows(
            "select data_file, delete_file from "  # noqa: S608  # our own names
            f"ducklake_list_files('{self.source}', '{name}', schema => '{layer}')"
        )
        if not files or any(deleted for _, deleted in files):
            return []
        there = dict(
            session.rows(f"select filename, count(*) from {self.source}.{relation} group by filename")  # noqa: S608
        )
        own = [file for file, _ in files]
        if there.keys() != set(own) or sum(there.values()) != rows:
            return []
        # Written out: for a parameter, the engine's client would first load what it can find of pandas.
        listed = f"[{', '.join(map(quoted, own))}]"
        written = session.rows(f"select file_name, num_rows from parquet_file_metadata({listed})")  # noqa: S608
        return own if dict(written) == there else []


def _named(column: str) -> str:
    return f'"{column}"'


def _columns(session: Connection, relation: str, *, secret: bytes | None) -> str:
    if secret is None:
        return "*"
    listed: list[str] = []
    for name, type_, *_ in session.rows(f"describe {relation}"):
        match treatment(name, type_):
            case "kept":
                listed.append(f'"{name}"')
            case "replaced":
                listed.append(f'left(sha256({quoted(secret.hex())} || "{name}"), 32) as "{name}"')
            case "emptied":
                listed.append(f'cast(null as {type_}) as "{name}"')
    return ", ".join(listed)
