"""What every page stands on: answers that are kept."""

import polars as pl
import pyarrow as pa

from analytics.questions import Reader
from dashboards.page import Asked


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
