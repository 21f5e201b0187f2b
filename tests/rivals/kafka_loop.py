"""What people write first: kafka-python, `json.loads` and a DuckDB file. BOOTSTRAP TOPIC FOLDER first|careful.

`first` lets the client commit by itself and inserts what came; `careful` commits after the insert, under a primary key.
"""

import json
import sys
import time
from pathlib import Path

import duckdb
import kafka

ROWS_AT_ONCE = 500
LONGEST_WAIT_SECONDS = 2.0
SESSION_MS = 6_000


def main(bootstrap: str, topic: str, folder: Path, *, is_careful: bool) -> None:
    """Write events for ever, some hundred at once."""
    consumer = kafka.KafkaConsumer(
        topic,
        bootstrap_servers=bootstrap,
        group_id="loop",
        auto_offset_reset="earliest",
        enable_auto_commit=not is_careful,
        session_timeout_ms=SESSION_MS,
        heartbeat_interval_ms=SESSION_MS // 3,
    )
    session = duckdb.connect(str(folder / "rows.duckdb"))
    key = " primary key" if is_careful else ""
    session.execute(f"create table if not exists events (id text{key}, call_id text, type text, talk_seconds double)")
    word = "insert or ignore" if is_careful else "insert"
    rows: list[tuple[str, str, str, float]] = []
    written = time.monotonic()
    while True:
        for records in consumer.poll(timeout_ms=500, max_records=ROWS_AT_ONCE).values():
            for record in records:
                event = json.loads(record.value)
                talk_seconds = event["data"].get("talk_seconds", 0.0)
                rows.append((event["id"], event["data"]["call_id"], event["type"], talk_seconds))
        if rows and (len(rows) >= ROWS_AT_ONCE or time.monotonic() - written > LONGEST_WAIT_SECONDS):
            session.begin()  # else each row is a transaction, with a disk's patience each
            session.executemany(f"{word} into events values (?, ?, ?, ?)", rows)
            session.commit()
            if is_careful:
                consumer.commit()
            print("wrote", len(rows), flush=True)
            rows.clear()
            written = time.monotonic()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), is_careful=sys.argv[4] == "careful")
