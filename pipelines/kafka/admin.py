"""A Kafka cluster as its admin sees it: topics with their settings, offsets, and what groups have committed."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from pipelines.kafka.access import for_kafka_python
from pipelines.kafka.plain_broker import COORDINATING, admin_words, clients, errors, refusal, structs
from pipelines.kafka.ports import (
    CONNECT_SECONDS,
    GROUPS_SECONDS,
    LOOK_AGAIN_SECONDS,
    REQUEST_SECONDS,
    Positions,
    TopicState,
)
from pipelines.kafka.reach import reach
from schemas.errors import NotYet
from schemas.topics import PREFIX, Topic


class Admin:
    """Looks at topics and changes them. Every method raises NotYet when Kafka is away."""

    def __init__(self, bootstrap: str) -> None:
        reach(bootstrap)
        try:
            self._client: Any = clients.KafkaAdminClient(
                bootstrap_servers=bootstrap.split(","),
                bootstrap_timeout_ms=round(CONNECT_SECONDS * 1000),
                request_timeout_ms=round(REQUEST_SECONDS * 1000),
                **for_kafka_python(),
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
        """Give the next offsets that a group has committed; waits while the broker makes ready what it knows of groups.

        A cluster keeps that on a topic of its own, which it makes when it is first asked and loads when it starts.
        """
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
        deadline = time.monotonic() + GROUPS_SECONDS
        while True:
            try:
                return getattr(self._client, method)(*arguments, **options)
            except errors.KafkaError as error:
                if not isinstance(error, COORDINATING) or time.monotonic() > deadline:
                    raise refusal(error) from None
            time.sleep(LOOK_AGAIN_SECONDS)


def _by_name(places: Any) -> dict[tuple[str, int], int]:
    return {(place.topic.removeprefix(PREFIX), place.partition): position.offset for place, position in places.items()}
