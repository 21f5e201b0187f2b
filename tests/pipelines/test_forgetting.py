"""What Kafka may forget: never a record that some stage has not read."""

from pipelines.forgetting import forget, forgettable, read_by_all
from pipelines.kafka.lag import Lag
from pipelines.kafka.ports import Positions


class Topics:
    """Partitions with their oldest offsets, and what was deleted before which offset."""

    def __init__(self, begins: dict[tuple[str, int], int]) -> None:
        self.begins = begins

    def begin_offsets(self, topics: list[str]) -> dict[tuple[str, int], int]:
        """Give the oldest offsets."""
        return {place: begin for place, begin in self.begins.items() if place[0] in topics}

    def delete_before(self, positions: Positions) -> None:
        """Move the oldest offsets up."""
        self.begins |= dict(positions)


def row(stage: str, topic: str, position: int, *, partition: int = 0) -> Lag:
    """Draw how far a stage is in a partition that ends at 100."""
    return Lag(
        stage=stage, topic=topic, partition=partition, position=position, end=100, waiting=100 - position, lost=0
    )


def test_the_slowest_stage_decides_and_decisions_stay() -> None:
    rows = [
        row("normalise", "raw", 90),
        row("stream", "calls", 7),
        row("land", "calls", 100),
        row("land", "calls", 50, partition=1),
        row("land", "decisions", 100),
        row("land", "alerts", 100),
    ]

    assert read_by_all(rows) == {("raw", 0): 90, ("calls", 0): 7, ("calls", 1): 50}


def test_what_is_forgotten_is_counted_before_and_is_gone_after() -> None:
    kafka = Topics({("raw", 0): 20, ("calls", 0): 7, ("calls", 1): 10})
    positions = {("raw", 0): 90, ("calls", 0): 7, ("calls", 1): 50}

    assert forgettable(kafka, positions) == {"raw": 70, "calls": 40}
    assert forget(kafka, positions) == {"raw": 70, "calls": 40}
    assert forgettable(kafka, positions) == {"raw": 0, "calls": 0}
    assert forget(kafka, positions) == {"raw": 0, "calls": 0}


def test_a_partition_of_which_kafka_forgot_more_takes_nothing_from_what_is_counted_of_another() -> None:
    kafka = Topics({("calls", 0): 30, ("calls", 1): 10})
    positions = {("calls", 0): 7, ("calls", 1): 50, ("calls", 2): 0}

    assert {"calls": 40} == forget(kafka, positions)
    assert ("calls", 2) not in kafka.begins
