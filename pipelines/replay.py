"""Replay: what was received or told once goes through a stage again, from Kafka or, where it forgot, from the log.

`normalise` reads raw records and sends what today's code makes of them; `streams` and `land` read events and send them
to their topics again. Every id is the same as before, so that the log takes only what it lacks, however often a stretch
is replayed. What is sent carries the header REPLAYED: nobody is notified of it. Nothing of an erased person is sent:
Kafka would keep it anew.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import msgspec
from msgspec import Struct

from analytics.warehouse import Reader
from pipelines.kafka.ports import Consumer, Producer, Record
from pipelines.kafka.stretches import Stretch, as_text, batches
from pipelines.normalise import Fact, normalise
from pipelines.origins import Origins
from pipelines.tail import is_of_call
from schemas.catalogue import EVENT_TYPES
from schemas.errors import InvalidEvent
from schemas.instants import Instant, instant, moment
from schemas.records import REPLAYED, raw_from_kafka
from schemas.topics import CANONICAL
from schemas.withdrawals import WITHDRAWN

Stage = Literal["normalise", "streams", "land"]
Origin = Literal["kafka", "log"]

# What the streams act on; all else that lies on their topics they pass over.
STREAM_TYPES = ("call.recording_made_available", "call.recording_stored")
SLICE_EVENTS = 50_000  # of the log, read at once
HOUR = timedelta(hours=1)


class Choice(Struct, frozen=True, kw_only=True):
    """What is replayed: through which stage, recorded from `since` until before `until`, and of whom.

    An empty field means all. `topics` are those that the stage reads; for `normalise` it is `raw` alone.
    """

    stage: Stage
    topics: tuple[str, ...]
    since: Instant
    until: Instant
    source: str = ""
    company: str = ""
    call: str = ""


class Progress(Struct, frozen=True, kw_only=True):
    """How far a replay is: of `total` records `read` were looked at, of which it chose and `sent` some.

    `next` says where to go on: by partition for Kafka, by moment for the log. `made` counts events by type.
    """

    read: int
    total: int
    sent: int
    refused: int
    made: Mapping[str, int]
    next: Mapping[str, int] | Instant


OnProgress = Callable[[Progress], None]
# Tells of the bytes of an event whether it is of a person who was erased.
IsErased = Callable[[bytes], bool]


def from_kafka(  # noqa: PLR0913  # all that both ways of reading need
    consumer: Consumer,
    choice: Choice,
    *,
    stretch: Stretch,
    producer: Producer | None,
    origins: Origins,
    now: Instant,
    on_progress: OnProgress = lambda _: None,
    is_erased: IsErased = lambda _: False,
) -> Progress:
    """Replay a stretch of Kafka; `consumer` reads from its starts. Without a `producer` nothing is sent, only counted.

    After each batch that Kafka has acknowledged `on_progress` is told where to go on.
    """
    positions = stretch.starts
    tally = _Tally(total=stretch.records, is_erased=is_erased)
    for records, positions in batches(consumer, stretch):
        tally.read += len(records)
        tally.send(_facts(records, choice, origins=origins, now=now, tally=tally), producer=producer)
        on_progress(tally.progress(as_text(positions)))
    return tally.progress(as_text(positions))


def from_log(
    reader: Reader,
    choice: Choice,
    *,
    producer: Producer | None,
    on_progress: OnProgress = lambda _: None,
    is_erased: IsErased = lambda _: False,
) -> Progress:
    """Replay events that the log keeps, as they were published, slice of time by slice. Without a `producer` count."""
    tally = _Tally(total=count_log(reader, choice), is_erased=is_erased)
    for begin, end in _slices(reader, choice):
        facts = list(_kept(reader, choice, since=begin, until=end))
        tally.read += len(facts)
        tally.send(facts, producer=producer)
        on_progress(tally.progress(instant(min(end, moment(choice.until)))))
    return tally.progress(choice.until)


def count_log(reader: Reader, choice: Choice) -> int:
    """Count the events of the log that are meant."""
    where, parameters = _where(choice)
    [(count,)] = reader.sql(f"select count(*) from log.events where {where}", parameters).rows()  # noqa: S608
    return count


class _Tally:
    """What a replay has done so far."""

    def __init__(self, *, total: int, is_erased: IsErased) -> None:
        self._is_erased = is_erased
        self.total = total
        self.read = 0
        self.sent = 0
        self.refused = 0
        self._made: Counter[str] = Counter()

    def send(self, facts: Iterable[Fact], *, producer: Producer | None) -> None:
        """Send facts and wait until Kafka has them; without a producer only count."""
        for fact in facts:
            if self._is_erased(fact.value):
                continue
            self._made[fact.type] += 1
            if producer is not None:
                producer.send(fact.topic, key=fact.key, value=fact.value, headers=[(REPLAYED, b"1")])
                self.sent += 1
        if producer is not None:
            producer.flush()

    def progress(self, following: Mapping[str, int] | Instant) -> Progress:
        """Tell it."""
        return Progress(
            read=self.read,
            total=self.total,
            sent=self.sent,
            refused=self.refused,
            made=dict(sorted(self._made.items())),
            next=following,
        )


def _facts(
    records: Sequence[Record], choice: Choice, *, origins: Origins, now: Instant, tally: _Tally
) -> Iterator[Fact]:
    is_of = is_of_call(choice.call)
    for record in records:
        if choice.stage != "normalise":
            fact = _read(record, choice)
            if fact is not None and is_of(record):
                yield fact
            continue
        if not is_raw_meant(record, choice):
            continue
        outcome = normalise(record, origins=origins, now=now)
        tally.refused += bool(outcome.letters)  # its dead letter was written when it came first
        for fact in outcome.facts:
            made = Record(fact.topic, 0, 0, fact.key, fact.value, (), 0)
            if is_of(made):
                yield fact


class _Withdrawn(Struct, frozen=True):
    event_type: str = ""


class _Envelope(Struct, frozen=True):
    type: str
    source: str
    company: str
    data: _Withdrawn


_ENVELOPES = msgspec.json.Decoder(_Envelope)


def _read(record: Record, choice: Choice) -> Fact | None:
    """Give the event of a record that is meant; what is none of its topic died when it came first, and is left out."""
    try:
        envelope = _ENVELOPES.decode(record.value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    event_type = EVENT_TYPES.get(envelope.data.event_type if envelope.type == WITHDRAWN else envelope.type)
    if event_type is None or event_type.topic != record.topic:
        return None
    if choice.source not in {"", envelope.source} or choice.company not in {"", envelope.company}:
        return None
    if choice.stage == "streams" and envelope.type not in STREAM_TYPES:
        return None
    return Fact(record.topic, envelope.type, record.key or b"", record.value or b"")


def is_raw_meant(record: Record, choice: Choice) -> bool:
    """Whether a raw record is of the source and the company that are chosen."""
    if not (choice.source or choice.company):
        return True
    try:
        raw = raw_from_kafka(record.value, record.headers)
    except InvalidEvent:
        return False  # nobody's; it died when it came first
    return choice.source in {"", raw.source} and choice.company in {"", raw.company}


# An attribute that most events lack.
_REVISION = """ || coalesce(',"revision":' || to_json(strftime(revision, '%Y-%m-%dT%H:%M:%S.%gZ')), '')"""
# The one byte form of an event is its attributes in their declared order; the log keeps each, and `data` as text.
_ATTRIBUTES = (
    ("id", "to_json(id)"),
    ("source", "to_json(source)"),
    ("type", "to_json(type)"),
    ("subject", "to_json(subject)"),
    ("time", "to_json(strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ'))"),
    ("recordedat", "to_json(strftime(recorded_at, '%Y-%m-%dT%H:%M:%S.%gZ'))"),
    ("company", "to_json(company)"),
    ("account", "to_json(account)"),
    ("partitionkey", "to_json(partition_key)"),
    ("dataschema", "to_json(dataschema)"),
    ("causationid", f"coalesce(to_json(causation_id), 'null'){_REVISION}"),
    ("specversion", """'"1.0"'"""),
    ("datacontenttype", """'"application/json"'"""),
    ("data", "data"),
)
# An event of the log as it was published, as text.
PUBLISHED = " || ',' || ".join(f"""'"{name}":' || {written}""" for name, written in _ATTRIBUTES)


def _slices(reader: Reader, choice: Choice) -> list[tuple[datetime, datetime]]:
    """Cut the time of a replay into slices of about SLICE_EVENTS each; one hour is never cut."""
    where, parameters = _where(choice)
    hours = reader.sql(
        f"select date_trunc('hour', recorded_at) as hour, count(*) as events from log.events where {where} "  # noqa: S608
        "group by all order by all",
        parameters,
    ).rows()
    slices: list[tuple[datetime, datetime]] = []
    size = 0
    for hour, events in hours:
        if slices and size + events <= SLICE_EVENTS:
            slices[-1] = (slices[-1][0], hour + HOUR)
            size += events
        else:
            slices.append((hour, hour + HOUR))
            size = events
    return slices


def _kept(reader: Reader, choice: Choice, *, since: datetime, until: datetime) -> Iterator[Fact]:
    where, parameters = _where(choice)
    frame = reader.sql(
        f"""
        select topic, type, partition_key, '{{' || {PUBLISHED} || '}}' as published from log.events
        where {where} and recorded_at >= $slice_since and recorded_at < $slice_until
        order by recorded_at, id
        """,  # noqa: S608  # our own conditions, values are bound
        {**parameters, "slice_since": since, "slice_until": until},
    )
    for topic, type_, key, published in frame.iter_rows():
        yield Fact(topic, type_, key.encode(), published.encode())


def _where(choice: Choice) -> tuple[str, dict[str, Any]]:
    clauses = [
        "recorded_at >= cast($since as timestamptz)",
        "recorded_at < cast($until as timestamptz)",
        "list_contains($topics, topic)",
    ]
    topics = [topic for topic in choice.topics if topic in CANONICAL]
    parameters: dict[str, Any] = {"since": choice.since, "until": choice.until, "topics": topics}
    for name in ("source", "company"):
        if getattr(choice, name):
            clauses.append(f"{name} = ${name}")
            parameters[name] = getattr(choice, name)
    if choice.call:
        clauses.append("(entity = $call or (data ->> '$.provider_call_id') = $call)")
        parameters["call"] = choice.call
    if choice.stage == "streams":
        clauses.append("list_contains($types, type)")
        parameters["types"] = list(STREAM_TYPES)
    return " and ".join(clauses), parameters
