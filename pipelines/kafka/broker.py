"""The door to Kafka: functions that connect, and the names of all that stands behind it.

Topics go by our names, without the prefix that they carry in Kafka. `plain_broker` beside this holds the ports over
kafka-python, `fast_broker` the same over confluent-kafka; the functions that connect choose by `transport`, and nothing
else in the pipelines knows which it is.
"""

import importlib.util
from collections.abc import Sequence

import structlog

from pipelines.kafka.admin import Admin
from pipelines.kafka.plain_broker import (
    KafkaPythonAssignedConsumer,
    KafkaPythonGroupConsumer,
    KafkaPythonProducer,
    check_crc32c,
)
from pipelines.kafka.ports import (
    DELIVERY_SECONDS,
    Consumer,
    Headers,
    Positions,
    Producer,
    Record,
    TopicState,
    positions_after,
)
from pipelines.kafka.reach import reach
from pipelines.settings import Transport
from schemas.errors import OTHER_LOG, Misconfigured, OtherLog
from schemas.topics import PREFIX

__all__ = [
    "Admin",
    "Consumer",
    "Headers",
    "Positions",
    "Producer",
    "Record",
    "TopicState",
    "assign",
    "check_crc32c",
    "connect_producer",
    "join_group",
    "positions_after",
    "reach",
]

log = structlog.get_logger()


def connect_producer(
    bootstrap: str, *, transport: Transport = "auto", delivery_seconds: float = DELIVERY_SECONDS
) -> Producer:
    """Connect a producer that is idempotent and waits for all replicas in sync; raises NotYet when Kafka is away."""
    if is_fast(transport):
        from pipelines.kafka import fast_broker

        reach(bootstrap)
        return fast_broker.ConfluentProducer(bootstrap, delivery_seconds=delivery_seconds)
    check_crc32c()
    return KafkaPythonProducer(bootstrap, delivery_seconds=delivery_seconds)


def join_group(bootstrap: str, *, group: str, topics: Sequence[str], transport: Transport = "auto") -> Consumer:
    """Join `group` for `topics`; a partition without a committed position begins at its beginning.

    A member that is killed holds its partitions for SESSION_SECONDS. Raises NotYet when Kafka is away, or has no such
    topic.
    """
    reach(bootstrap, topics)
    if is_fast(transport):
        from pipelines.kafka import fast_broker

        return fast_broker.ConfluentGroupConsumer(bootstrap, group=group, topics=topics)
    check_crc32c()
    return KafkaPythonGroupConsumer(bootstrap, group=group, topics=topics)


def assign(
    bootstrap: str, *, topics: Sequence[str], offsets: Positions, again: int = 0, transport: Transport = "auto"
) -> Consumer:
    """Read all partitions of `topics` without a group, each from its next offset in `offsets`, else its beginning.

    So many records before that are read `again`, where Kafka holds them. Partitions added later are found within
    seconds. Raises NotYet when Kafka is away, Misconfigured when a topic does not exist, OtherLog when it holds less
    than `offsets` say was read.
    """
    positions = _starting_positions(bootstrap, topics=topics, offsets=offsets, again=again)
    if is_fast(transport):
        from pipelines.kafka import fast_broker

        return fast_broker.ConfluentAssignedConsumer(bootstrap, topics=topics, positions=positions)
    check_crc32c()
    return KafkaPythonAssignedConsumer(bootstrap, topics=topics, positions=positions)


def is_fast(transport: Transport) -> bool:
    """Tell whether confluent-kafka is to be used; raises Misconfigured when it is asked for and not installed."""
    is_installed = importlib.util.find_spec("confluent_kafka") is not None
    if transport == "confluent" and not is_installed:
        raise Misconfigured("ANGIME_TRANSPORT is confluent, but confluent-kafka is not installed: pip install it")
    return transport != "kafka-python" and is_installed


def _starting_positions(
    bootstrap: str, *, topics: Sequence[str], offsets: Positions, again: int
) -> dict[tuple[str, int], int]:
    admin = Admin(bootstrap)
    try:
        begins, ends = admin.begin_offsets(topics), admin.end_offsets(topics)
    finally:
        admin.close()
    present = {topic for topic, _ in ends}
    for topic in topics:
        if topic not in present:
            raise Misconfigured(
                f"Kafka has no topic {PREFIX}{topic}, or does not show it to us: run angime topics apply, or give this "
                "user the right to read it"
            )
    if beyond := [place for place, end in ends.items() if offsets.get(place, 0) > end]:
        topic, partition = min(beyond)
        raise OtherLog(
            f"{PREFIX}{topic}, partition {partition}, was read up to {offsets[topic, partition]} but Kafka holds only "
            f"{ends[topic, partition]}: {OTHER_LOG}",
            places=beyond,
        )
    for topic, partition in ends:
        wanted = offsets.get((topic, partition), 0)
        if wanted < begins[topic, partition] and (topic, partition) in offsets:
            log.warning("records_expired", topic=topic, partition=partition, count=begins[topic, partition] - wanted)
    return {place: max(offsets.get(place, 0) - again, begins[place]) for place in ends}
