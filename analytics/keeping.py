"""What is held while a warehouse is written or read for long: locks, and its catalog kept open."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from schemas.errors import Misconfigured, NotYet

# The last connection that closes a SQLite file takes its write-ahead log down under an exclusive lock, and readers that
# come just then sleep for whole seconds. One idle connection in a process of its own (two copies of SQLite in one
# process would break each other's locks) means that no reader is ever the last. It ends with its standard input.
_KEEP = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None)
held.execute("select count(*) from sqlite_master").fetchall()
sys.stdin.read()
"""


class Lock:
    """The right to write a warehouse, held until `release` or the end of the process."""

    def __init__(self, folder: Path) -> None:
        self._file = os.open(folder / "writer.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise Misconfigured(
                f"another process writes the warehouse in {folder}: stop it first, or set ANGIME_HOME to another folder"
            ) from None

    def release(self) -> None:
        """Let another process write."""
        os.close(self._file)


@contextmanager
def held_for_reading(folder: Path) -> Generator[None]:
    """Keep alive, inside, the state that the warehouse has now: maintenance gives up none of its files.

    For a reader who reads one state for longer than maintenance waits for him. It ends with his process at the latest.
    """
    with _shared_lock(folder) as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def is_held_for_reading(folder: Path) -> bool:
    """Whether anybody reads a state that must stay."""
    with _shared_lock(folder) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        return False


@contextmanager
def alone(folder: Path) -> Generator[None]:
    """Wait for those who hold a state for reading; none begins inside."""
    with _shared_lock(folder) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextmanager
def _shared_lock(folder: Path) -> Generator[int]:
    file = os.open(folder / "readers.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        yield file
    finally:
        os.close(file)


class Keeper:
    """An idle process that keeps the catalog open, so that readers never wait for it to be opened and closed."""

    def __init__(self, catalog: Path) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", _KEEP, str(catalog)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    def close(self) -> None:
        """End the process."""
        self._process.communicate()


# Neither alone is enough: free pages keep old rows until VACUUM, the write-ahead log old pages until TRUNCATE.
_VACUUM = """
import sqlite3, sys
held = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=float(sys.argv[2]))
asked = ("page_size", "page_count", "freelist_count")
size, pages, free = (held.execute(f"pragma {name}").fetchone()[0] for name in asked)
if size * free < int(sys.argv[3]) or free < pages * float(sys.argv[4]):
    sys.exit(0)
held.execute("vacuum")
busy, _, _ = held.execute("pragma wal_checkpoint(truncate)").fetchone()
held.close()
sys.exit(busy)
"""


def vacuum(catalog: Path, *, wait_seconds: float = 60, least_bytes: int = 0, least_share: float = 0) -> None:
    """Take out of a catalog, and of its write-ahead log, what was deleted.

    Nothing is done where free pages take less than so many bytes, or less than such a share of the catalog. Nobody may
    be inside a transaction; raises NotYet when somebody stays there for so long. In a process of its own: a copy of
    SQLite may not meet DuckDB's in one.
    """
    words = [str(catalog), str(wait_seconds), str(least_bytes), str(least_share)]
    done = subprocess.run([sys.executable, "-I", "-S", "-c", _VACUUM, *words], check=False)
    if done.returncode:
        raise NotYet("the catalog is being read: close pages and other readers, and ask again")
