"""The one door to DuckDB: its sessions, with their limits and extensions."""

import importlib.util
import re
import sys
from collections.abc import Sequence
from functools import lru_cache
from itertools import count
from pathlib import Path
from typing import Any, Self, cast

import duckdb
import polars as pl

from analytics import log
from analytics.connection import BEGIN, LAYERS, ROLLBACK, Parameters, Planned, counted
from analytics.engine.plans import Plans
from analytics.engine.withholding import Withholding
from analytics.search.stems import make_stem_macros
from analytics.settings import AnalyticsSettings
from schemas.errors import Misconfigured

# The engine's own session, for those who want all of it; what it gives are its relations and Polars frames.
Engine = duckdb.DuckDBPyConnection
# What the engine raises.
EngineError = duckdb.Error
# What it raises where a text names a table or a column that is not there.
NameErrors = (duckdb.BinderException, duckdb.CatalogException)
# What it raises where a file cannot be read: it is gone, or its disk fails.
FileError = duckdb.IOException
# What the engine raises where memory does not suffice; what it did is undone, and it goes on.
NoMemory = duckdb.OutOfMemoryException

CATALOG = "lake"
EXTENSIONS = ("ducklake", "fts")  # and that which speaks to the catalog
# Nothing is fetched. To check the signatures of the files each time would cost a third of a second a session, and say
# nothing: whoever can change them in their wheels can change this very line. A person's own statement loads none.
EXTENSION_SETTINGS = {
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
    "allow_unsigned_extensions": True,
}
# Rows in a group of a table in which single rows are sought: the fewer, the less is read, and the more bounds are
# looked through. Of ten million rows one was found in 13 ms by this many, in 23 ms by a quarter of it.
SOUGHT_ROWS = 32_768

# Rows come into a frame in so many at a time. For as many the engine makes room in each column before the first comes.
FRAMED_ROWS = 10_000
# So many texts are kept as they are said of the lake: those of a batch are the same each time, a hundred kilobytes.
PLACED_TEXTS = 256

# The engine, and Arrow for it, import this library to see whether a value that is bound or a table that is handed in is
# one of it: a third of a second of a processor and tens of megabytes in each process, where nobody else has done so.
NEEDLESS = "pandas"

# As what rows are known while a temporary table is made of them.
POURED = "rows_poured_in"

_MOVES = re.compile(r"\b(create|drop|alter)\b")
_INTERVAL = "month_day_nano_interval"
# What a text says in quotes, or beside the statement, names no table.
_SAID = r"--[^\n]*|'[^']*'"
_LAYER_NAME = re.compile(rf"({_SAID})|(?<![\w.'\"])({'|'.join(LAYERS)})\.(?=[a-z_])")


