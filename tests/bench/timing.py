"""How long work takes, by one clock or another."""

import time
from collections.abc import Callable


def seconds_of(work: Callable[[], object], *, clock: Callable[[], float] = time.perf_counter) -> float:
    """Give the seconds that pass on the clock while the work is done."""
    began = clock()
    work()
    return clock() - began
