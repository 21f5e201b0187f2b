"""Rows held in memory, of which statements are asked: for what would be read from the lake again and again."""

import weakref
from collections.abc import Callable, Hashable, Sequence
from functools import cache
from itertools import count, islice
from threading import Condition, Lock
from typing import Any, ClassVar

import polars as pl
from msgspec import Struct

from analytics.engine.sessions import DuckConnection, open_in_memory
from analytics.settings import MIB

# All that is held together; beyond it goes what was asked for longest ago.
MAX_HELD_MIB = 256
# So many parts are fetched by one statement, and so many such statements run at once; whoever comes meanwhile waits,
# and the next brings what all of them want.
MAX_PARTS_AT_ONCE = 140
MAX_FETCHES = 2
# How the engine improves a plan. All else that it could try costs more than it saves: a tenth of what such statements
# take, for they read few rows of one table, and half of their time is spent before they read any.
PLANNED = (
    *("filter_pushdown", "filter_pullup", "unused_columns", "column_lifetime"),
    *("common_subexpressions", "common_aggregate"),
)

# Gives the rows of parts.
Fetch = Callable[[Sequence[Any]], pl.DataFrame]

_NUMBERS = count()


class Held:
    """Rows in parts (of days, say), which texts read as `held_rows`; several threads may ask at once.

    A part is fetched when it is first asked for, by whoever asks, and stays as it is. All lie in a table of one engine
    of the process, which is given back when nobody knows this any longer.
    """

    NAME: ClassVar[str] = "held_rows"

    def __init__(self, fetch: Fetch) -> None:
        self._fetch = fetch
        self._table = f"held_{next(_NUMBERS)}"
        # Of the first threads each may have opened one; it is asked where the rows lie.
        self._engine = _memory()
        self._changed = Condition()
        self._parts = set[Hashable]()
        self._wanted = dict[Hashable, None]()
        self._under_way = set[Hashable]()
        self._fetches = 0
        self._size_bytes = 0
        weakref.finalize(self, _drop, self._engine, self._table)

    @property
    def size_bytes(self) -> int:
        """How large the rows are."""
        return self._size_bytes

    def sql(self, text: str, parameters: dict[str, Any], *, parts: Sequence[Hashable]) -> pl.DataFrame:
        """Give the rows of one statement, once these parts are held beside others; raises what fetching them raises."""
        while taken := self._take(parts):
            self._bring(taken)
        connection = self._engine.beside()
        try:
            return connection.frame(text.replace(self.NAME, self._table), parameters)
        finally:
            connection.close()

    def _take(self, asked: Sequence[Hashable]) -> list[Hashable]:
        """Wait until what is asked is held, or until this thread may fetch: then give the parts that it shall."""
        with self._changed:
            while missing := [part for part in asked if part not in self._parts]:
                self._wanted |= dict.fromkeys(part for part in missing if part not in self._under_way)
                if self._wanted and self._fetches < MAX_FETCHES:
                    taken = list(islice(self._wanted, MAX_PARTS_AT_ONCE))
                    for part in taken:
                        del self._wanted[part]
                    self._under_way.update(taken)
                    self._fetches += 1
                    return taken
                self._changed.wait()
        return []

    def _bring(self, taken: Sequence[Hashable]) -> None:
        """Fetch the parts that this thread took; whether or not it succeeds, nobody waits for it any longer."""
        brought: Sequence[Hashable] = ()
        try:
            self._lay(self._fetch(taken))
            brought = taken
        finally:
            with self._changed:
                self._parts.update(brought)
                self._under_way.difference_update(taken)
                self._fetches -= 1
                self._changed.notify_all()

    def _lay(self, rows: pl.DataFrame) -> None:
        connection = self._engine.beside()
        try:
            connection.hand_in("fetched", rows)
            with self._changed:
                self._size_bytes += int(rows.estimated_size())
                connection.execute(f"create table if not exists {self._table} as from fetched limit 0")
            connection.execute(f"insert into {self._table} by name from fetched")  # names of our own
        finally:
            connection.close()


class Shelf:
    """What is held for all: one Held a key, as of one snapshot. The oldest go when they are too large together."""

    def __init__(self, *, max_mib: int = MAX_HELD_MIB) -> None:
        self._max_bytes = max_mib * MIB
        self._lock = Lock()
        # The one asked for last stands last.
        self._kept = dict[str, Kept]()

    def held(self, key: str, *, snapshot: int, fetch: Fetch) -> Held:
        """Give what is held under a key; an empty one, to be filled by `fetch`, where it is of an older snapshot.

        Whoever still asks as of an older one is given what is newer: two that are used side by side share it.
        """
        with self._lock:
            while sum(kept.held.size_bytes for kept in self._kept.values()) > self._max_bytes:
                del self._kept[next(iter(self._kept))]
            kept = self._kept.pop(key, None)
            # Assumption: while a process lives, the numbers of snapshots only grow.
            if kept is None or kept.snapshot < snapshot:
                kept = Kept(Held(fetch), snapshot)
            self._kept[key] = kept
            return kept.held


class Kept(Struct, frozen=True):
    """What is held, and the snapshot of the warehouse than which none of its rows is older."""

    held: Held
    snapshot: int


def _drop(engine: DuckConnection, table: str) -> None:
    connection = engine.beside()
    connection.execute(f"drop table if exists {table}")
    connection.close()


@cache
def _memory() -> DuckConnection:
    """Open the engine that holds them; a statement has one thread, as of pages all have."""
    session = open_in_memory()
    unused = [
        name for (name,) in session.execute("select name from duckdb_optimizers()").fetchall() if name not in PLANNED
    ]
    session.execute(f"set disabled_optimizers = '{','.join(unused)}'")
    return DuckConnection(session)
