"""The ports to Kafka over kafka-python, which is always installed, and what its errors mean to us."""

import importlib.util
import logging
import time
import warnings
from collections.abc import Sequence
from typing import Any

from pipelines.kafka.access import for_kafka_python
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
    REQUEST_SECONDS,
    SESSION_SECONDS,
    Headers,
    Positions,
    Record,
)
from pipelines.kafka.reach import Topics, reach
from schemas.errors import AngimeError, Misconfigured, NotYet
from schemas.topics import PREFIX

with warnings.catch_warnings():
    # kafka-python 3.0.12 reads its protocol's files with a call that Python 3.11 deprecates and 3.13 keeps.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka
    import kafka.admin
    import kafka.errors
    import kafka.record.default_records
    import kafka.structs

# kafka-python 3 carries no types, and those published apart are of version 2: what leaves this module is typed here.
clients: Any = kafka
structs: Any = kafka.structs
errors: Any = kafka.errors
admin_words: Any = kafka.admin
batch_of: Any = kafka.record.default_records.DefaultRecordBatch

# On a machine that is busy the library warns of its own loop, which the machine held up: nobody can mend that.
logging.getLogger("kafka.net.selector").addFilter(lambda record: "blocking the event loop" not in record.getMessage())

# What answers so can be asked again: a broker moves partitions, or forgot a producer that starts anew anyway. A broker
# that is too busy to beat is taken for lost, and leads no partition meanwhile.
_PASSING = (
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.RebalanceInProgressError,
    errors.OutOfOrderSequenceNumberError,
    errors.InvalidProducerEpochError,
    errors.UnknownProducerIdError,
    errors.UnknownBrokerIdError,
)
# A broker that answers so has just started, and will know its groups at once.
COORDINATING = (
    errors.CoordinatorNotAvailableError,
    errors.CoordinatorLoadInProgressError,
    errors.NotCoordinatorError,
)
KNOCKING_SECONDS = 2.0
_FORBIDDEN = (errors.AuthorizationError, errors.SaslAuthenticationFailedError)
_GONE = (errors.OffsetOutOfRangeError, errors.LogTruncationError, errors.NoOffsetForPartitionError)


def check_crc32c() -> None:
    """Raise Misconfigured where kafka-python would compute checksums in Python, twelve times slower."""
    if importlib.util.find_spec("crc32c") is None:
        raise Misconfigured("the package crc32c is missing: install kafka-python[crc32c]")


def refusal(error: Any) -> AngimeError:
    """Say what happens next after an error of kafka-python; raises the error itself when it is a bug of ours."""
    name = type(error).__name__
    if isinstance(error, _FORBIDDEN):
        return Misconfigured(f"Kafka refuses us ({name}): check ANGIME_KAFKA and the rights of this user")
    if isinstance(error, _GONE):
        return NotYet("a position to read from is no longer in Kafka")  # whoever connects anew sees what is there
    if error.retriable or isinstance(error, _PASSING):
        return NotYet(f"Kafka is not ready ({name})")
    raise error


class KafkaPythonProducer:
    """A Producer over kafka-python: idempotent, acks=all, each send given up after `delivery_seconds`."""

    def __init__(self, bootstrap: str, *, delivery_seconds: float) -> None:
        self._bootstrap = bootstrap
        self._delivery_seconds = delivery_seconds
        self._sends: list[Any] = []
        self._topics = Topics(bootstrap)
        self._client: Any = self._connect()

    def send(self, topic: str, *, key: bytes, value: bytes, headers: Headers = ()) -> None:
        """Take a record, as the port says."""
        if self._client is None:
            self._client = self._connect()
        try:
            self._topics.prove(topic)
        except (NotYet, Misconfigured):
            self._let_go()
            raise
        try:
            self._sends.append(self._client.send(PREFIX + topic, key=key, value=value, headers=list(headers)))
        except errors.KafkaError as error:
            self._let_go()
            raise refusal(error) from None

    def flush(self, *, timeout_seconds: float = DELIVERY_SECONDS) -> None:
        """Wait for every send, as the port says."""
        sends, self._sends = self._sends, []
        if not sends:
            return
        try:
            self._client.flush(timeout=timeout_seconds)
        except errors.KafkaError as error:
            self._let_go()
            raise refusal(error) from None
        failures = [send.exception for send in sends if not send.succeeded()]
        if failures:
            self._let_go()
            raise refusal(failures[0])

    def close(self) -> None:
        """Let go, as the port says."""
        self._let_go()

    def _connect(self) -> Any:
        reach(self._bootstrap)
        milliseconds = round(self._delivery_seconds * 1000)
        try:
            return clients.KafkaProducer(
                bootstrap_servers=self._bootstrap.split(","),
                acks="all",
                enable_idempotence=True,
                linger_ms=LINGER_MS,
                batch_size=BATCH_BYTES,
                max_request_size=MAX_LETTER_BYTES,
                bootstrap_timeout_ms=round(CONNECT_SECONDS * 1000),
                max_block_ms=milliseconds,
                delivery_timeout_ms=milliseconds,
                request_timeout_ms=milliseconds - LINGER_MS,
                reconnect_backoff_max_ms=1000,
                metrics_enabled=False,
                **for_kafka_python(),
            )
        except errors.KafkaError as error:
            raise refusal(error) from None

    def _let_go(self) -> None:
        client, self._client, self._sends = self._client, None, []
        if client is None:
            return
        try:
            client.close(timeout=CLOSE_SECONDS)
        except errors.KafkaError:
            # Its sends were given up; force what close() leaves running when its own flush fails.
            client._sender.force_close()  # noqa: SLF001  # kafka-python 3.0.12 offers no public way


