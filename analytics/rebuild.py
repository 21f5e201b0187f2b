"""Rebuild: facts and reports are made anew from the log, beside their readers, and shown to be the same."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256
from typing import TypedDict

from msgspec import Struct

from analytics import reference
from analytics.connection import Connection, settle, transaction
from analytics.dictionary import write_dictionary
from analytics.stems import MACROS
from analytics.views import View, are_told, with_inputs
from schemas.company import Company

OnStep = Callable[[str], None]

# A fold holds what it knows of all its entities at once, about two kilobytes of each: so many events fit into memory.
SLICE_EVENTS = 2_000_000


class TableHash(Struct, frozen=True):
    """The rows of a table whatever their order: how many, and the sum of their hashes."""

    rows: int
    total: int


class Rebuilt(TypedDict):
    """One table that was made anew: its rows, and, when verified, whether they are the very rows of before."""

    table: str
    rows: int
    same: bool | None


def table_hash(connection: Connection, relation: str) -> TableHash:
    """Hash all rows of a table or view; equal for equal rows in any order, under one version of DuckDB."""
    [(rows, total)] = connection.rows(
        f"select count(*), coalesce(sum(hash(counted)::hugeint), 0)::hugeint from {relation} as counted"  # noqa: S608
    )
    return TableHash(rows=rows, total=total)


def fingerprint(views: Sequence[View], *, companies: Sequence[Company]) -> str:
    """Name what the facts are built by: the texts, the stems of words, and the company data that they read."""
    texts = [f"{view.relation}\n{view.select}\n{view.columns}" for view in views]
    rows = [f"{name}\n{frame.rows()}" for name, frame in reference.frames(companies).items()]
    return sha256("\n".join([*texts, MACROS, *rows]).encode()).hexdigest()


def read_fingerprint(connection: Connection) -> str:
    """Give the fingerprint of the last build, empty when there was none."""
    rows = connection.rows("select fingerprint from log.builds order by built_at desc, fingerprint limit 1")
    return rows[0][0] if rows else ""


def mark_behind(connection: Connection) -> None:
    """Write down that the facts are behind the log: whoever opens the warehouse next builds them anew."""
    connection.execute("insert into log.builds values ('', now())")


def rebuild(  # noqa: PLR0913  # how it is built, told apart by name
    connection: Connection,
    views: Sequence[View],
    *,
    companies: Sequence[Company],
    damaged: AbstractSet[str] = frozenset(),
    verify: bool = False,
    on_step: OnStep = lambda _: None,
) -> list[Rebuilt]:
    """Load company data and make every view and every table of facts and reports anew, in one transaction.

    Readers see the old rows until the end. With `verify` the tables are hashed before as well; else `same` is None.
    What is `damaged`, company data too, is not read: it was not the same.
    """
    tables = [view.relation for view in views if view.is_table]
    for view in views:
        if view.sorted_by:
            _make_seekable(connection, view, is_damaged=view.relation in damaged)
    with transaction(connection):
        whole = [relation for relation in tables if relation not in damaged]
        before = {relation: table_hash(connection, relation) for relation in whole} if verify else {}
        for relation in sorted(damaged & {f"reference.{name}" for name in reference.TABLES}):
            connection.execute(f"drop table if exists {relation}")
        reference.load(connection, companies)
        rows = _make(connection, views, on_step=on_step)
        write_dictionary(connection, views)
        same = {relation: table_hash(connection, relation) == before[relation] for relation in before}
        same |= dict.fromkeys(damaged, False) if verify else {}
        connection.execute("insert into log.builds values (?, now())", [fingerprint(views, companies=companies)])
    return [Rebuilt(table=relation, rows=rows[relation], same=same.get(relation)) for relation in tables]


def _make(connection: Connection, views: Sequence[View], *, on_step: OnStep) -> dict[str, int]:
    """Make every view and every table, each after those that it reads; gives how many rows each table has.

    To open the files of a long log costs as much as to fold a few events. So a staging view that several others read is
    put into a temporary table, from its first reader to its last, and what needs events that were never told is left
    empty: of a new warehouse, everything. A large log is folded in slices, each of some of the entities.
    """
    told: dict[str, int] = dict(connection.rows("select type, count(*) from log.events group by type"))
    columns = {view.relation: {column.name for column in view.columns} for view in views}
    readers = _readers_of_shared(views)
    built: list[tuple[str, str]] = []
    rows: dict[str, int] = {}
    for view in views:
        on_step(view.relation)
        if view.is_table:
            _create_table(connection, view)
            selects = (
                _selects(view, built=built, told=told, columns=columns) if _can_have_rows(view, told, rows) else []
            )
            rows[view.relation] = _fill(connection, view.relation, selects)
        else:
            connection.create_view(view.relation, view.select)
        if view.relation in readers and are_told(told, view.events):
            first, *others = _selects(view, built=built, told=told, columns=columns)
            connection.execute(f"create or replace temp table built_{view.name} as {first}")
            _fill(connection, f"built_{view.name}", others)
            built.append((view.relation, f"select * from built_{view.name}"))  # noqa: S608  # our own names
        for relation, select in tuple(built):
            if readers[relation][-1] == view.relation:
                connection.execute(f"drop table built_{relation.removeprefix('staging.')}")
                built.remove((relation, select))
    return rows


def _readers_of_shared(views: Sequence[View]) -> dict[str, list[str]]:
    """Find who reads the staging views that are folded from other ones, where several do, in the order of `views`."""
    readers = {
        view.relation: [
            other.relation
            for other in views
            if view.relation in other.reads and (other.is_table or other.layer == "staging")
        ]
        for view in views
        if view.layer == "staging" and any(relation.startswith("staging.") for relation in view.reads)
    }
    return {relation: listed for relation, listed in readers.items() if len(listed) > 1}


def _can_have_rows(view: View, told: Mapping[str, int], rows: Mapping[str, int]) -> bool:
    """Whether what a table needs is there: events of its types, or rows of the facts that it is folded from."""
    if view.events:
        return are_told(told, view.events) and (not view.needs or are_told(told, view.needs))
    return bool(told) and all(rows[relation] for relation in view.needs)


def _create_table(connection: Connection, view: View) -> None:
    if view.sorted_by:
        connection.execute(f"delete from {view.relation}")  # noqa: S608  # our own name
        return
    connection.execute(f"drop table if exists {view.relation}; create table {view.relation} ({view.declared})")
    if view.time:
        connection.part(view.relation, by=view.time, parts=("year", "month"))
        connection.sort(view.relation, by=view.time)
    settle(connection, view.relation)


def _make_seekable(connection: Connection, view: View, *, is_damaged: bool) -> None:
    """Create, where it is not there as declared, a table in which rows are sought by an id.

    It stays through rebuilds: how its files are written cannot be said of a table that a transaction has just created.
    """
    with transaction(connection):
        if is_damaged:
            connection.execute(f"drop table if exists {view.relation}")
        connection.execute(f"create table if not exists {view.relation} ({view.declared})")
        if [name for name, *_ in connection.rows(f"describe {view.relation}")] != [one.name for one in view.columns]:
            connection.execute(f"drop table {view.relation}; create table {view.relation} ({view.declared})")
        if not connection.rows(f"select 1 from {view.relation} limit 1"):  # noqa: S608  # our own name
            settle(connection, view.relation)
    connection.sort_for_seeking(view.relation, by=view.sorted_by)


def _fill(connection: Connection, relation: str, selects: Iterable[str]) -> int:
    """Put the rows of these texts into a table; gives how many they are."""
    filled = 0
    for select in selects:
        [(rows,)] = connection.rows(f"insert into {relation} by name\n{select}")
        filled += rows
    return filled


def _selects(
    view: View, *, built: Sequence[tuple[str, str]], told: Mapping[str, int], columns: Mapping[str, AbstractSet[str]]
) -> list[str]:
    """Give the texts whose rows together are those of a view: one, or of many events one a slice of their entities.

    A slice is cut where all that the view reads names the entity, for then no row of one slice needs another slice.
    """
    entity = view.entity or (view.key[0] if view.key else "")
    reads = [relation for relation in view.reads if not relation.startswith("reference.")]
    events = sum(count for type_, count in told.items() if are_told([type_], view.events))
    slices = -(-events // SLICE_EVENTS)
    is_fold = any(relation.startswith("staging.") for relation in reads)
    if slices < 2 or not is_fold or not all(entity in columns.get(relation, ()) for relation in reads):
        return [_over(built, view)]
    sources = {relation: f"select * from {relation}" for relation in reads} | dict(built)  # noqa: S608  # our own names
    return [
        _over(
            [(relation, f"{sources[relation]} where hash({entity}) % {slices} = {slice_}") for relation in reads], view
        )
        for slice_ in range(slices)
    ]


def _over(inputs: Sequence[tuple[str, str]], view: View) -> str:
    """Compose the text of a view over what it reads of `inputs`."""
    is_touched = any(relation in view.reads for relation, _ in inputs)
    return with_inputs(view.select, inputs=inputs) if is_touched else view.select
