"""Admission: which Kafka records are events, as rows of a temporary table, and which are dead letters, with why."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import polars as pl
from msgspec import Struct

from analytics.connection import Connection, handed_in, in_pieces
from analytics.landing.plain import are_plain, cut_data
from analytics.log import beginning, parsed
from schemas import codec
from schemas.errors import InvalidEvent
from schemas.instants import Instant, from_rfc3339
from schemas.ourselves import our_version
from schemas.records import DeadLetter, dead_from_kafka
from schemas.topics import BURIED

DEAD_TOPIC = "dead"
STAGE = "land"
# How finely the log's memory tells times apart; see analytics.landing.memory. Of a slot all events are hot or none, and
# a busy lander takes in 60 000 meanwhile.
SLOT_SECONDS = 120
# A record is long from so many bytes on: an ordinary one has one thousand.
LONG_RECORD_BYTES = 16 * 1024

Place = tuple[str, int]  # topic and partition


class LandRecord(Protocol):
    """A record as it lies in Kafka; `topic` without prefix."""

    @property
    def topic(self) -> str: ...  # noqa: D102  # the names say it
    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> tuple[tuple[str, bytes], ...]: ...  # noqa: D102
    @property
    def timestamp_ms(self) -> int: ...  # noqa: D102  # Kafka's; not above 0 where it has none


def place_of(record: LandRecord) -> Place:
    """Name the partition on which a record lies."""
    return record.topic, record.partition


class Refusal(Struct, frozen=True):
    """A dead letter, and the record on which it stood."""

    record: LandRecord
    letter: DeadLetter


class Batch:
    """Records to be landed together, each partition's in the order of its offsets, read and checked.

    To read them takes as long as to write them, and touches no warehouse: one batch may be made in a thread of its own
    while another is landed.
    """

    def __init__(self, records: Sequence[LandRecord]) -> None:
        self.records = records
        by_place: dict[Place, list[LandRecord]] = {}
        for record in records:
            by_place.setdefault(place_of(record), []).append(record)
        self.offsets = {place: [record.offset for record in there] for place, there in by_place.items()}
        times = {place: there[-1].timestamp_ms for place, there in by_place.items()}
        self.last_ms = {place: time if time > 0 else None for place, time in times.items()}
        self._told = [record for record in records if record.topic != DEAD_TOPIC]
        self.letters = [record for record in records if record.topic == DEAD_TOPIC]
        self.refused: list[tuple[LandRecord, str]] = []
        self.events = in_pieces(self._events_among(self._told), json=["cut_data"])

    def of_another_log(self, before: Mapping[Place, tuple[int, int]]) -> set[Place]:
        """Give where a record that was landed already, by its offset and Kafka's time of it, is not the one here."""
        begun = {place: last for place, last in before.items() if place in self.offsets}
        known = {place: last for place, last in begun.items() if self.offsets[place][0] <= last[0]}
        here = [(place_of(record), record.offset, record.timestamp_ms) for record in self.records] if known else []
        return {
            place for place, at, time in here if place in known and at == known[place][0] and time != known[place][1]
        }

    def from_offsets(self, offsets: Mapping[Place, int]) -> "Batch":
        """Give what stands at these offsets and after them."""
        if all(read[0] >= offsets.get(place, 0) for place, read in self.offsets.items()):
            return self
        return Batch([one for one in self.records if one.offset >= offsets.get(place_of(one), 0)])

    def long_bytes(self) -> int:
        """Give how long those of the records are together that are long."""
        sizes = (len(record.value or b"") for record in self.records)
        return sum(size for size in sizes if size > LONG_RECORD_BYTES)

    def halves(self) -> "list[Batch]":
        """Give the first half of the records, and the second."""
        middle = len(self.records) // 2
        return [Batch(self.records[:middle]), Batch(self.records[middle:])]

    def refuse(self, positions: Sequence[int], *, reason: str, now: Instant) -> "list[Refusal]":
        """Give events by their positions as dead letters."""
        return [_refuse(self._told[position], reason=reason, now=now) for position in positions]

    def _events_among(self, records: Sequence[LandRecord]) -> pl.DataFrame:
        """Give the texts of those that are events, and remember why the others are none."""
        frame = pl.DataFrame(
            {
                "topic": [record.topic for record in records],
                "partition": [record.partition for record in records],
                "offset": [record.offset for record in records],
                "value": _texts([record.value for record in records]),
            },
            schema={"topic": pl.String, "partition": pl.Int32, "offset": pl.Int64, "value": pl.String},
        ).with_row_index("position")
        is_plain = are_plain(frame["value"], topics=frame["topic"])
        frame = frame.with_columns(cut_data=cut_data(frame["value"], is_plain=is_plain))
        if is_plain.all():
            return frame
        read: dict[int, str | None] = {}
        suspects: list[int] = (~is_plain).arg_true().to_list()
        for position in suspects:
            text, reason = _read(records[position])
            read[position] = text
            if text is None:
                self.refused.append((records[position], reason))
        anew = pl.Series(read.values(), dtype=pl.String)
        return frame.with_columns(value=frame["value"].scatter(list(read), anew)).drop_nulls("value")


