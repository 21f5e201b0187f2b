"""What is held while a warehouse is written or read for long: locks, its catalog kept open, and what lies beside it."""

import fcntl
import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from analytics.settings import MIB
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


# Words of transcripts lie in it, beside the warehouse; see analytics.search.index.
INDEX = "search.sqlite"


def forget_index(folder: Path) -> None:
    """Delete the index of the search: who searches next makes it anew from the facts."""
    for index in folder.glob(f"{INDEX}*"):
        index.unlink(missing_ok=True)


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

    def check(self) -> None:
        """Do nothing: it is held as long as the process lives."""

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


# Neither alone is enough: free pages keep old rows until VACUUM, the write-ahead log old pages until TRUNCATE. The
# process says what SQLite refused.
_VACUUM = """
import signal, sqlite3, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
catalog, wait_seconds, least_bytes, least_share, is_long = sys.argv[1], *map(float, sys.argv[2:])
try:
    held = sqlite3.connect(catalog, isolation_level=None, timeout=wait_seconds)
    asked = ("page_size", "page_count", "freelist_count")
    size, pages, free = (held.execute(f"pragma {name}").fetchone()[0] for name in asked)
    vacuums = size * free >= least_bytes and free >= pages * least_share
    if vacuums:
        held.execute("vacuum")
    if vacuums or is_long:
        busy, _, _ = held.execute("pragma wal_checkpoint(truncate)").fetchone()
        print("SQLITE_BUSY" if busy else "")
    held.close()
except sqlite3.Error as error:
    print(error.sqlite_errorname)
"""
# A write-ahead log is longer after a burst, or a vacuum through which somebody read: SQLite writes it anew from its
# beginning, and never cuts it.
LONG_LOG_BYTES = 16 * MIB


def vacuum(catalog: Path, *, wait_seconds: float = 60, least_bytes: int = 0, least_share: float = 0) -> None:
    """Take out of a catalog, and of its write-ahead log, what was deleted.

    Where free pages take less than so many bytes, or less than such a share of the catalog, only a long log is cut.
    Nobody may be inside a transaction; raises IsRead when somebody stays there for so long, NotYet when the disk
    refuses. In a process of its own: a copy of SQLite may not meet DuckDB's in one.
    """
    words = [str(catalog), *map(str, (wait_seconds, least_bytes, least_share, int(has_long_log(catalog))))]
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", _VACUUM, *words],
        # What is written anew lies beside the catalog meanwhile: elsewhere may be less room.
        env=os.environ | {"SQLITE_TMPDIR": str(catalog.parent)},
        capture_output=True,
        check=False,
        text=True,
    )
    refused = done.stdout.strip() or (f"exit {done.returncode}" if done.returncode else "")
    if refused in {"SQLITE_BUSY", "SQLITE_LOCKED"}:
        raise IsRead("the catalog is being read: close pages and other readers, and ask again")
    if refused.startswith(("SQLITE_FULL", "SQLITE_IOERR")):
        size_mib = 2 * catalog.stat().st_size // MIB + 1
        raise NotYet(
            f"the disk does not take the catalog anew ({refused}): "
            f"see that {size_mib} MiB are free in {catalog.parent}, and ask again"
        )
    if refused:
        raise NotYet(f"the catalog could not be written anew ({refused}): ask again")


def has_long_log(catalog: Path) -> bool:
    """Whether the write-ahead log of a catalog takes more of the disk than it needs."""
    written_ahead = catalog.with_name(f"{catalog.name}-wal")
    return written_ahead.exists() and written_ahead.stat().st_size > LONG_LOG_BYTES


class IsRead(NotYet):
    """Somebody reads the catalog: it is written anew when he has left."""
