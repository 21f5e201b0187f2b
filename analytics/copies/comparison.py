"""Two warehouses over one log, compared: which numbers differ, by how much, and in which rows."""

from collections.abc import Callable, Sequence
from typing import Any

from msgspec import Struct

from analytics.connection import Connection
from analytics.progress import Pace
from analytics.views import View, read_views
from analytics.warehouse import AnalyticsSettings, open_side_by_side, prove_there
from schemas.errors import Misconfigured

A, B = "a", "b"
MAX_ROWS = 20
NUMBERS = ("tinyint", "smallint", "integer", "bigint", "hugeint", "double", "float", "decimal")


class Difference(Struct, frozen=True, kw_only=True):
    """A column of a table that is not the same in both; `change` sums B less A over the rows that differ.

    Without a column it is whole rows: `rows` stand on one side only, of which `only` says which one.
    """

    table: str
    column: str = ""
    only: str = ""
    rows: int
    change: float | None = None
    examples: tuple[dict[str, Any], ...] = ()


def compare(
    a: AnalyticsSettings,
    b: AnalyticsSettings,
    *,
    most: int = MAX_ROWS,
    on_step: Callable[[str], None] = lambda _: None,
) -> list[Difference]:
    """Compare every table of facts and reports row by row, by its key; `most` rows are given of each difference.

    A table that only one side has is left out. `on_step` hears now and then how far it is. Raises NotThere where a
    warehouse is not there, Misconfigured where both are the same one.
    """
    if prove_there(a).place == prove_there(b).place:
        raise Misconfigured(
            "this is one warehouse twice, of which every row is the same: name another, as `angime replay --into NAME` "
            "builds one"
        )
    found: list[Difference] = []
    with open_side_by_side({A: a, B: b}) as connection:
        views = [view for view in read_views() if view.is_table and view.key and _is_on_both(connection, view)]
        rows = [_rows(connection, view) for view in views]
        progress = Pace(on_step, of="rows")
        for number, view in enumerate(views, start=1):
            found += _of_table(connection, view, most=most)
            progress.tell(sum(rows[:number]), sum(rows))
    return found


def _rows(connection: Connection, view: View) -> int:
    [(a, b)] = connection.rows(f"select (select count(*) from {A}.{view.relation}), count(*) from {B}.{view.relation}")  # noqa: S608  # ours
    return a + b


def _is_on_both(connection: Connection, view: View) -> bool:
    [(count,)] = connection.rows(
        "select count(distinct database_name) from duckdb_tables() "
        "where database_name in (?, ?) and schema_name = ? and table_name = ?",
        [A, B, view.layer, view.name],
    )
    return count == 2


def _of_table(connection: Connection, view: View, *, most: int) -> list[Difference]:
    shared = [column for column in _columns(connection, view) if column[0] not in view.key]
    found = [*_only(connection, view, side=A, other=B, most=most), *_only(connection, view, side=B, other=A, most=most)]
    if not shared:
        return found
    counted = ", ".join(
        f'count(*) filter (where {A}_."{name}" is distinct from {B}_."{name}"), {_change(name, type_)}'
        for name, type_ in shared
    )
    [figures] = connection.rows(f"select {counted} from {_joined(view)}")  # noqa: S608  # names of our own tables
    for place, (name, _) in enumerate(shared):
        rows, change = figures[2 * place], figures[2 * place + 1]
        if rows:
            examples = _examples(connection, view, column=name, most=most)
            found.append(Difference(table=view.relation, column=name, rows=rows, change=change, examples=examples))
    return found


def _columns(connection: Connection, view: View) -> list[tuple[str, str]]:
    """Columns that both sides have, with their type."""
    return connection.rows(
        """
        select column_name, lower(any_value(data_type)) from duckdb_columns()
        where database_name in (?, ?) and schema_name = ? and table_name = ?
        group by column_name having count(*) = 2 order by min(column_index)
        """,
        [A, B, view.layer, view.name],
    )


def _change(name: str, type_: str) -> str:
    if not type_.startswith(NUMBERS) or type_.endswith("]"):
        return "null"
    return f'cast(sum(coalesce({B}_."{name}", 0) - coalesce({A}_."{name}", 0)) as double)'


def _joined(view: View) -> str:
    return f"{A}.{view.relation} as {A}_ join {B}.{view.relation} as {B}_ on {_same_key(view.key)}"


def _same_key(key: Sequence[str]) -> str:
    return " and ".join(f'{A}_."{name}" is not distinct from {B}_."{name}"' for name in key)


def _only(connection: Connection, view: View, *, side: str, other: str, most: int) -> list[Difference]:
    key = ", ".join(f'{side}_."{name}"' for name in view.key)
    lonely = (
        f"from {side}.{view.relation} as {side}_ "  # noqa: S608  # names of our own tables
        f"where not exists (select 1 from {other}.{view.relation} as {other}_ where {_same_key(view.key)})"
    )
    [(rows,)] = connection.rows(f"select count(*) {lonely}")
    if not rows:
        return []
    examples = tuple(connection.frame(f"select {key} {lonely} order by all limit {most}").to_dicts())
    return [Difference(table=view.relation, only=side, rows=rows, examples=examples)]


def _examples(connection: Connection, view: View, *, column: str, most: int) -> tuple[dict[str, Any], ...]:
    key = ", ".join(f'{A}_."{name}"' for name in view.key)
    frame = connection.frame(
        f'select {key}, {A}_."{column}" as {A}, {B}_."{column}" as {B} from {_joined(view)} '  # noqa: S608
        f'where {A}_."{column}" is distinct from {B}_."{column}" order by all limit {most}'
    )
    return tuple(frame.to_dicts())
