"""Replays from Kafka and from the log beside landing in bulk, and a snapshot beside a plain copy of the same bytes."""

import json
import os
import shutil
import statistics
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb

from analytics.copies import snapshots
from analytics.settings import AnalyticsSettings
from tests.bench import landing
from tests.bench.timing import seconds_of

LANDED_RATE_SHARE = 0.6
LOOK_AGAIN_SECONDS = 0.1
SNAPSHOTS = 5
COPY_TIMES, COPY_MORE_SECONDS = 2.0, 2.0


def measure(bootstrap: str, folder: Path, *, count: int) -> dict[str, Any]:
    """Land `count` events that lie in Kafka, replay them from Kafka and from the log, and take a snapshot of them.

    Goals: a replay at 0.6 × the rate of landing or more; a snapshot within 2 × the copy of the warehouse and 2 s,
    medians of as many as are taken in turn.
    Beside it stands how long plain DuckDB takes to make a file of the same tables, each on one thread.
    """
    landed = landing.ours(bootstrap, folder / "home", count=count)
    settings = AnalyticsSettings(home=folder / "home")
    # Kafka first: what the other sends lies there afterwards.
    replayed = {origin: replay(settings.home, bootstrap, origin=origin) for origin in ("kafka", "log")}
    os.sync()  # what the replays wrote would else be waited for by whoever writes next
    copies, taken, plain = zip(*(_one_snapshot(settings, folder) for _ in range(SNAPSHOTS)), strict=True)
    copy_seconds, snapshot_seconds, plain_seconds = map(statistics.median, (copies, taken, plain))
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
            "rounds": [round(one, 2) for one in taken],
            "copy_seconds": round(copy_seconds, 2),
            "plain_duckdb_seconds": round(plain_seconds, 2),
            "goal_seconds": round(allowed_seconds, 2),
            "is_met": snapshot_seconds <= allowed_seconds,
        },
    }


def _one_snapshot(settings: AnalyticsSettings, folder: Path) -> tuple[float, float, float]:
    """Copy the warehouse, take a snapshot of it and make the same file by hand; gives the seconds of each."""
    with TemporaryDirectory(dir=folder) as place:
        copied, snapshot, plain = Path(place, "copied"), Path(place, "snapshot"), Path(place, "plain.duckdb")
        return (
            seconds_of(lambda: shutil.copytree(settings.warehouse, copied)),
            seconds_of(lambda: snapshots.take(settings, snapshot)),
            _copied_by_hand(snapshot, plain, hands=settings.warehouse_threads),
        )


def _copied_by_hand(snapshot: Path, file: Path, *, hands: int) -> float:
    """Make a file of a snapshot's Parquet by plain `create table as`, so many tables at a time, the largest first."""
    tables = sorted(
        (snapshot / snapshots.PARQUET).iterdir(), key=lambda one: -sum(part.stat().st_size for part in one.iterdir())
    )
    began = time.perf_counter()
    with closing(duckdb.connect(config={"threads": 1, "preserve_insertion_order": False})) as session:
        session.execute(f"attach '{file}' as plain (storage_version '{snapshots.STORAGE_VERSION}')")

        def make(table: Path) -> None:
            with closing(session.cursor()) as other:
                other.execute(f"create table plain.\"{table.name}\" as from '{table}/*.parquet'")

        with ThreadPoolExecutor(hands) as pool:
            list(pool.map(make, tables))
        session.execute("checkpoint plain")
    return time.perf_counter() - began


def replay(home: Path, bootstrap: str, *, origin: str) -> dict[str, Any]:
    """Replay everything by the command line, its start included; gives rate and peak of its memory."""
    file, complaints = home / "replayed.json", home / "replay.log"
    peak_mib = 0
    began = time.perf_counter()
    with (
        file.open("wb") as printed,
        complaints.open("wb") as complained,
        subprocess.Popen(
            [sys.executable, "-m", "angime", "replay", "--origin", origin, "--json"],
            env={**os.environ, "ANGIME_HOME": str(home), "ANGIME_KAFKA": bootstrap},
            stdout=printed,
            stderr=complained,
        ) as process,
    ):
        while process.poll() is None:
            peak_mib = _peak_mib(process.pid) or peak_mib
            time.sleep(LOOK_AGAIN_SECONDS)
    seconds = time.perf_counter() - began
    if process.returncode:
        why = complaints.read_text(errors="replace").strip().splitlines()[-1:]
        raise RuntimeError(f"the replay from {origin} ended with {process.returncode}: {''.join(why)}")
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
