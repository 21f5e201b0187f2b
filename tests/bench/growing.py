"""How all that is done with a warehouse grows with it: the same work over logs of several sizes, and fitted exponents.

Work that takes n^1 grows as the log does; an exponent of 0 does not feel its size. Each size is a year of calls, told
in four events each; one call of ten was transcribed where words are searched for.
"""

import math
import shutil
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from analytics import questions
from analytics.copies import snapshots
from analytics.metrics.catalogue import over
from analytics.settings import AnalyticsSettings
from analytics.warehouse import Reader, open_reader
from tests.bench import asking, rebuilding, refreshing, searching

EVENTS_A_TRANSCRIPT = 40
TIMES = 5  # that a question is asked before its median is taken

Found = dict[str, float]


def measure(folder: Path, *, sizes: Sequence[int]) -> dict[str, Any]:
    """Give of each work its figure at every size, smallest first, and the exponent with which it grows."""
    folder.mkdir()
    by_size = [_at(folder / str(size), events=size) for size in sorted(sizes)]
    calls = [size / 4 for size in sorted(sizes)]
    return {"growth_calls": [round(count) for count in calls]} | {
        f"growth_{name}": {
            "at_each_size": [round(found[name], 3) for found in by_size],
            "exponent": round(_exponent(calls, [found[name] for found in by_size]), 2),
        }
        for name in by_size[0]
    }


def _at(folder: Path, *, events: int) -> Found:
    """Do everything once with a log of this size, and leave nothing on the disk."""
    folder.mkdir()
    settings = AnalyticsSettings(home=folder / "home")
    found = _rebuilt(settings.home, events=events)
    with open_reader(settings) as reader:
        found |= _asked(reader)
    began = time.perf_counter()
    snapshots.take(settings, folder / "snapshot")
    found["snapshot_seconds"] = time.perf_counter() - began
    found["disk_mib"] = sum(one.stat().st_size for one in settings.warehouse.rglob("*") if one.is_file()) / 2**20
    shutil.rmtree(folder)
    return found | _searched(folder, transcripts=events // EVENTS_A_TRANSCRIPT)


def _rebuilt(home: Path, *, events: int) -> Found:
    rebuilding.fill(home, count=events)
    with rebuilding.opened(home) as writer:
        began = time.perf_counter()
        writer.rebuild()
        seconds = time.perf_counter() - began
    return {
        "rebuild_seconds": seconds,
        "refresh_p95_ms": refreshing.percentile(refreshing.landed(home).refresh, 0.95),
    }


def _asked(reader: Reader) -> Found:
    """Ask what Overview shows of a week, and of it day by day, and what it would of the whole year."""
    asked = {
        "tiles_of_a_week_ms": lambda: asking.tiles(reader),
        "a_week_by_day_ms": lambda: asking.tiles(reader, by=("day",)),
        "tiles_of_a_year_ms": lambda: questions.figures(
            reader, period=searching.YEAR, scope=asking.SCOPE, metrics=tuple(over("calls"))
        ),
    }
    return {name: statistics.median(times) for name, times in asking.in_turn(asked, rounds=TIMES).items()}


def _searched(folder: Path, *, transcripts: int) -> Found:
    measured = searching.measure(folder, rounds=1, calls=transcripts)
    shutil.rmtree(folder)
    return {
        "search_index_seconds": measured["search_index_seconds"],
        "search_index_megabytes": measured["search_index_megabytes"],
        "search_p95_ms": 1_000 * measured["search_p95_seconds"]["seconds"],
    }


def _exponent(sizes: Sequence[float], figures: Sequence[float]) -> float:
    """Fit figure = a × size^k in logarithms, and give k; nan for one size alone."""
    if len(sizes) < 2:
        return math.nan
    return statistics.linear_regression([math.log(one) for one in sizes], [math.log(one) for one in figures]).slope
