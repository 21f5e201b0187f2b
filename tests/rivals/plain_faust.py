"""Faust as its first page shows it: an agent that takes some hundred events and inserts them: BROKER TOPIC FOLDER."""

import sys
from pathlib import Path
from typing import Any

import duckdb
import faust

ROWS_AT_ONCE = 500
LONGEST_WAIT_SECONDS = 1.0
SESSION_SECONDS = 6.0


def main(bootstrap: str, topic: str, folder: Path) -> None:
    """Write events for ever."""
    session = duckdb.connect(str(folder / "rows.duckdb"))
    session.execute("create table if not exists events (id text, call_id text, type text, talk_seconds double)")
    app = faust.App(
        "plain",
        broker=f"kafka://{bootstrap}",
        datadir=str(folder / "faust"),
        value_serializer="json",
        web_enabled=False,
        topic_disable_leader=True,
        broker_session_timeout=SESSION_SECONDS,
        broker_heartbeat_interval=SESSION_SECONDS / 3,
    )

    @app.agent(app.topic(topic))
    async def write(stream: Any) -> None:
        async for events in stream.take(ROWS_AT_ONCE, within=LONGEST_WAIT_SECONDS):
            session.begin()  # else each row is a transaction
            session.executemany(
                "insert into events values (?, ?, ?, ?)",
                [
                    (one["id"], one["data"]["call_id"], one["type"], one["data"].get("talk_seconds", 0.0))
                    for one in events
                ],
            )
            session.commit()
            print("wrote", len(events), file=sys.__stdout__, flush=True)

    app.finalize()
    faust.Worker(app, loglevel="ERROR").execute_from_commandline()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
