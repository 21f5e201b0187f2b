"""The one door to DuckDB: opens the warehouse for its writer, for readers, and in memory for tests."""

import importlib.util
import re
from collections.abc import Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self, cast

import duckdb
import polars as pl

from analytics import log, reference, views
from analytics.admission import LandRecord
from analytics.alerting import Bell
from analytics.company import read_companies
from analytics.confining import check, confine
from analytics.connection import LAYERS, Connection, Parameters, transaction
from analytics.erasure import Dropper
from analytics.keeping import Keeper, Lock
from analytics.landing import Batch, Landed, Lander, Offsets
from analytics.maintenance import Maintained, Maintainer
from analytics.rebuild import OnStep, Rebuilt, TableHash, fingerprint, read_fingerprint, rebuild, table_hash
from analytics.refresh import Refresher
from analytics.rights import Rights
from analytics.seals import Seals
from analytics.settings import AnalyticsSettings
from analytics.stems import make_stem_macros
from schemas.company import Company
from schemas.envelope import Event
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant

__all__ = [
    "AnalyticsSettings",
    "Batch",
    "Bell",
    "Confined",
    "Connection",
    "Engine",
    "LandRecord",
    "Landed",
    "Maintained",
    "Offsets",
    "Reader",
    "Rebuilt",
    "Scratch",
    "TableHash",
    "Writer",
    "connect",
    "connect_file",
    "open_confined",
    "open_reader",
    "open_side_by_side",
    "open_writer",
    "scratch",
]

# The engine's own session, for those who want all of it; what it gives are its relations and Polars frames.
Engine = duckdb.DuckDBPyConnection

CATALOG = "lake"
EXTENSIONS = ("sqlite_scanner", "ducklake", "fts")
# Nothing is fetched. To check the signatures of the files each time would cost a third of a second a session, and say
# nothing: whoever can change them in their wheels can change this very line. A person's own statement loads none.
EXTENSION_SETTINGS = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_unsigned_extensions": True,
}
BUSY_MILLISECONDS = 30_000
# A transaction of at most so many rows is kept in the catalog until maintenance; larger ones become Parquet at once.
INLINED_ROWS = 50
FRESH_EVENTS = 100_000
CONFINED_BATCH = 2_048
# Rows in a group of a table in which single rows are sought: the fewer, the less is read, and the more is in its index.
SOUGHT_ROWS = 8_192

_LAYER_NAME = re.compile(r"(?<![\w.'\"])(" + "|".join(LAYERS) + r")\.(?=[a-z_])")


