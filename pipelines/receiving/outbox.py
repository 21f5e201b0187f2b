"""A bounded queue on disk where webhooks wait while Kafka is away: what was put there survives kill -9.

A folder of segments, each a run of records: 4 bytes length, 4 bytes CRC-32, then the record, which is never empty, for
a page that a disk filled with zeros would read as many of these. A record counts as kept once it is fsynced. What a
crash tore off at the end of a segment was never kept; it is cut when the outbox is opened (and set aside as
`.damaged`, should it be a broken disk after all). `drained` remembers how far the oldest segment is drained: losing it
doubles records, which ids make harmless, and never loses one.
"""

import contextlib
import fcntl
import os
import struct
import threading
import zlib
from collections import deque
from collections.abc import Sequence
from errno import EIO
from itertools import accumulate
from pathlib import Path
from typing import IO

import structlog

from pipelines.whole_files import sync_folder
from schemas.errors import Misconfigured, NotYet

SEGMENT_BYTES = 4 * 1024 * 1024
_SUFFIX = ".segment"
DAMAGED = ".damaged"  # what was cut off, set aside
_HEAD = struct.Struct("<II")

log = structlog.get_logger()


class _Segment:
    """One file: how many bytes of it are whole records, and from where they still have to be drained."""

    def __init__(self, path: Path, *, size: int, drained: int = 0) -> None:
        self.path = path
        self.size = size
        self.drained = drained


class Outbox:
    """The queue, held by one process. Its methods may be called from any thread; one thread at a time drains."""

    def __init__(self, folder: Path, *, max_bytes: int) -> None:
        """Open the outbox in `folder`, made if need be, and find what an earlier process left in it.

        Raises Misconfigured when another process holds it or the folder cannot be written.
        """
        self._folder = folder
        self._max_bytes = max_bytes
        self._turn = threading.Lock()
        self._lock_file = _hold(folder)
        self._segments = deque(_open_segments(folder))
        self._tail: IO[bytes] | None = None
        self._next_number = max((int(segment.path.stem) for segment in self._segments), default=0) + 1

    @property
    def bytes_kept(self) -> int:
        """How much still waits, in bytes."""
        with self._turn:
            return sum(segment.size - segment.drained for segment in self._segments)

    @property
    def bytes_free(self) -> int:
        """How much more the outbox may take, in bytes."""
        with self._turn:
            return self._max_bytes - sum(segment.size for segment in self._segments)

    @property
    def is_empty(self) -> bool:
        """Whether everything is drained."""
        return self.bytes_kept == 0

    def append(self, records: Sequence[bytes]) -> None:
        """Keep `records` behind all others; on return they are on the disk.

        Raises NotYet, and keeps none of them, when they do not fit or the disk refuses; ValueError for an empty one.
        """
        if not all(records):
            raise ValueError("an empty record cannot be told from a page of zeros")
        block = b"".join(_HEAD.pack(len(record), zlib.crc32(record)) + record for record in records)
        with self._turn:
            if len(block) > self._max_bytes - sum(segment.size for segment in self._segments):
                raise NotYet("the outbox is full")
            try:
                self._write(block)
            except OSError as error:
                self._give_up_tail()
                raise NotYet(f"the outbox cannot be written ({type(error).__name__})") from None

    def oldest(self, *, max_bytes: int) -> list[bytes]:
        """Give the oldest records, in order, about `max_bytes` of them and at least one if there is any.

        Raises OSError when the disk gives back other bytes than it was given.
        """
        with self._turn:
            if not self._segments:
                return []
            segment = self._segments[0]
            waiting = segment.size - segment.drained
            with segment.path.open("rb") as file:
                file.seek(segment.drained)
                block = file.read(min(waiting, max(max_bytes, _HEAD.size)))
                (length, _) = _HEAD.unpack_from(block)
                if _HEAD.size + length > len(block):
                    block += file.read(_HEAD.size + length - len(block))
        records = _records(block)
        if not records:
            raise OSError(EIO, "a record of the outbox was damaged on the disk", str(segment.path))
        return records

    def forget(self, records: Sequence[bytes]) -> None:
        """Drop the oldest records, just as `oldest` gave them, because they are safe elsewhere."""
        with self._turn:
            segment = self._segments[0]
            segment.drained += sum(_HEAD.size + len(record) for record in records)
            if segment.drained < segment.size:
                with contextlib.suppress(OSError):  # a full disk has room for no note: at worst they are sent again
                    _write_drained(self._folder, segment)
                return
            if len(self._segments) == 1:
                self._close_tail()
            self._segments.popleft()
            segment.path.unlink()

    def close(self) -> None:
        """Let the outbox go, so that another process may open it; what it holds stays."""
        with self._turn:
            self._close_tail()
            self._lock_file.close()

    def _write(self, block: bytes) -> None:
        if self._tail is None or self._segments[-1].size >= SEGMENT_BYTES:
            self._tail = self._start_segment()
        rest = memoryview(block)
        while rest:
            rest = rest[self._tail.write(rest) :]
        os.fsync(self._tail.fileno())
        self._segments[-1].size += len(block)

    def _start_segment(self) -> IO[bytes]:
        self._close_tail()
        path = self._folder / f"{self._next_number:020d}{_SUFFIX}"
        tail = path.open("xb", buffering=0)
        self._next_number += 1
        self._segments.append(_Segment(path, size=0))
        sync_folder(self._folder)
        return tail

    def _give_up_tail(self) -> None:
        """After a failed write nobody knows what the disk holds: cut to what was kept, and write elsewhere next."""
        if not self._segments:
            return
        segment = self._segments[-1]
        with contextlib.suppress(OSError):
            os.truncate(segment.path, segment.size)
        self._close_tail()
        if segment.size == 0:
            self._segments.pop()
            with contextlib.suppress(OSError):
                segment.path.unlink()

    def _close_tail(self) -> None:
        tail, self._tail = self._tail, None
        if tail is not None:
            with contextlib.suppress(OSError):
                tail.close()


