"""One reader for all who ask at once in a process that runs for weeks, such as that of the pages or of the read API."""

from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from itertools import count
from queue import Empty, LifoQueue
from typing import Any

import polars as pl
from msgspec import Struct

from analytics.reading.readers import Reader

# After so many statements, those of some seven pages, their memory is given back. Else as much stays as all that ran at
# once took at most.
STATEMENTS_OF_KEPT_MEMORY = 100
# Of each page that is drawn while calls come in a quarter of a megabyte stays in the engine, most of it what it read of
# files that are gone since; another one is opened in a sixth of a second.
STATEMENTS_OF_AN_ENGINE = 1_000


class SharedReader:
    """The reader of all in the process; so many statements run at once, and others wait for their turn.

    They are sessions of one engine, which remembers something of every state and every file that it read, and of every
    piece of memory that it used: so another one follows it after STATEMENTS_OF_AN_ENGINE.
    """

    def __init__(self, open_engine: Callable[[], Reader], *, sessions: int) -> None:
        self._open_engine = open_engine
        self._engine = open_engine()
        self._free: LifoQueue[_Session] = LifoQueue()
        self._sessions = sessions
        for _ in range(sessions):
            self._free.put(_Session(self._engine.beside(), self._engine))
        self._statements = count(1)

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement."""
        with self._turn() as reader:
            return reader.sql(text, parameters)

    def snapshot_id(self) -> int:
        """Name the state of the warehouse."""
        with self._turn() as reader:
            return reader.snapshot_id()

    def close(self) -> None:
        """End all sessions, each when its statement is over; nothing may be asked any longer."""
        for _ in range(self._sessions):
            self._free.get().reader.close()
        self._engine.close()

    @contextmanager
    def _turn(self) -> Generator[Reader]:
        session = self._free.get()
        try:
            number = next(self._statements)
            if number % STATEMENTS_OF_AN_ENGINE == 0:
                self._take_another_engine()
            session = self._of_newest(session)
            yield session.reader
            if number % STATEMENTS_OF_KEPT_MEMORY == 0:
                session.reader.give_back()
        finally:
            self._free.put(session)

    def _take_another_engine(self) -> None:
        """Leave the engine: its sessions that are free at once, the others when their statements are over."""
        self._engine = self._open_engine()
        free: list[_Session] = []
        with suppress(Empty):
            while True:
                free.append(self._free.get_nowait())
        try:
            for place, session in enumerate(free):
                free[place] = self._of_newest(session)
        finally:
            for session in free:
                self._free.put(session)

    def _of_newest(self, session: "_Session") -> "_Session":
        """Give a session of the newest engine, in place of one of another; that stays as it is where none is opened."""
        engine = self._engine
        if session.engine is engine:
            return session
        newest = _Session(engine.beside(), engine)
        session.reader.close()
        return newest


class _Session(Struct, frozen=True):
    """A session that may be asked, and the engine of which it is, which lives as long as one of its sessions."""

    reader: Reader
    engine: Reader
