"""A replay of the log into Kafka beside landing in bulk, and a snapshot beside a plain copy of the same bytes."""

import resource
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from analytics import snapshots
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from pipelines import replay
from pipelines.broker import connect_producer
from schemas.topics import CANONICAL
from tests.bench import landing

LANDED_RATE_SHARE = 0.6
COPY_TIMES, COPY_MORE_SECONDS = 2.0, 2.0
EVER = ("1970-01-01T00:00:00.000Z", "9999-01-01T00:00:00.000Z")


def measure(bootstrap: str, folder: Path, *, count: int) -> dict[str, Any]:
    """Land `count` events that lie in Kafka, replay them from the log into Kafka, and take a snapshot of their facts.

    Goals: a replay at 0.6 × the rate of landing or more; a snapshot within 2 × the copy of the warehouse and 2 s.
    """
    landed = landing.ours(bootstrap, folder / "home", count=count)
    settings = AnalyticsSettings(home=folder / "home")
    since, until = EVER
    choice = replay.Choice(stage="land", topics=CANONICAL, since=since, until=until)
    began = time.perf_counter()
    with closing(open_reader(settings)) as reader, closing(connect_producer(bootstrap)) as producer:
        sent = replay.from_log(reader, choice, producer=producer).sent
    replayed = sent / (time.perf_counter() - began)
    peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    began = time.perf_counter()
    shutil.copytree(settings.warehouse, folder / "copied")
    copy_seconds = time.perf_counter() - began
    began = time.perf_counter()
    snapshots.take(settings, folder / "snapshot")
    snapshot_seconds = time.perf_counter() - began
    allowed_seconds = COPY_TIMES * copy_seconds + COPY_MORE_SECONDS
    return {
        "replay": {
            "events": sent,
            "events_per_second": round(replayed),
            "landing_events_per_second": round(landed.in_log),
            "ratio": round(replayed / landed.in_log, 2),
            "goal": LANDED_RATE_SHARE,
            "is_met": replayed >= LANDED_RATE_SHARE * landed.in_log,
            "peak_mib_with_landing": round(peak_mib),
        },
        "snapshot": {
            "seconds": round(snapshot_seconds, 2),
            "copy_seconds": round(copy_seconds, 2),
            "goal_seconds": round(allowed_seconds, 2),
            "is_met": snapshot_seconds <= allowed_seconds,
        },
    }