class DuckConnection:
    """A DuckDB session; `catalog` is the attached lake that holds the layers, empty where they lie in memory."""

    def __init__(self, session: Engine, *, catalog: str = "") -> None:
        self._session = session
        self._plans = Plans(self._execute)
        self._prefix = f"{catalog}." if catalog else ""
        self._metadata = f"__ducklake_metadata_{catalog}.ducklake"
        self._threads = 0

    def execute(self, text: str, parameters: Parameters = ()) -> None:
        """Run statements and drop what they give."""
        self._run(text, parameters).fetchall()

    def rows(self, text: str, parameters: Parameters = ()) -> list[tuple[Any, ...]]:
        """Run one statement and give all its rows."""
        return self._run(text, parameters).fetchall()

    def frame(self, text: str, parameters: Parameters = ()) -> pl.DataFrame:
        """Run one statement and give its rows as a Polars frame.

        They come as a stream, which this thread reads itself. The columns of a table would be read by threads of
        Polars, for which each statement waits where the processors are busy.
        """
        return framed(cast("Any", self._run(text, parameters)).to_arrow_reader(FRAMED_ROWS))

    def pieces(self, text: str, *, rows: int) -> Any:
        """Run one statement and give its rows piece by piece."""
        return self._run(text, ()).to_arrow_reader(rows)  # pyright: ignore[reportUnknownMemberType, reportUnknownVariableType]

    def tables(self) -> set[str]:
        """Give the tables of all layers, as the port says."""
        return self._listed("table")

    def views(self) -> set[str]:
        """Give the views of all layers, as the port says."""
        return self._listed("view")

    def hand_in(self, name: str, table: Any) -> None:
        """Let texts read `table` under `name`."""
        self._plans.forget(name)
        self._session.register(name, table)

    def take_back(self, name: str) -> None:
        """Forget a table handed in."""
        self._session.unregister(name)

    def fill(self, table: str, text: str) -> int:
        """Put the rows of a text into a temporary table, as the port says."""
        if self._plans.make_ready(table):
            insert = f"insert into {table} {text}"
            rows = counted(self, Planned(insert) if isinstance(text, Planned) else insert)
        else:
            made = self._execute(self._placed(f"create or replace temp table {table} as {text}"))
            [(rows,)] = made.fetchall()
        self._plans.hold(table)
        return rows

    def pour(self, table: str, rows: Any, *lists: str) -> int:
        """Put a frame or an Arrow table into a temporary table, as the port says."""
        is_there = self._plans.make_ready(table)
        if is_there and len(rows):
            poured = cast("Any", self._session).from_arrow(rows.to_arrow() if isinstance(rows, pl.DataFrame) else rows)
            for columns in lists:
                poured = poured.project(columns)
            poured.insert_into(f"temp.main.{table}")
        elif not is_there:
            text = f"from {POURED}"
            for columns in lists:
                text = f"select {columns} from ({text})"  # noqa: S608  # our own texts
            self._session.register(POURED, rows)
            self._execute(f"create or replace temp table {table} as {text}")
            self._session.unregister(POURED)
        self._plans.hold(table)
        return len(rows)

    def empty(self) -> None:
        """Empty what was filled, as the port says."""
        self._plans.empty()

    def give_back(self) -> None:
        """Give back the room of rows that are gone, as the port says."""
        # Compressed, what is left would take a third less room and five times as long.
        self._execute("set force_compression = 'uncompressed'; checkpoint temp; reset force_compression")

    def create_view(self, relation: str, select: str) -> None:
        """Create or replace a view."""
        self._execute(f"create or replace view {self._prefix}{relation} as\n{select}")

    def part(self, relation: str, *, by: str, parts: Sequence[str]) -> None:
        """Part the files of a table, as the port says; a table in memory has none."""
        if self._prefix:
            parted = ", ".join(f"{part}({by})" for part in parts)
            self._execute(f"alter table {self._prefix}{relation} set partitioned by ({parted})")

    def sort(self, relation: str, *, by: str) -> None:
        """Sort the files of a table, as the port says."""
        if self._prefix:
            self._execute(f"alter table {self._prefix}{relation} set sorted by ({by})")

    def sort_for_seeking(self, relation: str, *, by: str, rows: int = SOUGHT_ROWS) -> None:
        """Sort the files of a table by `by`, in small groups of rows of which a search reads one a file."""
        if self._prefix:
            if self._sorted_by(relation) != [by]:
                self.sort(relation, by=by)
            self._set_option(relation, "parquet_row_group_size", rows)

    def keep_in_files(self, relation: str) -> None:
        """Keep rows of a table out of the catalog, as the port says."""
        if self._prefix:
            self._set_option(relation, "data_inlining_row_limit", 0)

    def forget_files(self) -> None:
        """Give back the memory of what was read of files, as the port says: the engine does, when it may keep none."""
        self._execute("set enable_external_file_cache = false; set enable_external_file_cache = true")

    def read_state(self) -> int | None:
        """Give the number of a snapshot, as the port says."""
        return self._snapshot("current")

    def written_state(self) -> int | None:
        """Give the number of a snapshot, as the port says."""
        return self._snapshot("last_committed")

    def use_threads(self, threads: int) -> None:
        """Let the statements from here on run on so many threads."""
        if threads != self._threads:
            self._execute(f"set threads = {threads}")
            self._threads = threads

    def beside(self) -> Self:
        """Give another connection to the same databases, for another thread."""
        return type(self)(self._session.cursor(), catalog=self._prefix.removesuffix("."))

    def close(self) -> None:
        """End the session."""
        self._session.close()

    def _snapshot(self, which: str) -> int | None:
        if not self._prefix:
            return None
        [(snapshot,)] = self.rows(f"from ducklake_{which}_snapshot('{self._prefix.removesuffix('.')}')")
        return snapshot

    def _set_option(self, relation: str, option: str, value: int) -> None:
        """Set an option of a table's files where it is not so already: what changes in a catalog is read anew by all.

        Assumption: the catalog lists options, and below by what files are sorted, as the published format says.
        """
        schema, _, table = relation.partition(".")
        held = self.rows(
            f"select value from {self._metadata}_metadata where scope = 'table' and scope_id = ? and key = ?",  # noqa: S608
            [self._table_id(relation), option],
        )
        if held != [(str(value),)]:
            self._execute(
                f"call {self._prefix}set_option('{option}', {value}, schema => '{schema}', table_name => '{table}')"
            )

    def _sorted_by(self, relation: str) -> list[str]:
        """Give by which columns the files of a table are sorted."""
        held = self.rows(
            f"select expression from {self._metadata}_sort_expression join {self._metadata}_sort_info as sorting"  # noqa: S608
            " using (sort_id) where sorting.table_id = ? and end_snapshot is null order by sort_key_index",
            [self._table_id(relation)],
        )
        return [column.strip('"') for (column,) in held]

    def _table_id(self, relation: str) -> int | None:
        """Give the number by which the catalog knows a table; None of one that it does not know yet."""
        held = self.rows(
            f"select table_id from {self._metadata}_table as held join {self._metadata}_schema as layer"  # noqa: S608
            " using (schema_id) where schema_name || '.' || table_name = ? and held.end_snapshot is null"
            " and layer.end_snapshot is null",
            [relation],
        )
        return held[0][0] if held else None

    def _listed(self, kind: str) -> set[str]:
        listed = self.rows(
            f"select schema_name, {kind}_name from duckdb_{kind}s() "  # noqa: S608  # our own names
            "where database_name = coalesce(nullif(?, ''), current_database())",
            [self._prefix.removesuffix(".")],
        )
        return {f"{layer}.{name}" for layer, name in listed}

    def _run(self, text: str, parameters: Parameters) -> Engine:
        if isinstance(text, Planned):
            return self._plans.run(text)
        if text == ROLLBACK:
            self._plans.roll_back()
        elif text == BEGIN:
            self._plans.begin()
        elif _moves_tables(text):
            self._plans.forget(text)
        placed = self._placed(text)
        return self._execute(placed, parameters)

    def _placed(self, text: str) -> str:
        return _placed(text, self._prefix) if self._prefix else text

    def _execute(self, text: str, parameters: Parameters = ()) -> Engine:
        with _withholding.meanwhile():
            try:
                return self._session.execute(text, parameters) if parameters else self._session.execute(text)
            except RuntimeError as error:
                # What the engine makes of a Ctrl-C that comes while it works.
                if isinstance(error.__cause__, KeyboardInterrupt):
                    raise error.__cause__ from None
                raise


