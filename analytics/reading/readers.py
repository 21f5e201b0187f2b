"""Sessions that read a warehouse beside its writer: for pages and verbs, for one statement of a person, for Python."""

import re
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path
from typing import Any, Self, TypeVar, cast

import polars as pl
import pyarrow as pa

from analytics.connection import Connection, Parameters, transaction
from analytics.engine.attaching import attach, reach, unreadable
from analytics.engine.catalogs import Catalog, catalog_of
from analytics.engine.data_files import files_of
from analytics.engine.sessions import (
    CATALOG,
    DuckConnection,
    Engine,
    EngineError,
    FileError,
    NameErrors,
    framed,
    open_file,
    open_session,
    prepare_session,
)
from analytics.reading.confining import check, confine
from analytics.reading.rights import Rights
from analytics.settings import AnalyticsSettings
from schemas.errors import Misconfigured, NotThere, NotYet

Asked = TypeVar("Asked")

CONFINED_BATCH = 2_048
# A statement that had to wait for a processor for longer than analytics.engine.maintenance.FILE_SECONDS may find a
# file gone that the state which it saw was in; so often it is asked again, of the state of then.
ASKED_AGAIN = 2
# The beginning of a comment says what one row is.
GRAIN = r"^((?:[^.:;\n]|\.\w)*)"
CHARACTERS_OF_A_GRAIN = 90
SHOW_TABLES = re.compile(r"\s*show\s+(all\s+)?tables\s*;?\s*", re.IGNORECASE)


class OtherVersion(NotYet):
    """The warehouse has other tables than the texts of this version name; its writer makes them when it starts."""


class Reader:
    """A session that reads a warehouse while another process writes it; every statement sees one snapshot."""

    def __init__(self, session: Engine, *, settings: AnalyticsSettings) -> None:
        session.execute(f"use {CATALOG}")
        self._session = session
        self._settings = settings
        self._is_in_transaction = False
        self._connection = DuckConnection(session)
        # Company data is loaded in the transaction that makes facts and reports, some of whose tables are there before.
        if not self._connection.rows(
            f"select 1 from duckdb_tables() where database_name = '{CATALOG}' and schema_name = 'reference'"  # noqa: S608
        ):
            self.close()
            raise NotYet("the warehouse is being made by `angime land`: ask again in a moment")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def connection(self) -> Connection:
        """Its session, for questions that need temporary tables."""
        return self._connection

    def beside(self) -> "Reader":
        """Give another session of the same engine, in its memory and with its threads; both may be asked at once."""
        return Reader(prepare_session(self._session.cursor()), settings=self._settings)

    def sql(self, text: str, parameters: Parameters = ()) -> pl.DataFrame:
        """Give the rows of one statement; parameters are bound, never pasted. Raises OtherVersion."""
        try:
            return self._asked(lambda: self._connection.frame(text, parameters))
        except NameErrors as error:
            found = str(error).partition("\n")[0]
            raise OtherVersion(
                f"the warehouse was made by another version of Angime ({found}): start `angime up`, or `angime rebuild`"
            ) from None

    def _asked(self, ask: Callable[[], Asked]) -> Asked:
        """Ask the engine, again where a file was gone or a session with the catalog; raises WarehouseAway."""
        for _ in range(0 if self._is_in_transaction else ASKED_AGAIN):
            with suppress(FileError):
                return ask()
        try:
            return ask()
        except FileError:
            reach(self._settings)
            raise

    def statements(self, text: str) -> list[str]:
        """Give the statements of what a person typed. Raises Misconfigured where the engine cannot read them."""
        with self._telling_persons():
            return [statement.query for statement in self._session.extract_statements(text)]

    def ask(self, statement: str) -> list[dict[str, Any]]:
        """Give the rows of a person's statement. Raises Misconfigured with the engine's sentence where it is wrong.

        `show tables` lists those of all layers; the engine would list those of an empty schema.
        """
        if SHOW_TABLES.fullmatch(statement):
            return self._relations()
        with self._telling_persons():
            return self._connection.frame(statement).to_dicts()

    @contextmanager
    def _telling_persons(self) -> Generator[None]:
        try:
            yield
        except EngineError as error:
            reach(self._settings)
            raise Misconfigured(str(error).strip().replace("\n\n", "\n")) from None

    def _relations(self) -> list[dict[str, Any]]:
        """List every table and view with what one row of it is; what has no comment is how another one is stored."""
        listed = self.comments().filter((pl.col("column") == "") & pl.col("comment").is_not_null())
        grain = pl.col("comment").str.extract(GRAIN).str.head(CHARACTERS_OF_A_GRAIN)
        return listed.select("relation", grain.alias("grain")).to_dicts()

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Let the statements inside see one state of the warehouse, for analytics.engine.maintenance.READER_SECONDS."""
        with transaction(self._connection):
            self._is_in_transaction = True
            try:
                yield
            finally:
                self._is_in_transaction = False

    def snapshot_id(self) -> int:
        """Name the state of the warehouse that the next statement sees; it grows with each that is written."""
        [(snapshot,)] = self._asked(lambda: self._connection.rows(f"from ducklake_current_snapshot('{CATALOG}')"))
        return snapshot

    def comments(self) -> pl.DataFrame:
        """Give what every table, view and column means: relation, column (empty for the whole), type, comment."""
        return self._connection.frame(
            """
            select schema_name || '.' || table_name as relation, '' as "column", 'table' as type, comment
            from duckdb_tables() where database_name = $catalog
            union all
            select schema_name || '.' || view_name, '', 'view', comment
            from duckdb_views() where database_name = $catalog
            union all
            select schema_name || '.' || table_name, column_name, data_type, comment
            from duckdb_columns() where database_name = $catalog
            order by relation, "column"
            """,
            {"catalog": CATALOG},
        )

    def give_back(self) -> None:
        """Give to the system what the allocators of this process keep of the memory of past statements.

        The engine does it when it is told how much it may take, which here is as much as before. It took 20 ms of
        processor time to give 100 MiB.
        """
        self._connection.execute(f"set memory_limit = '{self._settings.warehouse_memory_mib}MiB'")

    def close(self) -> None:
        """End the session."""
        self._connection.close()


class Confined(DuckConnection):
    """A session for one statement of a person's own: it reads what the rights show, and nothing else of the machine."""

    errors = EngineError

    def __init__(self, session: Engine, *, places: Sequence[str]) -> None:
        super().__init__(session)
        self._places = places

    def allow(self, text: str, *, rights: Rights, salt: str) -> None:
        """Read a statement, and lock the session around what it may see; raises confining.Refused."""
        relations = check(self, text)
        confine(self, relations=relations, catalog=CATALOG, places=self._places, rights=rights, salt=salt)

    def some(self, text: str, *, rows: int, size_bytes: int) -> tuple[pl.DataFrame | None, bool]:
        """Run a statement: give its first rows, None where they are too large, and whether there were more."""
        reader = cast("Any", self._session.execute(text)).to_arrow_reader(CONFINED_BATCH)
        readers = cast("Any", pa).RecordBatchReader
        batches: list[pl.DataFrame] = []
        size = 0
        for batch in reader:
            batches.append(framed(readers.from_batches(reader.schema, [batch])))
            size += batch.nbytes
            if size > size_bytes:
                return None, False
            if sum(kept.height for kept in batches) > rows:
                break
        frame = pl.concat(batches) if batches else framed(readers.from_batches(reader.schema, []))
        return frame.head(rows), frame.height > rows


