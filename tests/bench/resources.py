"""What processes take of the machine: memory, open files and processor time, read from /proc."""

import os
import statistics
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

TICKS_A_SECOND = os.sysconf("SC_CLK_TCK")
PAGES_A_MIB = 2**20 // os.sysconf("SC_PAGE_SIZE")


class Used(Struct, frozen=True, kw_only=True):
    """What a process and its children take at one moment; processor time, and waiting for it, since they began."""

    at_seconds: float
    rss_mib: float = 0.0
    handles: int = 0
    cpu_seconds: float = 0.0
    waited_seconds: float = 0.0


def used_by(groups: Mapping[str, int | None]) -> dict[str, Used]:
    """Sum up the processes of each group, by its name; one that ends meanwhile counts nothing.

    What they are is read once for all groups, for to read /proc takes of the machine too.
    """
    names = {group: name for name, group in groups.items() if group is not None}
    summed = {name: [0, 0, 0, 0] for name in names.values()}
    at_seconds = time.monotonic()
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError):
                fields = _fields(process)
                name = names.get(int(fields[2]))
                if name is not None:
                    found = (int(fields[11]) + int(fields[12]), int(fields[21]), _handles(process), _waited_ns(process))
                    summed[name] = [before + more for before, more in zip(summed[name], found, strict=True)]
    return {
        name: Used(
            at_seconds=at_seconds,
            cpu_seconds=ticks / TICKS_A_SECOND,
            rss_mib=rss_pages / PAGES_A_MIB,
            handles=handles,
            waited_seconds=waited_ns / 1e9,
        )
        for name, (ticks, rss_pages, handles, waited_ns) in summed.items()
    }


def growth(figures: Sequence[float]) -> float:
    """Give by how much the last quarter lies above the second: what was taken once, at the start, is no growth."""
    quarter = max(1, len(figures) // 4)
    return statistics.median(figures[-quarter:]) - statistics.median(figures[quarter : 2 * quarter] or figures)


def _handles(process: Path) -> int:
    return len(os.listdir(process / "fd"))  # noqa: PTH208  # only counted


def _waited_ns(process: Path) -> int:
    """Give how long its threads could have run and had no processor; one that ends meanwhile counts nothing."""
    waited_ns = 0
    for thread in (process / "task").iterdir():
        with suppress(OSError):
            waited_ns += int((thread / "schedstat").read_bytes().split()[1])
    return waited_ns


def _fields(process: Path) -> list[bytes]:
    """Give the fields of `stat` from the state on: what stands before it, the name, may hold anything."""
    return (process / "stat").read_bytes().rpartition(b")")[2].split()
