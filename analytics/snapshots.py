"""Snapshots: the warehouse as it was at a moment, as one DuckDB file and a folder of Parquet, for any DuckDB to open.

A snapshot is made while everything runs: it reads one state of the lake, whose own data files it copies where they hold
the very rows. `as_of` folds what was landed by then anew, so that the same moment gives the same rows, and the same
Parquet to the byte, whenever it is asked for.
"""

import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from msgspec import Struct

from analytics import dbt, reference
from analytics.connection import Connection, transaction
from analytics.log import quoted
from analytics.personal import treatment
from analytics.rebuild import TableHash, table_hash
from analytics.views import View, read_views
from analytics.warehouse import AnalyticsSettings, open_reader, open_side_by_side
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant, instant

FORMAT_VERSION = 3
DATABASE = "angime.duckdb"
# What any DuckDB since then opens; older forms are written slower.
STORAGE_VERSION = "v1.5.0"
PARQUET = "parquet"
LAKE, FOLDED, OUT = "lake", "memory", "snapshot"
# What analysts read. The log, what stands between it and the facts, and the checks stay where they are.
LAYERS = ("reference", "facts", "reports", "metrics")

OnStep = Callable[[str], None]


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
    """Write a snapshot into a new `folder`.

    With a `secret`, personal data is left out: contacts become names made with it, the same for the same contact, and
    texts that are not known to be plain are empty. Raises Misconfigured for a folder that holds something, NotYet
    where there is no warehouse.
    """
    if folder.exists() and any(folder.iterdir()):
        raise Misconfigured(f"{folder} is not empty: a snapshot wants a folder of its own")
    folder.mkdir(parents=True, exist_ok=True)
    views = read_views()
    # What is folded anew is written first, and no transaction may write into two databases: a state is named for both.
    state = _state_of(settings) if as_of is not None else None
    with open_side_by_side({LAKE: settings}, snapshot=state) as connection:
        # The engine keeps an order that was asked for; for rows as they come, that would cost as much again.
        connection.execute(f"set preserve_insertion_order = {as_of is not None}")
        file = quoted(str(folder.resolve() / DATABASE))
        connection.execute(f"attach {file} as {OUT} (storage_version '{STORAGE_VERSION}')")
        _check_built(connection, views)
        if as_of is not None:
            on_step("folding what was landed by then")
            _fold(connection, views, as_of=as_of)
        with transaction(connection):  # of one state of the lake, and synced to the disk once
            snapshot = _write(connection, views, folder=folder, as_of=as_of, secret=secret, on_step=on_step)
        connection.execute(f"use {FOLDED}; detach {OUT}")
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(snapshot), indent=2) + b"\n")
    dbt.write_project(folder / "dbt", views, relations=[*snapshot.tables, *snapshot.views], database=f"../{DATABASE}")
    return snapshot


def _write(  # noqa: PLR0913  # what `take` was asked for
    connection: Connection,
    views: Sequence[View],
    *,
    folder: Path,
    as_of: Instant | None,
    secret: bytes | None,
    on_step: OnStep,
) -> Snapshot:
    [(state,)] = connection.rows(f"from ducklake_current_snapshot('{LAKE}')")
    source = LAKE if as_of is None else FOLDED
    tables = _copy_tables(connection, views, source=source, secret=secret, on_step=on_step)
    kept = _create_views(connection, views, tables=tables)
    hashes = {name: table_hash(connection, f"{OUT}.{name}") for name in tables}
    on_step("Parquet")
    files = _Files(connection, folder / PARQUET, hashes=hashes, is_lake=as_of is None and secret is None)
    for relation in tables:
        files.write(relation)
    (folder / "views.sql").write_text(_as_views(tables, kept), encoding="utf-8")
    return Snapshot(
        format_version=FORMAT_VERSION,
        made_by=_made_by(),
        lake_snapshot=state,
        as_of=as_of,
        landed_until=_landed_until(connection, as_of=as_of),
        has_personal_data=secret is None,
        tables={name: Table(rows=found.rows, hash=f"{found.total:x}") for name, found in hashes.items()},
        views=tuple(view.relation for view in kept),
    )


def _state_of(settings: AnalyticsSettings) -> int:
    with open_reader(settings) as reader:
        return reader.snapshot_id()


def _check_built(connection: Connection, views: Sequence[View]) -> None:
    """Raise NotYet for a warehouse that another version of ours has built, which lacks tables of today."""
    there = {
        f"{schema}.{table}"
        for schema, table in connection.rows(
            f"select schema_name, table_name from duckdb_tables() where database_name = '{LAKE}'"  # noqa: S608
        )
    }
    wanted = {f"reference.{name}" for name in reference.TABLES} | {view.relation for view in views if view.is_table}
    missing = sorted(wanted - there)
    if missing:
        raise NotYet(
            f"another version of Angime built this warehouse, which lacks {missing[0]}: "
            "start `angime land`, or `angime rebuild`, with this one first"
        )


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


