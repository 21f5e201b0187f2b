"""Bulk import: the pieces of files sent in their order, resumed where it stopped, or only tried out."""

import hashlib
import json
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import msgspec
from msgspec import Struct

from pipelines.arrivals import Arrivals
from pipelines.origins import Origin, raw_record
from pipelines.pieces import Piece, pieces
from pipelines.positions import Positions
from pipelines.translate import translation
from schemas.errors import InvalidEvent
from schemas.instants import Instant

BATCH_PIECES = 200
BATCH_BYTES = 4 * 1024 * 1024
MAX_REASONS = 20


class Progress(Struct, frozen=True, kw_only=True):
    """How far an import is; `bytes_total` counts files as they lie on the disk."""

    pieces: int = 0
    bytes_done: int = 0
    bytes_total: int = 0
    files_done: int = 0
    files_total: int = 0
    seconds: float = 0.0

    @property
    def bytes_per_second(self) -> float:
        """The rate since it began."""
        return self.bytes_done / self.seconds if self.seconds > 0 else 0.0


class Verdict(Struct, frozen=True, kw_only=True):
    """What a dry run found: events by type, what is ignored and refused, by reason."""

    pieces: int
    events: dict[str, int]
    ignored: dict[str, int]
    refused: dict[str, int]


Report = Callable[[Progress], None]


def send(  # noqa: PLR0913  # what is sent, for whom, where to, and who watches
    files: Sequence[Path],
    *,
    origin: Origin,
    arrivals: Arrivals,
    positions: Positions,
    report: Report = lambda _progress: None,
    clock: Callable[[], float] = time.monotonic,
) -> Progress:
    """Send every piece that was not sent before; what a crash repeats makes the same facts.

    Raises NotYet when Kafka goes away: started again, it goes on where Kafka had everything.
    """
    began = clock()
    total = sum(file.stat().st_size for file in files)
    progress = Progress(bytes_total=total, files_total=len(files))
    with closing(arrivals):
        for file in files:
            name = _name(file, origin)
            stands = _stand(file)
            stored = positions.load(name)
            sent = int(stored.get("pieces", 0)) if stored.get("file") == stands else 0
            before = progress.bytes_done
            size = file.stat().st_size
            for batch in _batches(pieces(file), skip=sent):
                arrivals.keep(origin, [piece.body for piece in batch])
                last = batch[-1]
                positions.save(name, {"file": stands, "pieces": last.number})
                progress = msgspec.structs.replace(
                    progress,
                    pieces=progress.pieces + len(batch),
                    bytes_done=before + min(last.bytes_read, size),
                    seconds=clock() - began,
                )
                report(progress)
            progress = msgspec.structs.replace(
                progress, bytes_done=before + size, files_done=progress.files_done + 1, seconds=clock() - began
            )
            report(progress)
    return progress


def forget(files: Sequence[Path], *, origin: Origin, positions: Positions) -> None:
    """Forget what was sent of `files`, so that all of it is sent again."""
    for file in files:
        positions.save(_name(file, origin), {})


def try_out(files: Sequence[Path], *, origin: Origin, received_at: Instant) -> Verdict:
    """Translate every piece without sending anything, and count what it would become."""
    events: Counter[str] = Counter()
    ignored: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    count = 0
    for file in files:
        for piece in pieces(file):
            count += 1
            raw = raw_record(origin, piece.body, received_at=received_at)
            try:
                told = translation(origin, raw)
            except InvalidEvent as error:
                refused[error.reason] += 1
                continue
            events.update(event.type for event in told.events)
            refused.update(refusal.reason for refusal in told.refused)
            if told.ignored and not told.events and not told.refused:
                ignored[told.ignored] += 1
    return Verdict(
        pieces=count,
        events=dict(sorted(events.items())),
        ignored=dict(ignored.most_common(MAX_REASONS)),
        refused=dict(refused.most_common(MAX_REASONS)),
    )


def _batches(found: Iterator[Piece], *, skip: int) -> Iterator[list[Piece]]:
    batch: list[Piece] = []
    size = 0
    for piece in found:
        if piece.number <= skip:
            continue
        batch.append(piece)
        size += len(piece.body)
        if len(batch) >= BATCH_PIECES or size >= BATCH_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _name(file: Path, origin: Origin) -> str:
    place = hashlib.sha256(str(file.resolve()).encode(errors="surrogateescape")).hexdigest()[:24]
    return f"{origin.account.source}-{origin.account.id}-{place}"


def _stand(file: Path) -> str:
    """Tell a file from another that took its place later: its size and when it was last written."""
    status = file.stat()
    return json.dumps([status.st_size, status.st_mtime_ns])
