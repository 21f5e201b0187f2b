"""Rescues what a damaged log of this home's broker holds: a new one is begun, and what some stage had not read sent."""

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from analytics.settings import AnalyticsSettings
from angime.settings import load
from angime.standing import landed_offsets
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin, connect_producer
from pipelines.kafka.lag import Reading
from pipelines.kafka.ports import Producer
from pipelines.kafka.segments import Segments
from pipelines.kafka.stretches import to_places
from pipelines.settings import PipelinesSettings
from pipelines.whole_files import write_whole
from schemas.errors import Misconfigured
from schemas.topics import STREAMED, TOPICS

FOLDER = "damaged_kafka"
UNREAD = "unread.json"
BATCH_RECORDS = 2_000

OnStep = Callable[[str], None]


class Rescued(Struct, frozen=True, kw_only=True):
    """How many records were sent again, how many bytes are no whole records, and where all of it lies."""

    records: int
    unreadable_bytes: int
    set_aside: str


def set_aside(home: Path) -> Path | None:
    """Give the folder of a log that was set aside and is still there."""
    return folder if (folder := home.absolute() / FOLDER).exists() else None


def rescue(*, on_step: OnStep) -> Rescued:
    """Set the log aside, unless one is, begin a new one, and send again what can be read and was not read by all.

    What was sent before it was broken off is sent once more, and collapses. Raises Misconfigured while the broker runs,
    where there is no log, and where Kafka is a cluster of others.
    """
    settings = load(PipelinesSettings)
    if settings.kafka:
        raise Misconfigured("ANGIME_KAFKA names a cluster: its keepers mend it; this is for the broker of a home")
    home, folder = settings.home, settings.home.absolute() / FOLDER
    if not folder.exists():
        local_kafka.set_aside(home, to=folder, last=_note_unread)
        on_step(f"The log of before lies in {folder}")
    segments = Segments(folder)
    bootstrap = local_kafka.start(home, on_step=on_step).bootstrap
    with closing(Admin(bootstrap)) as admin:
        topics.apply(admin)
    since = msgspec.json.decode((folder / UNREAD).read_bytes(), type=dict[str, int])
    with closing(connect_producer(bootstrap, transport=settings.transport)) as producer:
        records = _send(segments, since=to_places(since), producer=producer)
    return Rescued(records=records, unreadable_bytes=segments.unread_bytes, set_aside=str(folder))


def _send(segments: Segments, *, since: Mapping[tuple[str, int], int], producer: Producer) -> int:
    sent = 0
    for place, first in since.items():
        for record in segments.records(place, since=first):
            producer.send(place[0], key=record.key or b"", value=record.value or b"", headers=record.headers)
            sent += 1
            if sent % BATCH_RECORDS == 0:
                producer.flush()
    producer.flush()
    return sent


def _note_unread(log: Path) -> None:
    """Write down from where on each partition was not read by all: a new log knows nothing of that."""
    from pipelines import land, normalise
    from streams.app import GROUP as STREAMS

    segments = Segments(log)
    readings = (
        Reading(normalise.STAGE, (normalise.TOPIC,), segments.committed(normalise.GROUP)),
        Reading("stream", STREAMED, segments.committed(STREAMS)),
        Reading(land.STAGE, land.TOPICS, landed_offsets(load(AnalyticsSettings))),
    )
    unread = {
        f"{topic}/{partition}": min(
            reading.positions.get((topic, partition), 0) for reading in readings if topic in reading.topics
        )
        for topic, partition in segments.places()
        if topic in TOPICS
    }
    write_whole(log / UNREAD, msgspec.json.encode(unread))
