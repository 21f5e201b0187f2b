"""What processes take of the machine: memory, open files and processor time, read from /proc."""

import os
import statistics
import time
from collections.abc import Iterator, Sequence
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


def used_by(group: int) -> Used:
    """Sum up the processes of a group; one that ends meanwhile counts nothing."""
    rss_pages = handles = ticks = waited_ns = 0
    for process in _group(group):
        with suppress(OSError):
            fields = _fields(process)
            open_files = len(list((process / "fd").iterdir()))
            ticks += int(fields[11]) + int(fields[12])
            rss_pages += int(fields[21])
            handles += open_files
            waited_ns += sum(_waited_ns(thread) for thread in (process / "task").iterdir())
    return Used(
        at_seconds=time.monotonic(),
        rss_mib=rss_pages / PAGES_A_MIB,
        handles=handles,
        cpu_seconds=ticks / TICKS_A_SECOND,
        waited_seconds=waited_ns / 1e9,
    )


def growth(figures: Sequence[float]) -> float:
    """Give by how much the last quarter lies above the second: what was taken once, at the start, is no growth."""
    quarter = max(1, len(figures) // 4)
    return statistics.median(figures[-quarter:]) - statistics.median(figures[quarter : 2 * quarter] or figures)


def _group(group: int) -> Iterator[Path]:
    for process in Path("/proc").iterdir():
        if process.name.isdecimal():
            with suppress(OSError, IndexError):
                if int(_fields(process)[2]) == group:
                    yield process


def _waited_ns(thread: Path) -> int:
    """Give how long a thread could have run and had no processor."""
    with suppress(OSError):
        return int((thread / "schedstat").read_text().split()[1])
    return 0


def _fields(process: Path) -> list[str]:
    """Give the fields of `stat` from the state on: what stands before it, the name, may hold anything."""
    return (process / "stat").read_text(errors="replace").rpartition(")")[2].split()
