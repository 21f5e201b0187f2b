"""Plans: texts over temporary tables that are planned once and run batch after batch, and the tables that they fill.

To read such a text and bind its names costs several times what it costs to run it over the few rows of a batch. A plan
holds for as long as no temporary table is made or dropped, so tables are filled and emptied rather than made again. One
of a transaction that made a table holds in that transaction only.
"""

import re
from collections.abc import Callable
from typing import Any

# A plan is made of what the engine knows then of the rows of its tables, and it does not look whether that holds when
# the plan is run: a value that no row had is not found. So plans are made without what it knows of rows.
BLIND = "statistics_propagation,compressed_materialization,row_group_pruner"

_WORD = re.compile(r"\w+")


class Plans:
    """The plans of one session, by their texts, and the temporary tables that it fills; `run` runs a text in it."""

    def __init__(self, run: Callable[[str], Any]) -> None:
        self._run = run
        self._names: dict[str, str] = {}
        self._made = set[str]()
        self._full = set[str]()
        self._has_moved = False  # whether a table was made or dropped since the transaction began

    def run(self, text: str) -> Any:
        """Run a text, of which the plan is made where there is none."""
        name = self._names.get(text)
        if name is None:
            name = f"plan_{len(self._names)}"
            self._run(f"set disabled_optimizers = '{BLIND}'")
            try:
                self._run(f"prepare {name} as {text}")
            finally:
                self._run("reset disabled_optimizers")
            self._names[text] = name
        return self._run(f"execute {name}")

    def begin(self) -> None:
        """Hear that a transaction begins."""
        self._has_moved = False

    def make_ready(self, table: str) -> bool:
        """Empty a table that is to be filled; says whether it is there."""
        if table in self._full:
            self._empty(table)
        return table in self._made

    def hold(self, table: str) -> None:
        """Hear that a table was made or filled: also one that holds nothing yet, for more may be added to it."""
        if table not in self._made:
            self._names.clear()
            self._made.add(table)
            self._has_moved = True
        self._full.add(table)

    def empty(self) -> None:
        """Empty all tables that were filled, at the end of a transaction."""
        for table in tuple(self._full):
            self._empty(table)
        if self._has_moved:
            self._names.clear()

    def forget(self, text: str) -> None:
        """Make each plan anew, and each filled table that is named in a text, which makes or drops some table."""
        self._names.clear()
        self._made.difference_update(_WORD.findall(text))
        self._has_moved = True

    def roll_back(self) -> None:
        """Hear that what was filled, and made to be filled, is gone."""
        self._names.clear()
        self._made.clear()
        self._full.clear()

    def _empty(self, table: str) -> None:
        self.run(f"delete from {table}")  # noqa: S608  # our own names
        self._full.discard(table)
