"""What every page stands on: answers that are kept, and memory that is not."""

from typing import cast

import polars as pl
import pyarrow as pa

from analytics import warehouse
from analytics.questions import Reader
from dashboards.page import STATEMENTS_OF_KEPT_MEMORY, Asked, SharedReader


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


class Noting:
    """Notes how often memory was given back, by whichever of the sessions."""

    def __init__(self) -> None:
        self.given_back = 0

    def beside(self) -> "Noting":
        """Give another session of the same engine."""
        return self

    def snapshot_id(self) -> int:
        """Name the state of the warehouse."""
        return 1

    def give_back(self) -> None:
        """Give back the memory of past statements."""
        self.given_back += 1


def test_now_and_then_the_memory_of_past_statements_is_given_back() -> None:
    noting = Noting()
    shared = SharedReader(cast("warehouse.Reader", noting))
    for _ in range(3 * STATEMENTS_OF_KEPT_MEMORY - 1):
        shared.snapshot_id()
    assert noting.given_back == 2
