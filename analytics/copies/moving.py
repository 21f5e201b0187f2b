"""Moving a warehouse: its files and the rows of its catalog go to another place, and are proved to be the same there.

What is there already is not copied again, so that a move which was broken off goes on. The warehouse that is moved
stays as it is. See docs/adr/0058-a-warehouse-is-moved-as-it-is.md.
"""

import re
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from errno import EDQUOT, ENOSPC

import msgspec
from msgspec import Struct

from analytics.connection import Connection, counted, transaction
from analytics.engine.attaching import attach, attach_catalog, make_catalog
from analytics.engine.catalogs import Catalog, catalog_of
from analytics.engine.data_files import SEALS, DataFiles, files_of
from analytics.engine.seals import Seals, seal_of
from analytics.engine.sessions import CATALOG, DuckConnection, EngineError, open_session
from analytics.folding.rebuild import TableHash, table_hash
from analytics.progress import Pace
from analytics.reading.readers import open_reader
from analytics.settings import AnalyticsSettings
from schemas.counts import so_many
from schemas.errors import Halted, Misconfigured, NotYet

# The note beside data files that were not all moved yet: it says from where.
NOTE = "moving"
OLD, NEW = "old_catalog", "new_catalog"
# Tables of rows, and of deleted rows, that lie in no file yet.
INLINED = re.compile(r"ducklake_inlined_(data|delete)_\d+")
# Assumption: the catalog lists in these what has a path, as the published format of DuckLake says.
PATHS = ("ducklake_data_file", "ducklake_delete_file", "ducklake_schema", "ducklake_table")
# A bucket answers in some hundredths of a second, however small a file is.
HANDS = 8
# Nobody reads a half, but PostgreSQL itself may be at work there.
VACUUM_SECONDS = 60.0

OnStep = Callable[[str], None]
# The columns of tables, each with its type, in their order.
Tables = Mapping[str, Mapping[str, str]]


class Begun(Struct, frozen=True):
    """Which warehouse is moved beside the note: where its catalog and its files are, and where the new catalog is."""

    catalog: str
    files: str
    new_catalog: str


class Extent(Struct, frozen=True, kw_only=True):
    """How much is to be moved."""

    files: int
    size_bytes: int
    catalog_rows: int


class Moved(Struct, frozen=True, kw_only=True):
    """What was moved: so many of the files `copied` this time; `differing` names tables that are not the same there."""

    files: int
    size_bytes: int
    copied: int
    catalog_rows: int
    tables: int
    rows: int
    differing: tuple[str, ...]


def look(source: AnalyticsSettings, target: AnalyticsSettings) -> Extent:
    """Say how much is to be moved, and write nothing; raises as `move` does."""
    _check(source, target)
    return _extent(source)


def move(source: AnalyticsSettings, target: AnalyticsSettings, *, on_step: OnStep = lambda _: None) -> Moved:
    """Copy a warehouse to where `target` says, and compare both; nobody writes to either meanwhile.

    Where they differ the new one stays a half, which no writer takes. Raises NotYet where there is no warehouse,
    Misconfigured where it is being written, or the other place holds something else, Halted where a file of it is
    damaged, WarehouseAway where something is away.
    """
    _check(source, target)
    target.warehouse.mkdir(parents=True, exist_ok=True)
    with _held(source), _held(target):
        files = files_of(target)
        extent = _extent(source)
        with _needing_room(files):
            files.write_note(NOTE, msgspec.json.encode(_begun(source, target)))
            copied = _copy_files(files_of(source), files, on_step=on_step)
            files.write_note(SEALS, files_of(source).note(SEALS) or b"")
        on_step(f"{extent.catalog_rows} rows of the catalog")
        others = _copy_catalog(source, target)
        on_step("the rows of both are compared")
        hashes = _hashes(source)
        others += _differing(hashes, _hashes(target))
        if not others:
            files.remove_note(NOTE)
    return Moved(
        files=extent.files,
        size_bytes=extent.size_bytes,
        copied=copied,
        catalog_rows=extent.catalog_rows,
        tables=len(hashes),
        rows=sum(found.rows for found in hashes.values() if found),
        differing=tuple(others),
    )


def refuse_half(settings: AnalyticsSettings) -> None:
    """Raise Misconfigured where a warehouse is being moved to, and not all of it is there."""
    if files_of(settings).note(NOTE) is not None:
        raise Misconfigured(
            f"a warehouse is being moved to {files_of(settings).place} and is not whole there: "
            "type `angime move` once more as it was typed, with the settings of the old one"
        )


