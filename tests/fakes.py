"""Fakes that implement the ports to Kafka in memory; the contract suite in test_broker.py runs on them too."""

import sys
import time
import zlib
from collections.abc import Mapping, Sequence

from pipelines.kafka.ports import DELIVERY_SECONDS, Headers, Positions, Record
from schemas.errors import Misconfigured, NotYet


class MemoryKafka:
    """A cluster in memory: topics, positions of groups, and switches: it is away, slow, or refuses us."""

    def __init__(self, topics: Mapping[str, int]) -> None:
        self.logs: dict[tuple[str, int], list[Record]] = {
            (topic, partition): [] for topic, partitions in topics.items() for partition in range(partitions)
        }
        self.committed: dict[tuple[str, tuple[str, int]], int] = {}
        self.is_away = False
        self.is_refusing = False
        self.flushed_bytes: int | None = None  # so many it takes in a flush, as a slow way does

    def records(self, topic: str) -> list[Record]:
        """Give what a topic holds, in order by partition."""
        return [record for (name, _), log in sorted(self.logs.items()) if name == topic for record in log]

    def knock(self) -> None:
        """Ask whether it lets us in."""
        if self.is_away:
            raise NotYet("Kafka is away")
        if self.is_refusing:
            raise Misconfigured("Kafka does not let us in")

    def producer(self) -> "MemoryProducer":
        """Connect a producer."""
        return MemoryProducer(self)

    def join(self, group: str, topics: Sequence[str]) -> "MemoryConsumer":
        """Join a group as its only member."""
        places = [place for place in self.logs if place[0] in topics]
        return MemoryConsumer(self, group=group, positions={p: self.committed.get((group, p), 0) for p in places})

    def assign(self, topics: Sequence[str], offsets: Positions) -> "MemoryConsumer":
        """Read without a group."""
        places = [place for place in self.logs if place[0] in topics]
        return MemoryConsumer(self, group="", positions={place: offsets.get(place, 0) for place in places})


class MemoryProducer:
    """A Producer into a MemoryKafka."""

    def __init__(self, cluster: MemoryKafka) -> None:
        self._cluster = cluster
        self._sends: list[tuple[str, bytes, bytes, Headers]] = []

    def send(self, topic: str, *, key: bytes, value: bytes, headers: Headers = ()) -> None:
        """Take a record."""
        if not any(name == topic for name, _ in self._cluster.logs):
            raise NotYet(f"Kafka has no topic {topic}")
        self._sends.append((topic, key, value, headers))

    def flush(self, *, timeout_seconds: float = DELIVERY_SECONDS) -> None:
        """Write every record, or none."""
        sends, self._sends = self._sends, []
        if self._cluster.is_away:
            raise NotYet(f"Kafka is away for {timeout_seconds} s")
        if sum(len(value) for _, _, value, _ in sends) > (self._cluster.flushed_bytes or sys.maxsize):
            raise NotYet(f"Kafka does not take so many bytes within {timeout_seconds} s")
        if self._cluster.is_refusing:
            raise Misconfigured("Kafka does not let us in")
        for topic, key, value, headers in sends:
            partitions = sum(1 for name, _ in self._cluster.logs if name == topic)
            partition = zlib.crc32(key) % partitions
            log = self._cluster.logs[topic, partition]
            log.append(Record(topic, partition, len(log), key, value, tuple(headers), round(time.time() * 1000)))

    def close(self) -> None:
        """Forget what was not flushed."""
        self._sends = []


class MemoryConsumer:
    """A Consumer of a MemoryKafka."""

    def __init__(self, cluster: MemoryKafka, *, group: str, positions: dict[tuple[str, int], int]) -> None:
        self._cluster = cluster
        self._group = group
        self._positions = positions

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give what is there; with nothing there, wait the timeout out as a broker's client does."""
        found: list[Record] = []
        for place, position in sorted(self._positions.items()):
            taken = self._cluster.logs[place][position : position + max_records - len(found)]
            self._positions[place] = position + len(taken)
            found += taken
        if not found:
            time.sleep(timeout_seconds)
        return found

    def commit(self, positions: Positions) -> None:
        """Keep next offsets."""
        if not self._group:
            raise TypeError("a consumer without a group keeps no positions")
        if self._cluster.is_away:
            raise NotYet("Kafka is away")
        self._cluster.committed.update({(self._group, place): offset for place, offset in positions.items()})

    def close(self) -> None:
        """Leave."""
