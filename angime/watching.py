"""What lies on a topic and what comes: records read without a group, shown as people and programs want them."""

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import closing

from pipelines import tail
from pipelines.kafka.broker import Admin, assign
from pipelines.kafka.ports import Record


def newest(
    bootstrap: str,
    *,
    topic: str,
    call_id: str,
    last: int,
    on_read: Callable[[int, int], None] = lambda _read, _all: None,
) -> list[tail.Shown]:
    """Give the `last` records of a topic by Kafka's clock, or of those that tell of a call: then all are read.

    `on_read` hears how many of how many were read.
    """
    with closing(Admin(bootstrap)) as admin:
        begins, ends = admin.begin_offsets([topic]), admin.end_offsets([topic])
    starts = tail.positions_for(begins, ends, last=None if call_id else last)
    total = sum(ends.values()) - sum(starts.values())
    is_wanted = tail.is_of_call(call_id)
    kept: deque[Record] = deque(maxlen=tail.MAX_KEPT)
    with closing(assign(bootstrap, topics=[topic], offsets=starts)) as consumer:
        for read, record in enumerate(tail.read_until(consumer, ends, starts=starts), start=1):
            on_read(read, total)
            if is_wanted(record):
                kept.append(record)
    ordered = sorted(kept, key=lambda record: (record.timestamp_ms, record.partition, record.offset))
    return [tail.shown(record) for record in ordered[-last:]]


def stream(bootstrap: str, *, topic: str, call_id: str, stop: threading.Event) -> Iterator[tail.Shown]:
    """Give records as they come, until `stop` is set."""
    with closing(Admin(bootstrap)) as admin:
        ends = admin.end_offsets([topic])
    is_wanted = tail.is_of_call(call_id)
    with closing(assign(bootstrap, topics=[topic], offsets=ends)) as consumer:
        for record in tail.follow(consumer, stop=stop):
            if is_wanted(record):
                yield tail.shown(record)
