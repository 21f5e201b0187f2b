"""What every normaliser does for an event, whatever brings and takes it: the ceiling of them all. BOOTSTRAP COUNT WORD.

Raw records are read into memory first. What is measured is to decode, translate, key and encode them, and nothing else.
"""

import json
import sys
import time

from pipelines.kafka.broker import Record, join_group
from pipelines.normalise import TOPIC, settled
from pipelines.settings import PipelinesSettings
from schemas.codec import encode
from schemas.envelope import topic_of
from schemas.records import raw_from_kafka

RECORDS_AT_ONCE = 10_000


def main(bootstrap: str, count: int, word: str) -> None:
    """Translate `count` records of `raw` and print how many events they were, and how much processor time it took."""
    records = _read(bootstrap, count=count, group=word)
    origins = settled(PipelinesSettings())
    made = 0
    began = time.process_time()
    for record in records:
        raw = raw_from_kafka(record.value, record.headers)
        origin = origins[raw.source, raw.account]
        for event in origin.source.translate(raw, company=origin.company, account=origin.account).events:
            made += bool(topic_of(event) and event.partitionkey.encode() and encode(event))
    print(json.dumps({"events": made, "cpu_seconds": time.process_time() - began}))


def _read(bootstrap: str, *, count: int, group: str) -> list[Record]:
    records: list[Record] = []
    consumer = join_group(bootstrap, group=group, topics=[TOPIC])
    while len(records) < count:
        records += consumer.poll(max_records=RECORDS_AT_ONCE, timeout_seconds=0.5)
    consumer.close()
    return records


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
