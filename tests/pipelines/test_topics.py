"""Topics in Kafka become as declared, and stay so."""

import time
import uuid
from collections.abc import Iterator
from contextlib import closing

import msgspec
import pytest

from pipelines.kafka import topics
from pipelines.kafka.broker import Admin, assign
from pipelines.kafka.local_kafka import Running
from pipelines.kafka.plain_broker import clients
from schemas.errors import Misconfigured
from schemas.topics import DAY_SECONDS, PREFIX, TOPICS, Topic

pytestmark = pytest.mark.kafka


@pytest.fixture
def admin(kafka: Running) -> Iterator[Admin]:
    """Give the admin's view of the broker."""
    found = Admin(kafka.bootstrap)
    yield found
    found.close()


@pytest.fixture
def declared() -> dict[str, Topic]:
    """Declare the topics of this project under names of the test's own."""
    beginning = f"test-{uuid.uuid4()}-"
    return {beginning + name: msgspec.structs.replace(topic, name=beginning + name) for name, topic in TOPICS.items()}


def test_missing_topics_are_created_as_declared(admin: Admin, declared: dict[str, Topic]) -> None:
    before = [row.difference for row in topics.rows(admin, topics=declared)]
    done = topics.apply(admin, topics=declared)

    rows = topics.rows(admin, topics=declared)
    assert set(before) == {"missing"}
    assert len(done) == len(declared)
    assert [(row.partitions, str(row.retention_days), row.difference) for row in rows] == [
        (topic.partitions, str(topic.retention_days), "") for topic in declared.values()
    ]


def test_applying_twice_does_nothing_more(admin: Admin, declared: dict[str, Topic]) -> None:
    topics.apply(admin, topics=declared)

    assert topics.apply(admin, topics=declared) == []


def test_a_retention_that_somebody_changed_is_set_again(admin: Admin, declared: dict[str, Topic]) -> None:
    topics.apply(admin, topics=declared)
    name = next(iter(declared))
    admin.configure(name, configs={"retention.ms": "1000"})
    differences = {row.difference for row in topics.rows(admin, topics=declared)}

    done = topics.apply(admin, topics=declared)

    assert differences == {"", "retention.ms"}
    assert done == [f"set retention.ms of angime.{name}"]
    assert {row.difference for row in topics.rows(admin, topics=declared)} == {""}


def test_a_topic_of_too_few_partitions_is_left_alone_and_named(admin: Admin, declared: dict[str, Topic]) -> None:
    topics.apply(admin, topics=declared)
    name, topic = next(iter(declared.items()))
    more = {name: msgspec.structs.replace(topic, partitions=topic.partitions + 1)}

    with pytest.raises(Misconfigured, match=r"has 4 partitions in Kafka and needs 5: drain it"):
        topics.apply(admin, topics=more)

    assert topics.rows(admin, topics=more)[0].difference == "partitions"


def test_a_record_is_of_kafkas_own_clock_whatever_that_of_its_sender_says(
    kafka: Running, admin: Admin, declared: dict[str, Topic]
) -> None:
    topics.apply(admin, topics=declared)
    name, now = next(iter(declared)), time.time()

    with closing(clients.KafkaProducer(bootstrap_servers=kafka.bootstrap, metrics_enabled=False)) as producer:
        for days in (-60, 60):
            sent_ms = round((now + days * DAY_SECONDS) * 1000)
            producer.send(PREFIX + name, value=b"v", timestamp_ms=sent_ms).get(timeout=30)
    with closing(assign(kafka.bootstrap, topics=[name], offsets={})) as consumer:
        kept: list[float] = []
        while len(kept) < 2:
            kept += [one.timestamp_ms / 1000 for one in consumer.poll(max_records=2, timeout_seconds=1)]

    assert [at for at in kept if abs(at - now) > DAY_SECONDS] == []
