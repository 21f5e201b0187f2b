"""The ports to Kafka over confluent-kafka (librdkafka): several times faster than kafka-python, where installed."""

import contextlib
import time
from collections.abc import Sequence
from typing import Any

from confluent_kafka import Consumer as Client
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition
from confluent_kafka import Producer as ProducerClient

from pipelines.kafka.access import for_librdkafka
from pipelines.kafka.ports import (
    BATCH_BYTES,
    CLOSE_SECONDS,
    CONNECT_SECONDS,
    DELIVERY_SECONDS,
    FETCH_WAIT_MS,
    LINGER_MS,
    LOOK_FOR_PARTITIONS_SECONDS,
    MAX_FETCH_BYTES,
    MAX_LETTER_BYTES,
    MAX_POLL_INTERVAL_SECONDS,
    MIN_FETCH_BYTES,
    SESSION_SECONDS,
    Headers,
    Positions,
    Record,
)
from pipelines.kafka.reach import Topics
from schemas.errors import AngimeError, Misconfigured, NotYet
from schemas.topics import PREFIX

QUEUED_RECORDS = 500_000
# Where its queue is full, librdkafka looks again for room after so long. Its own default, a second, is felt as silence.
FETCH_AGAIN_MS = 10
FULL_QUEUE_WAIT_SECONDS = 0.05
QUIET = "2"  # only critical lines of librdkafka's own; our callers say when Kafka is away

_FORBIDDEN = (
    KafkaError.TOPIC_AUTHORIZATION_FAILED,
    KafkaError.GROUP_AUTHORIZATION_FAILED,
    KafkaError.CLUSTER_AUTHORIZATION_FAILED,
    KafkaError._AUTHENTICATION,  # noqa: SLF001  # librdkafka's name for its own codes
)
_REFUSED = (KafkaError._AUTHENTICATION, KafkaError._SSL)  # noqa: SLF001
_PASSING = (
    KafkaError.ILLEGAL_GENERATION,
    KafkaError.UNKNOWN_MEMBER_ID,
    KafkaError.REBALANCE_IN_PROGRESS,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError._TRANSPORT,  # noqa: SLF001
    KafkaError._ALL_BROKERS_DOWN,  # noqa: SLF001
    KafkaError._TIMED_OUT,  # noqa: SLF001
    KafkaError._MSG_TIMED_OUT,  # noqa: SLF001
    KafkaError._TIMED_OUT_QUEUE,  # noqa: SLF001
    KafkaError._PURGE_QUEUE,  # noqa: SLF001
    KafkaError._PURGE_INFLIGHT,  # noqa: SLF001
    KafkaError._WAIT_COORD,  # noqa: SLF001
    KafkaError._MAX_POLL_EXCEEDED,  # noqa: SLF001
    KafkaError._ASSIGNMENT_LOST,  # noqa: SLF001
    KafkaError._STATE,  # noqa: SLF001
    KafkaError._RESOLVE,  # noqa: SLF001
    KafkaError._UNKNOWN_PARTITION,  # noqa: SLF001
    KafkaError._UNKNOWN_TOPIC,  # noqa: SLF001
)


def refusal(error: KafkaError) -> AngimeError:
    """Say what happens next after an error of librdkafka; raises it when it is a bug of ours."""
    code = error.code()
    if code in _FORBIDDEN:
        return Misconfigured(f"Kafka refuses us ({error.name()}): check ANGIME_KAFKA and the rights of this user")
    if code in (KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE):  # noqa: SLF001
        return NotYet("a position to read from is no longer in Kafka")  # whoever connects anew sees what is there
    if error.retriable() or error.fatal() or code in _PASSING:
        return NotYet(f"Kafka is not ready ({error.name()})")
    raise KafkaException(error)


