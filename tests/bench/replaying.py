"""Replays of logs of several sizes, from the log and from Kafka: how fast each is, and whether memory stays flat."""

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench import doors, rebuilding
from tests.brokers import own_broker

SIZES = (1_000_000, 4_000_000, 10_000_000)
# What ten times the events may take of memory beside the smallest size.
FLAT_TIMES = 1.25
ORIGINS = ("log", "kafka")


def measure(folder: Path, *, sizes: Sequence[int]) -> dict[str, Any]:
    """Give rate and peak of each replay at every size, smallest first, and the largest peak beside the smallest size's.

    What the replay from the log sends is what the one from Kafka reads. Each size has a broker of its own, and leaves
    nothing on the disk; the largest takes about 1.6 KB an event while it lasts.
    """
    folder.mkdir()
    found = {size: _at(folder / str(size), events=size) for size in sorted(sizes)}
    peaks = {origin: [one[origin]["peak_mib"] for one in found.values()] for origin in ORIGINS}
    return {f"replay_of_{size}": one for size, one in found.items()} | {
        f"replay_from_{origin}_peak": {
            "mib": of_origin,
            "ratio": round(max(of_origin) / of_origin[0], 2),
            "goal": FLAT_TIMES,
            "is_met": max(of_origin) <= FLAT_TIMES * of_origin[0],
        }
        for origin, of_origin in peaks.items()
    }


def _at(folder: Path, *, events: int) -> dict[str, Any]:
    home = folder / "home"
    folder.mkdir()
    rebuilding.fill(home, count=events)
    with own_broker(folder / "broker", on_step=print) as kafka:
        found = {origin: doors.replay(home, kafka.bootstrap, origin=origin) for origin in ORIGINS}
    shutil.rmtree(folder)
    return found
