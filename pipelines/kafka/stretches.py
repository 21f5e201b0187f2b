"""Stretches of Kafka: the offsets of a time, or between two numbers, and the records that lie there."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from pipelines.kafka.ports import Consumer, Positions, Record
from schemas.instants import Instant, moment

Places = dict[tuple[str, int], int]

BATCH_RECORDS = 5_000
POLL_SECONDS = 0.5
PATIENCE_POLLS = 60  # so many empty polls in a row, and what Kafka promised is not coming


class Moments(Protocol):
    """What Kafka tells of its offsets; see pipelines.kafka.broker.Admin."""

    def begin_offsets(self, topics: Sequence[str]) -> Places:
        """Give the oldest offset that each partition still holds."""
        ...

    def end_offsets(self, topics: Sequence[str]) -> Places:
        """Give the offset that the next record of each partition will have."""
        ...

    def offsets_at(self, topics: Sequence[str], *, timestamp_ms: int) -> Places:
        """Give the offset of the first record at or after a moment, else the end."""
        ...


class Stretch(Struct, frozen=True, kw_only=True):
    """The offsets of a replay from Kafka, by topic, partition, first and the one after the last.

    `is_whole` says that Kafka still holds all that was recorded since.
    """

    parts: tuple[tuple[str, int, int, int], ...]
    is_whole: bool

    @classmethod
    def between(cls, starts: Positions, ends: Positions, *, is_whole: bool) -> "Stretch":
        """Give the stretch from these offsets up to before those."""
        parts = tuple((*place, min(starts[place], end), end) for place, end in sorted(ends.items()))
        return cls(parts=parts, is_whole=is_whole)

    @property
    def starts(self) -> Places:
        """The first offset of each partition."""
        return {(topic, partition): start for topic, partition, start, _ in self.parts}

    @property
    def ends(self) -> Places:
        """The offset after the last of each partition."""
        return {(topic, partition): end for topic, partition, _, end in self.parts}

    @property
    def records(self) -> int:
        """How many records lie between."""
        return sum(end - start for _, _, start, end in self.parts)


def stretch_of(kafka: Moments, topics: Sequence[str], *, since: Instant, until: Instant) -> Stretch:
    """Find the offsets of a stretch of time. Kafka forgot some of it when a partition no longer begins at 0."""
    since_ms, until_ms = (round(moment(at).timestamp() * 1000) for at in (since, until))
    begins = kafka.begin_offsets(topics)
    starts = kafka.offsets_at(topics, timestamp_ms=since_ms)
    forgotten = [place for place, begin in begins.items() if begin > 0 and starts[place] <= begin]
    ends = kafka.offsets_at(topics, timestamp_ms=until_ms)
    return Stretch.between(starts, ends, is_whole=bool(begins) and not forgotten)


def stretch_between(kafka: Moments, topics: Sequence[str], *, first: int, last: int | None) -> Stretch:
    """Give the offsets `first` up to before `last` of every partition, as far as Kafka holds them."""
    begins, ends = kafka.begin_offsets(topics), kafka.end_offsets(topics)
    stops = {place: end if last is None else min(end, last) for place, end in ends.items()}
    starts = {place: min(max(first, begins[place]), stops[place]) for place in ends}
    return Stretch.between(starts, stops, is_whole=all(begin <= first for begin in begins.values()))


def batches(consumer: Consumer, stretch: Stretch) -> Iterator[tuple[list[Record], Places]]:
    """Give the records of a stretch, some at a time, and where reading goes on after them.

    It ends before the end of the stretch where Kafka gives no more.
    """
    positions, ends = stretch.starts, stretch.ends
    waiting = {place for place, end in ends.items() if positions[place] < end}
    patience = PATIENCE_POLLS
    while waiting and patience:
        records = consumer.poll(max_records=BATCH_RECORDS, timeout_seconds=POLL_SECONDS)
        patience = PATIENCE_POLLS if records else patience - 1
        for record in records:
            place = (record.topic, record.partition)
            positions[place] = min(record.offset + 1, ends[place])
        yield [record for record in records if record.offset < ends[record.topic, record.partition]], positions
        waiting = {place for place in waiting if positions[place] < ends[place]}


def as_positions(stretch: Stretch, *, done: Mapping[str, int]) -> Positions:
    """Give where an interrupted replay goes on: where it was, within what it set out to read."""
    reached = to_places(done)
    return {place: max(start, reached.get(place, start)) for place, start in stretch.starts.items()}


def as_text(places: Positions) -> dict[str, int]:
    """Write positions with one text a partition, as they are kept in a file."""
    return {f"{topic}/{number}": at for (topic, number), at in places.items()}


def to_places(written: Mapping[str, int]) -> Places:
    """Read positions that were written so."""
    return {(name.rpartition("/")[0], int(name.rpartition("/")[2])): at for name, at in written.items()}
