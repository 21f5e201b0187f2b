"""Snapshots: the warehouse as it was at a moment, as one DuckDB file and a folder of Parquet, for any DuckDB to open.

A snapshot is made while everything runs: it reads one state of the lake, whose own data files it copies where they hold
the very rows. `as_of` folds what was landed by then anew, so that the same moment gives the same rows, and the same
Parquet to the byte, whenever it is asked for.
"""

import re
import shutil
from collections.abc import Collection, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from itertools import groupby
from pathlib import Path

import msgspec
from msgspec import Struct, structs

from analytics.company import reference
from analytics.connection import Connection, transaction
from analytics.copies import dbt
from analytics.copies.snapshot_tables import Copier, OnStep, Wanted
from analytics.dictionary import Entry, comments_of, entries
from analytics.engine.data_files import files_of
from analytics.engine.sessions import DuckConnection
from analytics.log import STORED, quoted
from analytics.reading.personal import treatment
from analytics.views import View, read_views
from analytics.warehouse import AnalyticsSettings, open_side_by_side
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant, instant
from schemas.ourselves import our_version

FORMAT_VERSION = 3
DATABASE = "angime.duckdb"
UNFINISHED = f"{DATABASE}.new"
# What any DuckDB since then opens; older forms are written slower.
STORAGE_VERSION = "v1.5.0"
PARQUET = "parquet"
# No log of changes is written beside the file: half a snapshot is of no use, and its folder is made again.
UNLOGGED = "recovery_mode 'no_wal_writes'"
# Of changes until which the engine takes them into a file by itself; here it is told to, once, when all are there.
NEVER = "1TB"
# A group of rows is compressed when it is full, by the thread that reads it. The engine would gather five, and leave
# them to the commit, of which there is one at a time.
GATHERED_GROUPS = 1
LAKE, FOLDED, OUT = "lake", "memory", "snapshot"
# What analysts read. The log, what stands between it and the facts, and the checks stay where they are.
LAYERS = ("reference", "facts", "reports", "metrics")
_WORD = re.compile(r"\w+")

# A file may be known that is no longer there, so that nothing may have landed since.
_BEGINS = f"""
    with files as (
        select try_cast(min_value as timestamptz) as landed_at
        from __ducklake_metadata_{LAKE}.ducklake_file_column_stats
        join __ducklake_metadata_{LAKE}.ducklake_table as tables using (table_id)
        join __ducklake_metadata_{LAKE}.ducklake_column as columns using (table_id, column_id)
        where tables.table_name = 'stored_events' and columns.column_name = 'landed_at'
    )
    select cast(max(landed_at) as varchar) from files where {{until}}
"""  # noqa: S608  # our own names


class Table(Struct, frozen=True):
    """The rows of one table: how many, and their hash whatever their order, equal for equal rows."""

    rows: int
    hash: str


class Snapshot(Struct, frozen=True, kw_only=True):
    """What a snapshot says of itself in `manifest.json`."""

    format_version: int
    made_by: str
    lake_snapshot: int
    as_of: Instant | None
    landed_until: Instant | None
    has_personal_data: bool
    tables: dict[str, Table]
    views: tuple[str, ...]


