"""The yardstick of normalising, run by a Python that has quixstreams: BOOTSTRAP COUNT GROUP."""

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from quixstreams import Application
from quixstreams.models import SerializationContext, Serializer

from pipelines.sources import SOURCES
from schemas.codec import encode
from schemas.company import parse_company
from schemas.envelope import topic_of
from schemas.records import raw_from_kafka
from schemas.topics import CANONICAL, PREFIX

Routed = tuple[str, bytes, bytes]


class _Value(Serializer):
    """Sends the last of what the translation gives: the event's bytes."""

    def __call__(self, value: Any, ctx: SerializationContext) -> bytes:  # noqa: ARG002  # the form of quixstreams
        return value[2]


def main(bootstrap: str, count: int, group: str) -> None:
    """Normalise `count` records of `raw` and print how many events they were, and how much processor time it took."""
    company = parse_company((Path(os.environ["ANGIME_HOME"]) / "company.toml").read_text(encoding="utf-8"))
    accounts = {account.id: account for account in company.accounts}
    events = 0

    def translate(value: bytes, key: bytes, timestamp: int, headers: Any) -> list[Routed]:  # noqa: ARG001  # the form of quixstreams
        nonlocal events
        raw = raw_from_kafka(value, headers)
        translation = SOURCES[raw.source].translate(raw, company=company, account=accounts[raw.account])
        events += len(translation.events)
        return [(topic_of(event), event.partitionkey.encode(), encode(event)) for event in translation.events]

    application = Application(
        broker_address=bootstrap,
        consumer_group=group,
        auto_offset_reset="earliest",
        loglevel="ERROR",
        producer_extra_config={"acks": "all"},
    )
    raw = application.topic(PREFIX + "raw", key_deserializer="bytes", value_deserializer="bytes")
    topics: Mapping[str, Any] = {
        name: application.topic(PREFIX + name, key_serializer="bytes", value_serializer=_Value()) for name in CANONICAL
    }
    stream = application.dataframe(raw).apply(translate, metadata=True, expand=True)
    stream.to_topic(
        lambda value, _key, _timestamp, _headers: topics[value[0]],
        key=lambda value: value[1],
    )
    began = time.process_time()
    application.run(count=count)
    print(json.dumps({"events": events, "cpu_seconds": time.process_time() - began}))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
