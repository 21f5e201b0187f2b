"""The other yardstick of normalising, run by a Python that has bytewax: BOOTSTRAP COUNT WORD.

It reads `raw` from its beginning to its end and joins no group: bytewax keeps places in files of its own, if at all.
"""

import json
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import bytewax.operators as op
from bytewax.connectors.kafka import KafkaSink, KafkaSinkMessage, KafkaSource
from bytewax.dataflow import Dataflow
from bytewax.testing import run_main

from pipelines.sources import SOURCES
from schemas.codec import encode
from schemas.company import parse_company
from schemas.envelope import topic_of
from schemas.records import raw_from_kafka
from schemas.topics import PREFIX

BATCH_RECORDS = 500  # as many as ours takes at a time; by itself it would take one


def main(bootstrap: str) -> None:
    """Normalise what lies on `raw` and print how many events it was, and how much processor time it took."""
    company = parse_company((Path(os.environ["ANGIME_HOME"]) / "company.toml").read_text(encoding="utf-8"))
    accounts = {account.id: account for account in company.accounts}
    events = 0

    def translate(message: object) -> Iterator[KafkaSinkMessage]:
        nonlocal events
        raw = raw_from_kafka(message.value, message.headers)  # type: ignore[attr-defined]
        translation = SOURCES[raw.source].translate(raw, company=company, account=accounts[raw.account])
        for event in translation.events:
            events += 1
            yield KafkaSinkMessage(key=event.partitionkey.encode(), value=encode(event), topic=PREFIX + topic_of(event))

    flow = Dataflow("normalise")
    raw = op.input("raw", flow, KafkaSource([bootstrap], [PREFIX + "raw"], tail=False, batch_size=BATCH_RECORDS))
    facts = op.flat_map("translate", raw, translate)
    op.output("facts", facts, KafkaSink([bootstrap], None, add_config={"acks": "all"}))
    began = time.process_time()
    run_main(flow)
    print(json.dumps({"events": events, "cpu_seconds": time.process_time() - began}))


if __name__ == "__main__":
    main(sys.argv[1])
