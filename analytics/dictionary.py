"""The dictionary: what every table, view and column of the warehouse means, as rows, as comments, and as a page."""

from collections.abc import Sequence
from itertools import groupby

import polars as pl
from msgspec import Struct

from analytics import log
from analytics.company import reference
from analytics.connection import Connection, handed_in
from analytics.log import quoted
from analytics.views import View, read_views

LAYER_MEANINGS = {
    "log": "the truth: every event that was landed, for ever",
    "reference": "company data, from the company files",
    "staging": "one view a kind of event: typed and named",
    "facts": "one table a grain, folded from the events",
    "reports": "what a page or an analyst reads",
    "metrics": "the catalogue of metrics, and every metric of every day",
    "checks": "rows that should not exist",
}


class Entry(Struct, frozen=True):
    """A column, or, where `column` is empty, the relation itself: then `meaning` says what one row is."""

    relation: str
    position: int
    column: str
    type: str
    unit: str
    meaning: str


def entries(views: Sequence[View]) -> list[Entry]:
    """List every relation, each followed by its columns, in the order of the layers."""
    listed: list[Entry] = []
    for relation, (grain, columns) in log.TABLES.items():
        listed += _of_table(relation, grain, [(name, type_, "", meaning) for name, type_, meaning in columns])
    for name, (grain, typed) in reference.TABLES.items():
        columns = [(column, type_, "", meaning) for column, (type_, meaning) in typed.items()]
        listed += _of_table(f"reference.{name}", grain, columns)
    listed += _of_table("reference.dictionary", _GRAIN, [(name, type_, "", text) for name, type_, text in _COLUMNS])
    for view in views:
        columns = [(column.name, column.type, column.unit, column.meaning) for column in view.columns]
        listed += _of_table(view.relation, view.grain, columns)
    return listed


def write_dictionary(connection: Connection, views: Sequence[View]) -> None:
    """Write the dictionary into `reference.dictionary`, and as comments into the catalog.

    A column of a view can carry no comment in DuckLake: its meaning stands in the comment of the view.
    """
    listed = entries(views)
    columns = ", ".join(f'"{name}" {type_}' for name, type_, _ in _COLUMNS)
    connection.execute(f"drop table if exists reference.dictionary; create table reference.dictionary ({columns})")
    rows = [(one.relation, one.position, one.column, one.type, one.unit, one.meaning) for one in listed]
    with handed_in(connection, "meanings", pl.DataFrame(rows, schema=[name for name, _, _ in _COLUMNS], orient="row")):
        connection.execute("insert into reference.dictionary from meanings")
    viewed = {"log.events", *(view.relation for view in views if not view.is_table)}
    for relation, group in groupby(listed, key=lambda one: one.relation):
        _comment(connection, relation, list(group), is_view=relation in viewed)


def comments_of(described: Sequence[Entry], *, place: str, is_view: bool = False) -> str:
    """Write the statements that say of a relation, and of each of its columns, what it means."""
    grain, *columns = described
    comments = [f"comment on {'view' if is_view else 'table'} {place} is {quoted(grain.meaning)}"]
    comments += [f'comment on column {place}."{one.column}" is {quoted(_said(one))}' for one in columns]
    return ";\n".join(comments)


def describe_views() -> str:
    """Print every relation as Markdown, layer by layer."""
    lines: list[str] = []
    for layer, of_layer in groupby(entries(read_views()), key=lambda one: one.relation.partition(".")[0]):
        lines += [f"\n## {layer}\n", f"{LAYER_MEANINGS[layer].capitalize()}.\n"]
        for one in of_layer:
            if one.column:
                unit = f" ({one.unit})" if one.unit else ""
                lines.append(f"| `{one.column}` | {one.type} | {one.meaning}{unit} |")
            else:
                lines += [f"\n### {one.relation}\n", f"{one.meaning}\n", "| column | type | meaning |", "|---|---|---|"]
    return "\n".join(lines) + "\n"


_GRAIN = "One row a relation, and one a column of it."
_COLUMNS = (
    ("relation", "varchar", "layer and name of a table or view"),
    ("position", "integer", "place of the column, from 1; 0 is the relation itself"),
    ("column", "varchar", "name of the column, empty for the relation itself"),
    ("type", "varchar", "type of the column"),
    ("unit", "varchar", "unit of the column, empty where it has none"),
    ("meaning", "varchar", "what it holds; of a relation, what one row is"),
)


def _of_table(relation: str, grain: str, columns: Sequence[tuple[str, str, str, str]]) -> list[Entry]:
    return [
        Entry(relation, 0, "", "", "", grain),
        *(Entry(relation, position, *column) for position, column in enumerate(columns, start=1)),
    ]


def _comment(connection: Connection, relation: str, described: Sequence[Entry], *, is_view: bool) -> None:
    if is_view:
        grain, *columns = described
        listed = "\n".join([grain.meaning, "", *(f"{one.column}: {_said(one)}" for one in columns)])
        connection.execute(f"comment on view {relation} is {quoted(listed)}")
    else:
        connection.execute(comments_of(described, place=relation))


def _said(column: Entry) -> str:
    return f"{column.unit}: {column.meaning}" if column.unit else column.meaning