def _copy_tables(
    connection: Connection, views: Sequence[View], *, source: str, secret: bytes | None, on_step: OnStep
) -> list[str]:
    """Copy every table with what its header says of it: rows stand as the lake keeps them, or by key if folded."""
    meant = [(f"reference.{name}", (), "") for name in reference.TABLES]
    meant += [(view.relation, view.key, view.grain) for view in views if _is_kept(view)]
    for layer in LAYERS:
        connection.execute(f"create schema {OUT}.{layer}")
    for relation, key, grain in meant:
        on_step(relation)
        order = f"order by {', '.join(map(_named, key)) or 'all'}" if source == FOLDED else ""
        columns = _columns(connection, f"{source}.{relation}", secret=secret)
        connection.execute(
            f"create table {OUT}.{relation} as select {columns} from {source}.{relation} {order}"  # noqa: S608
        )
        if grain:
            connection.execute(f"comment on table {OUT}.{relation} is {quoted(grain)}")
    for view in views:
        for column in view.columns if _is_kept(view) else ():
            meaning = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
            connection.execute(f'comment on column {OUT}.{view.relation}."{column.name}" is {quoted(meaning)}')
    return [relation for relation, _, _ in meant]


def _is_kept(view: View) -> bool:
    """Whether a table's rows are kept; one that only repeats another's, sorted for seeking, becomes a view on it."""
    return view.is_table and not view.sorted_by


def _named(column: str) -> str:
    return f'"{column}"'


def _columns(connection: Connection, relation: str, *, secret: bytes | None) -> str:
    described = connection.rows(f"describe {relation}")
    if secret is None:
        return ", ".join(f'"{name}"' for name, *_ in described)
    listed: list[str] = []
    for name, type_, *_ in described:
        match treatment(name, type_):
            case "kept":
                listed.append(f'"{name}"')
            case "replaced":
                listed.append(f'left(sha256({quoted(secret.hex())} || "{name}"), 32) as "{name}"')
            case "emptied":
                listed.append(f'cast(null as {type_}) as "{name}"')
    return ", ".join(listed)


def _create_views(connection: Connection, views: Sequence[View], *, tables: Iterable[str]) -> list[View]:
    """Create the views that read nothing but what the snapshot holds; names in them hold wherever it is opened."""
    there = set(tables)
    kept: list[View] = []
    connection.execute(f"use {OUT}")
    for view in views:
        if view.layer in LAYERS and not _is_kept(view) and set(view.reads) <= there:
            connection.create_view(view.relation, view.select)
            connection.execute(f"comment on view {view.relation} is {quoted(view.grain)}")
            there.add(view.relation)
            kept.append(view)
    return kept


class _Files:
    """The Parquet files of a snapshot, a folder for each table."""

    def __init__(self, connection: Connection, folder: Path, *, hashes: Mapping[str, TableHash], is_lake: bool) -> None:
        self._connection = connection
        self._folder = folder
        self._hashes = hashes
        self._is_lake = is_lake

    def write(self, relation: str) -> None:
        """Write the files of a table: the lake's own, as they are, where these are its rows and nothing else."""
        folder = self._folder / relation
        folder.mkdir(parents=True)
        own = self._own(relation) if self._is_lake else []
        for number, file in enumerate(own):
            shutil.copyfile(file, folder / f"{number:05}.parquet")
        if not own:
            file = quoted(str((folder / "00000.parquet").resolve()))
            self._connection.execute(f"copy {OUT}.{relation} to {file} (format parquet, compression zstd)")

    def _own(self, relation: str) -> list[str]:
        """Name the data files of the lake's table where they hold its rows and no other; else none.

        Rows may be deleted from a file, or stand in the catalog, without a trace in the files. A row stays as it was
        written, so that files are whole of which as many rows are there as were written into them.
        """
        layer, _, name = relation.partition(".")
        files = self._connection.rows(
            f"select data_file, delete_file from ducklake_list_files('{LAKE}', '{name}', schema => '{layer}')"  # noqa: S608
        )
        if not files or any(deleted for _, deleted in files):
            return []
        there = dict(
            self._connection.rows(f"select filename, count(*) from {LAKE}.{relation} group by filename")  # noqa: S608
        )
        own = [file for file, _ in files]
        if there.keys() != set(own) or sum(there.values()) != self._hashes[relation].rows:
            return []
        written = self._connection.rows("select file_name, num_rows from parquet_file_metadata($1)", [own])
        return own if dict(written) == there else []


def _every(folder: Path) -> str:
    return quoted(f"{folder.as_posix()}/*.parquet")


def _as_views(tables: Sequence[str], views: Sequence[View]) -> str:
    """Write what makes of the Parquet files the names that the DuckDB file holds."""
    lines = ["-- Run it in this folder: duckdb -init views.sql", *(f"create schema {layer};" for layer in LAYERS)]
    lines += [
        f"create view {relation} as select * from read_parquet({_every(Path(PARQUET) / relation)});"  # noqa: S608
        for relation in tables
    ]
    lines += [f"create view {view.relation} as\n{view.select};" for view in views]
    return "\n".join(lines) + "\n"


def _landed_until(connection: Connection, *, as_of: Instant | None) -> Instant | None:
    until = f"where landed_at <= cast({quoted(as_of)} as timestamptz)" if as_of is not None else ""
    [(landed,)] = connection.rows(f"select max(landed_at) from {LAKE}.log.events {until}")  # noqa: S608
    return instant(landed) if landed else None


def _made_by() -> str:
    try:
        return f"angime {version('angime')}"
    except PackageNotFoundError:
        return "angime from source"