class _KafkaPythonConsumer:
    """What both ways of reading share."""

    def __init__(self, bootstrap: str, **options: Any) -> None:
        self._bootstrap = bootstrap
        self._knocked_at = time.monotonic()
        try:
            self._client: Any = clients.KafkaConsumer(
                bootstrap_servers=bootstrap.split(","),
                enable_auto_commit=False,
                check_crcs=True,
                fetch_max_bytes=MAX_FETCH_BYTES,
                max_partition_fetch_bytes=MAX_FETCH_BYTES // 4,
                fetch_min_bytes=MIN_FETCH_BYTES,
                fetch_max_wait_ms=FETCH_WAIT_MS,
                bootstrap_timeout_ms=round(CONNECT_SECONDS * 1000),
                request_timeout_ms=round(REQUEST_SECONDS * 1000),
                metadata_max_age_ms=round(LOOK_FOR_PARTITIONS_SECONDS * 1000),
                reconnect_backoff_max_ms=1000,
                metrics_enabled=False,
                **for_kafka_python(),
                **options,
            )
        except errors.KafkaError as error:
            raise refusal(error) from None

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give records, as the port says."""
        try:
            fetched = self._client.poll(timeout_ms=round(timeout_seconds * 1000), max_records=max_records)
        except errors.KafkaError as error:
            raise refusal(error) from None
        if not fetched:
            self._knock_if_cut_off()
        return [
            Record(
                topic.topic.removeprefix(PREFIX),
                topic.partition,
                found.offset,
                found.key,
                found.value,
                tuple((name, content or b"") for name, content in found.headers),
                found.timestamp,
            )
            for topic, founds in fetched.items()
            for found in founds
        ]

    def commit(self, positions: Positions) -> None:
        """Store next offsets, as the port says."""
        offsets = {
            structs.TopicPartition(PREFIX + topic, partition): structs.OffsetAndMetadata(offset, "", -1)
            for (topic, partition), offset in positions.items()
        }
        try:
            self._client.commit(offsets, timeout_ms=round(REQUEST_SECONDS * 1000))
        except errors.KafkaError as error:
            raise refusal(error) from None

    def _knock_if_cut_off(self) -> None:
        """Ask now and then, while no broker is connected, whether we are let in: refused, the client tries for ever."""
        client = self._client._client  # noqa: SLF001  # kafka-python 3.0.12 offers no public way
        is_connected = any(client.connected(broker.node_id) for broker in client.cluster.brokers())
        if is_connected or time.monotonic() - self._knocked_at < KNOCKING_SECONDS:
            return
        try:
            reach(self._bootstrap)
        except Misconfigured:
            raise NotYet("Kafka no longer lets us in") from None  # whoever connects anew is told why
        except NotYet:
            pass
        self._knocked_at = time.monotonic()

    def close(self) -> None:
        """Leave, as the port says."""
        self._client.close(autocommit=False, timeout_ms=round(CLOSE_SECONDS * 1000))


class KafkaPythonGroupConsumer(_KafkaPythonConsumer):
    """A Consumer that shares the partitions of its topics with the other members of its group."""

    def __init__(self, bootstrap: str, *, group: str, topics: Sequence[str]) -> None:
        super().__init__(
            bootstrap,
            group_id=group,
            auto_offset_reset="earliest",
            session_timeout_ms=round(SESSION_SECONDS * 1000),
            heartbeat_interval_ms=round(SESSION_SECONDS * 1000 / 3),
            max_poll_interval_ms=round(MAX_POLL_INTERVAL_SECONDS * 1000),
        )
        self._client.subscribe([PREFIX + topic for topic in topics])


class KafkaPythonAssignedConsumer(_KafkaPythonConsumer):
    """A Consumer of all partitions of its topics, at positions that its owner keeps."""

    def __init__(self, bootstrap: str, *, topics: Sequence[str], positions: Positions) -> None:
        super().__init__(bootstrap, group_id=None, auto_offset_reset="none")
        self._topics = topics
        self._assigned: list[Any] = [
            structs.TopicPartition(PREFIX + topic, partition) for topic, partition in positions
        ]
        self._client.assign(self._assigned)
        for (topic, partition), offset in positions.items():
            self._client.seek(structs.TopicPartition(PREFIX + topic, partition), offset)
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
        known = set(self._assigned)
        found = [
            structs.TopicPartition(PREFIX + topic, partition)
            for topic in self._topics
            for partition in sorted(self._client.partitions_for_topic(PREFIX + topic))
        ]
        added = [partition for partition in found if partition not in known]
        if added:
            self._assigned = [*self._assigned, *added]
            self._client.assign(self._assigned)
            self._client.seek_to_beginning(*added)
