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
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from angime.logs import standard_error

PIPE_COLUMNS = 2_000
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
    """Write a field for people: lists with commas, named counts likewise, SQL on lines of its own."""
    match field:
        case dict():
            return ", ".join(f"{name} {number}" for name, number in field.items()) or "none"  # pyright: ignore[reportUnknownVariableType]  # fields of our own
        case list() | tuple():
            return "; ".join(map(str, field)) or "none"  # pyright: ignore[reportUnknownArgumentType]  # fields of our own
        case str() if "\n" in field:
            return "\n" + "\n".join(f"    {line}" for line in field.splitlines())
        case _:
            return "none" if field is None else field


def print_rows(rows: list[dict[str, Any]], *, as_json: bool) -> None:
    """Print rows that all have the same fields: a table, or a JSON list."""
    if as_json:
        say(json.dumps(rows, ensure_ascii=False, default=str))
        return
    if not rows:
        typer.echo("no rows")
        return
    table = Table(*rows[0], box=None, header_style="bold", pad_edge=False)
    for row in rows:
        table.add_row(*("" if field is None else harmless(str(field)) for field in row.values()))
    # A pipe and a file have no edge at which a column would have to be cut.
    Console(width=None if sys.stdout.isatty() else PIPE_COLUMNS, emoji=False).print(table, markup=False)


def as_csv(rows: list[dict[str, Any]]) -> str:
    """Write rows as CSV with a header."""
    text = io.StringIO()
    writer = csv.DictWriter(text, fieldnames=list(rows[0]) if rows else [])
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()