def take(
    settings: AnalyticsSettings,
    folder: Path,
    *,
    as_of: Instant | None = None,
    secret: bytes | None = None,
    on_step: OnStep = lambda _: None,
) -> Snapshot:
    """Write a snapshot into a new `folder`, which is empty again where it is refused or broken off.

    Its file gets its name last: one that was killed has none.

    With a `secret`, personal data is left out: contacts become names made with it, the same for the same contact, and
    texts that are not known to be plain are empty. Raises Misconfigured for a folder that holds something or cannot be
    made, NotYet where there is no warehouse.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        there = {file.name for file in folder.iterdir()}
    except OSError as error:
        raise Misconfigured(f"{folder} cannot be made: {error.strerror}") from None
    if UNFINISHED in there:
        raise Misconfigured(
            f"{folder} holds half a snapshot: where none is being made, delete the folder, and ask again"
        )
    if there:
        raise Misconfigured(f"{folder} is not empty: a snapshot wants a folder of its own")
    try:
        return _write(settings, folder, as_of=as_of, secret=secret, on_step=on_step)
    except BaseException:
        for left in folder.iterdir():
            shutil.rmtree(left) if left.is_dir() else left.unlink()
        raise


def _write(
    settings: AnalyticsSettings, folder: Path, *, as_of: Instant | None, secret: bytes | None, on_step: OnStep
) -> Snapshot:
    unfinished = folder / UNFINISHED
    views = read_views()
    with open_side_by_side({LAKE: settings}, is_held=True) as connection:
        # The engine keeps an order that was asked for; for rows as they come, that would cost as much again.
        connection.execute(f"set preserve_insertion_order = {as_of is not None}")
        file = quoted(str(unfinished.resolve()))
        connection.execute(f"attach {file} as {OUT} (storage_version '{STORAGE_VERSION}', {UNLOGGED})")
        connection.execute(f"set checkpoint_threshold = '{NEVER}'")
        connection.execute(f"set write_buffer_row_group_count = {GATHERED_GROUPS}")
        sizes = _built(connection, views)
        wanted = _wanted(views, sizes=sizes, but=frozenset() if secret is None else _told_by_texts(views))
        if as_of is not None:
            on_step("folding what was landed by then")
            _fold(connection, views, as_of=as_of)
        for layer in LAYERS:
            connection.execute(f"create schema {OUT}.{layer}")
        copier = Copier(
            source=LAKE if as_of is None else FOLDED,
            target=OUT,
            folder=folder / PARQUET,
            is_lake=as_of is None,
            files=files_of(settings),
            secret=secret,
        )
        hands, tables = settings.warehouse_threads, [one.relation for one in wanted]
        with ThreadPoolExecutor(1) as aside:
            landed_until = aside.submit(_landed_until, connection, as_of=as_of)
            copier.copy(connection, wanted, hands=hands, on_step=on_step)
            written = aside.submit(copier.write_files, connection, wanted, hands=hands)
            kept = _create_views(connection, views, tables=tables)
            described = _describe(connection, views, tables=tables, kept=kept)
            on_step("the same as Parquet")
        hashes = written.result()
        [(state,)] = connection.rows(f"from ducklake_current_snapshot('{LAKE}')")
        snapshot = Snapshot(
            format_version=FORMAT_VERSION,
            made_by=f"angime {our_version()}",
            lake_snapshot=state,
            as_of=as_of,
            landed_until=landed_until.result(),
            has_personal_data=secret is None,
            tables={name: Table(rows=found.rows, hash=f"{found.total:x}") for name, found in sorted(hashes.items())},
            views=tuple(view.relation for view in kept),
        )
        connection.use_threads(hands)
        connection.execute(f"use {FOLDED}; checkpoint {OUT}; detach {OUT}")
    (folder / "views.sql").write_text(_as_views(snapshot.tables, kept), encoding="utf-8")
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(snapshot), indent=2) + b"\n")
    dbt.write_project(folder / "dbt", described, keys=_keys(views), database=f"../{DATABASE}")
    unfinished.rename(folder / DATABASE)
    return snapshot


def _built(connection: Connection, views: Sequence[View]) -> dict[str, int]:
    """Give the tables that are there, with about the bytes of their files.

    Raises NotYet for a warehouse that another version of ours has built, which lacks tables or columns of today.
    """
    # The engine's own list of tables or columns would read the statistics of each table, or bind each view. Nor is the
    # name bound: for the first parameter of a process, the engine's client loads what it can find of pandas.
    listed = f"""
        select schema_name || '.' || table_name, file_size_bytes, list(column_name)
        from ducklake_table_info('{LAKE}')
        join __ducklake_metadata_{LAKE}.ducklake_schema as layers using (schema_id)
        join __ducklake_metadata_{LAKE}.ducklake_column as columns using (table_id)
        where layers.end_snapshot is null and columns.end_snapshot is null and columns.parent_column is null
        group by all
    """  # noqa: S608  # our own name
    found = {relation: (size, columns) for relation, size, columns in connection.rows(listed)}
    tables = {f"reference.{name}" for name in reference.TABLES} | {view.relation for view in views if view.is_table}
    wanted = {(one.relation, one.column) for one in entries(views) if one.relation in tables and one.column}
    there = {(relation, column) for relation, (_, columns) in found.items() for column in columns}
    if missing := sorted(wanted - there):
        relation, column = missing[0]
        lacks = f"{relation}.{column}" if relation in found else relation
        raise NotYet(
            f"another version of Angime built this warehouse, which lacks {lacks}: "
            "start `angime land`, or `angime rebuild`, with this one first"
        )
    return {relation: size for relation, (size, _) in found.items()}


def _fold(connection: Connection, views: Sequence[View], *, as_of: Instant) -> None:
    """Run every SQL file over the part of the log that was landed by `as_of`, in memory."""
    for layer in ("log", "staging", *LAYERS):
        connection.execute(f"create schema {layer}")
    connection.create_view(
        "log.events",
        f"select * from {LAKE}.log.events where landed_at <= cast({quoted(as_of)} as timestamptz)",  # noqa: S608
    )
    for table in reference.TABLES:
        connection.create_view(f"reference.{table}", f"select * from {LAKE}.reference.{table}")  # noqa: S608
    for view in views:
        if view.layer in {"staging", *LAYERS}:
            kind = "table" if view.is_table else "view"
            connection.execute(f"create {kind} {view.relation} as\n{view.select}")


def _wanted(views: Sequence[View], *, sizes: Mapping[str, int], but: Collection[str]) -> list[Wanted]:
    """Name the tables of a snapshot, the largest first: one copied last would be waited for alone.

    Views are none, `but` some.
    """
    listed = [Wanted(relation=f"reference.{name}") for name in reference.TABLES]
    listed += [
        Wanted(relation=view.relation, time=view.time, key=view.key)
        for view in views
        if _is_kept(view) or view.relation in but
    ]
    wanted = [structs.replace(one, size_bytes=sizes.get(one.relation, 0)) for one in listed]
    return sorted(wanted, key=lambda one: (-one.size_bytes, one.relation))


def _told_by_texts(views: Sequence[View]) -> frozenset[str]:
    """Name the views that read columns which are emptied: their rows are copied, for nothing could tell them then."""
    emptied: dict[str, set[str]] = {}
    for one in entries(views):
        if one.column and treatment(one.column, one.type, relation=one.relation) == "emptied":
            emptied.setdefault(one.relation, set()).add(one.column)
    return frozenset(
        view.relation
        for view in views
        if view.layer in LAYERS
        and not _is_kept(view)
        and any(emptied.get(read, set()) & set(_WORD.findall(view.select)) for read in view.reads)
    )


def _is_kept(view: View) -> bool:
    """Whether a table's rows are kept; one that only repeats another's, sorted for seeking, becomes a view on it."""
    return view.is_table and not view.is_index


def _create_views(connection: Connection, views: Sequence[View], *, tables: Iterable[str]) -> list[View]:
    """Create the views that read nothing but what the snapshot holds; names in them hold wherever it is opened."""
    there = set(tables)
    kept: list[View] = []
    connection.execute(f"use {OUT}")
    for view in views:
        if view.layer in LAYERS and not _is_kept(view) and view.relation not in there and set(view.reads) <= there:
            connection.create_view(view.relation, view.select)
            there.add(view.relation)
            kept.append(view)
    return kept


def _describe(
    connection: Connection, views: Sequence[View], *, tables: Iterable[str], kept: Iterable[View]
) -> dict[str, list[Entry]]:
    """Say in the file what each relation and each column means, and give what was said."""
    are_views = {view.relation for view in kept}
    there = {*tables, *are_views}
    listed = groupby((one for one in entries(views) if one.relation in there), key=lambda one: one.relation)
    described = {relation: list(of_relation) for relation, of_relation in listed}
    with transaction(connection):
        for relation, said in described.items():
            connection.execute(comments_of(said, place=f"{OUT}.{relation}", is_view=relation in are_views))
    return described


def _keys(views: Sequence[View]) -> dict[str, tuple[str, ...]]:
    return {view.relation: view.key for view in views if view.key}


def _every(folder: Path) -> str:
    return quoted(f"{folder.as_posix()}/*.parquet")


def _as_views(tables: Iterable[str], views: Iterable[View]) -> str:
    """Write what makes of the Parquet files the names that the DuckDB file holds."""
    lines = ["-- Run it in this folder: duckdb -init views.sql", *(f"create schema {layer};" for layer in LAYERS)]
    lines += [
        f"create view {relation} as select * from read_parquet({_every(Path(PARQUET) / relation)});"  # noqa: S608
        for relation in tables
    ]
    lines += [f"create view {view.relation} as\n{view.select};" for view in views]
    return "\n".join(lines) + "\n"


def _landed_until(connection: DuckConnection, *, as_of: Instant | None) -> Instant | None:
    """Look for the newest row of the log: first where the catalog says that the newest file begins, then everywhere."""
    until = f"landed_at <= cast({quoted(as_of)} as timestamptz)" if as_of is not None else "true"
    with closing(connection.beside()) as session:
        [(begins,)] = session.rows(_BEGINS.format(until=until))
        for among in (*([f"landed_at >= {quoted(begins)}"] if begins else []), "true"):
            [(landed,)] = session.rows(f"select max(landed_at) from {LAKE}.{STORED} where {among} and {until}")  # noqa: S608
            if landed:
                return instant(landed)
    return None
