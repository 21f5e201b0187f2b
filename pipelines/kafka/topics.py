"""Topics in Kafka as `schemas.topics` declares them: what is missing, what differs, and making it so."""

from collections.abc import Mapping

from msgspec import Struct

from pipelines.kafka.broker import Admin, TopicState
from pipelines.kafka.ports import MAX_LETTER_BYTES, MAX_MESSAGE_BYTES
from schemas.counts import so_many
from schemas.errors import Misconfigured
from schemas.topics import DAY_SECONDS, TOPICS, Topic

# A file of a topic is closed after so long, at the next record; with it leaves the disk what is deleted or too old.
SEGMENT_DAYS = 1


class TopicRow(Struct, frozen=True, kw_only=True):
    """A declared topic beside what Kafka has; `difference` is empty where both agree."""

    name: str
    holds: str
    partitions: int | None
    retention_days: float | None
    difference: str


def configs_of(topic: Topic) -> dict[str, str]:
    """Give the settings, in Kafka's words, that a declared topic must have there."""
    return {
        "retention.ms": str(topic.retention_days * DAY_SECONDS * 1000),
        "retention.bytes": "-1",
        "segment.ms": str(SEGMENT_DAYS * DAY_SECONDS * 1000),
        "cleanup.policy": "delete",
        # Kafka forgets, and finds moments, by the time of a record. By its sender's clock, one that is a month behind
        # would be gone within minutes, and one that is an hour ahead would be refused.
        "message.timestamp.type": "LogAppendTime",
        "max.message.bytes": str(MAX_LETTER_BYTES if topic.name == "dead" else MAX_MESSAGE_BYTES),
    }


def apply(admin: Admin, *, topics: Mapping[str, Topic] = TOPICS) -> list[str]:
    """Create declared topics that are missing, set what differs, and say in a sentence each what was done.

    More partitions than declared stay as they are. Raises Misconfigured for fewer, because adding some would move keys
    to other partitions and break their order; NotYet when Kafka is away.
    """
    present = admin.topics()
    missing = [topic for topic in topics.values() if topic.name not in present]
    for topic in topics.values():
        if topic.name in present and present[topic.name].partitions < topic.partitions:
            raise Misconfigured(
                f"{topic.kafka_name} has {so_many(present[topic.name].partitions, 'partition')} in Kafka and needs "
                f"{topic.partitions}: drain it, delete it, and run angime topics apply again"
            )
    if missing:
        admin.create(missing, configs={topic.name: configs_of(topic) for topic in missing})
    done = [f"created {topic.kafka_name} with {so_many(topic.partitions, 'partition')}" for topic in missing]
    for topic in topics.values():
        state = present.get(topic.name)
        changed = _differing(topic, state=state) if state else {}
        if changed:
            admin.configure(topic.name, configs=changed)
            done.append(f"set {', '.join(sorted(changed))} of {topic.kafka_name}")
    return done


def rows(admin: Admin, *, topics: Mapping[str, Topic] = TOPICS) -> list[TopicRow]:
    """Give one row a declared topic, in their declared order; raises NotYet when Kafka is away."""
    present = admin.topics()
    return [_row(topic, state=present.get(topic.name)) for topic in topics.values()]


def _row(topic: Topic, *, state: TopicState | None) -> TopicRow:
    if state is None:
        return TopicRow(
            name=topic.kafka_name, holds=topic.holds, partitions=None, retention_days=None, difference="missing"
        )
    retention_ms = state.configs.get("retention.ms")
    differing = sorted(_differing(topic, state=state))
    if state.partitions < topic.partitions:
        differing.insert(0, "partitions")
    return TopicRow(
        name=topic.kafka_name,
        holds=topic.holds,
        partitions=state.partitions,
        retention_days=_days(int(retention_ms)) if retention_ms else None,
        difference=", ".join(differing),
    )


def _days(milliseconds: int) -> float:
    """Give whole days as a whole number, which people read as such."""
    days = milliseconds / 1000 / DAY_SECONDS
    return int(days) if days.is_integer() else days


def _differing(topic: Topic, *, state: TopicState) -> dict[str, str]:
    return {name: value for name, value in configs_of(topic).items() if state.configs.get(name) != value}