def _check(source: AnalyticsSettings, target: AnalyticsSettings) -> None:
    """Raise NotYet where there is no source, Misconfigured where the target is in part the same, or holds another."""
    open_reader(source).close()
    refuse_half(source)
    meant, files = _begun(source, target), files_of(target)
    if meant.files == files.place:
        raise Misconfigured(f"the data files would stay in {meant.files}: name another place for them with --files")
    if meant.catalog == meant.new_catalog:
        raise Misconfigured(
            f"the catalog would stay {meant.catalog}: name a database with --catalog, or a folder for it with --folder"
        )
    note = files.note(NOTE)
    if note is not None:
        begun = msgspec.json.decode(note, type=Begun)
        if begun != meant:
            raise Misconfigured(
                f"another move to {files.place} was broken off, from {begun.catalog} to {begun.new_catalog}: "
                "finish it, or delete what lies in both"
            )
    elif catalog_of(target).exists():
        raise Misconfigured(f"there is a warehouse already at {meant.new_catalog}: name a place where none is")
    elif files.sizes():
        raise Misconfigured(f"there are data files already in {files.place}: name a place where none are")
    for looked in catalog_of(target).look(now=datetime.now(UTC)):
        if looked.state != "good":
            mending = looked.mending if looked.state == "wrong" else "name the role that owns the database"
            raise Misconfigured(f"{looked.found}: {mending}")


def _begun(source: AnalyticsSettings, target: AnalyticsSettings) -> Begun:
    return Begun(catalog=catalog_of(source).name, files=files_of(source).place, new_catalog=catalog_of(target).name)


@contextmanager
def _held(settings: AnalyticsSettings) -> Generator[None]:
    """Have the right to write, so that nobody else writes."""
    right = catalog_of(settings).lock()
    try:
        yield
    finally:
        right.release()


@contextmanager
def _needing_room(files: DataFiles) -> Generator[None]:
    """Raise NotYet where the disk of the new place is full."""
    try:
        yield
    except OSError as error:
        if error.errno not in {ENOSPC, EDQUOT}:
            raise
        raise NotYet(
            f"{files.place} takes no more ({error.strerror}): free some room there, and type this once more"
        ) from None


def _extent(source: AnalyticsSettings) -> Extent:
    """Measure; raises Misconfigured where the catalog names files that do not lie with the others."""
    sizes = files_of(source).sizes()
    with closing(open_session(source)) as session:
        attach_catalog(session, catalog_of(source), name=OLD, reads_only=True)
        connection = DuckConnection(session)
        rows = sum(counted(connection, f"select count(*) from {OLD}.{table}") for table in _tables(connection, OLD))  # noqa: S608
        elsewhere = sum(
            counted(connection, f"select count(*) from {OLD}.{table} where not path_is_relative")  # noqa: S608
            for table in PATHS
        )
    if elsewhere:
        raise Misconfigured(
            f"the catalog names {so_many(elsewhere, 'file or folder', 'files or folders')} by the whole path, as "
            "Angime does not: what lies there would stay, so this warehouse cannot be moved"
        )
    return Extent(files=len(sizes), size_bytes=sum(sizes.values()), catalog_rows=rows)


def _copy_files(source: DataFiles, target: DataFiles, *, on_step: OnStep) -> int:
    """Bring the files of the target to those of the source; gives how many had to be copied.

    What the source has no longer, for it went on after a move that was broken off, may hold who was erased since.
    """
    wanted, there = source.sizes(), target.sizes()
    seals = Seals(source)
    for name in there.keys() - wanted.keys():
        target.remove(name)

    def copy(name: str) -> bool:
        seal = seal_of(source.chunks(name))
        if seals.is_other(name, seal):
            raise Halted(
                f"the disk gives back other bytes than were written of {name} in the warehouse's data: see the runbook "
                "damaged-file, and type this once more"
            )
        if there.get(name) == seal.size_bytes and seal_of(target.chunks(name)) == seal:
            return False
        target.write(name, source.chunks(name))
        return True

    progress, all_bytes = Pace(on_step, of="MB"), sum(wanted.values())
    copied, size_bytes = 0, 0
    with ThreadPoolExecutor(HANDS) as hands:
        for name, is_new in zip(sorted(wanted), hands.map(copy, sorted(wanted)), strict=True):
            copied += is_new
            size_bytes += wanted[name]
            progress.tell(size_bytes / 1e6, all_bytes / 1e6)
    return copied


