"""The ports to Kafka, named by role: Producer and Consumer, what passes through them, and their limits.

`pipelines.kafka.broker` gives them all, with the functions that connect; adapters import them from here.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from msgspec import Struct

from schemas.topics import MAX_RECORD_BYTES

CONNECT_SECONDS = 5.0
DELIVERY_SECONDS = 20.0  # a send is acknowledged or given up by then
REQUEST_SECONDS = 10.0
GROUPS_SECONDS = 30.0  # a broker that has just started needs a moment to know its groups; a busy one, longer
SESSION_SECONDS = 6.0  # Kafka's least: a killed member holds its partitions until then
MAX_POLL_INTERVAL_SECONDS = 300.0
LOOK_FOR_PARTITIONS_SECONDS = 10.0
CLOSE_SECONDS = 3.0
LOOK_AGAIN_SECONDS = 0.05
LINGER_MS = 5
BATCH_BYTES = 256 * 1024
MAX_FETCH_BYTES = 32 * 1024 * 1024
# Of a trickle the broker gathers so many bytes, at most so long: one answer for many records spares all who read it.
MIN_FETCH_BYTES = 64 * 1024
FETCH_WAIT_MS = 100
# A dead letter holds a whole record, whoever wrote it, and says more in its headers: its topic leaves room for these.
MAX_HEADER_BYTES = 64 * 1024
MAX_MESSAGE_BYTES = MAX_RECORD_BYTES + MAX_HEADER_BYTES
MAX_LETTER_BYTES = MAX_MESSAGE_BYTES + MAX_HEADER_BYTES

Headers = Sequence[tuple[str, bytes]]
Positions = Mapping[tuple[str, int], int]


class Record(Struct, frozen=True):
    """One record as it lies in Kafka; `topic` without prefix, `timestamp_ms` as Kafka keeps it."""

    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    timestamp_ms: int


class TopicState(Struct, frozen=True):
    """A topic as Kafka has it: `configs` are those of its settings that differ from the cluster's."""

    name: str
    partitions: int
    configs: dict[str, str]


class Producer(Protocol):
    """Writes records. Used by one thread at a time."""

    def send(self, topic: str, *, key: bytes, value: bytes, headers: Headers = ()) -> None:
        """Take a record; it is safe only when a later `flush` returns.

        Records of one key keep their order, and one key lies on the same partition whichever adapter wrote it.
        May block until Kafka's addresses are known; raises NotYet when Kafka cannot be reached, or has no such topic:
        none is ever made by sending to it.
        """
        ...

    def flush(self, *, timeout_seconds: float = DELIVERY_SECONDS) -> None:
        """Return when every send since the last flush is acknowledged by all replicas in sync.

        Raises NotYet otherwise: then each of those records may or may not lie in Kafka, none of them is sent any
        more, and the producer can be used again; whoever needs them there sends them all again.
        """
        ...

    def close(self) -> None:
        """Let go of the connection; what was not flushed may be lost. Never raises for a broker that is away."""
        ...


class Consumer(Protocol):
    """Reads records. Used by one thread."""

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give up to `max_records` as soon as there are any, or none after the timeout; in order by partition.

        A broker that is away looks like silence: clients reconnect by themselves. Never gives a record twice while
        its member keeps the partition; after a rebalance the next owner begins at the committed position, so what
        was polled and not committed comes again, here or elsewhere. Raises NotYet where the caller should close and
        connect anew, as when its position is no longer there.
        """
        ...

    def commit(self, positions: Positions) -> None:
        """Store the *next* offsets of a group; everything before them counts as done.

        Call it only when the effects of those records are safe. Raises NotYet when Kafka is away or the partitions
        went to another member meanwhile: the records will come again, so effects must bear repetition. A consumer
        without a group keeps no positions and raises TypeError.
        """
        ...

    def close(self) -> None:
        """Leave the group at once, so that others take over; nothing is committed. Never raises for a broker away."""
        ...


def positions_after(records: Iterable[Record]) -> dict[tuple[str, int], int]:
    """Give the next offsets, by topic and partition, once all `records` are done."""
    return {(record.topic, record.partition): record.offset + 1 for record in records}