def _hold(folder: Path) -> IO[bytes]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / "held").open("wb")
    except OSError:
        raise Misconfigured(f"the outbox folder {folder} cannot be written: check ANGIME_HOME and its rights") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise Misconfigured(f"the outbox {folder} is held by another receiver: stop it, or set ANGIME_HOME") from None
    return held


def _open_segments(folder: Path) -> list[_Segment]:
    drained_name, drained = _read_drained(folder)
    segments: list[_Segment] = []
    for path in sorted(folder.glob(f"*{_SUFFIX}")):
        block = path.read_bytes()
        records = _records(block)
        whole = sum(_HEAD.size + len(record) for record in records)
        if whole < len(block):
            _cut(path, block=block, whole=whole)
        if whole == 0:
            path.unlink()
            continue
        ends = set(accumulate(_HEAD.size + len(record) for record in records))
        is_partly_drained = path.name == drained_name and drained in ends and drained < whole
        if path.name == drained_name and drained == whole:
            path.unlink()
            continue
        segments.append(_Segment(path, size=whole, drained=drained if is_partly_drained else 0))
    if not any(segment.drained for segment in segments):
        (folder / "drained").unlink(missing_ok=True)  # of a segment that is gone: another will have its number
    return segments


def _cut(path: Path, *, block: bytes, whole: int) -> None:
    log.warning("outbox_tail_cut", segment=path.name, bytes_cut=len(block) - whole)
    path.with_suffix(DAMAGED).write_bytes(block[whole:])
    os.truncate(path, whole)


def _records(block: bytes) -> list[bytes]:
    """Read whole, undamaged records from the beginning of `block`, and stop at the first that is not."""
    records: list[bytes] = []
    place = 0
    while place + _HEAD.size <= len(block):
        length, checksum = _HEAD.unpack_from(block, place)
        record = block[place + _HEAD.size : place + _HEAD.size + length]
        if length == 0 or len(record) < length or zlib.crc32(record) != checksum:
            break
        records.append(record)
        place += _HEAD.size + length
    return records


def _read_drained(folder: Path) -> tuple[str, int]:
    try:
        name, _, drained = (folder / "drained").read_text(encoding="ascii").partition(" ")
        return name, int(drained)
    except (OSError, ValueError):
        return "", 0


def _write_drained(folder: Path, segment: _Segment) -> None:
    draft = folder / "drained.draft"
    draft.write_text(f"{segment.path.name} {segment.drained}", encoding="ascii")
    draft.replace(folder / "drained")