class ConfluentProducer:
    """A Producer over librdkafka: idempotent, acks=all, each send given up after `delivery_seconds`."""

    def __init__(self, bootstrap: str, *, delivery_seconds: float) -> None:
        self._options: dict[str, Any] = {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "acks": "all",
            "linger.ms": LINGER_MS,
            "batch.size": BATCH_BYTES,
            "message.max.bytes": MAX_LETTER_BYTES,
            "delivery.timeout.ms": round(delivery_seconds * 1000),
            "queue.buffering.max.messages": QUEUED_RECORDS,
            "partitioner": "murmur2_random",  # as kafka-python, Faust and Java place keys
            "reconnect.backoff.max.ms": 1000,
            "log_level": QUIET,
            "delivery.report.only.error": True,  # what is delivered is told by the flush
            "on_delivery": self._on_delivery,
        }
        self._topics = Topics(bootstrap)
        self._failure: KafkaError | None = None
        self._client: ProducerClient | None = self._connect()

    def send(self, topic: str, *, key: bytes, value: bytes, headers: Headers = ()) -> None:
        """Take a record, as the port says."""
        if self._client is None:
            self._client = self._connect()
        try:
            self._topics.prove(topic)
        except (NotYet, Misconfigured):
            self._let_go()
            raise
        while True:
            try:
                self._client.produce(PREFIX + topic, value=value, key=key, headers=list(headers) or None)
            except BufferError:
                self._client.poll(FULL_QUEUE_WAIT_SECONDS)
            except KafkaException as error:
                self._let_go()
                raise refusal(error.args[0]) from None
            else:
                break

    def flush(self, *, timeout_seconds: float = DELIVERY_SECONDS) -> None:
        """Wait for every send, as the port says."""
        if self._client is None:
            return
        left = self._client.flush(timeout_seconds)
        failure, self._failure = self._failure, None
        if left or failure is not None:
            self._let_go()
            if failure is not None:
                raise refusal(failure)
            raise NotYet("Kafka did not acknowledge in time")

    def close(self) -> None:
        """Let go, as the port says."""
        self._let_go()

    def _connect(self) -> ProducerClient:
        client = ProducerClient({**self._options, **for_librdkafka()})
        try:
            client.list_topics(timeout=CONNECT_SECONDS)
        except KafkaException as error:
            raise refusal(error.args[0]) from None
        return client

    def _let_go(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            client.purge()
            client.flush(CLOSE_SECONDS)
        self._failure = None

    def _on_delivery(self, error: KafkaError | None, _message: Message) -> None:
        if error is not None and self._failure is None:
            self._failure = error


class _ConfluentConsumer:
    """What both ways of reading share."""

    def __init__(self, bootstrap: str, **options: Any) -> None:
        self._is_refused = False
        self._client = Client(
            {
                "bootstrap.servers": bootstrap,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "check.crcs": True,
                "fetch.min.bytes": MIN_FETCH_BYTES,
                "fetch.wait.max.ms": FETCH_WAIT_MS,
                "fetch.max.bytes": MAX_FETCH_BYTES,
                "max.partition.fetch.bytes": MAX_FETCH_BYTES // 4,
                "message.max.bytes": MAX_LETTER_BYTES,
                "queued.max.messages.kbytes": MAX_FETCH_BYTES // 1024,
                "fetch.queue.backoff.ms": FETCH_AGAIN_MS,
                "reconnect.backoff.max.ms": 1000,
                "log_level": QUIET,
                "error_cb": self._on_error,
                **for_librdkafka(),
                **options,
            }
        )
        try:
            self._client.list_topics(timeout=CONNECT_SECONDS)
        except KafkaException as error:
            raise refusal(error.args[0]) from None

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give records, as the port says."""
        first = self._client.poll(timeout_seconds)
        if self._is_refused:
            raise NotYet("Kafka no longer lets us in")  # whoever connects anew is told why
        if first is None:
            return []
        # `consume` waits for a full batch; what is already here comes at once.
        more = self._client.consume(max_records - 1, 0) if max_records > 1 else []
        messages = [first, *more]
        for message in messages:
            error = message.error()
            if error is not None and not error.retriable():
                raise refusal(error)
        return [_record(message) for message in messages if message.error() is None]

    def commit(self, positions: Positions) -> None:
        """Store next offsets, as the port says."""
        try:
            self._client.commit(offsets=_places(positions), asynchronous=False)
        except KafkaException as error:
            raise refusal(error.args[0]) from None

    def _on_error(self, error: KafkaError) -> None:
        """Take note of what librdkafka tells beside records: where it is refused it would try for ever."""
        self._is_refused |= error.code() in _REFUSED

    def close(self) -> None:
        """Leave, as the port says."""
        with contextlib.suppress(KafkaException):
            self._client.close()


class ConfluentGroupConsumer(_ConfluentConsumer):
    """A Consumer that shares the partitions of its topics with the other members of its group."""

    def __init__(self, bootstrap: str, *, group: str, topics: Sequence[str]) -> None:
        super().__init__(
            bootstrap,
            **{
                "group.id": group,
                "auto.offset.reset": "earliest",
                "session.timeout.ms": round(SESSION_SECONDS * 1000),
                "heartbeat.interval.ms": round(SESSION_SECONDS * 1000 / 3),
                "max.poll.interval.ms": round(MAX_POLL_INTERVAL_SECONDS * 1000),
            },
        )
        self._client.subscribe([PREFIX + topic for topic in topics])


class ConfluentAssignedConsumer(_ConfluentConsumer):
    """A Consumer of all partitions of its topics, at positions that its owner keeps."""

    def __init__(self, bootstrap: str, *, topics: Sequence[str], positions: Positions) -> None:
        # librdkafka asks for a group's name even where none is joined; nothing is ever committed under it.
        super().__init__(bootstrap, **{"group.id": "angime.none", "auto.offset.reset": "error"})
        self._topics = {PREFIX + topic for topic in topics}
        self._assigned = {(PREFIX + topic, partition) for topic, partition in positions}
        self._client.assign(_places(positions))
        self._looked_at = time.monotonic()

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give records, as the port says, and now and then look for partitions that were added."""
        if time.monotonic() - self._looked_at > LOOK_FOR_PARTITIONS_SECONDS:
            self._take_new_partitions()
        return super().poll(max_records=max_records, timeout_seconds=timeout_seconds)

    def commit(self, positions: Positions) -> None:
        """Refuse: there is no group."""
        raise TypeError(f"a consumer without a group keeps no positions, not even {len(positions)}")

    def _take_new_partitions(self) -> None:
        self._looked_at = time.monotonic()
        try:
            described = self._client.list_topics(timeout=CONNECT_SECONDS).topics
        except KafkaException:
            return  # the broker is away: look again later
        found = {
            (name, partition) for name in self._topics & set(described) for partition in described[name].partitions
        }
        added = found - self._assigned
        if added:
            self._assigned |= added
            self._client.incremental_assign([TopicPartition(name, partition, 0) for name, partition in sorted(added)])


def _places(positions: Positions) -> list[TopicPartition]:
    return [TopicPartition(PREFIX + topic, partition, offset) for (topic, partition), offset in positions.items()]


def _record(message: Any) -> Record:  # what was received has a topic, a partition and an offset, which its type denies
    headers = message.headers()
    return Record(
        message.topic().removeprefix(PREFIX),
        message.partition(),
        message.offset(),
        message.key(),
        message.value(),
        # Kafka allows a header without content.
        tuple([header if header[1] else (header[0], b"") for header in headers]) if headers else (),
        message.timestamp()[1],
    )
