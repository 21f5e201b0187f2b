"""What verbs print: steps on standard error, fields and rows for people, JSON and CSV for programs."""

import csv
import io
import json
import re
import sys
import threading
from collections.abc import Callable
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.markup import escape
from rich.table import Column, Table

from angime.logs import standard_error

PIPE_COLUMNS = 2_000
# By so many rows it is judged which form takes fewer lines.
JUDGED_ROWS = 50
GAP = 2  # between columns
SHORT = 40  # such as ids and names of columns are
# What a terminal obeys, beside new lines and tabs.
_OBEYED = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]


def alone(**chosen: bool) -> None:
    """Refuse flags that contradict each other."""
    given = [f"--{name.replace('_', '-')}" for name, is_chosen in chosen.items() if is_chosen]
    if len(given) > 1:
        raise typer.BadParameter("they contradict each other: choose one", param_hint=" and ".join(given))


def step(text: str) -> None:
    """Say on standard error what is being done."""
    Console(file=standard_error(), soft_wrap=True, emoji=False).print(f"[dim]·[/] {escape(text)}", highlight=False)


def one_log_stream() -> Callable[[str, str], None]:
    """Give what writes lines of several stages to standard error."""
    lock, written = threading.Lock(), standard_error()

    def say(stage: str, line: str) -> None:
        with lock:
            written.write(f"{stage:<10} {line}\n")

    return say


def harmless(text: str) -> str:
    """Write what a terminal would obey as JSON does: names and messages are what anybody wrote."""
    return _OBEYED.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def say(text: str) -> None:
    """Print a line that may hold what others wrote."""
    typer.echo(harmless(text))


def running(stage: str, *, at: str, as_json: bool) -> None:
    """Tell programs what begins to run, and the address that it listens on or the Kafka that it works on."""
    if as_json:
        typer.echo(json.dumps({"stage": stage, "at": at}))
        sys.stdout.flush()


def print_fields(fields: dict[str, Any], *, as_json: bool) -> None:
    """Print named fields: one a line, or one JSON object."""
    if as_json:
        say(json.dumps(fields, ensure_ascii=False, default=str))
        return
    for name, field in fields.items():
        say(f"{name}: {_in_words(field)}".rstrip())


def _in_words(field: Any) -> Any:
    """Write a field for people: lists with commas, named counts likewise, SQL on lines of its own, 468.0 as 468."""
    match field:
        case float() if field.is_integer():
            return int(field)
        case dict():
            return ", ".join(f"{name} {number}" for name, number in field.items()) or "none"  # pyright: ignore[reportUnknownVariableType]  # fields of our own
        case list() | tuple():
            return "; ".join(map(str, field)) or "none"  # pyright: ignore[reportUnknownArgumentType]  # fields of our own
        case str() if "\n" in field:
            return "\n" + "\n".join(f"    {line}" for line in field.splitlines())
        case _:
            return "none" if field is None else field


def print_rows(rows: list[dict[str, Any]], *, as_json: bool, nothing: str = "no rows") -> None:
    """Print rows that all have the same fields: a table, or a JSON list; people are told where there is `nothing`.

    On a terminal that is too narrow for the table it is fields, one a line.
    """
    if as_json:
        say(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        typer.echo(nothing)
        return
    # A pipe and a file have no edge at which a column would have to be broken.
    is_terminal = sys.stdout.isatty()
    console = Console(width=None if is_terminal else PIPE_COLUMNS, emoji=False, markup=False)
    widths = _widths(rows, most=console.width)
    is_narrow = is_terminal and (widths is None or _is_shorter_as_fields(console, rows[:JUDGED_ROWS], widths))
    console.print(_as_fields(rows) if is_narrow else _as_table(rows, widths))


def _is_shorter_as_fields(console: Console, rows: list[dict[str, Any]], widths: list[int]) -> bool:
    fields, table = (len(console.render_lines(shown)) for shown in (_as_fields(rows), _as_table(rows, widths)))
    return fields < table


def _as_table(rows: list[dict[str, Any]], widths: list[int] | None) -> Table:
    """Lay rows out as a table, in which nothing is cut off."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for place, name in enumerate(rows[0]):
        table.add_column(name, overflow="fold", width=widths[place] if widths else None)
    for row in rows:
        table.add_row(*map(_in_cell, row.values()))
    return table


def _widths(rows: list[dict[str, Any]], *, most: int) -> list[int] | None:
    """Give how wide each column is in so many signs, the widest cut first; None where short words would be broken.

    What stands first, and names a row, stays in one piece with all of its words.
    """
    columns = [[name, *(_in_cell(row[name]) for row in rows)] for name in rows[0]]
    whole = [max(cell_len(line) for cell in cells for line in cell.splitlines() or [""]) for cells in columns]
    words = [max(_short(cell.split()) for cell in cells) for cells in columns]
    least = [max(_short([cell]) for cell in columns[0]), *words[1:]]
    for cut in range(most, 0, -1):
        widths = [max(few, min(all_of_it, cut)) for few, all_of_it in zip(least, whole, strict=True)]
        if sum(widths) + GAP * (len(widths) - 1) <= most:
            return widths
    return None


def _short(texts: list[str]) -> int:
    return max((width for width in map(cell_len, texts) if width <= SHORT), default=0)


def _as_fields(rows: list[dict[str, Any]]) -> Table:
    """Lay rows out as fields, one a line, with an empty line between rows."""
    names = max(cell_len(name) for name in rows[0])
    table = Table.grid(Column(style="bold", overflow="fold", width=min(names, SHORT)), Column(overflow="fold"))
    table.padding = (0, GAP, 0, 0)
    for number, row in enumerate(rows):
        if number:
            table.add_row()
        for name, field in row.items():
            table.add_row(name, _in_cell(field))
    return table


def _in_cell(field: Any) -> str:
    return "" if field is None else harmless(str(field))


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Write rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
