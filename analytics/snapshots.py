"""Snapshots: the warehouse as it was at a moment, as one DuckDB file and a folder of Parquet, for any DuckDB to open.

A snapshot is made while everything runs: it reads one state of the lake. `as_of` folds what was landed by then anew, so
that the same moment gives the same rows whenever it is asked for.
"""

from collections.abc import Callable, Iterable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import msgspec
from msgspec import Struct

from analytics import dbt, reference
from analytics.connection import Connection
from analytics.log import quoted
from analytics.personal import treatment
from analytics.rebuild import table_hash
from analytics.views import View, read_views
from analytics.warehouse import AnalyticsSettings, open_reader, open_side_by_side
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant, instant

FORMAT_VERSION = 1
DATABASE = "angime.duckdb"
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
    with open_reader(settings) as reader:
        state = reader.snapshot_id()
    views = read_views()
    with open_side_by_side({LAKE: settings}, snapshot=state) as connection:
        _check_built(connection, views)
        connection.execute(f"attach {quoted(str(folder.resolve() / DATABASE))} as {OUT}")
        if as_of is not None:
            on_step("folding what was landed by then")
            _fold(connection, views, as_of=as_of)
        source = LAKE if as_of is None else FOLDED
        tables = _copy_tables(connection, views, source=source, secret=secret, on_step=on_step)
        kept = _create_views(connection, views, tables=tables)
        on_step("Parquet")
        _write_parquet(connection, folder, tables=tables, views=kept)
        hashes = {name: table_hash(connection, f"{OUT}.{name}") for name in tables}
        snapshot = Snapshot(
            format_version=FORMAT_VERSION,
            made_by=_made_by(),
            lake_snapshot=state,
            as_of=as_of,
            landed_until=_landed_until(connection, as_of=as_of),
            has_personal_data=secret is None,
            tables={name: Table(rows=found.rows, hash=f"{found.total:x}") for name, found in hashes.items()},
            views=tuple(view.relation for view in kept),
        )
        connection.execute(f"use {FOLDED}; detach {OUT}")
    (folder / "manifest.json").write_bytes(msgspec.json.format(msgspec.json.encode(snapshot), indent=2) + b"\n")
    dbt.write_project(folder / "dbt", views, relations=[*tables, *snapshot.views], database=f"../{DATABASE}")
    return snapshot


def _check_built(connection: Connection, views: Sequence[View]) -> None:
    """Raise NotYet for a warehouse that another version of ours has built, which lacks tables of today."""
    there = {
        f"{schema}.{table}"
        for schema, table in connection.rows(
            "select schema_name, table_name from duckdb_tables() where database_name = ?", [LAKE]
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
    """Copy every table, its rows in the order of its key, and what its header says of it."""
    meant = [(f"reference.{name}", (), "") for name in reference.TABLES]
    meant += [(view.relation, view.key, view.grain) for view in views if view.is_table]
    for layer in LAYERS:
        connection.execute(f"create schema {OUT}.{layer}")
    for relation, key, grain in meant:
        on_step(relation)
        order = ", ".join([*(f'"{name}"' for name in key), "all"] if not key else [f'"{name}"' for name in key])
        columns = _columns(connection, f"{source}.{relation}", secret=secret)
        connection.execute(
            f"create table {OUT}.{relation} as select {columns} from {source}.{relation} order by {order}"  # noqa: S608
        )
        if grain:
            connection.execute(f"comment on table {OUT}.{relation} is {quoted(grain)}")
    for view in views:
        for column in view.columns if view.is_table else ():
            meaning = f"{column.meaning} ({column.unit})" if column.unit else column.meaning
            connection.execute(f'comment on column {OUT}.{view.relation}."{column.name}" is {quoted(meaning)}')
    return [relation for relation, _, _ in meant]


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
        if view.layer in LAYERS and not view.is_table and set(view.reads) <= there:
            connection.create_view(view.relation, view.select)
            connection.execute(f"comment on view {view.relation} is {quoted(view.grain)}")
            there.add(view.relation)
            kept.append(view)
    return kept


def _write_parquet(connection: Connection, folder: Path, *, tables: Sequence[str], views: Sequence[View]) -> None:
    """Write each table as one file, and `views.sql`, which makes of them what the DuckDB file holds."""
    lines = ["-- Run it in this folder: duckdb -init views.sql", *(f"create schema {layer};" for layer in LAYERS)]
    for relation in tables:
        file = Path("parquet") / f"{relation}.parquet"
        (folder / file).parent.mkdir(exist_ok=True)
        connection.execute(
            f"copy {OUT}.{relation} to {quoted(str((folder / file).resolve()))} (format parquet, compression zstd)"
        )
        lines.append(f"create view {relation} as select * from read_parquet({quoted(file.as_posix())});")  # noqa: S608
    lines += [f"create view {view.relation} as\n{view.select};" for view in views]
    (folder / "views.sql").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _landed_until(connection: Connection, *, as_of: Instant | None) -> Instant | None:
    [(landed,)] = connection.rows(
        f"select max(landed_at) from {LAKE}.log.events where landed_at <= coalesce(?, landed_at)",  # noqa: S608
        [as_of],
    )
    return instant(landed) if landed else None


def _made_by() -> str:
    try:
        return f"angime {version('angime')}"
    except PackageNotFoundError:
        return "angime from source"
