"""Which event ids may lie in the log: a Bloom filter, so that new ids are known to be new without asking the log."""

import numpy as np
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]

# 24 bits and 8 probes an id: about 4 of 100 000 new ids look as if they were known, and cost one look into the log.
BITS_PER_ID = 24
PROBES = 8
LEAST_CAPACITY = 1_000_000
MAX_BITS = 2**32  # half a gigabyte; beyond it more ids look known, and nothing becomes wrong


class IdFilter:
    """Ids by their 64-bit hashes: never says that an id it was given is new."""

    def __init__(self, *, capacity: int) -> None:
        wanted = max(capacity, LEAST_CAPACITY) * BITS_PER_ID
        bits = min(MAX_BITS, 1 << (wanted - 1).bit_length())
        self._mask = np.uint64(bits - 1)
        self._bytes = np.zeros(bits // 8, dtype=np.uint8)
        self._capacity = bits // BITS_PER_ID
        self._count = 0

    @property
    def is_overfull(self) -> bool:
        """Whether it holds more ids than it was made for, so that a larger one would save looks into the log."""
        return self._count > self._capacity and len(self._bytes) * 8 < MAX_BITS

    def add(self, hashes: Hashes) -> None:
        """Take the ids of these hashes as known from now on."""
        for place, bit in self._probes(hashes):
            np.bitwise_or.at(self._bytes, place, bit)
        self._count += len(hashes)

    def may_hold(self, hashes: Hashes) -> NDArray[np.bool_]:
        """Say for each hash whether its id may be known; False is certain."""
        known = np.ones(len(hashes), dtype=np.bool_)
        for place, bit in self._probes(hashes):
            known &= (self._bytes[place] & bit) != 0
        return known

    def _probes(self, hashes: Hashes) -> list[tuple[NDArray[np.int64], NDArray[np.uint8]]]:
        step = (hashes >> np.uint64(32)) | np.uint64(1)
        probes: list[tuple[NDArray[np.int64], NDArray[np.uint8]]] = []
        for index in range(PROBES):
            bits = (hashes + step * np.uint64(index)) & self._mask
            place = (bits >> np.uint64(3)).astype(np.int64)
            probes.append((place, np.left_shift(np.uint8(1), (bits & np.uint64(7)).astype(np.uint8))))
        return probes