def _copy_catalog(source: AnalyticsSettings, target: AnalyticsSettings) -> list[str]:
    """Make the rows of the target's catalog those of the source's; gives the tables that are not the same then."""
    old, new = catalog_of(source), catalog_of(target)
    is_half = new.exists()
    with closing(open_session(target)) as session:
        if not is_half:
            make_catalog(session, target)
        attach_catalog(session, old, name=OLD, reads_only=True)
        attach_catalog(session, new, name=NEW, reads_only=False)
        connection = DuckConnection(session)
        tables, kept = _tables(connection, OLD), _kept(connection, by=new)
        for table in _tables(connection, NEW):
            if INLINED.match(table):
                connection.execute(f"drop table {NEW}.{table}")
        with transaction(connection):
            for table in tables.keys() - _tables(connection, NEW).keys():
                known = kept.get(table, {})
                listed = ", ".join(f'"{name}" {known.get(name, type_)}' for name, type_ in tables[table].items())
                connection.execute(f"create table {NEW}.{table} ({listed})")
            copies = _copies(tables, _tables(connection, NEW))
            for table, (own, text) in copies.items():
                connection.execute(f"delete from {NEW}.{table} {own}; insert into {NEW}.{table} {text}")  # noqa: S608
        others = [
            table
            for table, (own, text) in copies.items()
            if table_hash(connection, f"({text})") != table_hash(connection, f"(from {NEW}.{table} {own})")
        ]
    if is_half:
        new.vacuum(wait_seconds=VACUUM_SECONDS)  # rows that gave way may tell of who was erased since
    return others


def _copies(tables: Tables, into: Tables) -> dict[str, tuple[str, str]]:
    """Compose of each table which rows give way, and what takes those of the source to the types of its columns `into`.

    Where the data files lie is not taken along. Texts in SQLite are bytes in PostgreSQL.
    """
    wheres = {"ducklake_metadata": "where key <> 'data_path'"}
    copies: dict[str, tuple[str, str]] = {}
    for table, columns in tables.items():
        listed = ", ".join(_as_type(name, columns[name], type_) for name, type_ in into[table].items())
        where = wheres.get(table, "")
        copies[table] = where, f"select {listed} from {OLD}.{table} {where}"  # noqa: S608  # the catalog's own names
    return copies


def _as_type(name: str, type_: str, wanted: str) -> str:
    match type_, wanted:
        case "VARCHAR", "BLOB":
            return f'encode("{name}") as "{name}"'
        case "BLOB", "VARCHAR":
            return f'decode("{name}") as "{name}"'
        case _:
            return f'cast("{name}" as {wanted}) as "{name}"'


def _tables(connection: Connection, catalog: str) -> Tables:
    """Give the tables of a catalog, and the engine's types of their columns."""
    listed = connection.rows(
        """
        select table_name, column_name, data_type from duckdb_columns()
        where database_name = ? and starts_with(table_name, 'ducklake_') order by table_name, column_index
        """,
        [catalog],
    )
    tables: dict[str, dict[str, str]] = {}
    for table, name, type_ in listed:
        tables.setdefault(table, {})[name] = type_
    return tables


def _kept(connection: Connection, *, by: Catalog) -> Tables:
    """Give as what types a catalog of this form keeps the columns of rows that lie in no file yet."""
    listed = connection.rows(
        f"""
        select held.table_name, column_name, arg_max(column_type, begin_snapshot)
        from {OLD}.ducklake_inlined_data_tables as held join {OLD}.ducklake_column using (table_id)
        where parent_column is null group by all
        """  # noqa: S608  # our own names
    )
    kept: dict[str, dict[str, str]] = {}
    for table, name, type_ in listed:
        kept.setdefault(table, {})[name] = by.keeps_as(type_)
    return kept


def _hashes(settings: AnalyticsSettings) -> dict[str, TableHash | None]:
    """Hash every table of a warehouse as a reader sees it; None of one that cannot be read."""
    with closing(open_session(settings)) as session:
        attach(session, settings, reads_only=True)
        connection = DuckConnection(session, catalog=CATALOG)
        return {relation: _hash_or_none(connection, relation) for relation in connection.tables()}


def _hash_or_none(connection: Connection, relation: str) -> TableHash | None:
    try:
        return table_hash(connection, relation)
    except EngineError:
        return None


def _differing(old: Mapping[str, TableHash | None], new: Mapping[str, TableHash | None]) -> list[str]:
    return sorted(name for name in old.keys() | new.keys() if old.get(name) is None or old.get(name) != new.get(name))
