"""Following a folder into which a switch writes one file a call, as FreeSWITCH's `mod_json_cdr` does."""

import os
import threading
from hashlib import sha256
from pathlib import Path
from stat import S_ISREG

import msgspec
import structlog
from msgspec import Struct

from pipelines.doors.contract import Ground
from pipelines.doors.files import status_of

LOOK_AGAIN_SECONDS = 2.0
BATCH_FILES = 100
MAX_FILE_BYTES = 4 * 1024 * 1024
# A file may be seen before one that was begun earlier, and its writer may take his time.
LATE_SECONDS = 600
UNFINISHED_SECONDS = 60

log = structlog.get_logger()


class _Found(Struct, frozen=True):
    path: Path
    written_ns: int
    size: int


class FollowedFolder:
    """A door onto a folder; each file is one body, read once it is whole.

    It remembers the newest time up to which everything is done, and of what was done in the ten minutes before it the
    digests of the names. Files that are put there with an older time are for `angime import`. A time further ahead than
    that is of a clock that was set back since: all files are sent once more then, which changes nothing.
    """

    def __init__(self, ground: Ground, folder: Path) -> None:
        self._ground = ground
        self._folder = folder
        account = ground.origin.account
        self.name = f"{account.source}-{account.id}-{folder.name}-{sha256(str(folder).encode()).hexdigest()[:8]}"

    def run(self, stop: threading.Event) -> None:
        """Follow the folder until `stop` is set; one that is not there yet is waited for."""
        while not stop.is_set():
            if not self.step(stop):
                stop.wait(LOOK_AGAIN_SECONDS)

    def step(self, stop: threading.Event) -> bool:
        """Take up to a hundred files; says whether there were any."""
        stored = self._ground.positions.load(self.name)
        now_ns = int(self._ground.now().timestamp() * 1_000_000_000)
        mark = int(stored.get("mark_ns", 0))
        if mark - now_ns > LATE_SECONDS * 1_000_000_000:
            mark = 0
        done = {str(name): int(written) for name, written in dict(stored.get("done", {})).items()}
        waiting = [
            one
            for one in self._files()
            if one.written_ns >= mark - LATE_SECONDS * 1_000_000_000 and _mark_of(one.path) not in done
        ]
        taken: list[tuple[_Found, bytes]] = []
        for one in waiting:
            body = self._body(one)
            if body is not None:
                taken.append((one, body))
            if len(taken) >= BATCH_FILES:
                break
        if not taken:
            return False
        bodies = [body for _, body in taken if body.strip()]
        if not self._ground.arrivals.keep_patiently(
            self._ground.origin, bodies, stop=stop, content_type="application/json"
        ):
            return False
        done |= {_mark_of(one.path): one.written_ns for one, _ in taken}
        # A file that says it was written tomorrow must not make older ones of all that are written until then.
        mark = max(mark, *(min(one.written_ns, now_ns) for one, _ in taken))
        oldest = mark - LATE_SECONDS * 1_000_000_000
        kept = {name: written for name, written in done.items() if written >= oldest}
        self._ground.positions.save(self.name, {"mark_ns": mark, "done": kept})
        return True

    def _files(self) -> list[_Found]:
        """Give the files of the folder, the oldest first."""
        try:
            paths = list(self._folder.iterdir())
        except OSError:
            log.info("folder_away", door=self.name)
            return []
        statuses = [(path, status_of(path)) for path in paths if path.suffix == ".json"]
        found = [
            _Found(path, status.st_mtime_ns, status.st_size)
            for path, status in statuses
            if status is not None and S_ISREG(status.st_mode) and status.st_size <= MAX_FILE_BYTES
        ]
        return sorted(found, key=lambda one: (one.written_ns, one.path.name))

    def _body(self, found: _Found) -> bytes | None:
        """Read a file; None while its writer may not be done: it is no whole JSON yet and younger than a minute."""
        try:
            body = found.path.read_bytes()
        except OSError:
            return None
        try:
            msgspec.json.decode(body)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            age = abs(self._ground.now().timestamp() - found.written_ns / 1_000_000_000)
            return None if age < UNFINISHED_SECONDS else body
        return body


def _mark_of(file: Path) -> str:
    """Tell a file from others without its name, in which the number of a caller may stand."""
    return sha256(os.fsencode(file.name)).hexdigest()[:16]
