"""Whether what runs still works: who gives no sign of life for long, and does nothing either, hangs."""

import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import httpx
import psutil
from msgspec import Struct

from angime import presence
from pipelines.kafka import local_kafka

LOOK_SECONDS = 10.0
# So many looks in a row without a sign, five minutes: a busy machine lets wait long, and who is slow is not ended.
HANGING_LOOKS = 30
# Of a processor's time. What hangs takes less, for the threads of its libraries; what folds for an hour takes more,
# on the busiest machine.
LEAST_WORK = 0.01
ANSWER_SECONDS = 2.0
HEALTH = {"receive": "/readyz", "pages": "/_stcore/health"}
BEATING = ("normalise", "stream", "land")


class Asked(Struct, frozen=True, kw_only=True):
    """A process, and its `sign` of life: another number each time it gives one, 0 where it gives none.

    Of one that `works_long` the time of processors that it takes is a sign as well: it may fold all there is, and does
    not look up meanwhile. Of the others it is one until they are heard for the first time.
    """

    pid: int
    sign: Callable[[], float]
    works_long: bool = False


class Watch:
    """Looks again and again at processes by their names, and remembers who gave no sign, and for how many looks."""

    def __init__(self) -> None:
        self._seen: dict[str, _Seen] = {}

    def look(self, asked: Mapping[str, Asked]) -> list[str]:
        """Ask all; gives the names of those who hang, each once."""
        self._seen = {name: self._seen.get(name, _Seen()).after(one) for name, one in asked.items()}
        hanging = [name for name, seen in self._seen.items() if seen.silent_looks >= HANGING_LOOKS]
        for name in hanging:
            del self._seen[name]
        return hanging


class _Seen(Struct, frozen=True, kw_only=True):
    """What was seen of one process."""

    pid: int = 0
    sign: float = 0.0
    was_heard: bool = False
    silent_looks: int = 0
    work_seconds: float = 0.0
    looked_at: float = 0.0

    def after(self, asked: Asked) -> "_Seen":
        """Give what is seen after one more look."""
        before = self if self.pid == asked.pid else _Seen(pid=asked.pid)
        now, work, sign = time.monotonic(), work_seconds(asked.pid), asked.sign()
        is_heard = sign not in (0.0, before.sign)
        is_at_work = abs(work - before.work_seconds) >= LEAST_WORK * (now - before.looked_at)
        counts_work = asked.works_long or not before.was_heard
        return _Seen(
            pid=asked.pid,
            sign=sign,
            was_heard=before.was_heard or is_heard,
            silent_looks=0 if is_heard or (counts_work and is_at_work) else before.silent_looks + 1,
            work_seconds=work,
            looked_at=now,
        )


def work_seconds(pid: int) -> float:
    """Give how long processors worked for a process and its children; it sinks when one of these ends."""
    try:
        process = psutil.Process(pid)
        times = [one.cpu_times() for one in (process, *process.children(recursive=True))]
    except psutil.Error:
        return 0.0
    return sum(taken.user + taken.system for taken in times)


def asked_of_stage(stage: str, *, pid: int, url: str, home: Path) -> Asked | None:
    """Give what to ask a stage, which serves at `url` where it serves; None where nothing tells whether it works."""
    if stage in HEALTH:
        return Asked(pid=pid, sign=partial(_moment_if, lambda: status_of(url) is not None))
    if stage in BEATING:
        return Asked(pid=pid, sign=partial(presence.last_beat, home, stage), works_long=True)
    return None


def asked_of_broker(home: Path) -> Asked | None:
    """Give what to ask the broker of a home; None where none lives."""
    pid = local_kafka.pid_of(home)
    return None if pid is None else Asked(pid=pid, sign=partial(_moment_if, partial(local_kafka.is_heard, home)))


def status_of(url: str) -> int | None:
    """Give the status with which somebody answers there; None when nobody does."""
    try:
        return httpx.get(url, timeout=ANSWER_SECONDS, trust_env=False).status_code
    except httpx.HTTPError:
        return None


def _moment_if(is_heard: Callable[[], bool]) -> float:
    return time.monotonic() if is_heard() else 0.0
