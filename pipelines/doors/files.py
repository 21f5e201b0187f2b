"""Following a file that grows line by line: rotated, cut short, half-written at its end, and resumed by position."""

import hashlib
import os
import threading
from pathlib import Path
from stat import S_ISREG
from typing import IO

import structlog
from msgspec import Struct

from pipelines.doors.contract import Ground
from pipelines.sources.asterisk_rows import is_header

LOOK_AGAIN_SECONDS = 0.5
GRACE_SECONDS = 5.0  # a writer may hold a file for a while after it was moved away
READ_BYTES = 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024
HEAD_BYTES = 256
MAX_SIBLINGS = 1000

_PACKED = frozenset({".gz", ".bz2", ".xz", ".zst", ".zip"})

log = structlog.get_logger()


class _Place(Struct, frozen=True):
    """Where we are in which file: its inode, our offset, and the hash of its first bytes, `head_bytes` of them.

    A file that was cut and written anew keeps its inode, and an inode is given to another file later: the hash of what
    stood at its beginning tells both. `written_ns` is when it was last written, as far as we know: files that follow
    it were written later.
    """

    inode: int
    offset: int
    written_ns: int
    head_bytes: int
    head: str


class FollowedFile:
    """A door onto one file of lines. Each line is one body, under the file's header where it has one."""

    def __init__(self, ground: Ground, path: Path, *, grace_seconds: float = GRACE_SECONDS) -> None:
        self._ground = ground
        self._path = path
        self._grace_seconds = grace_seconds
        account = ground.origin.account
        self.name = f"{account.source}-{account.id}-{path.name}-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        self._file: IO[bytes] | None = None
        self._offset = 0
        self._head = (0, "")  # how many bytes stood at its beginning, and their hash
        self._header = b""

    def run(self, stop: threading.Event) -> None:
        """Follow the file until `stop` is set; one that is not there yet is waited for."""
        try:
            while not stop.is_set():
                if not self.step(stop):
                    stop.wait(LOOK_AGAIN_SECONDS)
        finally:
            self.close()

    def step(self, stop: threading.Event) -> bool:
        """Take one reading; says whether there may be more at once."""
        if self._file is None and not self._open():
            return False
        file = self._file
        if file is None:
            return False
        file.seek(self._offset)
        block = file.read(READ_BYTES)
        if block and _head(file, self._head[0]) != self._head[1]:
            return self._reopen()
        whole = block.rfind(b"\n") + 1
        if whole == 0 and len(block) >= MAX_LINE_BYTES:
            whole = len(block)
        if whole:
            return self._keep(block[:whole], stop=stop)
        return self._move_on(block, stop=stop)

    def _move_on(self, rest: bytes, *, stop: threading.Event) -> bool:
        """At the end of a file: stay while it is the one that grows, else take what stands last in it and go on.

        The last line of a file that was moved away is whole even without its end: nobody writes there any more.
        """
        there = status_of(self._path)
        file = self._file
        if file is None or there is None:
            return False
        ours = os.fstat(file.fileno())
        is_same = (there.st_ino, there.st_dev) == (ours.st_ino, ours.st_dev)
        if is_same and there.st_size >= self._offset:
            return False
        if is_same:
            return self._reopen()
        # One that was written in the future is of a clock that was set back since: nobody is to wait until then.
        if abs(self._ground.now().timestamp() - ours.st_mtime) < self._grace_seconds:
            return False
        if rest and not self._keep(rest, stop=stop):
            return False
        self._remember()
        log.info("file_rotated", door=self.name, is_cut=False)
        self.close()
        return self._start(self._next(ours.st_mtime_ns), offset=0)

    def _reopen(self) -> bool:
        """Look for what we had not read of a file that was cut: whoever cuts one copies it first."""
        log.info("file_rotated", door=self.name, is_cut=True)
        self.close()
        return self._open()

    def _next(self, written_ns: int) -> Path:
        """Give the file that follows one last written then: the oldest of those that were written later."""
        later = [(status.st_mtime_ns, path) for path, status in _beside(self._path) if status.st_mtime_ns > written_ns]
        return min(later)[1] if later else self._path

    def _keep(self, block: bytes, *, stop: threading.Event) -> bool:
        lines = [line for line in block.splitlines(keepends=True) if line.strip()]
        if self._offset == 0 and lines and is_header(lines[0]):
            self._header = lines.pop(0)
        bodies = [self._header + line for line in lines]
        if bodies and not self._ground.arrivals.keep_patiently(
            self._ground.origin, bodies, stop=stop, content_type="text/plain"
        ):
            return False
        self._offset += len(block)
        self._remember()
        return True

    def _open(self) -> bool:
        """Open the file where we stopped, in a file that was moved away meanwhile if need be; False while none is."""
        stored = self._ground.positions.load(self.name)
        place = _Place(**stored) if set(stored) == set(_Place.__struct_fields__) else None
        if place is None:
            return self._start(self._path, offset=0)
        found = [(status.st_ino != place.inode, path) for path, status in _beside(self._path) if _holds(path, place)]
        if found:
            return self._start(min(found)[1], offset=place.offset)
        if status_of(self._path) is None:
            return False
        log.warning("file_lost", door=self.name, reason="the file we stopped in is neither there nor beside it")
        return self._start(self._next(place.written_ns), offset=0)

    def _start(self, path: Path, *, offset: int) -> bool:
        try:
            self._file = path.open("rb")
        except OSError:
            return False
        self._offset = offset
        self._head = (count := min(HEAD_BYTES, offset), _head(self._file, count))
        self._file.seek(0)
        first = self._file.readline(MAX_LINE_BYTES)
        self._header = first if offset > 0 and first.endswith(b"\n") and is_header(first) else b""
        return True

    def _remember(self) -> None:
        file = self._file
        if file is None:
            return
        count = min(HEAD_BYTES, self._offset)
        self._head = (count, _head(file, count))
        status = os.fstat(file.fileno())
        place = _Place(status.st_ino, self._offset, status.st_mtime_ns, *self._head)
        self._ground.positions.save(self.name, {name: getattr(place, name) for name in _Place.__struct_fields__})

    def close(self) -> None:
        """Let the file go; its position is stored."""
        if self._file is not None:
            self._file.close()
            self._file = None


def status_of(path: Path) -> os.stat_result | None:
    """Give what the system knows of a file, None where it is gone or leads nowhere."""
    try:
        return path.stat()
    except OSError:
        return None


def _beside(path: Path) -> list[tuple[Path, os.stat_result]]:
    """Give the file and those beside it whose names begin with its own, as rotation calls them, unless packed."""
    try:
        names = sorted(one for one in path.parent.iterdir() if one.name.startswith(path.name))
    except OSError:
        return []
    found = [(one, status_of(one)) for one in names[:MAX_SIBLINGS] if one.suffix not in _PACKED]
    return [(one, status) for one, status in found if status is not None and S_ISREG(status.st_mode)]


def _holds(path: Path, place: _Place) -> bool:
    """Say whether `path` still holds what we read of the file that we stopped in; it may be a copy of it."""
    try:
        with path.open("rb") as file:
            return os.fstat(file.fileno()).st_size >= place.offset and _head(file, place.head_bytes) == place.head
    except OSError:
        return False


def _head(file: IO[bytes], count: int) -> str:
    file.seek(0)
    return hashlib.sha256(file.read(count)).hexdigest()
