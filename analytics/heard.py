"""When the log heard of each entity: pairs of an entity's hash and a slot of time, sorted, so that few are found fast.

In runs, as a merge sort makes them: each is at least twice as long as the next, so that a new pair is rarely moved.
"""

import numpy as np
from numpy.typing import NDArray

from analytics.seen import Hashes

Slots = NDArray[np.int32]
Run = tuple[Hashes, Slots]


class Heard:
    """Pairs of hash and slot, each once where it is given once."""

    def __init__(self) -> None:
        self._runs: list[Run] = []

    def add(self, hashes: Hashes, slots: Slots) -> None:
        """Take in pairs, in any order."""
        while self._runs and len(self._runs[-1][0]) < 2 * len(hashes):
            shorter = self._runs.pop()
            hashes, slots = np.concatenate([shorter[0], hashes]), np.concatenate([shorter[1], slots])
        order = np.argsort(hashes, kind="stable")
        self._runs.append((hashes[order], slots[order]))

    def find(self, hashes: Hashes) -> tuple[NDArray[np.intp], Slots]:
        """Give the slots of these hashes, each beside the place of its hash in `hashes`."""
        places: list[NDArray[np.intp]] = [np.zeros(0, dtype=np.intp)]
        found: list[Slots] = [np.zeros(0, dtype=np.int32)]
        for known, slots in self._runs:
            first, past = np.searchsorted(known, hashes, "left"), np.searchsorted(known, hashes, "right")
            counts = past - first
            places.append(np.repeat(np.arange(len(hashes)), counts))
            begins = np.repeat(first - np.cumsum(counts) + counts, counts)
            found.append(slots[begins + np.arange(counts.sum())])
        return np.concatenate(places), np.concatenate(found)

    def slots(self) -> Slots:
        """Give every slot that occurs, ascending."""
        return np.unique(np.concatenate([np.zeros(0, dtype=np.int32), *(slots for _, slots in self._runs)]))
