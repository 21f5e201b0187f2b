"""quixstreams with its sink of files, run by a Python that has it: BOOTSTRAP TOPIC FOLDER."""

import os
import sys
from typing import Any

from quixstreams import Application
from quixstreams.sinks.base import SinkBatch
from quixstreams.sinks.community.file.local import LocalFileSink

SESSION_MS = 6_000


class _TellingSink(LocalFileSink):
    """The sink of files as it is, which says when it wrote."""

    def write(self, batch: SinkBatch) -> None:
        """Write a batch."""
        super().write(batch)
        print("wrote", batch.size, flush=True)


def main(bootstrap: str, topic: str, folder: str) -> None:
    """Write events for ever."""
    os.chdir(folder)  # the sink takes no path with a dash in it
    application = Application(
        broker_address=bootstrap,
        consumer_group="quix",
        auto_offset_reset="earliest",
        loglevel="ERROR",
        consumer_extra_config={"session.timeout.ms": SESSION_MS, "heartbeat.interval.ms": SESSION_MS // 3},
    )

    def row(event: dict[str, Any]) -> dict[str, Any]:
        known = event["data"]
        return {
            "id": event["id"],
            "call_id": known["call_id"],
            "type": event["type"],
            "talk_seconds": known.get("talk_seconds", 0.0),
        }

    application.dataframe(application.topic(topic)).apply(row).sink(_TellingSink(directory="rows"))
    application.run()


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3])
