"""A yardstick of landing, run by a Python that has dlt: BOOTSTRAP TOPIC COUNT FOLDER.

Batches of JSON go through dlt into a DuckDB file, appended; `data` stays JSON, so that nothing is unnested.
"""

import json
import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import dlt

RECORDS_AT_ONCE = 20_000
EXTRACTED = "data"


def main(bootstrap: str, topic: str, count: int, folder: Path) -> None:
    """Land `count` records and print how many there are, and the seconds from the first look into Kafka to the end."""
    consumer = confluent_kafka.Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": str(uuid.uuid4()),
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
        }
    )
    consumer.subscribe([topic])

    @dlt.resource(name="events", write_disposition="append", columns={EXTRACTED: {"data_type": "json"}})
    def events() -> Iterator[list[dict[str, Any]]]:
        read = 0
        while read < count:
            messages = consumer.consume(min(RECORDS_AT_ONCE, count - read), timeout=0.5)
            read += len(messages)
            yield [json.loads(message.value()) for message in messages]

    pipeline = dlt.pipeline(
        "landing",
        pipelines_dir=str(folder / "state"),
        destination=dlt.destinations.duckdb(str(folder / "events.duckdb")),
        dataset_name="log",
    )
    began = time.perf_counter()
    pipeline.run(events(), loader_file_format="parquet")
    seconds = time.perf_counter() - began
    consumer.close()
    with pipeline.sql_client() as client:
        [[landed]] = client.execute_sql("select count(*) from events")
    print(json.dumps({"events": landed, "seconds": seconds}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
