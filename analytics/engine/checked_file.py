"""Files of SQLite whose every page carries a checksum: what a disk gives back otherwise than it was given is refused.

SQLite itself has no checksums: a turned bit in a text is read as the text. Its extension `cksumvfs` keeps one in the
last eight bytes of each page (https://sqlite.org/cksumvfs.html); it comes with APSW, which is this file's engine.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import apsw
import apsw.sqlite_extra

BUSY_SECONDS = 30.0
RESERVED_BYTES = 8  # of each page, where the checksum stands
CHECKING = "cksmvfs"

Refusal = apsw.Error
Damage = apsw.CorruptError

# Refusals that say nothing of the file: it is held or away, or the machine is at its end.
_NO_DAMAGE = (
    *(apsw.BusyError, apsw.LockedError, apsw.NoMemError, apsw.ReadOnlyError),
    *(apsw.InterruptError, apsw.IOError, apsw.FullError, apsw.CantOpenError),
)
# What the disk gave back is not what it was given.
_OTHER_BYTES = frozenset({apsw.SQLITE_IOERR_DATA, apsw.SQLITE_IOERR_CORRUPTFS})


class CheckedFile:
    """A file held open, made where there is none. Several processes may read it, and one writes at a time.

    What is deleted is gone from its bytes too. Every method raises Refusal; `is_damage` says whether that is the
    file's fault. Damage is raised by the making itself for a file that holds something and has no checksums.
    """

    def __init__(self, path: Path) -> None:
        if CHECKING not in apsw.vfs_names():
            carrier = apsw.Connection(":memory:")
            apsw.sqlite_extra.load(carrier, "cksumvfs")
            carrier.close()
        self._file = apsw.Connection(str(path), vfs=CHECKING)
        self._file.set_busy_timeout(round(BUSY_SECONDS * 1000))
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is open."""
        return self._file.in_transaction

    def execute(self, statement: str, parameters: Sequence[object] = ()) -> list[Any]:
        """Run one statement, or several without parameters; gives the rows, each a tuple."""
        return list(self._file.execute(statement, parameters))  # pyright: ignore[reportArgumentType, reportUnknownMemberType]

    def execute_each(self, statement: str, parameters: Iterable[Sequence[object]]) -> None:
        """Run a statement once with each of the parameters."""
        self._file.executemany(statement, parameters)  # pyright: ignore[reportArgumentType, reportUnknownMemberType]

    def inserted(self) -> int:
        """Give the number of the row that was inserted last."""
        return self._file.last_insert_rowid()

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _prepare(self) -> None:
        if self.execute("pragma page_count") == [(0,)]:
            self._file.reserve_bytes(reserve=RESERVED_BYTES)
        self.execute("pragma journal_mode = wal")
        self.execute("pragma secure_delete = on")
        if self.execute("pragma checksum_verification") != [("1",)]:
            raise Damage("the file has no checksums")


def is_damage(error: Exception) -> bool:
    """Say whether an error that came of a file tells of its damage, and not that it is held or away."""
    if isinstance(error, _NO_DAMAGE):
        return getattr(error, "extendedresult", 0) in _OTHER_BYTES
    return True
