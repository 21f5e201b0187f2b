"""A yardstick of landing, run by a Python that has dlt: BOOTSTRAP TOPIC COUNT FOLDER FORM.

Batches of records go through dlt into a DuckDB file, in one load, and each event stands there once: they are merged by
`id`, the first of doubled ones is kept. A row has the envelope's columns, `data` as JSON, and topic, partition and
offset; next offsets lie in the resource's state, as dlt's own source for Kafka keeps them, which dlt writes beside the
rows. Nothing is checked and nothing is folded. FORM is `rows`, dicts as that source gives them, or `arrow`, tables,
which dlt does not look into: what its pages on performance advise.
"""

import sys
import time
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import confluent_kafka
import dlt
import pyarrow as pa
from dlt.common import json

RECORDS_AT_ONCE = 20_000
TEXTS = (
    *("id", "source", "type", "subject", "company", "account", "partitionkey", "dataschema", "causationid"),
    *("specversion", "datacontenttype", "data", "topic"),
)
TIMES = ("time", "recordedat")
HINTS: dict[str, Any] = {
    **{name: {"data_type": "text"} for name in TEXTS},
    **{name: {"data_type": "timestamp"} for name in TIMES},
    "data": {"data_type": "json"},
    "offset": {"data_type": "bigint", "dedup_sort": "asc"},
}
SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in TEXTS),
        *((name, pa.timestamp("us", "UTC")) for name in TIMES),
        ("partition", pa.int64()),
        ("offset", pa.int64()),
    ]
)


def main(bootstrap: str, topic: str, count: int, folder: Path, form: str) -> None:
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

    @dlt.resource(name="events", write_disposition="merge", primary_key="id", columns=HINTS)
    def events() -> Iterator[Any]:
        next_offsets = dlt.current.resource_state().setdefault("next_offsets", {})
        read = 0
        while read < count:
            messages = consumer.consume(min(RECORDS_AT_ONCE, count - read), timeout=0.5)
            read += len(messages)
            next_offsets |= {str(message.partition()): message.offset() + 1 for message in messages}
            rows = [_row(message) for message in messages]
            yield _table(rows) if form == "arrow" else rows

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
        [[landed]] = client.execute_sql("select count(distinct id) from events")
    print(json.dumps({"events": landed, "seconds": seconds}))


def _row(message: Any) -> dict[str, Any]:
    place = {"topic": message.topic(), "partition": message.partition(), "offset": message.offset()}
    return json.loadb(message.value()) | place


def _table(rows: list[dict[str, Any]]) -> pa.Table:
    """Give rows as Arrow does, `data` as the text of its JSON."""
    columns = {name: [row[name] for row in rows] for name in SCHEMA.names}
    columns["data"] = [json.dumps(told) for told in columns["data"]]
    texts = {name: pa.array(told, pa.string() if name in TIMES else None) for name, told in columns.items()}
    return pa.table(texts).cast(SCHEMA)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]), sys.argv[5])
