"""Rows held in memory, of which statements are asked: for what would be read from the lake again and again."""

import weakref
from functools import cache
from itertools import count
from typing import Any, ClassVar

import polars as pl

from analytics.sessions import DuckConnection, open_in_memory

_NUMBERS = count()


class Held:
    """The rows of a frame, which texts read as `held_rows`; several threads may ask at once, and it never changes.

    They lie in a table of one engine of the process, and are given back when nobody knows this any longer.
    """

    NAME: ClassVar[str] = "held_rows"

    def __init__(self, rows: pl.DataFrame) -> None:
        self._table = f"held_{next(_NUMBERS)}"
        # Of the first threads each may have opened one; it is asked where the rows lie.
        self._engine = _memory()
        connection = self._engine.beside()
        connection.hand_in(self.NAME, rows)
        connection.execute(f"create table {self._table} as from {self.NAME}")
        connection.close()
        weakref.finalize(self, _drop, self._engine, self._table)

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement."""
        connection = self._engine.beside()
        try:
            return connection.frame(text.replace(self.NAME, self._table), parameters)
        finally:
            connection.close()


def _drop(engine: DuckConnection, table: str) -> None:
    connection = engine.beside()
    connection.execute(f"drop table {table}")
    connection.close()


@cache
def _memory() -> DuckConnection:
    """Open the engine that holds them; a statement has one thread, as of pages all have."""
    return DuckConnection(open_in_memory())
