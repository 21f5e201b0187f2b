"""What every page stands on: answers that are kept, and memory that is not."""

from collections.abc import Callable
from typing import cast

import polars as pl
import pyarrow as pa

from analytics import warehouse
from analytics.questions import Reader
from dashboards.page import STATEMENTS_OF_AN_ENGINE, STATEMENTS_OF_KEPT_MEMORY, Asked, SharedReader


class Roomy:
    """Gives one row in memory that has room for ten thousand."""

    def sql(self, _text: str, _parameters: dict[str, object]) -> pl.DataFrame:
        """Give the rows of one statement."""
        numbers = range(10_000)
        wide = pa.table({"number": list(numbers), "word": [f"the word of {number}" for number in numbers]})
        return pl.DataFrame(wide.slice(3, 1))

    def snapshot_id(self) -> int:
        """Name the state of the warehouse."""
        return 1


def word(reader: Reader, *, of: int) -> pl.DataFrame:
    """Ask a question."""
    return reader.sql("", {"of": of})


def test_an_answer_takes_no_more_room_than_its_rows() -> None:
    asked, before = Asked(Roomy(), 1, "anybody"), pa.total_allocated_bytes()
    answers = [asked.ask(word, of=1) for _ in range(2)]
    assert [[(3, "the word of 3")]] * 2 == [answer.rows() for answer in answers]
    assert pa.total_allocated_bytes() == before


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

    def open(self) -> warehouse.Reader:
        """Open an engine."""
        sessions = list[Session]()
        self.sessions.append(sessions)

        class Engine:
            """Gives sessions."""

            def beside(self) -> Session:
                """Give another session of the same engine."""
                sessions.append(Session())
                return sessions[-1]

        return cast("warehouse.Reader", Engine())

    def are_open(self) -> list[list[bool]]:
        """Tell of each engine which of its sessions may be asked."""
        return [[session.is_open for session in sessions] for sessions in self.sessions]


def test_now_and_then_the_memory_of_past_statements_is_given_back() -> None:
    engines = Engines()
    shared = SharedReader(engines.open)
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
