"""Runs: numbers beside the hash of what they are of, sorted by it, so that those of a few are found fast.

As a merge sort makes them, each run is at least twice as long as the next, so that a new pair is rarely moved.
"""

import numpy as np
from numpy.typing import NDArray

from analytics.landing.seen import Hashes

Numbers = NDArray[np.int32]
Run = tuple[Hashes, Numbers]


class Runs:
    """Pairs of hash and number, each once where it is given once."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def add(self, hashes: Hashes, numbers: Numbers) -> None:
        """Take in pairs, in any order."""
        while self._runs and len(self._runs[-1][0]) < 2 * len(hashes):
            shorter = self._runs.pop()
            hashes, numbers = np.concatenate([shorter[0], hashes]), np.concatenate([shorter[1], numbers])
        order = np.argsort(hashes, kind="stable")
        self._runs.append((hashes[order], numbers[order]))

    def find(self, hashes: Hashes) -> tuple[NDArray[np.intp], Numbers]:
        """Give the numbers of these hashes, each beside the place of its hash in `hashes`."""
        places: list[NDArray[np.intp]] = [np.zeros(0, dtype=np.intp)]
        found: list[Numbers] = [np.zeros(0, dtype=np.int32)]
        for known, numbers in self._runs:
            first, past = np.searchsorted(known, hashes, "left"), np.searchsorted(known, hashes, "right")
            counts = past - first
            places.append(np.repeat(np.arange(len(hashes)), counts))
            begins = np.repeat(first - np.cumsum(counts) + counts, counts)
            found.append(numbers[begins + np.arange(counts.sum())])
        return np.concatenate(places), np.concatenate(found)

    def numbers(self) -> Numbers:
        """Give every number that occurs, ascending."""
        return np.unique(np.concatenate([np.zeros(0, dtype=np.int32), *(numbers for _, numbers in self._runs)]))
