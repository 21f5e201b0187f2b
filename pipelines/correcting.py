"""Correcting: what today's code and settings make of raw records takes the place of what was made of them before.

What the log holds of a raw record is compared with what is made of it now: what it lacks is sent, what says otherwise
is told anew, and what no record makes any longer is withdrawn, with all that was made from it. All that is sent carries
one revision, so that it counts whatever of before still waits in Kafka; see docs/adr/0069. What is right already is not
sent, so that a run that was broken off is mended by another, and a second one sends nothing. What today's code refuses
to read stays as it is, and so does what was made of records that Kafka no longer holds.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing
from hashlib import blake2b

import msgspec
import polars as pl
from msgspec import Struct

from analytics.warehouse import THOSE_OF_IDS, Reader
from pipelines.kafka.ports import Consumer, Producer, Record
from pipelines.kafka.stretches import Stretch, batches
from pipelines.normalise import Fact, normalise
from pipelines.origins import Origins
from pipelines.replay import PUBLISHED, Choice, IsErased, is_raw_meant
from pipelines.tail import is_of_call
from schemas.codec import decode, encode, revised
from schemas.envelope import Event, event, topic_of
from schemas.errors import InvalidEvent, Misconfigured, NotYet
from schemas.instants import Instant
from schemas.records import REPLAYED, raw_from_kafka
from schemas.withdrawals import WITHDRAWN, EventWithdrawn

# What is known of each event that may have to be withdrawn is held until the end.
MAX_WITHDRAWN = 100_000
CAUSES_AT_ONCE = 10_000

Said = bytes
# Gives in which forms the log may keep the data of an event: as it is told, and without what was taken out.
Forms = Callable[[Event], Iterable[bytes]]
OnRead = Callable[[int, int], None]


class Corrected(Struct, frozen=True, kw_only=True):
    """What a correction found: of `total` raw records it `read` some, and `refused` some of these or parts of them.

    `sent` counts what went to Kafka; the others count events by type.
    """

    read: int
    total: int
    refused: int
    sent: int
    new: Mapping[str, int]
    told_anew: Mapping[str, int]
    withdrawn: Mapping[str, int]


class _Kept(Struct, frozen=True, gc=False):
    """What the log keeps under an id, with a digest of what it says."""

    id: str
    type: str
    source: str
    account: str
    company: str
    entity: str
    time: Instant
    recorded_at: Instant
    causation_id: str
    said: Said


class _Told(Struct, frozen=True):
    """A fact as it is sent, and as it is read."""

    fact: Fact
    event: Event


class _Made(Struct, frozen=True):
    """What today's code makes of a raw record, by id; `is_whole` says that it refused no part of it."""

    raw_id: str
    received_at: Instant
    is_whole: bool
    told: dict[str, _Told]


def correct(  # noqa: PLR0913  # ports, told apart by name
    open_consumer: Callable[[], Consumer],
    choice: Choice,
    *,
    stretch: Stretch,
    reader: Reader,
    producer: Producer | None,
    origins: Origins,
    now: Instant,
    forms: Forms = lambda told: [msgspec.json.encode(told.data)],
    is_erased: IsErased = lambda _: False,
    on_read: OnRead = lambda _read, _total: None,
) -> Corrected:
    """Correct what was made of a stretch of raw records; without a `producer` nothing is sent, only counted.

    Consumers read from its starts: a second one where something may have to be withdrawn, for another record may make
    it. What is withdrawn is sent last, and what was made from it before it. Raises NotYet where Kafka stops giving
    records before the end, and Misconfigured where too much would be withdrawn: then nothing is.
    """
    run = _Run(reader, choice, producer=producer, origins=origins, now=now, forms=forms, is_erased=is_erased)
    for records in _read(open_consumer, stretch):
        run.compare(records)
        on_read(run.read, stretch.records)
    if run.doubtful:
        for records in _read(open_consumer, stretch):
            run.keep_what_others_make(records)
        run.withdraw()
    return run.corrected(total=stretch.records)


