"""Webhook answered to row visible: calls begin and end at fifty events a second while a reader looks as pages do."""

import statistics
import time
from pathlib import Path
from typing import Any

from angime.demo_stack import reading, running
from angime.simulator import freshness
from angime.simulator.house import Told, furnish
from angime.simulator.recordings import RecordingServer
from angime.simulator.traffic import tell

SEED = 3
EVENTS_A_SECOND = 50
CALLS = 500  # two events each: twenty seconds a round
STAGES = ("receive", "normalise", "stream", "land", "pages")
GOAL_P95_SECONDS = 2.0


def measure(folder: Path, *, rounds: int) -> dict[str, Any]:
    """Give median and 95th percentile of each round, in seconds, with all stages of `angime up` running."""
    told = Told(seed=SEED, now=int(time.time()), days=3, calls=60)
    server = RecordingServer(seed=SEED)
    furnish(folder, told=told, recordings_host=server.host)
    story = tell(seed=SEED, now=told.now, days=told.days, calls=told.calls)
    try:
        with running(folder, stages=STAGES, on_step=print) as stack:
            stack.wait_ready()
            with reading(folder) as reader:
                found = [
                    freshness.measure(
                        story,
                        base_url=stack.receiver_url,
                        read_sql=reader.sql,
                        calls=CALLS,
                        events_a_second=EVENTS_A_SECOND,
                    )
                    for _ in range(rounds)
                ]
    finally:
        server.close()
    p95_seconds = statistics.median(one.p95_seconds for one in found)
    return {
        "freshness_median_seconds": round(statistics.median(statistics.median(one.seconds) for one in found), 3),
        "freshness_p95_seconds": {
            "seconds": round(p95_seconds, 3),
            "goal": GOAL_P95_SECONDS,
            "is_met": p95_seconds <= GOAL_P95_SECONDS,
        },
        "freshness_p95_rounds": [round(one.p95_seconds, 3) for one in found],
    }