class DuckConnection:
    """A DuckDB session; `catalog` is the attached lake that holds the layers, empty where they lie in memory."""

    def __init__(self, session: duckdb.DuckDBPyConnection, *, catalog: str = "") -> None:
        self._session = session
        self._prefix = f"{catalog}." if catalog else ""
        self._threads = 0

    def execute(self, text: str, parameters: Parameters = ()) -> None:
        """Run statements and drop what they give."""
        self._run(text, parameters).fetchall()

    def rows(self, text: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give all its rows."""
        return self._run(text, parameters).fetchall()

    def frame(self, text: str, parameters: Parameters = ()) -> pl.DataFrame:
        """Run one statement and give its rows as a Polars frame."""
        return self._run(text, parameters).pl()

    def tables(self, layer: str) -> set[str]:
        """Give the names of the tables of a layer."""
        place = "database_name = coalesce(nullif(?, ''), current_database()) and schema_name = ?"
        listed = self.rows(f"select table_name from duckdb_tables() where {place}", [self._prefix.rstrip("."), layer])  # noqa: S608
        return {name for (name,) in listed}

    def hand_in(self, name: str, table: Any) -> None:
        """Let texts read `table` under `name`."""
        self._session.register(name, table)

    def take_back(self, name: str) -> None:
        """Forget a table handed in."""
        self._session.unregister(name)

    def create_view(self, relation: str, select: str) -> None:
        """Create or replace a view."""
        self._session.execute(f"create or replace view {self._prefix}{relation} as\n{select}")

    def part(self, relation: str, *, by: str, parts: Sequence[str]) -> None:
        """Part the files of a table, as the port says; a table in memory has none."""
        if self._prefix:
            parted = ", ".join(f"{part}({by})" for part in parts)
            self._session.execute(f"alter table {self._prefix}{relation} set partitioned by ({parted})")

    def sort(self, relation: str, *, by: str) -> None:
        """Sort the files of a table, as the port says."""
        if self._prefix:
            self._session.execute(f"alter table {self._prefix}{relation} set sorted by ({by})")

    def sort_for_seeking(self, relation: str, *, by: str) -> None:
        """Sort the files of a table by `by`, in small groups of rows of which a search reads one a file."""
        if self._prefix:
            self.sort(relation, by=by)
            schema, _, table = relation.partition(".")
            self._session.execute(
                f"call {self._prefix}set_option('parquet_row_group_size', {SOUGHT_ROWS}, "
                f"schema => '{schema}', table_name => '{table}')"
            )

    def use_threads(self, threads: int) -> None:
        """Let the statements from here on run on so many threads."""
        if threads != self._threads:
            self._session.execute(f"set threads = {threads}")
            self._threads = threads

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _run(self, text: str, parameters: Parameters) -> duckdb.DuckDBPyConnection:
        placed = _LAYER_NAME.sub(rf"{self._prefix}\1.", text) if self._prefix else text
        return self._session.execute(placed, parameters) if parameters else self._session.execute(placed)


class Writer:
    """The one writing session of a warehouse: lands, refreshes, maintains, rebuilds."""

    def __init__(self, settings: AnalyticsSettings) -> None:
        self._companies = read_companies(settings)
        settings.warehouse.mkdir(parents=True, exist_ok=True)
        self._lock = Lock(settings.warehouse)
        self._views = views.read_views()
        self._session = _open_session(settings)
        _attach(self._session, settings, reads_only=False)
        self.connection = DuckConnection(self._session, catalog=CATALOG)
        self._threads = settings.warehouse_threads
        self._hot_events = settings.hot_events
        self._home = settings.home
        self._keeper = Keeper(settings.catalog)
        self._seals = Seals(settings.warehouse)
        try:
            with self._suspecting_the_disk():
                self._prepare()
                self._lander = self._open_lander()
        except BaseException:
            self.close()
            raise
        self._maintainer = Maintainer(self.connection, catalog=CATALOG)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def is_fresh(self) -> bool:
        """Whether the log holds little, so that to rebuild the facts costs less than to fold a backlog."""
        [(events,)] = self.connection.rows("select count(*) from log.events")
        return events <= FRESH_EVENTS

    def next_offsets(self) -> Offsets:
        """Give the offset at which reading goes on, by topic and partition."""
        return self._lander.next_offsets()

    def land(self, batch: Batch, *, now: Instant, folds: bool = True) -> Landed:
        """Write events, offsets, dead letters and folded facts in one transaction; see analytics.landing.

        Without `folds` the facts are left behind, for a backlog that is larger than the log; `catch_up` after it.
        One thread does it: a batch is too small to be shared, and to wait for work costs a second as much as to do it.
        """
        if folds:
            self.catch_up()
        self.connection.use_threads(1)
        with self._suspecting_the_disk():
            return self._lander.land(batch, now=now, folds=folds)

    def catch_up(self) -> None:
        """Build the facts anew when they were left behind the log."""
        if self._lander.is_behind:
            self.rebuild()

    def maintain(self, now: Instant, *, steps: int | None = None) -> Maintained:
        """Merge small files and forget old snapshots, bounded; see analytics.maintenance.

        At the end of a round new files are sealed and some looked through; damaged facts are built anew.
        """
        with self._suspecting_the_disk():
            maintained = self._maintainer.maintain(now, steps=steps)
        if maintained.is_merged:
            self._seals.renew()
            if self._seals.look_through():
                self.rebuild()
        return maintained

    def bell(self, now: Instant) -> Bell:
        """Give what says which alerts hold; see analytics.alerting."""
        return Bell(self.connection, self._companies, now=now)

    def attach_beside(self, settings: AnalyticsSettings, *, name: str) -> None:
        """Let this session read another warehouse, as it is now, as a catalog of this name."""
        with open_reader(settings) as reader:
            snapshot = reader.snapshot_id()
        _attach(self._session, settings, reads_only=True, name=name, snapshot=snapshot)

    def purge(self) -> None:
        """Rewrite every file and forget every older state; see analytics.maintenance. Nobody may read meanwhile.

        Raises Halted where the log is damaged: written anew, it would look whole.
        """
        self._seals.refuse_damaged_log()
        self._maintainer.purge()

    def reload(self) -> None:
        """Read anew what the writer remembers of the log, after rows were put into it without landing."""
        self._lander = self._open_lander()

    def rebuild(self, *, verify: bool = False, on_step: OnStep = lambda _: None) -> list[Rebuilt]:
        """Make facts and reports anew from the log; with `verify`, hash them before and after.

        Raises Halted where the log is damaged; see analytics.seals.
        """
        self.connection.use_threads(self._threads)
        rebuilt = self._rebuild(verify=verify, on_step=on_step)
        self._lander.catch_up()
        return rebuilt

    def table_hash(self, relation: str) -> TableHash:
        """Hash all rows of a table, whatever their order."""
        return table_hash(self.connection, relation)

    def close(self) -> None:
        """Let go of the warehouse."""
        self.connection.close()
        try:
            self._seals.renew()
        finally:
            self._keeper.close()
            self._lock.release()

    def _rebuild(self, *, verify: bool = False, on_step: OnStep = lambda _: None) -> list[Rebuilt]:
        self._seals.refuse_damaged_log()
        damaged = self._seals.damaged_tables()
        rebuilt = rebuild(
            self.connection,
            self._views,
            companies=self._companies,
            damaged=damaged,
            verify=verify,
            on_step=on_step,
        )
        self._seals.give_up(damaged)
        return rebuilt

    @contextmanager
    def _suspecting_the_disk(self) -> Generator[None]:
        """Raise Halted where the engine fails over a damaged log; damaged facts are seen at the next start."""
        try:
            yield
        except duckdb.Error:
            self._seals.refuse_damaged_log()
            raise

    def _open_lander(self) -> Lander:
        return Lander(
            self.connection,
            refresher=Refresher(self.connection, self._views, companies=self._companies),
            hot_events=self._hot_events,
            dropper=Dropper(self.connection, home=self._home),
        )

    def _prepare(self) -> None:
        """Create what is missing; build facts anew that are damaged, or whose texts or company data changed."""
        existing = self.connection.rows(
            "select 1 from duckdb_schemas() where database_name = ? and schema_name = 'log'", [CATALOG]
        )
        if not existing:
            with transaction(self.connection):
                for layer in LAYERS:
                    self.connection.execute(f"create schema {CATALOG}.{layer}")
                log.create_log(self.connection)
        is_new = read_fingerprint(self.connection) != fingerprint(self._views, companies=self._companies)
        if is_new:
            for layer in LAYERS:
                self.connection.execute(f"create schema if not exists {CATALOG}.{layer}")
        if is_new or self._seals.damaged_tables():
            self._rebuild()


class Reader:
    """A session that reads a warehouse while another process writes it; every statement sees one snapshot."""

    def __init__(self, session: duckdb.DuckDBPyConnection) -> None:
        session.execute(f"use {CATALOG}")
        self._session = session
        self._connection = DuckConnection(session)
        if not self._connection.rows(
            f"select 1 from duckdb_tables() where database_name = '{CATALOG}' and schema_name = 'reports'"  # noqa: S608
        ):
            self.close()
            raise NotYet("the warehouse is being made by `angime land`: ask again in a moment")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def beside(self) -> "Reader":
        """Give another session of the same engine, in its memory and with its threads; both may be asked at once."""
        return Reader(_prepare_session(self._session.cursor()))

    def sql(self, text: str, parameters: Parameters = ()) -> pl.DataFrame:
        """Give the rows of one statement; parameters are bound, never pasted."""
        return self._connection.frame(text, parameters)

    def ask(self, text: str) -> list[dict[str, Any]]:
        """Give the rows of what a person typed. Raises Misconfigured with the engine's sentence where it is wrong."""
        try:
            return self._connection.frame(text).to_dicts()
        except duckdb.Error as error:
            raise Misconfigured(str(error).strip().replace("\n\n", "\n")) from None

    @contextmanager
    def transaction(self) -> Generator[None]:
        """Let the statements inside see one state of the warehouse; at most analytics.maintenance.READER_SECONDS."""
        with transaction(self._connection):
            yield

    def snapshot_id(self) -> int:
        """Name the state of the warehouse that the next statement sees; it grows with each that is written."""
        [(snapshot,)] = self._connection.rows(f"from ducklake_current_snapshot('{CATALOG}')")
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

    def close(self) -> None:
        """End the session."""
        self._connection.close()


class Confined(DuckConnection):
    """A session for one statement of a person's own: it reads what the rights show, and nothing else of the machine."""

    errors = duckdb.Error

    def __init__(self, session: duckdb.DuckDBPyConnection, *, folder: Path) -> None:
        super().__init__(session)
        self._folder = folder

    def allow(self, text: str, *, rights: Rights, salt: str) -> None:
        """Read a statement, and lock the session around what it may see; raises confining.Refused."""
        relations = check(self, text)
        confine(self, relations=relations, catalog=CATALOG, folder=str(self._folder), rights=rights, salt=salt)

    def some(self, text: str, *, rows: int, size_bytes: int) -> tuple[pl.DataFrame | None, bool]:
        """Run a statement: give its first rows, None where they are too large, and whether there were more."""
        reader = cast("Any", self._session.execute(text)).fetch_record_batch(CONFINED_BATCH)
        batches: list[pl.DataFrame] = []
        size = 0
        for batch in reader:
            batches.append(pl.DataFrame(batch))
            size += batch.nbytes
            if size > size_bytes:
                return None, False
            if sum(kept.height for kept in batches) > rows:
                break
        frame = pl.concat(batches) if batches else pl.DataFrame(reader.schema.empty_table())
        return frame.head(rows), frame.height > rows


class Scratch:
    """A warehouse in memory, built from the very SQL files as far as it is asked, for drawn-table tests."""

    def __init__(self) -> None:
        session = duckdb.connect(config={**EXTENSION_SETTINGS, "threads": 1})
        session.execute("set TimeZone = 'UTC'")
        session.execute(f"load {log.quoted(str(_extension_file('fts')))}")
        self.connection = DuckConnection(session)
        make_stem_macros(self.connection)
        for layer in LAYERS:
            self.connection.execute(f"create schema {layer}")
        log.create_log(self.connection)
        reference.load(self.connection, ())
        self._views = {view.relation: view for view in views.read_views()}
        self._built: set[str] = set()

    def load_reference(self, companies: Iterable[Company]) -> None:
        """Fill `reference.*` from company data."""
        reference.load(self.connection, tuple(companies))
        self._built.clear()

    def load_events(self, events: Iterable[Event]) -> None:
        """Append `events` to the log as they are, doubled ones too."""
        log.append_events(self.connection, events, landed_at="2026-01-01T00:00:00.000Z")
        self._built.clear()

    def build(self) -> None:
        """Run every SQL file that did not run since something was loaded, each after those that it reads."""
        self._build(self._views)

    def sql(self, text: str, parameters: Parameters = ()) -> pl.DataFrame:
        """Give the rows of one statement, after a run of the SQL files that it needs."""
        self._build(views.named(text))
        return self.connection.frame(text, parameters)

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()

    def _build(self, relations: Iterable[str]) -> None:
        for relation in relations:
            if relation in self._built or relation not in self._views:
                continue
            self._built.add(relation)
            view = self._views[relation]
            self._build(view.reads)
            kind = "table" if view.is_table else "view"
            self.connection.execute(f"create or replace {kind} {relation} as\n{view.select}")


def open_writer(settings: AnalyticsSettings) -> Writer:
    """Open the warehouse for its one writing process, creating what is missing.

    The facts are built anew from the log first when the SQL files or the company files changed. Raises Misconfigured
    when another process holds the warehouse, or a company file cannot be read.
    """
    return Writer(settings)


def open_reader(settings: AnalyticsSettings) -> Reader:
    """Open the warehouse to read, beside its writer; raises NotYet where none is, Misconfigured for a broken one."""
    if not settings.catalog.exists():
        raise NotYet("there is no warehouse yet: start `angime up`, or `angime land`")
    try:
        session = _open_session(settings)
        _attach(session, settings, reads_only=True)
        return Reader(session)
    except duckdb.Error as error:
        raise _unreadable(settings, error) from None


def connect(settings: AnalyticsSettings) -> Engine:
    """Open the engine's own session over the live warehouse, read only, with the layers as its schemas.

    Raises NotYet where there is no warehouse.
    """
    open_reader(settings).close()
    session = _open_session(settings)
    _attach(session, settings, reads_only=True)
    session.execute(f"use {CATALOG}")
    return session


def connect_file(file: Path) -> Engine:
    """Open the engine's own session over the one file of a snapshot, read only. Raises NotYet where it is not."""
    if not file.exists():
        raise NotYet(f"there is no snapshot at {file.parent}: `angime snapshot` writes one")
    return duckdb.connect(str(file), read_only=True, config={"autoinstall_known_extensions": False})


@contextmanager
def open_side_by_side(
    catalogs: Mapping[str, AnalyticsSettings], *, snapshot: int | None = None
) -> Generator[DuckConnection]:
    """Open a session that reads warehouses, each as a catalog of its name, all as they were at `snapshot` if given.

    Raises NotYet where one of them is not there, Misconfigured for a broken one.
    """
    first = next(iter(catalogs.values()))
    session = _open_session(first)
    try:
        for name, settings in catalogs.items():
            if not settings.catalog.exists():
                raise NotYet(f"there is no warehouse in {settings.warehouse}")
            try:
                _attach(session, settings, reads_only=True, name=name, snapshot=snapshot)
            except duckdb.Error as error:
                raise _unreadable(settings, error) from None
        yield DuckConnection(session)
    finally:
        session.close()


def open_confined(settings: AnalyticsSettings) -> Confined:
    """Open the warehouse for one statement of a person's own; raises NotYet where there is none."""
    if not settings.catalog.exists():
        raise NotYet("there is no warehouse yet: start `angime up`, or `angime land`")
    session = _open_session(settings)
    _attach(session, settings, reads_only=True)
    return Confined(session, folder=settings.warehouse.resolve())


def scratch() -> Scratch:
    """Open a warehouse in memory with all layers and no rows."""
    return Scratch()


def _unreadable(settings: AnalyticsSettings, error: duckdb.Error) -> Misconfigured:
    return Misconfigured(
        f"the catalog {settings.catalog.name} of the warehouse cannot be read ({type(error).__name__}):"
        " put a copy of it back, or move it away and land everything anew"
    )


def _open_session(settings: AnalyticsSettings) -> duckdb.DuckDBPyConnection:
    session = duckdb.connect(
        config={
            **EXTENSION_SETTINGS,
            "memory_limit": f"{settings.warehouse_memory_mib}MiB",
            "threads": settings.warehouse_threads,
            "temp_directory": str(settings.home / "temporary"),
            "preserve_insertion_order": False,
        }
    )
    for name in EXTENSIONS:
        session.execute(f"load {log.quoted(str(_extension_file(name)))}")
    return _prepare_session(session)


def _prepare_session(session: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    """Give a session what the engine keeps for each of them apart: its clock and its macros."""
    session.execute("set TimeZone = 'UTC'")
    make_stem_macros(DuckConnection(session))
    return session


def _extension_file(name: str) -> Path:
    """Find the extension in its wheel; it is loaded from there, and nothing is installed or fetched."""
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if found is None or found.origin is None:
        raise Misconfigured(f"the package duckdb-extension-{name} is missing: run `make setup`")
    return Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"


def _attach(
    session: duckdb.DuckDBPyConnection,
    settings: AnalyticsSettings,
    *,
    reads_only: bool,
    name: str = CATALOG,
    snapshot: int | None = None,
) -> None:
    # Assumption: DATA_PATH may be given anew, so that a warehouse that was moved with its folder opens again.
    options = [
        f"data_path {log.quoted(str(settings.warehouse.resolve() / 'data'))}",
        "override_data_path true",
        "meta_journal_mode 'WAL'",
        f"meta_busy_timeout {BUSY_MILLISECONDS}",
        f"data_inlining_row_limit {INLINED_ROWS}",
        *(["read_only"] if reads_only else []),
        *([f"snapshot_version {snapshot}"] if snapshot is not None else []),
    ]
    catalog = log.quoted(f"ducklake:sqlite:{settings.catalog.resolve()}")
    session.execute(f"attach {catalog} as {name} ({', '.join(options)})")
    if not reads_only:
        session.execute(f"call {CATALOG}.set_option('parquet_compression', 'zstd')")
