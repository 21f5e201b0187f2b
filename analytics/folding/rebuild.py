"""Rebuild: facts and reports are made anew from the log, beside their readers, and shown to be the same."""

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from hashlib import sha256
from pathlib import Path
from typing import TypedDict

from msgspec import Struct, structs

from analytics.company import reference
from analytics.connection import Connection, counted, settle, transaction
from analytics.dictionary import write_dictionary
from analytics.folding import slices
from analytics.folding.histories import IDENTITIES
from analytics.folding.slices import OnStep
from analytics.progress import Pace
from analytics.search.stems import MACROS
from analytics.views import View, with_inputs
from schemas.company import Company

# Rows in a group of a report's file: of a company with some hundred groups of calls a day, those of a week.
ROWS_OF_A_REPORT = 2_048
# Of so many rows facts of contacts are folded at once: what they sort and join takes some 200 bytes of memory a row.
ROWS_AT_ONCE = 3_000_000
BETWEEN = ":"  # the two parts of a fingerprint, as it is written down


class TableHash(Struct, frozen=True):
    """The rows of a table whatever their order: how many, and the sum of their hashes."""

    rows: int
    total: int


class Fingerprint(Struct, frozen=True):
    """What a warehouse was made by: its `facts`, and all that is `shown`, with what is said of it."""

    facts: str
    shown: str


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


def fingerprint(views: Sequence[View], *, companies: Sequence[Company]) -> Fingerprint:
    """Name what the facts are built by (texts, stems of words, company data), and with it all that only shows them."""
    built_by: set[str] = set()
    for view in reversed(views):  # each comes after all that it reads
        if view.is_table or view.relation in built_by:
            built_by |= {view.relation, *view.reads}
    folded = [_without_words(view) for view in views if view.relation in built_by]
    rows = [f"{name}\n{frame.rows()}" for name, frame in reference.frames(companies).items()]
    return Fingerprint(facts=_digest([*map(repr, folded), MACROS, *rows]), shown=_digest(map(repr, views)))


def read_fingerprint(connection: Connection) -> Fingerprint | None:
    """Give the fingerprint of the last build: None when there was none, of no facts when they fell behind after it."""
    rows = connection.rows("select fingerprint from log.builds order by built_at desc, fingerprint limit 1")
    if not rows:
        return None
    facts, _, shown = rows[0][0].partition(BETWEEN)
    return Fingerprint(facts=facts, shown=shown)


def mark_behind(connection: Connection) -> None:
    """Write down that the facts are behind the log: whoever opens the warehouse next builds them anew."""
    connection.execute("insert into log.builds values ('', now())")


def show(connection: Connection, views: Sequence[View], *, companies: Sequence[Company]) -> None:
    """Make the views anew over facts that stay as they are, in one transaction."""
    with transaction(connection):
        _make_views(connection, views)
        write_dictionary(connection, views)
        now = _written(fingerprint(views, companies=companies))
        connection.execute(
            "update log.builds set fingerprint = ? where built_at = (select max(built_at) from log.builds)", [now]
        )


