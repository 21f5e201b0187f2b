"""The door to Kafka: functions that connect, the adapters over kafka-python, and the admin's view of topics.

Topics go by our names, without the prefix that they carry in Kafka. `pipelines.fast_broker` holds the same ports over
confluent-kafka; the functions that connect choose by `transport`, and nothing else in the pipelines knows which it is.
"""

import contextlib
import importlib.util
import socket
import time
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import structlog

from pipelines.ports import (
    BATCH_BYTES,
    CLOSE_SECONDS,
    CONNECT_SECONDS,
    DELIVERY_SECONDS,
    LINGER_MS,
    LOOK_AGAIN_SECONDS,
    LOOK_FOR_PARTITIONS_SECONDS,
    MAX_FETCH_BYTES,
    MAX_MESSAGE_BYTES,
    MAX_POLL_INTERVAL_SECONDS,
    REQUEST_SECONDS,
    SESSION_SECONDS,
    Consumer,
    Headers,
    Positions,
    Producer,
    Record,
    TopicState,
    positions_after,
)
from pipelines.settings import Transport
from schemas.errors import AngimeError, Misconfigured, NotYet
from schemas.topics import PREFIX, Topic

with warnings.catch_warnings():
    # kafka-python 3.0.12 reads its protocol's files with a call that Python 3.11 deprecates and 3.13 keeps.
    warnings.simplefilter("ignore", DeprecationWarning)
    import kafka
    import kafka.admin
    import kafka.errors
    import kafka.structs

__all__ = [
    "Admin",
    "Consumer",
    "Headers",
    "Positions",
    "Producer",
    "Record",
    "TopicState",
    "addresses",
    "assign",
    "check_crc32c",
    "connect_producer",
    "join_group",
    "positions_after",
]

log = structlog.get_logger()

# kafka-python 3 carries no types, and those published apart are of version 2: what leaves this module is typed here.
clients: Any = kafka
structs: Any = kafka.structs
errors: Any = kafka.errors
admin_words: Any = kafka.admin

# A broker that answers so can be asked again: it moves partitions, or it forgot a producer that starts anew anyway.
_PASSING = (
    errors.CommitFailedError,
    errors.IllegalGenerationError,
    errors.UnknownMemberIdError,
    errors.RebalanceInProgressError,
    errors.OutOfOrderSequenceNumberError,
    errors.InvalidProducerEpochError,
    errors.UnknownProducerIdError,
)
_FORBIDDEN = (errors.AuthorizationError, errors.SaslAuthenticationFailedError)
_GONE = (errors.OffsetOutOfRangeError, errors.LogTruncationError, errors.NoOffsetForPartitionError)


def connect_producer(
    bootstrap: str, *, transport: Transport = "auto", delivery_seconds: float = DELIVERY_SECONDS
) -> Producer:
    """Connect a producer that is idempotent and waits for all replicas in sync; raises NotYet when Kafka is away."""
    if is_fast(transport):
        from pipelines import fast_broker

        reach(bootstrap)
        return fast_broker.ConfluentProducer(bootstrap, delivery_seconds=delivery_seconds)
    check_crc32c()
    return KafkaPythonProducer(bootstrap, delivery_seconds=delivery_seconds)


def join_group(bootstrap: str, *, group: str, topics: Sequence[str], transport: Transport = "auto") -> Consumer:
    """Join `group` for `topics`; a partition without a committed position begins at its beginning.

    A member that is killed holds its partitions for SESSION_SECONDS. Raises NotYet when Kafka is away.
    """
    reach(bootstrap)
    if is_fast(transport):
        from pipelines import fast_broker

        return fast_broker.ConfluentGroupConsumer(bootstrap, group=group, topics=topics)
    check_crc32c()
    return KafkaPythonGroupConsumer(bootstrap, group=group, topics=topics)


def assign(bootstrap: str, *, topics: Sequence[str], offsets: Positions, transport: Transport = "auto") -> Consumer:
    """Read all partitions of `topics` without a group, each from its next offset in `offsets`, else its beginning.

    Partitions added later are found within seconds. Raises NotYet when Kafka is away, Misconfigured when a topic does
    not exist or holds less than `offsets` say was read (then it is another cluster, or it was emptied).
    """
    positions = _starting_positions(bootstrap, topics=topics, offsets=offsets)
    if is_fast(transport):
        from pipelines import fast_broker

        return fast_broker.ConfluentAssignedConsumer(bootstrap, topics=topics, positions=positions)
    check_crc32c()
    return KafkaPythonAssignedConsumer(bootstrap, topics=topics, positions=positions)