def _read(open_consumer: Callable[[], Consumer], stretch: Stretch) -> Iterator[list[Record]]:
    positions = stretch.starts
    with closing(open_consumer()) as consumer:
        for records, positions in batches(consumer, stretch):  # noqa: B007  # the last counts
            yield records
    if any(positions[place] < end for place, end in stretch.ends.items()):
        raise NotYet("Kafka stopped giving raw records before their end: ask the same again")


class _Run:
    """One correction, on its way: `doubtful` is what the log holds of records that no longer make it."""

    def __init__(  # noqa: PLR0913  # what `correct` was given
        self,
        reader: Reader,
        choice: Choice,
        *,
        producer: Producer | None,
        origins: Origins,
        now: Instant,
        forms: Forms,
        is_erased: IsErased,
    ) -> None:
        self._reader = reader
        self._choice = choice
        self._is_of = is_of_call(choice.call)
        self._producer = producer
        self._origins = origins
        self._now = now
        self._forms = forms
        self._is_erased = is_erased
        self._counts: dict[str, Counter[str]] = {name: Counter() for name in ("new", "told_anew", "withdrawn")}
        self._sent = 0
        self._refused = 0
        self.read = 0
        self.doubtful: dict[str, _Kept] = {}

    def compare(self, records: Sequence[Record]) -> None:
        """Send what the log lacks of these records, or holds otherwise; wait until Kafka has it."""
        self.read += len(records)
        made = list(self._made(records))
        self._refused += sum(not one.is_whole for one in made)
        kept = self._kept_of(made)
        unknown: dict[str, Fact] = {}
        for one in made:
            before = kept.pop(one.raw_id, {})
            for id_, told in one.told.items():
                held = before.pop(id_, None)
                if held is None:
                    unknown[id_] = told.fact
                elif not self._says(told.event, held.said):
                    self._tell(told.fact, "told_anew")
            if one.is_whole:
                self.doubtful |= {id_: held for id_, held in before.items() if held.type != WITHDRAWN}
        held_types = self._types_of(list(unknown))
        for id_, fact in unknown.items():
            if id_ not in held_types:
                self._tell(fact, "new")
            elif held_types[id_] == WITHDRAWN:
                self._tell(fact, "told_anew")
        self._flush()
        if len(self.doubtful) > MAX_WITHDRAWN:
            raise Misconfigured(
                f"more than {MAX_WITHDRAWN} events would be withdrawn: choose fewer by --from and --to, or --source"
            )

    def keep_what_others_make(self, records: Sequence[Record]) -> None:
        """Leave of what is doubtful what some record makes."""
        for one in self._made(records):
            for id_ in self.doubtful.keys() & one.told.keys():
                held, told = self.doubtful.pop(id_), one.told[id_]
                if not self._says(told.event, held.said):
                    self._tell(told.fact, "told_anew")
        self._flush()

    def withdraw(self) -> None:
        """Withdraw what is still doubtful; what was made from it goes first, for by it alone that is found."""
        generations = [list(self.doubtful.values())]
        while generations[-1]:
            generations.append(self._made_from([kept.id for kept in generations[-1]]))
        for generation in reversed(generations):
            for kept in generation:
                self._tell(_withdrawal(kept, revision=self._now), "withdrawn")
            self._flush()

    def corrected(self, *, total: int) -> Corrected:
        """Tell what was done."""
        counts = {name: dict(sorted(counted.items())) for name, counted in self._counts.items()}
        return Corrected(read=self.read, total=total, refused=self._refused, sent=self._sent, **counts)

    def _made(self, records: Iterable[Record]) -> Iterator[_Made]:
        for record in records:
            if not is_raw_meant(record, self._choice):
                continue
            try:
                raw = raw_from_kafka(record.value, record.headers)
            except InvalidEvent:
                continue  # nobody's; it died when it came first
            outcome = normalise(record, origins=self._origins, now=self._now)
            meant = [fact for fact in outcome.facts if self._is_of(_record(fact.topic, fact.value))]
            told = [_Told(fact, decode(fact.value)) for fact in meant]
            yield _Made(raw.raw_id, raw.received_at, not outcome.letters, {one.event.id: one for one in told})

    def _kept_of(self, made: Sequence[_Made]) -> dict[str, dict[str, _Kept]]:
        """Give what the log holds of raw records, by record and id."""
        if not made:
            return {}
        times = [one.received_at for one in made]
        kept = self._select(
            "causation_id in (select unnest($causes)) and recorded_at between cast($first as timestamptz) "
            "and cast($last as timestamptz)",
            {"causes": [one.raw_id for one in made], "first": min(times), "last": max(times)},
        )
        found: dict[str, dict[str, _Kept]] = {}
        for one in kept:
            found.setdefault(one.causation_id, {})[one.id] = one
        return found

    def _made_from(self, ids: Sequence[str]) -> list[_Kept]:
        """Give what the log holds of what was made from these events."""
        return [
            one
            for first in range(0, len(ids), CAUSES_AT_ONCE)
            for one in self._select(
                f"causation_id in (select unnest($causes)) and type <> '{WITHDRAWN}'",
                {"causes": ids[first : first + CAUSES_AT_ONCE]},
            )
        ]

    def _select(self, where: str, parameters: dict[str, object]) -> Iterator[_Kept]:
        frame = self._reader.sql(
            f"select topic, entity, '{{' || {PUBLISHED} || '}}' as published from log.events where {where}",  # noqa: S608  # our own conditions
            parameters,
        )
        for topic, entity, published in frame.iter_rows():
            value = published.encode()
            if self._choice.call and not (entity == self._choice.call or self._is_of(_record(topic, value))):
                continue
            told = decode(value)
            yield _Kept(
                told.id,
                told.type,
                told.source,
                told.account,
                told.company,
                entity,
                told.time,
                told.recordedat,
                told.causationid or "",
                _said(told, msgspec.json.encode(told.data)),
            )

    def _types_of(self, ids: Sequence[str]) -> dict[str, str]:
        """Give of which types the events are that the log holds under these ids, of whatever they were made."""
        if not ids:
            return {}
        frame = self._reader.sql(f"select id, type from ({THOSE_OF_IDS})", {"ids": list(ids)})  # noqa: S608  # our own text
        return dict(frame.filter(pl.col("id").is_in(list(ids))).iter_rows())

    def _says(self, told: Event, said: Said) -> bool:
        return any(_said(told, form) == said for form in self._forms(told))

    def _tell(self, fact: Fact, what: str) -> None:
        if self._is_erased(fact.value):
            return
        self._counts[what][fact.type] += 1
        if self._producer is not None:
            value = revised(fact.value, revision=self._now)
            self._producer.send(fact.topic, key=fact.key, value=value, headers=[(REPLAYED, b"1")])
            self._sent += 1

    def _flush(self) -> None:
        if self._producer is not None:
            self._producer.flush()


def _record(topic: str, value: bytes) -> Record:
    return Record(topic, 0, 0, None, value, (), 0)


def _said(told: Event, form: bytes) -> Said:
    """Digest what must be the same in two events of one id; see analytics.landing.collapsing."""
    return blake2b(
        b"\n".join([told.type.encode(), told.subject.encode(), told.time.encode(), form]), digest_size=16
    ).digest()


def _withdrawal(kept: _Kept, *, revision: Instant) -> Fact:
    """Give what withdraws an event, under the type of the event."""
    told = event(
        EventWithdrawn(event_type=kept.type, entity=kept.entity),
        id=kept.id,
        source=kept.source,
        account=kept.account,
        company=kept.company,
        time=kept.time,
        recordedat=kept.recorded_at,
        key=kept.entity,
        causationid=kept.causation_id or None,
        revision=revision,
    )
    return Fact(topic_of(told), kept.type, told.partitionkey.encode(), encode(told))
