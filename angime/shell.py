"""A shell for SQL over the warehouse: statements end with a semicolon, names are completed, history is kept."""

import atexit
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from analytics.warehouse import Reader
from schemas.errors import AngimeError, Misconfigured

PROMPT, MORE = "angime> ", "   ...> "
HELP = "A statement ends with ; and may span lines. \\d lists tables and views, \\d NAME columns, \\q leaves."
KEYWORDS = ("select", "from", "where", "group by all", "order by", "limit", "join", "using", "count(*)", "describe")
MAX_HISTORY = 1_000
DICTIONARY = 'select relation, "column", type, unit, meaning from reference.dictionary order by relation, position'

Show = Callable[[list[dict[str, Any]]], None]


class Shell:
    """One sitting: asks a reader and shows rows. A statement that is wrong ends it, unless a person typed it."""

    def __init__(self, reader: Reader, *, show: Show, say: Callable[[str], None], is_typed: bool) -> None:
        self._reader = reader
        self._show = show
        self._say = say
        self.is_typed = is_typed  # by a person, whose Ctrl-C stops the statement and not the sitting
        self._described = reader.ask(DICTIONARY)
        self._relations = [row["relation"] for row in self._described if not row["column"]]
        self._columns = sorted({row["column"] for row in self._described} - {""})

    def complete(self, begun: str) -> list[str]:
        """Give the names that begin so: tables, columns and words of SQL."""
        return [name for name in (*self._relations, *self._columns, *KEYWORDS) if name.startswith(begun)]

    def run(self, lines: Iterator[str]) -> None:
        """Take lines until they end or one says to leave."""
        waiting: list[str] = []
        begun = 0
        for number, line in enumerate(lines, start=1):
            if not waiting:
                begun = number
                if line.strip() == "\\q":
                    return
                if line.strip().startswith("\\"):
                    with self._telling(line=number):
                        self.describe(line)
                    continue
            waiting = [*waiting, line] if waiting or line.strip() else []
            if line.rstrip().endswith(";"):
                self._ask("\n".join(waiting), line=begun)
                waiting = []
        if waiting:
            self._ask("\n".join(waiting), line=begun)

    def describe(self, line: str) -> None:
        r"""Show what `\d` asks for. Raises Misconfigured for a name that is none, and for other words."""
        command, _, name = line.strip().partition(" ")
        if command != "\\d":
            raise Misconfigured(HELP)
        if not name.strip():
            whole = [row for row in self._described if not row["column"]]
            self._show([{"relation": row["relation"], "rows": row["meaning"].partition(". ")[0]} for row in whole])
        elif name.strip() in self._relations:
            columns = [row for row in self._described if row["relation"] == name.strip() and row["column"]]
            self._show([{part: row[part] for part in ("column", "type", "unit", "meaning")} for row in columns])
        else:
            raise Misconfigured("write a name such as facts.calls; \\d lists them all")

    def _ask(self, text: str, *, line: int) -> None:
        with self._telling(line=line):
            for statement in self._reader.statements(text):
                self._show(self._reader.ask(statement))

    @contextmanager
    def _telling(self, *, line: int) -> Generator[None]:
        """Say to a person why something was not answered, and go on; raise it, with its line, where nobody types."""
        try:
            yield
        except AngimeError as refusal:
            if not self.is_typed:
                raise type(refusal)(f"what begins on line {line}: {refusal.reason}") from None
            self._say(refusal.reason)
        except KeyboardInterrupt:
            if not self.is_typed:
                raise
            self._say("stopped")


def typed_lines(shell: Shell, *, history: Path) -> Iterator[str]:
    """Give what is typed, with completion and history where a person types."""
    if not shell.is_typed:
        yield from (line.rstrip("\n") for line in sys.stdin)
        return
    _set_up_line_editing(shell, history=history)
    statement_is_open = False
    while True:
        try:
            line = input(MORE if statement_is_open else PROMPT)
        except EOFError:
            return
        except KeyboardInterrupt:
            line, statement_is_open = "", False
        statement_is_open = bool(line.strip()) and not line.rstrip().endswith(";") and not line.startswith("\\")
        yield line


def _set_up_line_editing(shell: Shell, *, history: Path) -> None:
    with suppress(ImportError):  # Python without readline: lines are read all the same
        import readline

        found: list[str] = []

        def complete(begun: str, number: int) -> str | None:
            if number == 0:
                found[:] = shell.complete(begun)
            return found[number] if number < len(found) else None

        readline.set_completer(complete)
        readline.set_completer_delims(" \t\n,()=<>;")
        readline.parse_and_bind("tab: complete")
        readline.set_history_length(MAX_HISTORY)
        with suppress(OSError):
            readline.read_history_file(history)
        atexit.register(_keep_history, history)


def _keep_history(history: Path) -> None:
    import readline

    with suppress(OSError):
        readline.write_history_file(history)