def addresses(bootstrap: str) -> list[tuple[str, int]]:
    """Read a list of addresses; raises Misconfigured when it is none."""
    found: list[tuple[str, int]] = []
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise Misconfigured(f"ANGIME_KAFKA must list addresses such as 127.0.0.1:9092, but has {address!r}")
        found.append((host.strip("[]"), int(port)))
    return found


def reach(bootstrap: str) -> None:
    """Raise NotYet at once when nobody answers at any of the addresses, Misconfigured when they are none.

    The clients would find out by themselves, but only after seconds, and kafka-python leaves its sockets open.
    """
    for address in addresses(bootstrap):
        with contextlib.suppress(OSError):
            socket.create_connection(address, timeout=CONNECT_SECONDS).close()
            return
    raise NotYet(f"Kafka is not ready: nobody answers at {bootstrap}")


def is_fast(transport: Transport) -> bool:
    """Tell whether confluent-kafka is to be used; raises Misconfigured when it is asked for and not installed."""
    is_installed = importlib.util.find_spec("confluent_kafka") is not None
    if transport == "confluent" and not is_installed:
        raise Misconfigured("ANGIME_TRANSPORT is confluent, but confluent-kafka is not installed: pip install it")
    return transport != "kafka-python" and is_installed


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
        return Misconfigured("a position to read from is not in Kafka: it was emptied, or is another cluster")
    if error.retriable or isinstance(error, _PASSING):
        return NotYet(f"Kafka is not ready ({name})")
    raise error


