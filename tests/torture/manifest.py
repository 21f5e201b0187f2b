"""What must be there afterwards: ids as a count, an XOR and a sum of 64-bit hashes, which no loss leaves."""

from collections.abc import Iterable
from hashlib import blake2b

from msgspec import Struct

HASH_BYTES = 8
MODULUS = 1 << (8 * HASH_BYTES)


class Manifest(Struct, frozen=True, kw_only=True):
    """A list of ids in any order: a missing id changes all three, a doubled one the count and the sum."""

    count: int
    xor: int
    total: int

    def __str__(self) -> str:
        return f"{self.count} ids, XOR {self.xor:016x}, sum {self.total:016x}"


def manifest(ids: Iterable[str]) -> Manifest:
    """Sum up ids."""
    count = xor = total = 0
    for one in ids:
        hashed = int.from_bytes(blake2b(one.encode(), digest_size=HASH_BYTES).digest())
        count, xor, total = count + 1, xor ^ hashed, (total + hashed) % MODULUS
    return Manifest(count=count, xor=xor, total=total)
