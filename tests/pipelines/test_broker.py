"""One contract for every way to Kafka: both real clients on a real broker, and the fake that fast tests use."""

import logging
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import closing
from typing import cast

import confluent_kafka
import pytest
from msgspec import Struct

from pipelines.kafka import broker, fast_broker, plain_broker
from pipelines.kafka.broker import Admin, Consumer, Positions, Producer, Record
from pipelines.kafka.local_kafka import Running
from pipelines.kafka.ports import BATCH_BYTES, MAX_LETTER_BYTES
from pipelines.settings import Transport
from schemas.errors import Misconfigured, NotYet
from schemas.topics import PREFIX, Topic
from tests.fakes import MemoryKafka

PARTITIONS = 3
NOWHERE = "127.0.0.1:9"
REAL: tuple[Transport, ...] = ("kafka-python", "confluent")


class Cluster(Struct, frozen=True):
    """Ways into a cluster that has one topic of PARTITIONS partitions."""

    topic: str
    producer: Callable[[], Producer]
    join: Callable[[str], Consumer]
    assign: Callable[[Positions], Consumer]


def real_cluster(bootstrap: str, *, transport: Transport, topic: str) -> Cluster:
    """Reach the local broker through one of the clients."""
    return Cluster(
        topic,
        lambda: broker.connect_producer(bootstrap, transport=transport),
        lambda group: broker.join_group(bootstrap, group=group, topics=[topic], transport=transport),
        lambda offsets: broker.assign(bootstrap, topics=[topic], offsets=offsets, transport=transport),
    )


@pytest.fixture(params=["fake", *(pytest.param(transport, marks=pytest.mark.kafka) for transport in REAL)])
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """Give a cluster with a fresh topic, over the fake and over each client."""
    topic = f"test-{uuid.uuid4()}"
    if request.param == "fake":
        memory = MemoryKafka({topic: PARTITIONS})
        return Cluster(
            topic,
            memory.producer,
            lambda group: memory.join(group, [topic]),
            lambda offsets: memory.assign([topic], offsets),
        )
    bootstrap: str = request.getfixturevalue("kafka").bootstrap
    make_topic(bootstrap, topic)
    return real_cluster(bootstrap, transport=request.param, topic=topic)


@pytest.fixture(params=REAL)
def transport(request: pytest.FixtureRequest) -> Transport:
    """Give each real client's name."""
    return cast("Transport", request.param)


def make_topic(bootstrap: str, name: str, *, partitions: int = PARTITIONS) -> None:
    """Create a topic of the test's own."""
    declared = Topic(
        name=name,
        holds="records of a test",
        key="any",
        partitions=partitions,
        retention_days=1,
        writers=(),
        readers=(),
        has_dead_letters=False,
    )
    admin = Admin(bootstrap)
    admin.create([declared], configs={name: {}})
    admin.close()


def write(cluster: Cluster, values: Sequence[bytes], *, key: bytes = b"k") -> None:
    """Write values under one key, and wait until they are safe."""
    producer = cluster.producer()
    for value in values:
        producer.send(cluster.topic, key=key, value=value, headers=[("name", b"header")])
    producer.flush()
    producer.close()


def read(consumer: Consumer, *, count: int, seconds: float = 90) -> list[Record]:
    """Poll until `count` records came, or time is up."""
    found: list[Record] = []
    deadline = time.monotonic() + seconds
    while len(found) < count and time.monotonic() < deadline:
        found += consumer.poll(max_records=100, timeout_seconds=0.2)
    return found


def test_a_flushed_record_is_read_as_it_was_sent(cluster: Cluster) -> None:
    write(cluster, [b"\x00\xff bytes"])
    consumer = cluster.assign({})

    (record,) = read(consumer, count=1)

    consumer.close()
    assert (cluster.topic, b"k", b"\x00\xff bytes", (("name", b"header"),)) == (
        record.topic,
        record.key,
        record.value,
        record.headers,
    )


def test_records_of_one_key_keep_their_order(cluster: Cluster) -> None:
    values = [str(number).encode() for number in range(500)]
    write(cluster, values)
    consumer = cluster.assign({})

    records = read(consumer, count=500)

    consumer.close()
    assert values == [record.value for record in records]
    assert len({record.partition for record in records}) == 1
    assert list(range(500)) == [record.offset for record in records]


def test_a_poll_gives_no_more_than_it_was_asked_for(cluster: Cluster) -> None:
    write(cluster, [b"v"] * 50)
    consumer = cluster.assign({})

    polls = [len(consumer.poll(max_records=7, timeout_seconds=2)) for _ in range(3)]

    consumer.close()
    assert all(size <= 7 for size in polls)
    assert sum(polls) > 0