def open_reader(settings: AnalyticsSettings) -> Reader:
    """Open the warehouse to read, beside its writer; raises NotThere where none is, Misconfigured for a broken one."""
    prove_there(settings)
    session = open_session(settings)
    try:
        attach(session, settings, reads_only=True)
        return Reader(session, settings=settings)
    except EngineError as error:
        raise unreadable(settings, error) from None


def prove_there(settings: AnalyticsSettings) -> Catalog:
    """Give the catalog of the warehouse, which a writer would make where there is none; raises NotThere."""
    catalog = catalog_of(settings)
    if not catalog.exists():
        raise NotThere(
            f"there is no warehouse yet at {catalog.name}: start `angime up` or `angime land`, or name yours in"
            f" {catalog.setting}"
        )
    return catalog


def connect(settings: AnalyticsSettings) -> Engine:
    """Open the engine's own session over the live warehouse, read only, with the layers as its schemas.

    Raises NotThere where there is no warehouse.
    """
    open_reader(settings).close()
    session = open_session(settings)
    attach(session, settings, reads_only=True)
    session.execute(f"use {CATALOG}")
    return session


def connect_file(file: Path) -> Engine:
    """Open the engine's own session over the one file of a snapshot, read only. Raises NotThere where it is not."""
    if not file.exists():
        raise NotThere(f"there is no snapshot at {file.parent}: `angime snapshot` writes one")
    return open_file(file)


@contextmanager
def open_side_by_side(catalogs: Mapping[str, AnalyticsSettings], *, is_held: bool = False) -> Generator[DuckConnection]:
    """Open a session that reads warehouses, each as a catalog of its name; held, every statement sees the same state.

    What is held stays, files and all, for as long as the session does; see analytics.engine.keeping. Raises NotThere
    where one of them is not, Misconfigured for a broken one.
    """
    first = next(iter(catalogs.values()))
    with ExitStack() as stack:
        session = stack.enter_context(closing(open_session(first)))
        for name, settings in catalogs.items():
            catalog = prove_there(settings)
            if is_held:
                stack.enter_context(catalog.held_for_reading())
            attach(session, settings, reads_only=True, name=name)
            if is_held:
                [(state,)] = session.execute(f"from ducklake_current_snapshot('{name}')").fetchall()
                session.execute(f"detach {name}")
                attach(session, settings, reads_only=True, name=name, snapshot=state)
        yield DuckConnection(session)


def open_confined(settings: AnalyticsSettings) -> Confined:
    """Open the warehouse for one statement of a person's own; raises NotThere where there is none."""
    prove_there(settings)
    session = open_session(settings)
    attach(session, settings, reads_only=True)
    return Confined(session, places=(str(settings.warehouse.resolve()), files_of(settings).place))