def rebuild(  # noqa: PLR0913  # how it is built, told apart by name
    connection: Connection,
    views: Sequence[View],
    *,
    companies: Sequence[Company],
    folder: Path,
    memory_mib: int,
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
        before = _hashes(connection, whole, of="the rows of before", on_step=on_step) if verify else {}
        for relation in sorted(damaged & {f"reference.{name}" for name in reference.TABLES}):
            connection.execute(f"drop table if exists {relation}")
        reference.load(connection, companies)
        rows = _make(connection, views, folder=folder, memory_mib=memory_mib, companies=companies, on_step=on_step)
        write_dictionary(connection, views)
        after = _hashes(connection, list(before), of="the new rows", on_step=on_step) if verify else {}
        same = {relation: after[relation] == before[relation] for relation in before}
        same |= dict.fromkeys(damaged, False) if verify else {}
        built_by = _written(fingerprint(views, companies=companies))
        connection.execute("insert into log.builds values (?, now())", [built_by])
    return [Rebuilt(table=relation, rows=rows[relation], same=same.get(relation)) for relation in tables]


def _hashes(connection: Connection, relations: Sequence[str], *, of: str, on_step: OnStep) -> dict[str, TableHash]:
    """Hash tables one by one; of many rows it is told how far it is, for that takes as long as to fold them."""
    on_step(f"{of} are hashed")
    sizes = {relation: counted(connection, f"select count(*) from {relation}") for relation in relations}  # noqa: S608
    hashes: dict[str, TableHash] = {}
    progress = Pace(on_step, of="rows")
    for relation in relations:
        hashes[relation] = table_hash(connection, relation)
        progress.tell(sum(sizes[done] for done in hashes), sum(sizes.values()))
    return hashes


def _make(  # noqa: PLR0913  # as `rebuild`
    connection: Connection,
    views: Sequence[View],
    *,
    folder: Path,
    memory_mib: int,
    companies: Sequence[Company],
    on_step: OnStep,
) -> dict[str, int]:
    """Make every view and every table; gives how many rows each table has."""
    _drop_those_of_another_kind(connection, views)
    for view in views:
        if view.is_table:
            _create_table(connection, view)
    _make_views(connection, views)
    told: dict[str, int] = dict(connection.rows("select type, count(*) from log.events group by type"))
    rows = dict.fromkeys((view.relation for view in views if view.is_table), 0)
    if told:
        reference.hold(connection, companies)
        rows |= slices.fold(connection, views, told=told, folder=folder, memory_mib=memory_mib, on_step=on_step)
    for view in views:
        if told and view.is_table and not slices.is_folded(view) and all(rows.get(name) != 0 for name in view.needs):
            on_step(view.relation)
            selects = _by_contacts(view, rows)
            rows[view.relation] = sum(slices.fill_whole(connection, view, select, folder=folder) for select in selects)
    return rows


def _make_views(connection: Connection, views: Sequence[View]) -> None:
    for view in views:
        if not view.is_table:
            connection.create_view(view.relation, view.select)


def _by_contacts(view: View, rows: Mapping[str, int]) -> list[str]:
    """Compose a fact of contacts for a part of them at a time, as a refresh does for those of a batch."""
    parts = 1 + max(rows.get(relation, 0) for relation in view.reads) // ROWS_AT_ONCE
    if not view.is_of_contacts or view.relation == IDENTITIES or parts == 1:
        return [view.select]
    some = f"select * from {IDENTITIES} where hash(contact_id) % {parts} ="  # noqa: S608  # our own names
    return [with_inputs(view.select, inputs=[(IDENTITIES, f"{some} {number}")]) for number in range(parts)]


def _drop_those_of_another_kind(connection: Connection, views: Sequence[View]) -> None:
    """Drop what an earlier version kept as a table and is a view now, or the other way round."""
    tables, others = connection.tables(), connection.views()
    for view in views:
        if view.relation in (others if view.is_table else tables):
            connection.execute(f"drop {'view' if view.is_table else 'table'} {view.relation}")


def _create_table(connection: Connection, view: View) -> None:
    if view.sorted_by:
        connection.execute(f"delete from {view.relation}")  # noqa: S608  # our own name
        return
    connection.execute(f"drop table if exists {view.relation}; create table {view.relation} ({view.declared})")
    if view.time:
        if view.parted_by:
            connection.part(view.relation, by=view.parted_by, parts=("year", "month"))
        connection.sort(view.relation, by=view.time)
    settle(connection, view.relation)


def _make_seekable(connection: Connection, view: View, *, is_damaged: bool) -> None:
    """Create, where it is not there as declared, a table in which rows are sought by an id or a day.

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
    if view.is_index:
        connection.sort_for_seeking(view.relation, by=view.sorted_by)
    else:
        connection.sort_for_seeking(view.relation, by=view.sorted_by, rows=ROWS_OF_A_REPORT)
    # The lists of a day's calls are written anew with each batch. And where rows of the catalog are flushed into a file
    # that is sorted by a number, DuckLake takes those that were deleted for others: it counts them in the order of
    # texts, as which the catalog holds large numbers.
    connection.keep_in_files(view.relation)


def _without_words(view: View) -> View:
    """Leave out what only tells people of a view: no row depends on it."""
    columns = tuple(structs.replace(column, unit="", meaning="") for column in view.columns)
    return structs.replace(view, grain="", columns=columns)


def _digest(texts: Iterable[str]) -> str:
    return sha256("\n".join(texts).encode()).hexdigest()


def _written(found: Fingerprint) -> str:
    return f"{found.facts}{BETWEEN}{found.shown}"