_withholding = Withholding(NEEDLESS)
sys.meta_path.insert(0, _withholding)


@lru_cache(PLACED_TEXTS)
def _moves_tables(text: str) -> bool:
    """Whether a text makes or drops tables."""
    return _MOVES.search(text) is not None


@lru_cache(PLACED_TEXTS)
def _placed(text: str, prefix: str) -> str:
    return _LAYER_NAME.sub(lambda found: found[1] or f"{prefix}{found[2]}.", text)


def framed(told: Any) -> pl.DataFrame:
    """Make a frame of a reader of Arrow, whatever a person asked for.

    Of two columns of one name the second is named apart, as the engine does it in a subquery. Intervals become text as
    the engine writes it: Polars knows only some of them.
    """
    names = _told_apart(told.schema.names)
    intervals = [name for name, type_ in zip(names, told.schema.types, strict=True) if str(type_) == _INTERVAL]
    if not intervals and names == told.schema.names:
        return pl.DataFrame(told)
    table: Any = told.read_all().rename_columns(names)
    if intervals:
        columns = ['"' + name.replace('"', '""') + '"' for name in intervals]
        written = ", ".join(f"cast({column} as varchar) as {column}" for column in columns)
        with duckdb.connect(config={"threads": 1}) as other:
            table = cast("Any", other.from_arrow(table).project(f"* replace ({written})")).to_arrow_table()
    return pl.DataFrame(table)


def _told_apart(names: Sequence[str]) -> list[str]:
    """Give names of which no two are the same."""
    apart: list[str] = []
    for name in names:
        others = (f"{name}_{number}" for number in count(1))
        apart.append(name if name not in apart else next(other for other in others if other not in {*names, *apart}))
    return apart


def open_session(settings: AnalyticsSettings) -> Engine:
    """Open a session with the limits of the settings and the extensions of their wheels; nothing is attached yet."""
    session = duckdb.connect(
        config={
            **EXTENSION_SETTINGS,
            "memory_limit": f"{settings.warehouse_memory_mib}MiB",
            "threads": settings.warehouse_threads,
            "temp_directory": str(settings.home / "temporary"),
            "preserve_insertion_order": False,
        }
    )
    load(session, *EXTENSIONS)
    return prepare_session(session)


def open_in_memory() -> Engine:
    """Open a session of one thread whose layers will lie in memory."""
    session = duckdb.connect(config={**EXTENSION_SETTINGS, "threads": 1})
    load(session, "fts")
    return prepare_session(session)


def open_file(file: Path) -> Engine:
    """Open a file of plain DuckDB, read only."""
    return duckdb.connect(str(file), read_only=True, config={"autoinstall_known_extensions": False})


def prepare_session(session: Engine) -> Engine:
    """Give a session what the engine keeps for each of them apart: its clock and its macros."""
    session.execute("set TimeZone = 'UTC'")
    make_stem_macros(DuckConnection(session))
    return session


def load(session: Engine, *extensions: str) -> None:
    """Load extensions of the engine from their wheels; raises Misconfigured where one cannot be loaded."""
    for name in extensions:
        try:
            session.execute(f"load {log.quoted(str(_extension_file(name)))}")
        except EngineError as error:
            raise Misconfigured(
                f"the engine cannot load its extension {name} ({type(error).__name__}): give this process more memory"
                " if it has little, else install the packages of requirements.lock anew (`make setup`)"
            ) from None


def _extension_file(name: str) -> Path:
    """Find the extension in its wheel; it is loaded from there, and nothing is installed or fetched."""
    found = importlib.util.find_spec(f"duckdb_extension_{name}")
    if found is None or found.origin is None:
        raise Misconfigured(f"the package duckdb-extension-{name} is missing: run `make setup`")
    return Path(found.origin).parent / "extensions" / f"v{duckdb.__version__}" / f"{name}.duckdb_extension"