def admit(connection: Connection, batch: Batch, *, now: Instant) -> list[Refusal]:
    """Put the events of `batch` into the temporary table `batch`, and give the rest as dead letters.

    The table has the columns of `log.events`, the `position` in the batch, hashes of id and entity, and the `slot` of
    time it was recorded in. Records of the topic of dead letters are given back as the letters they hold.
    """
    connection.pour("batch", batch.events, *parsed(landed_at=now), f"*, {HASHED}")
    letters = [_letter_of(record, now=now) for record in batch.letters]
    return letters + [_refuse(record, reason=reason, now=now) for record, reason in batch.refused]


# What landing knows of each event of `batch` beside its own columns and its `position`.
HASHED = f"""hash({beginning("id")}) as id_hash, hash(entity) as entity_hash,
    cast(floor(epoch(recorded_at) / {SLOT_SECONDS}) as integer) as slot"""


def append_dead(connection: Connection, refusals: Iterable[Refusal], *, now: Instant) -> None:
    """Put dead letters into `log.dead`, but those that lie there: a topic that is read anew brings them again.

    What this stage refuses once more, it refused when it was landed first.
    """
    rows = [_dead_row(refusal.letter) for refusal in refusals]
    if not rows:
        return
    with handed_in(connection, "letters", pl.DataFrame(rows, schema=_DEAD_SCHEMA)):
        connection.execute(_BURY, {"landed_at": now, "stage": STAGE})


def _texts(values: list[bytes | None]) -> pl.Series:
    """Give values as text, null for what is no UTF-8."""
    try:
        return pl.Series(values, dtype=pl.Binary).cast(pl.String)
    except pl.exceptions.ComputeError:
        return pl.Series([_text(value) for value in values], dtype=pl.String)


def _text(value: bytes | None) -> str | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return None


def _read(record: LandRecord) -> tuple[str | None, str]:
    """Give the JSON text of an event, or None and why it is none.

    The text is written anew from what was read, so that a key which stands twice means the same to every reader.
    """
    if record.value is None:
        return None, "the record has no value"
    try:
        codec.decode(record.value, topic=record.topic)
        return msgspec.json.encode(codec.parse_json(record.value)).decode(), ""
    except InvalidEvent as refusal:
        return None, refusal.reason


def _refuse(record: LandRecord, *, reason: str, now: Instant) -> Refusal:
    letter = DeadLetter(
        reason=reason,
        stage=STAGE,
        topic=record.topic,
        partition=record.partition,
        offset=record.offset,
        died_at=now,
        version=our_version(),
        key=record.key or b"",
        body=record.value or b"",
        headers=tuple(record.headers),
    )
    return Refusal(record=record, letter=letter)


def _letter_of(record: LandRecord, *, now: Instant) -> Refusal:
    try:
        letter = dead_from_kafka(record.key, record.value, record.headers)
        from_rfc3339(letter.died_at)
    except InvalidEvent as refusal:
        return _refuse(record, reason=refusal.reason, now=now)
    if not (0 <= letter.partition < 2**31 and 0 <= letter.offset < 2**63):
        return _refuse(record, reason="the headers of a dead letter name no position of a topic", now=now)
    if letter.topic not in BURIED:
        return _refuse(record, reason="the headers of a dead letter name a topic of which nobody writes any", now=now)
    return Refusal(record=record, letter=letter)


def _dead_row(letter: DeadLetter) -> dict[str, Any]:
    headers = [[name, base64.b64encode(content).decode()] for name, content in letter.headers]
    row = {name: getattr(letter, name) for name in _DEAD_SCHEMA}
    return row | {"headers": msgspec.json.encode(headers).decode()}


_BURY = """
    insert into log.dead by name
    select * replace (cast(died_at as timestamptz) as died_at), cast($landed_at as timestamptz) as landed_at
    from letters
    where not exists (
        from log.dead as kept
        where (kept.topic, kept."partition", kept."offset", kept.part, kept.stage, kept.body)
            = (letters.topic, letters."partition", letters."offset", letters.part, letters.stage, letters.body)
        and (letters.stage = $stage or kept.died_at = cast(letters.died_at as timestamptz))
    )
"""
_DEAD_SCHEMA: dict[str, Any] = {
    "reason": pl.String,
    "stage": pl.String,
    "topic": pl.String,
    "partition": pl.Int32,
    "offset": pl.Int64,
    "part": pl.String,
    "source": pl.String,
    "account": pl.String,
    "company": pl.String,
    "key": pl.Binary,
    "body": pl.Binary,
    "headers": pl.String,
    "version": pl.String,
    "died_at": pl.String,
}
