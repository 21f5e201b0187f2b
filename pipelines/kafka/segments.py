"""Files of a Kafka log read without a broker: each batch whose checksum is right, whatever stands between them.

The layout is Kafka's own (https://kafka.apache.org/documentation/#recordbatch), so is that of what groups committed.
"""

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipelines.kafka.plain_broker import batch_of
from pipelines.kafka.ports import MAX_LETTER_BYTES, Positions, Record
from schemas.topics import PREFIX

HEAD = struct.Struct(">qiib")  # the offset of the first record, the length of what follows it, an epoch, the format
FORMAT = 2
FORMAT_AT = HEAD.size - 1
LENGTH_ENDS_AT = 12
LEAST_BATCH_BYTES = 61
MAX_BATCH_BYTES = 2 * MAX_LETTER_BYTES  # what says to be longer is no batch
GROUPS = "__consumer_offsets"


class Segments:
    """The files of one data folder. `unread_bytes` counts what was no whole batch, of all that was read until now."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.unread_bytes = 0

    def places(self) -> list[tuple[str, int]]:
        """Give the partitions of our topics."""
        found = [folder.name.rpartition("-") for folder in self._folder.glob(f"{PREFIX}*-*") if folder.is_dir()]
        return sorted((name.removeprefix(PREFIX), int(number)) for name, _, number in found if number.isdecimal())

    def records(self, place: tuple[str, int], *, since: int = 0) -> Iterator[Record]:
        """Give the records of a partition from an offset on, in their order."""
        topic, partition = place
        for found in self._found(f"{PREFIX}{topic}-{partition}"):
            if found.offset >= since:
                headers = tuple((name, content or b"") for name, content in found.headers)
                yield Record(topic, partition, found.offset, found.key, found.value, headers, found.timestamp)

    def committed(self, group: str) -> Positions:
        """Give the next offsets of a group, as far as they can be read."""
        positions: dict[tuple[str, int], int] = {}
        for folder in sorted(self._folder.glob(f"{GROUPS}-*")):
            for found in self._found(folder.name):
                told = _place_of(found.key or b"")
                if told is None or told[0] != group:
                    continue
                if found.value is None:
                    positions.pop(told[1], None)
                else:
                    (positions[told[1]],) = struct.unpack_from(">q", found.value, 2)
        return positions

    def _found(self, name: str) -> Iterator[Any]:
        for file in sorted((self._folder / name).glob("*.log")):
            if file.stat().st_size:
                with file.open("rb") as opened, mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ) as content:
                    yield from self._in_file(content)

    def _in_file(self, content: mmap.mmap) -> Iterator[Any]:
        at = 0
        while 0 <= at < len(content):
            batch = _whole_batch(content, at=at)
            if batch is None:
                after = _next_head(content, after=at)
                self.unread_bytes += (len(content) if after < 0 else after) - at
                at = after
                continue
            at += batch.size_in_bytes
            if not batch.is_control_batch:
                yield from batch


def _whole_batch(content: mmap.mmap, *, at: int) -> Any:
    """Give the batch that begins here; None where none does whose checksum is right."""
    if at + LEAST_BATCH_BYTES > len(content):
        return None
    _, length, _, written_as = HEAD.unpack_from(content, at)
    end = at + LENGTH_ENDS_AT + length
    if written_as != FORMAT or not LEAST_BATCH_BYTES <= end - at <= MAX_BATCH_BYTES or end > len(content):
        return None
    batch = batch_of(content[at:end])
    return batch if batch.validate_crc() else None


def _next_head(content: mmap.mmap, *, after: int) -> int:
    """Find where the next whole batch begins; -1 where none does."""
    found = content.find(bytes([FORMAT]), after + 1 + FORMAT_AT)
    while found >= 0 and _whole_batch(content, at=found - FORMAT_AT) is None:
        found = content.find(bytes([FORMAT]), found + 1)
    return found if found < 0 else found - FORMAT_AT


def _place_of(key: bytes) -> tuple[str, tuple[str, int]] | None:
    """Read of which group and partition an offset is; None where the key is of something else."""
    try:
        (written_as,) = struct.unpack_from(">h", key)
        group, at = _text(key, at=2)
        topic, at = _text(key, at=at)
        (partition,) = struct.unpack_from(">i", key, at)
    except (struct.error, UnicodeDecodeError):
        return None
    return (group, (topic.removeprefix(PREFIX), partition)) if written_as in {0, 1} else None


def _text(content: bytes, *, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from(">h", content, at)
    return content[at + 2 : at + 2 + length].decode(), at + 2 + length