class KafkaPythonProducer:
    """A Producer over kafka-python: idempotent, acks=all, each send given up after `delivery_seconds`."""

    def __init__(self, bootstrap: str, *, delivery_seconds: float) -> None:
        self._bootstrap = bootstrap
        self._delivery_seconds = delivery_seconds
        self._sends: list[Any] = []
        self._client: Any = self._connect()

    def send(self, topic: str, *, key: bytes, value: bytes, headers: Headers = ()) -> None:
        """Take a record, as the port says."""
        if self._client is None:
            self._client = self._connect()
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
                max_request_size=MAX_MESSAGE_BYTES,
                bootstrap_timeout_ms=round(CONNECT_SECONDS * 1000),
                max_block_ms=milliseconds,
                delivery_timeout_ms=milliseconds,
                request_timeout_ms=milliseconds - LINGER_MS,
                reconnect_backoff_max_ms=1000,
                metrics_enabled=False,
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
        try:
            self._client: Any = clients.KafkaConsumer(
                bootstrap_servers=bootstrap.split(","),
                enable_auto_commit=False,
                check_crcs=True,
                fetch_max_bytes=MAX_FETCH_BYTES,
                max_partition_fetch_bytes=MAX_FETCH_BYTES // 4,
                fetch_max_wait_ms=100,
                bootstrap_timeout_ms=round(CONNECT_SECONDS * 1000),
                request_timeout_ms=round(REQUEST_SECONDS * 1000),
                metadata_max_age_ms=round(LOOK_FOR_PARTITIONS_SECONDS * 1000),
                reconnect_backoff_max_ms=1000,
                metrics_enabled=False,
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
        return [
            Record(
                topic.topic.removeprefix(PREFIX),
                topic.partition,
                found.offset,
                found.key,
                found.value,
                tuple(found.headers),
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


class Admin:
    """Looks at topics and changes them. Every method raises NotYet when Kafka is away."""

    def __init__(self, bootstrap: str) -> None:
        reach(bootstrap)
        try:
            self._client: Any = clients.KafkaAdminClient(
                bootstrap_servers=bootstrap.split(","),
                bootstrap_timeout_ms=round(CONNECT_SECONDS * 1000),
                request_timeout_ms=round(REQUEST_SECONDS * 1000),
            )
        except errors.KafkaError as error:
            raise refusal(error) from None

    def topics(self) -> dict[str, TopicState]:
        """Give the topics that carry our prefix, by our name."""
        names = [name for name in self._ask("list_topics") if name.startswith(PREFIX)]
        if not names:
            return {}
        described = self._ask("describe_topics", names)
        wanted = [admin_words.ConfigResource(admin_words.ConfigResourceType.TOPIC, name) for name in names]
        configs: dict[str, dict[str, Any]] = {}
        for by_name in self._ask("describe_configs", wanted).values():
            configs.update(by_name)
        states = [
            TopicState(
                topic["name"].removeprefix(PREFIX),
                len(topic["partitions"]),
                {key: str(config["value"]) for key, config in configs.get(topic["name"], {}).items()},
            )
            for topic in described
        ]
        return {state.name: state for state in states}

    def create(self, topics: Sequence[Topic], *, configs: Mapping[str, Mapping[str, str]]) -> None:
        """Create topics, each with its `configs`, as often copied as the cluster's default says; wait for leaders."""
        wanted = {
            topic.kafka_name: {"num_partitions": topic.partitions, "configs": dict(configs[topic.name])}
            for topic in topics
        }
        self._ask("create_topics", wanted, wait_for_metadata=True)

    def configure(self, topic: str, *, configs: Mapping[str, str]) -> None:
        """Set `configs` of a topic, leave the others as they are, and wait until the cluster shows them."""
        resource = admin_words.ConfigResource(admin_words.ConfigResourceType.TOPIC, PREFIX + topic, dict(configs))
        self._ask("alter_configs", [resource])
        deadline = time.monotonic() + CONNECT_SECONDS
        while not configs.items() <= self.topics()[topic].configs.items():
            if time.monotonic() > deadline:
                raise NotYet(f"Kafka does not show the new settings of {PREFIX}{topic}")
            time.sleep(LOOK_AGAIN_SECONDS)

    def delete_before(self, positions: Positions) -> None:
        """Delete the records of each partition before an offset, for every reader and for good."""
        self._ask(
            "delete_records",
            {structs.TopicPartition(PREFIX + topic, partition): at for (topic, partition), at in positions.items()},
        )

    def add_partitions(self, topic: str, *, total: int) -> None:
        """Give a topic more partitions. Its keys move among them, so this is for topics without order or records."""
        self._ask("create_partitions", {PREFIX + topic: total})

    def begin_offsets(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Give the oldest offset that each partition still holds."""
        return self._offsets(topics, end=admin_words.OffsetSpec.EARLIEST)

    def end_offsets(self, topics: Sequence[str]) -> dict[tuple[str, int], int]:
        """Give the offset that the next record of each partition will have."""
        return self._offsets(topics, end=admin_words.OffsetSpec.LATEST)

    def offsets_at(self, topics: Sequence[str], *, timestamp_ms: int) -> dict[tuple[str, int], int]:
        """Give the offset of each partition's first record that Kafka took at or after this moment, else its end."""
        ends = self.end_offsets(topics)
        found = self._offsets(topics, end=timestamp_ms)
        return {place: end if found.get(place, -1) < 0 else found[place] for place, end in ends.items()}

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """Give the next offsets that a group has committed."""
        offsets: dict[tuple[str, int], int] = {}
        for places in self._ask("list_group_offsets", [group]).values():
            offsets.update(_by_name(places))
        return offsets

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()

    def _offsets(self, topics: Sequence[str], *, end: Any) -> dict[tuple[str, int], int]:
        states = self.topics()
        wanted = {
            structs.TopicPartition(PREFIX + topic, partition): end
            for topic in topics
            if topic in states
            for partition in range(states[topic].partitions)
        }
        return _by_name(self._ask("list_partition_offsets", wanted)) if wanted else {}

    def _ask(self, method: str, *arguments: Any, **options: Any) -> Any:
        try:
            return getattr(self._client, method)(*arguments, **options)
        except errors.KafkaError as error:
            raise refusal(error) from None


def _by_name(places: Any) -> dict[tuple[str, int], int]:
    return {(place.topic.removeprefix(PREFIX), place.partition): position.offset for place, position in places.items()}


def _starting_positions(bootstrap: str, *, topics: Sequence[str], offsets: Positions) -> dict[tuple[str, int], int]:
    admin = Admin(bootstrap)
    try:
        begins, ends = admin.begin_offsets(topics), admin.end_offsets(topics)
    finally:
        admin.close()
    present = {topic for topic, _ in ends}
    for topic in topics:
        if topic not in present:
            raise Misconfigured(f"Kafka has no topic {PREFIX}{topic}: run angime topics apply")
    for (topic, partition), end in ends.items():
        wanted = offsets.get((topic, partition), 0)
        if wanted > end:
            raise Misconfigured(
                f"{PREFIX}{topic}, partition {partition}, was read up to {wanted} but Kafka holds only {end}: "
                "it was emptied or is another cluster; set ANGIME_KAFKA to the one read before, or a new ANGIME_HOME"
            )
        if wanted < begins[topic, partition] and (topic, partition) in offsets:
            log.warning("records_expired", topic=topic, partition=partition, count=begins[topic, partition] - wanted)
    return {place: max(offsets.get(place, 0), begins[place]) for place in ends}
