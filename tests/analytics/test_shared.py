"""One reader for all who ask at once: what it keeps, and what it leaves for another engine to begin anew."""

from collections.abc import Callable
from typing import cast

import polars as pl
import pytest

from analytics import warehouse
from analytics.reading.shared import STATEMENTS_OF_AN_ENGINE, STATEMENTS_OF_KEPT_MEMORY, SharedReader
from schemas.errors import NotYet


class Session:
    """Notes whether it may be asked, and how often it gave memory back."""

    def __init__(self) -> None:
        self.is_open = True
        self.given_back = 0

    def sql(self, _text: str, parameters: dict[str, Callable[[], None]]) -> pl.DataFrame:
        """Let something happen while a statement runs."""
        assert self.is_open
        parameters["meanwhile"]()
        return pl.DataFrame()

    def snapshot_id(self) -> int:
        """Name the state of the warehouse."""
        assert self.is_open
        return 1

    def give_back(self) -> None:
        """Give back the memory of past statements."""
        self.given_back += 1

    def close(self) -> None:
        """End the session."""
        self.is_open = False


class Engines:
    """Opens engines, and knows the sessions of each."""

    def __init__(self) -> None:
        self.sessions: list[list[Session]] = []
        self.room = 1_000

    def open(self) -> warehouse.Reader:
        """Open an engine."""
        sessions = list[Session]()
        self.sessions.append(sessions)
        engines = self

        class Engine:
            """Gives sessions."""

            def beside(self) -> Session:
                """Give another session of the same engine, while there is room for one."""
                if engines.room == 0:
                    raise NotYet("the catalog is away")
                engines.room -= 1
                sessions.append(Session())
                return sessions[-1]

        return cast("warehouse.Reader", Engine())

    def are_open(self) -> list[list[bool]]:
        """Tell of each engine which of its sessions may be asked."""
        return [[session.is_open for session in sessions] for sessions in self.sessions]


def test_now_and_then_the_memory_of_past_statements_is_given_back() -> None:
    engines = Engines()
    shared = SharedReader(engines.open, sessions=2)
    for _ in range(3 * STATEMENTS_OF_KEPT_MEMORY - 1):
        shared.snapshot_id()
    assert sum(session.given_back for session in engines.sessions[0]) == 2


def test_an_engine_is_left_for_another_one_by_each_session_when_it_is_free() -> None:
    engines = Engines()
    shared = SharedReader(engines.open, sessions=3)
    meanwhile = list[list[list[bool]]]()

    def ask_much() -> None:
        for _ in range(STATEMENTS_OF_AN_ENGINE):
            shared.snapshot_id()
        meanwhile.append(engines.are_open())

    shared.sql("", {"meanwhile": ask_much})
    assert [[[True, False, False], [True, True]]] == [[sorted(one, reverse=True) for one in seen] for seen in meanwhile]
    shared.snapshot_id()
    assert [[False] * 3, [True] * 3] == engines.are_open()


def test_where_an_engine_gives_no_session_none_of_those_that_are_there_is_lost() -> None:
    engines = Engines()
    engines.room = 3 + 1
    shared = SharedReader(engines.open, sessions=3)
    for _ in range(STATEMENTS_OF_AN_ENGINE - 1):
        shared.snapshot_id()

    with pytest.raises(NotYet, match="away"):
        shared.snapshot_id()

    engines.room = 1_000
    seen: list[int] = []
    shared.sql("", {"meanwhile": lambda: shared.sql("", {"meanwhile": lambda: seen.append(shared.snapshot_id())})})
    assert ([1], [True] * 3) == (seen, engines.are_open()[-1])
