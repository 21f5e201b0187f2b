"""The same work in peace: no Kafka, no process that could die; what a disturbed run must come to."""

import zlib
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat
from pathlib import Path

import msgspec
from msgspec import Struct

from analytics.settings import AnalyticsSettings
from analytics.warehouse import Batch, Landed, open_reader, open_writer
from angime.simulator.delivery import Parcel
from pipelines import replay
from pipelines.kafka.ports import Record
from pipelines.normalise import normalise
from pipelines.origins import load_origins, raw_record
from pipelines.settings import PipelinesSettings
from schemas.records import raw_to_kafka
from schemas.topics import TOPICS
from tests.fakes import MemoryKafka
from tests.torture.manifest import Manifest, manifest

RECEIVED = "2026-10-01T00:00:00.000Z"
FAR = "2100-01-01T00:00:00.000Z"
FORM = "application/x-www-form-urlencoded"
BATCH_RECORDS = 2_000


class Fact(Struct, frozen=True, kw_only=True):
    """An event as it goes to Kafka; `call_id` is empty where it tells of no call."""

    id: str
    call_id: str
    topic: str
    key: bytes
    value: bytes


class _Data(Struct):
    call_id: str = ""


class _Event(Struct):
    id: str
    type: str
    data: _Data


def facts_of(deliveries: Iterable[Parcel], *, home: Path) -> list[Fact]:
    """Give the events that the deliveries hold, each once, as the normaliser makes them."""
    origins = load_origins(PipelinesSettings(home=home))
    facts: dict[str, Fact] = {}
    for parcel in deliveries:
        _, _, source, account = parcel.path.split("/")
        raw = raw_record(
            origins[source, account], parcel.body, received_at=RECEIVED, content_type=content_type_of(parcel)
        )
        key, value, headers = raw_to_kafka(raw)
        outcome = normalise(Record("raw", 0, 0, key, value, tuple(headers), 0), origins=origins, now=RECEIVED)
        if outcome.letters:
            raise ValueError(f"the simulator sends what {source} refuses: {outcome.letters[0].reason}")
        for made in outcome.facts:
            fact = fact_of(made.topic, key=made.key, value=made.value)
            facts.setdefault(fact.id, fact)
    return list(facts.values())


def content_type_of(parcel: Parcel) -> str:
    """Give the content type with which a parcel travels."""
    return parcel.content_type if parcel.form is None else FORM


def fact_of(topic: str, *, key: bytes, value: bytes) -> Fact:
    """Read of an event what the oracle must know."""
    event = _DECODER.decode(value)
    call_id = event.data.call_id if event.type.startswith("call.") else ""
    return Fact(id=event.id, call_id=call_id, topic=topic, key=key, value=value)


def calls_of(facts: Iterable[Fact]) -> Manifest:
    """Sum up the calls of which events tell."""
    return manifest({fact.call_id for fact in facts if fact.call_id})


def facts_in_log(home: Path, *, topic: str) -> list[Fact]:
    """Give the events of one topic that a warehouse keeps, as they were published."""
    kept = MemoryKafka({topic: 1})
    choice = replay.Choice(stage="land", topics=(topic,), since="1970-01-01T00:00:00.000Z", until=FAR)
    with open_reader(AnalyticsSettings(home=home)) as reader:
        replay.from_log(reader, choice, producer=kept.producer())
    return [fact_of(topic, key=one.key or b"", value=one.value or b"") for one in kept.records(topic)]


def as_records(facts: Iterable[Fact]) -> list[Record]:
    """Lay events on partitions as Kafka would: a key on one of them, offsets in the order given."""
    ends: dict[tuple[str, int], int] = {}
    records: list[Record] = []
    for fact in facts:
        place = fact.topic, zlib.crc32(fact.key) % TOPICS[fact.topic].partitions
        offset = ends.get(place, 0)
        ends[place] = offset + 1
        records.append(Record(*place, offset, fact.key, fact.value, (), 0))
    return records


def land(home: Path, records: Sequence[Record], *, sizes: Iterator[int] | None = None) -> list[Landed]:
    """Land records batch by batch, of these sizes, with one writer that nothing disturbs."""
    sizes = sizes if sizes is not None else repeat(BATCH_RECORDS)
    landed: list[Landed] = []
    with open_writer(AnalyticsSettings(home=home)) as writer:
        start = 0
        while start < len(records):
            size = next(sizes)
            landed.append(writer.land(Batch(records[start : start + size]), now=RECEIVED))
            start += size
    return landed


_DECODER = msgspec.json.Decoder(_Event)
