"""Looks at what lies on a topic: the newest records, decoded, events of older versions brought up to today's."""

import threading
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from pipelines.kafka.ports import Consumer, Record
from schemas.codec import decode
from schemas.errors import InvalidEvent
from schemas.instants import instant
from schemas.records import dead_from_kafka, raw_from_kafka
from schemas.topics import CANONICAL

POLL_SECONDS = 0.5
POLLED_RECORDS = 1_000
MAX_KEPT = 10_000

Shown = dict[str, Any]


def positions_for(
    begins: Mapping[tuple[str, int], int], ends: Mapping[tuple[str, int], int], *, last: int | None
) -> dict[tuple[str, int], int]:
    """Give where to begin, so that the `last` records of every partition are read, or, for None, all of them."""
    return {
        place: max(begins.get(place, 0), end - last) if last is not None else begins.get(place, 0)
        for place, end in ends.items()
    }


def read_until(
    consumer: Consumer, ends: Mapping[tuple[str, int], int], *, starts: Mapping[tuple[str, int], int]
) -> Iterator[Record]:
    """Give the records before `ends`, partition by partition in their order; ends when all were read."""
    missing = {place for place, end in ends.items() if starts.get(place, 0) < end}
    while missing:
        for record in consumer.poll(max_records=POLLED_RECORDS, timeout_seconds=POLL_SECONDS):
            place = (record.topic, record.partition)
            if record.offset < ends.get(place, 0):
                yield record
            if record.offset + 1 >= ends.get(place, 0):
                missing.discard(place)


def follow(consumer: Consumer, *, stop: threading.Event) -> Iterator[Record]:
    """Give records as they come, until `stop` is set."""
    while not stop.is_set():
        yield from consumer.poll(max_records=POLLED_RECORDS, timeout_seconds=POLL_SECONDS)


def shown(record: Record) -> Shown:
    """Give a record for people and programs: its place, when Kafka took it, and what it holds.

    Canonical events come decoded, as today's version, with `published` naming the version in which they lie there.
    """
    head = {
        "place": f"{record.topic}/{record.partition}/{record.offset}",
        "kept_at": instant(datetime.fromtimestamp(record.timestamp_ms / 1000, UTC)),
    }
    try:
        if record.topic in CANONICAL:
            event = decode(record.value or b"", topic=record.topic)
            published = msgspec.json.decode(record.value or b"{}")["dataschema"]
            return {**head, "published": published, **msgspec.to_builtins(event)}
        if record.topic == "raw":
            raw = msgspec.to_builtins(raw_from_kafka(record.value, record.headers))
            return {
                **head,
                **{name: raw[name] for name in raw if name != "body"},
                "size_bytes": len(record.value or b""),
            }
        letter = msgspec.to_builtins(dead_from_kafka(record.key, record.value, record.headers))
        hidden = {"key", "body", "headers"}
        return {
            **head,
            **{name: letter[name] for name in letter if name not in hidden},
            "size_bytes": len(record.value or b""),
        }
    except InvalidEvent as refusal:
        return {**head, "refused": refusal.reason}


def is_of_call(written: str) -> Callable[[Record], bool]:
    """Give a test for canonical records: whether they tell of the call with this id; of none: of any."""
    sought = written.encode()

    def is_of(record: Record) -> bool:
        if not sought:
            return True
        if sought not in (record.value or b"") and sought != record.key:
            return False
        try:
            told = decode(record.value or b"").data
        except InvalidEvent:
            return False
        return written in {getattr(told, "call_id", None), getattr(told, "provider_call_id", None)}

    return is_of
