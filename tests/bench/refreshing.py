"""Batches of a thousand new events landed beside a large history, as the lander does it, and beside none.

Each batch is 250 whole calls of as many of the 50 000 contacts who called before, other ones each time: of ten million
calls, each has some two hundred. Steps of maintenance follow it, as they do in the lander, and are counted apart.
"""

import resource
import statistics
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from msgspec import Struct

from analytics.warehouse import Batch
from pipelines.land import MAINTENANCE_STEPS
from schemas.codec import encode
from schemas.instants import instant
from tests.bench import events, rebuilding

BATCH = 1_000
BATCHES = 80
PLANNED = 5  # the first batches, in which statements are planned, are not counted


class Landed(Struct, frozen=True):
    """Milliseconds of each batch, and of the steps of maintenance that follow it."""

    refresh: list[float]
    upkeep: list[float]


class _Record(Struct, frozen=True):
    """A record as the lander takes it."""

    topic: str
    partition: int
    offset: int
    value: bytes
    key: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()
    timestamp_ms: int = 0


def measure(folder: Path, *, rounds: int, count: int) -> dict[str, Any]:  # noqa: ARG001  # the form of a bench
    """Give percentiles of batches beside `count` events, and their median beside that of batches beside none."""
    folder.mkdir()
    home = folder / "large"
    rebuilding.fill(home, count=count)
    with rebuilding.opened(home) as writer:
        writer.rebuild()
    built_mib = _peak_mib()
    large = landed(home)
    alone = landed(folder / "empty")
    p95 = percentile(large.refresh, 0.95)
    return {
        "refresh_calls": count // events.FACTS_A_CALL,
        "refresh_batch_of": BATCH,
        "refresh_batches": len(large.refresh),
        "refresh_p95_ms": {"ms": round(p95), "goal": 1_000, "is_met": p95 <= 1_000},
        "refresh_ms": {
            "median": round(statistics.median(large.refresh)),
            "worst": round(max(large.refresh)),
            "median_v_empty": round(statistics.median(large.refresh) / statistics.median(alone.refresh), 2),
        },
        "upkeep_after_a_batch_ms": {
            "median": round(statistics.median(large.upkeep)),
            "p95": round(percentile(large.upkeep, 0.95)),
            "worst": round(max(large.upkeep)),
        },
        "refresh_peak_mib": {"after_the_rebuild": built_mib, "after_all": _peak_mib()},
    }


def landed(home: Path, *, batches: int = BATCHES) -> Landed:
    """Land batches of new events into the warehouse of a home."""
    found = Landed(refresh=[], upkeep=[])
    with rebuilding.opened(home) as writer:
        for batch in islice(_batches(), batches):
            began = time.perf_counter()
            writer.land(batch, now=_now())
            ended = time.perf_counter()
            writer.maintain(_now(), steps=MAINTENANCE_STEPS)
            found.refresh.append((ended - began) * 1_000)
            found.upkeep.append((time.perf_counter() - ended) * 1_000)
    return Landed(refresh=found.refresh[PLANNED:], upkeep=found.upkeep[PLANNED:])


def percentile(times: list[float], share: float) -> float:
    """Give the time that so large a share of them does not exceed."""
    return sorted(times)[int(len(times) * share)]


def _batches() -> Iterator[Batch]:
    told = events.events(10**9)
    offset = 0
    while True:
        records = [_Record("calls", 1, offset + place, encode(fact)) for place, fact in enumerate(islice(told, BATCH))]
        offset += BATCH
        yield Batch(records)


def _now() -> str:
    return instant(datetime.now(UTC))


def _peak_mib() -> int:
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
