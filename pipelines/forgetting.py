"""What Kafka may forget before its time: records that every stage has read, those of an erased person among them."""

from collections.abc import Iterable
from typing import Protocol

from pipelines.kafka.lag import Lag
from pipelines.kafka.ports import Positions

# They name nobody: who was erased stands on them as digests, and what people are told of as ids.
KEPT = ("decisions", "alerts")


class Forgetful(Protocol):
    """What deletes records; see pipelines.kafka.broker.Admin."""

    def begin_offsets(self, topics: list[str]) -> dict[tuple[str, int], int]:
        """Give the oldest offset that each partition still holds."""
        ...

    def delete_before(self, positions: Positions) -> None:
        """Delete the records of each partition before an offset."""
        ...


def read_by_all(rows: Iterable[Lag]) -> dict[tuple[str, int], int]:
    """Give for each partition the offset before which every stage that reads it has read everything."""
    positions: dict[tuple[str, int], int] = {}
    for row in rows:
        if row.topic not in KEPT:
            place = (row.topic, row.partition)
            positions[place] = min(positions.get(place, row.end), row.position)
    return positions


def forgettable(kafka: Forgetful, positions: Positions) -> dict[str, int]:
    """Count, by topic, the records before these offsets that Kafka still holds."""
    begins = kafka.begin_offsets(sorted({topic for topic, _ in positions}))
    counts: dict[str, int] = {}
    for (topic, partition), position in sorted(positions.items()):
        counts[topic] = counts.get(topic, 0) + max(0, position - begins.get((topic, partition), position))
    return counts


def forget(kafka: Forgetful, positions: Positions) -> dict[str, int]:
    """Delete the records before these offsets for every reader, for good; gives how many, by topic.

    No offset of another record changes. The bytes leave the disk with the file that holds them, which Kafka closes
    after pipelines.kafka.topics.SEGMENT_DAYS.
    """
    counts = forgettable(kafka, positions)
    meant = {place: position for place, position in positions.items() if counts[place[0]] and position > 0}
    if meant:
        kafka.delete_before(meant)
    return counts
