"""How long refreshes take: counted by the writer, told in a small file beside the warehouse, for those who watch."""

import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

FILE = "pace.json"
WRITE_SECONDS = 1.0


class Pace(Struct, frozen=True):
    """Refreshes since the writer began, and the seconds that they took together."""

    refreshes: int = 0
    refresh_seconds: float = 0.0


class Pacer:
    """Counts for one writer, and writes the counts down at most once in WRITE_SECONDS."""

    def __init__(self, folder: Path | None) -> None:
        self._file = folder / FILE if folder is not None else None
        self._pace = Pace()
        self._written = 0.0

    @contextmanager
    def counting(self) -> Generator[None]:
        """Count what is done inside as one refresh."""
        began = time.monotonic()
        yield
        ended = time.monotonic()
        self._pace = Pace(self._pace.refreshes + 1, self._pace.refresh_seconds + ended - began)
        if self._file is not None and ended - self._written >= WRITE_SECONDS:
            written = self._file.with_suffix(".new")
            written.write_bytes(msgspec.json.encode(self._pace))
            written.replace(self._file)
            self._written = ended


def read_pace(folder: Path) -> Pace | None:
    """Give what the writer of a warehouse wrote down last; None where none has refreshed anything."""
    try:
        return msgspec.json.decode((folder / FILE).read_bytes(), type=Pace)
    except (OSError, msgspec.DecodeError):
        return None
