"""Replays from Kafka and from the log beside landing in bulk, and a snapshot beside a plain copy of the same bytes."""

import json
import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

from analytics import snapshots
from analytics.settings import AnalyticsSettings
from tests.bench import landing

LANDED_RATE_SHARE = 0.6
LOOK_AGAIN_SECONDS = 0.1
COPY_TIMES, COPY_MORE_SECONDS = 2.0, 2.0


def measure(bootstrap: str, folder: Path, *, count: int) -> dict[str, Any]:
    """Land `count` events that lie in Kafka, replay them from Kafka and from the log, and take a snapshot of them.

    Goals: a replay at 0.6 × the rate of landing or more; a snapshot within 2 × the copy of the warehouse and 2 s.
    """
    landed = landing.ours(bootstrap, folder / "home", count=count)
    settings = AnalyticsSettings(home=folder / "home")
    # Kafka first: what the other sends lies there afterwards.
    replayed = {origin: _replay(settings.home, bootstrap, origin=origin) for origin in ("kafka", "log")}
    began = time.perf_counter()
    shutil.copytree(settings.warehouse, folder / "copied")
    copy_seconds = time.perf_counter() - began
    began = time.perf_counter()
    snapshots.take(settings, folder / "snapshot")
    snapshot_seconds = time.perf_counter() - began
    allowed_seconds = COPY_TIMES * copy_seconds + COPY_MORE_SECONDS
    return {
        "landing_events_per_second": round(landed.in_log),
        **{
            f"replay_from_{origin}": {
                **one,
                "ratio": round(one["events_per_second"] / landed.in_log, 2),
                "goal": LANDED_RATE_SHARE,
                "is_met": one["events_per_second"] >= LANDED_RATE_SHARE * landed.in_log,
            }
            for origin, one in replayed.items()
        },
        "snapshot": {
            "seconds": round(snapshot_seconds, 2),
            "copy_seconds": round(copy_seconds, 2),
            "goal_seconds": round(allowed_seconds, 2),
            "is_met": snapshot_seconds <= allowed_seconds,
        },
    }


def _replay(home: Path, bootstrap: str, *, origin: str) -> dict[str, Any]:
    """Replay everything by the command line, its start included; gives rate and peak of its memory."""
    file = home / "replayed.json"
    peak_mib = 0
    began = time.perf_counter()
    with (
        file.open("wb") as printed,
        subprocess.Popen(
            [sys.executable, "-m", "angime", "replay", "--origin", origin, "--json"],
            env={**os.environ, "ANGIME_HOME": str(home), "ANGIME_KAFKA": bootstrap},
            stdout=printed,
            stderr=subprocess.DEVNULL,
        ) as process,
    ):
        while process.poll() is None:
            peak_mib = _peak_mib(process.pid) or peak_mib
            time.sleep(LOOK_AGAIN_SECONDS)
    seconds = time.perf_counter() - began
    if process.returncode:
        raise RuntimeError(f"the replay from {origin} ended with {process.returncode}")
    told = json.loads(file.read_bytes())
    return {
        "events": told["sent"],
        "events_per_second": round(told["sent"] / seconds),
        "peak_mib": peak_mib,
    }


def _peak_mib(process: int) -> int:
    """Give the most memory that a process has had since it began its program; 0 when it is gone."""
    with suppress(OSError):
        for line in Path(f"/proc/{process}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    return 0