def test_reading_begins_at_the_given_offsets(cluster: Cluster) -> None:
    write(cluster, [b"a", b"b", b"c"])
    first = cluster.assign({})
    place = read(first, count=3)[0]
    first.close()

    second = cluster.assign({(cluster.topic, place.partition): 2})
    records = read(second, count=1)

    second.close()
    assert [record.value for record in records] == [b"c"]


def test_a_group_goes_on_behind_what_it_committed(cluster: Cluster) -> None:
    write(cluster, [b"a", b"b", b"c"])
    group = f"group-{uuid.uuid4()}"
    first = cluster.join(group)
    records = read(first, count=3)
    first.commit(broker.positions_after(records[:2]))
    first.close()

    second = cluster.join(group)
    again = read(second, count=1)

    second.close()
    assert [record.value for record in again] == [b"c"]


def test_what_was_polled_but_not_committed_comes_again(cluster: Cluster) -> None:
    write(cluster, [b"a", b"b"])
    group = f"group-{uuid.uuid4()}"
    first = cluster.join(group)
    read(first, count=2)
    first.close()

    second = cluster.join(group)
    again = read(second, count=2)

    second.close()
    assert [record.value for record in again] == [b"a", b"b"]


def test_a_consumer_without_a_group_keeps_no_positions(cluster: Cluster) -> None:
    consumer = cluster.assign({})

    with pytest.raises(TypeError, match="without a group"):
        consumer.commit({(cluster.topic, 0): 1})

    consumer.close()


def test_a_flush_of_nothing_succeeds(cluster: Cluster) -> None:
    producer = cluster.producer()

    producer.flush()

    producer.close()


def test_a_machine_that_is_busy_is_no_warning_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    library = logging.getLogger("kafka.net.selector")
    caplog.set_level(logging.WARNING, logger="kafka")  # a verb that ran before in this process leaves its client silent
    library.warning("Task %r ran for 0.123s (>0.100s threshold). It is blocking the event loop -- likely", "poll")
    library.warning("Task %s left RUNNING after step; demoting to UNSCHEDULED", "poll")

    assert [record.getMessage() for record in caplog.records] == [
        "Task poll left RUNNING after step; demoting to UNSCHEDULED"
    ]


def test_next_offsets_stand_behind_the_last_record_of_each_partition() -> None:
    records = [Record("calls", partition, offset, None, None, (), 0) for partition, offset in ((0, 4), (1, 9), (0, 5))]

    assert broker.positions_after(records) == {("calls", 0): 6, ("calls", 1): 10}


@pytest.mark.kafka
def test_both_clients_put_a_key_on_the_same_partition(kafka: Running) -> None:
    topic = f"test-{uuid.uuid4()}"
    make_topic(kafka.bootstrap, topic, partitions=7)
    keys = [f"key-{number}".encode() for number in range(100)]
    for name in REAL:
        producer = broker.connect_producer(kafka.bootstrap, transport=name)
        for key in keys:
            producer.send(topic, key=key, value=name.encode())
        producer.flush()
        producer.close()
    consumer = broker.assign(kafka.bootstrap, topics=[topic], offsets={})

    records = read(consumer, count=200)

    consumer.close()
    places = {
        name: {record.key: record.partition for record in records if record.value == name.encode()} for name in REAL
    }
    assert len(places["confluent"]) == 100
    assert places["kafka-python"] == places["confluent"]


@pytest.mark.kafka
def test_a_header_without_content_is_an_empty_one(kafka: Running) -> None:
    topic = f"test-{uuid.uuid4()}"
    make_topic(kafka.bootstrap, topic)
    stranger = confluent_kafka.Producer({"bootstrap.servers": kafka.bootstrap})
    stranger.produce(PREFIX + topic, value=b"v", headers=[("angime-source", None)])
    stranger.flush()
    for transport in REAL:
        with closing(broker.assign(kafka.bootstrap, topics=[topic], offsets={}, transport=transport)) as consumer:
            assert [(("angime-source", b""),)] == [record.headers for record in read(consumer, count=1)]


@pytest.mark.kafka
def test_the_members_of_a_group_share_its_partitions(kafka: Running, transport: Transport) -> None:
    topic = f"test-{uuid.uuid4()}"
    make_topic(kafka.bootstrap, topic, partitions=2)
    real = real_cluster(kafka.bootstrap, transport=transport, topic=topic)
    group = f"group-{uuid.uuid4()}"
    members = [real.join(group), real.join(group)]
    deadline = time.monotonic() + 90
    producer = real.producer()
    seen: list[set[int]] = [set(), set()]
    while time.monotonic() < deadline and not all(len(partitions) == 1 for partitions in seen):
        for number in range(20):
            producer.send(topic, key=str(number).encode(), value=b"v")
        producer.flush()
        polled = [member.poll(max_records=100, timeout_seconds=0.5) for member in members]
        seen = [{record.partition for record in records} for records in polled]

    producer.close()
    for member in members:
        member.close()
    assert [{0}, {1}] == sorted(seen, key=sorted)


