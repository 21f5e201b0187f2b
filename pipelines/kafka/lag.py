"""How far each stage is behind Kafka: the records that wait for it, by topic and partition."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from pipelines.kafka.ports import Positions


class Offsets(Protocol):
    """What Kafka holds of topics and groups; see pipelines.kafka.broker.Admin."""

    def begin_offsets(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Give the oldest offset that each partition still holds."""
        ...

    def end_offsets(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Give the offset that the next record of each partition will have."""
        ...


class Reading(Struct, frozen=True):
    """A stage, the topics it reads, and its next offsets; where it has none, it begins at the beginning."""

    stage: str
    topics: tuple[str, ...]
    positions: Mapping[tuple[str, int], int]


class Lag(Struct, frozen=True, kw_only=True):
    """How far one stage is in one partition: `waiting` records from `position` to `end`.

    `lost` records expired in Kafka before the stage had read them.
    """

    stage: str
    topic: str
    partition: int
    position: int
    end: int
    waiting: int
    lost: int


def measure(kafka: Offsets, readings: Iterable[Reading]) -> list[Lag]:
    """Give one row a stage and partition; raises NotYet while Kafka is away."""
    listed = list(readings)
    topics = sorted({topic for reading in listed for topic in reading.topics})
    begins, ends = kafka.begin_offsets(topics), kafka.end_offsets(topics)
    return [row for reading in listed for row in _rows(reading, begins=begins, ends=ends)]


def by_topic(rows: Iterable[Lag]) -> list[dict[str, str | int]]:
    """Sum the rows of a stage and topic over its partitions."""
    sums: dict[tuple[str, str], list[int]] = {}
    for row in rows:
        waiting, lost = sums.setdefault((row.stage, row.topic), [0, 0])
        sums[row.stage, row.topic] = [waiting + row.waiting, lost + row.lost]
    return [
        {"stage": stage, "topic": topic, "waiting": waiting, "lost": lost}
        for (stage, topic), (waiting, lost) in sums.items()
    ]


def _rows(reading: Reading, *, begins: Positions, ends: Positions) -> list[Lag]:
    rows: list[Lag] = []
    for (topic, partition), end in sorted(ends.items()):
        if topic not in reading.topics:
            continue
        begin = begins.get((topic, partition), 0)
        position = reading.positions.get((topic, partition), begin)
        rows.append(
            Lag(
                stage=reading.stage,
                topic=topic,
                partition=partition,
                position=position,
                end=end,
                waiting=max(0, end - max(position, begin)),
                lost=max(0, begin - position),
            )
        )
    return rows
