"""How much disk the folders of this installation take, and how much is left."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from msgspec import Struct

MAX_FILES = 200_000
BLOCK_BYTES = 512  # in which a file system tells how much a file takes, whatever its own blocks


class Space(Struct, frozen=True):
    """Bytes below each folder of the home, the largest first, and of the disk it lies on; a count may be cut short."""

    folders: tuple[tuple[str, int], ...]
    free_bytes: int
    total_bytes: int
    is_whole: bool


def space(home: Path) -> Space:
    """Measure the home; of more than MAX_FILES files the rest is left out."""
    sizes: dict[str, int] = {}
    seen = 0
    for path, size in _files(home):
        seen += 1
        if seen > MAX_FILES:
            break
        top = path.relative_to(home).parts
        sizes[top[0] if len(top) > 1 else ""] = sizes.get(top[0] if len(top) > 1 else "", 0) + size
    disk = shutil.disk_usage(home)
    largest = sorted(sizes.items(), key=lambda one: (-one[1], one[0]))
    return Space(tuple(largest), disk.free, disk.total, seen <= MAX_FILES)


def _files(folder: Path) -> Iterator[tuple[Path, int]]:
    """Walk through files and what each takes: Kafka's are far longer than that. What vanishes meanwhile was none."""
    for parent, _, names in os.walk(folder):
        for name in names:
            path = Path(parent, name)
            try:
                yield path, path.lstat().st_blocks * BLOCK_BYTES
            except FileNotFoundError:
                continue