@pytest.mark.kafka
def test_partitions_that_are_added_are_found(
    kafka: Running, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    for adapter in (plain_broker, fast_broker):
        monkeypatch.setattr(adapter, "LOOK_FOR_PARTITIONS_SECONDS", 1.0)
    topic = f"test-{uuid.uuid4()}"
    make_topic(kafka.bootstrap, topic, partitions=1)
    consumer = broker.assign(kafka.bootstrap, topics=[topic], offsets={}, transport=transport)
    with closing(plain_broker.clients.KafkaAdminClient(bootstrap_servers=[kafka.bootstrap])) as admin:
        admin.create_partitions({PREFIX + topic: 4})
    deadline = time.monotonic() + 90
    partitions: set[int] = set()
    while time.monotonic() < deadline and partitions != {0, 1, 2, 3}:
        # One that asked before the broker had heard of the new partitions would ask again minutes later.
        with closing(broker.connect_producer(kafka.bootstrap)) as producer:
            for number in range(40):
                producer.send(topic, key=str(number).encode(), value=b"v")
            producer.flush()
        partitions |= {record.partition for record in consumer.poll(max_records=500, timeout_seconds=0.5)}

    consumer.close()
    assert {0, 1, 2, 3} == partitions


@pytest.mark.kafka
def test_who_falls_behind_finds_no_silence_before_the_end(
    kafka: Running, transport: Transport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fast_broker, "MAX_FETCH_BYTES", MAX_LETTER_BYTES)
    topic, count = f"test-{uuid.uuid4()}", 120
    make_topic(kafka.bootstrap, topic, partitions=1)
    with closing(broker.connect_producer(kafka.bootstrap, transport=transport)) as producer:
        for _ in range(count):
            producer.send(topic, key=b"k", value=bytes(BATCH_BYTES))
        producer.flush()
    consumer = broker.assign(kafka.bootstrap, topics=[topic], offsets={}, transport=transport)
    given, silences = len(consumer.poll(max_records=1, timeout_seconds=10.0)), 0

    while given < count and silences < 4:  # a busy broker may be silent now and then
        records = consumer.poll(max_records=1, timeout_seconds=0.5)
        given += len(records)
        silences += not records
        time.sleep(0.01)  # more is read ahead than taken

    consumer.close()
    assert count == given


@pytest.mark.kafka
def test_offsets_beyond_what_kafka_holds_are_refused_by_name(kafka: Running) -> None:
    topic = f"test-{uuid.uuid4()}"
    make_topic(kafka.bootstrap, topic)

    with pytest.raises(Misconfigured, match=r"was read up to 5 but Kafka holds only 0.*ANGIME_KAFKA"):
        broker.assign(kafka.bootstrap, topics=[topic], offsets={(topic, 1): 5})


@pytest.mark.kafka
def test_a_topic_that_does_not_exist_is_refused_by_name(kafka: Running) -> None:
    with pytest.raises(
        Misconfigured, match=r"no topic angime\.nothing, or does not show it to us: run angime topics apply"
    ):
        broker.assign(kafka.bootstrap, topics=["nothing"], offsets={})


@pytest.mark.kafka
def test_a_broker_that_is_away_says_not_yet(transport: Transport) -> None:
    with pytest.raises(NotYet, match="Kafka is not ready"):
        broker.connect_producer(NOWHERE, transport=transport)
    with pytest.raises(NotYet, match="Kafka is not ready"):
        broker.join_group(NOWHERE, group="g", topics=["calls"], transport=transport)


def test_a_partition_without_a_leader_is_waited_for() -> None:
    refused = plain_broker.refusal(plain_broker.errors.UnknownBrokerIdError(-1))

    assert (type(refused), refused.reason) == (NotYet, "Kafka is not ready (UnknownBrokerIdError)")


def test_checksums_are_computed_by_the_fast_package() -> None:
    broker.check_crc32c()

    assert broker.is_fast("kafka-python") is False


@pytest.mark.kafka
def test_a_trickle_is_read_by_many_records_at_a_time(kafka: Running, transport: Transport) -> None:
    topic = f"test-{uuid.uuid4()}"
    make_topic(kafka.bootstrap, topic)
    cluster = real_cluster(kafka.bootstrap, transport=transport, topic=topic)
    consumer, producer = cluster.assign({}), cluster.producer()
    polled: list[int] = []

    for _ in range(60):
        producer.send(topic, key=b"k", value=b"v")
        producer.flush()
        polled.append(len(consumer.poll(max_records=100, timeout_seconds=0.01)))
    polled.append(len(read(consumer, count=60 - sum(polled))))

    consumer.close()
    producer.close()
    assert sum(polled) == 60
    assert sum(1 for count in polled if count) <= 30
