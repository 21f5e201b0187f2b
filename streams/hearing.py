"""The model of the worker, in a process of its own: loaded before it is needed, and waited for while it is missing."""

import asyncio
import hashlib
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from typing import TypeVar

import structlog

from schemas.errors import AngimeError, InvalidEvent, Misconfigured
from schemas.instants import Instant
from schemas.people import Role
from schemas.standing import WAITING_FILE, Waiting, waiting_to_json
from streams.listening import Listen
from streams.transcribe import Transcript

# A person puts the model in place, and within this time it is heard with.
LOOK_AGAIN_SECONDS = 15.0
# So often a recording may end the worker: a second time may be another state of the machine, or somebody's kill.
FAILURES = 3

_log = structlog.get_logger("angime.streams")

Found = TypeVar("Found")


class Hearing:
    """What hears recordings, in a process of `pool`; it outlives a model that cannot be loaded.

    Meanwhile a file in the home says since when it waits and why, for `angime status`, `angime doctor` and the pages.
    What is to be heard waits with it: nothing is acknowledged or lost, and other work of the worker goes on.
    """

    def __init__(  # noqa: PLR0913  # each is one thing it is given
        self,
        *,
        load: Callable[[], None],
        listen: Listen,
        pool: Executor,
        home: Path,
        clock: Callable[[], Instant],
        look_again_seconds: float = LOOK_AGAIN_SECONDS,
    ) -> None:
        self._load = load
        self._listen = listen
        self._pool = pool
        self._file = home / WAITING_FILE
        self._failed = self._file.parent / "failed"
        self._clock = clock
        self._look_again_seconds = look_again_seconds
        self._waits = False

    async def load(self) -> None:
        """Load the model in the seconds in which nothing waits for it."""
        await self._with_patience(self._load)

    async def hear(self, content: bytes, *, roles: tuple[Role, ...], language: str | None) -> Transcript:
        """Give what was said in a recording, however long its model is missing.

        Where the model's process fails otherwise than by a refusal, that goes up and ends the worker, which begins anew
        with the same recording. Raises InvalidEvent for one that did so FAILURES times; sent again, it is tried again.
        """
        failed = self._failed / hashlib.sha256(content).hexdigest()
        failures = failed.read_text(encoding="ascii").split() if failed.exists() else []
        if len(failures) >= FAILURES:
            failed.unlink()
            raise InvalidEvent(f"the model ended {len(failures)} times at this recording: {failures[-1]}")
        try:
            heard = await self._with_patience(self._listen, content, roles, language)
        except AngimeError:
            raise
        except Exception as error:
            self._failed.mkdir(parents=True, exist_ok=True)
            with failed.open("a", encoding="ascii") as kept:
                kept.write(f"{type(error).__name__}\n")
            raise
        failed.unlink(missing_ok=True)
        return heard

    async def _with_patience(self, work: Callable[..., Found], *given: object) -> Found:
        loop = asyncio.get_running_loop()
        while True:
            try:
                found = await loop.run_in_executor(self._pool, work, *given)
            except Misconfigured as error:
                self._say_that_it_waits(error)
                await asyncio.sleep(self._look_again_seconds)
            else:
                self._say_that_it_hears()
                return found

    def _say_that_it_waits(self, error: Misconfigured) -> None:
        if self._waits:
            return
        self._waits = True
        _log.warning("listening_waits", reason=error.reason)
        self._file.parent.mkdir(parents=True, exist_ok=True)
        new = self._file.with_suffix(".new")
        new.write_bytes(waiting_to_json(Waiting(since=self._clock(), reason=error.reason)))
        new.replace(self._file)

    def _say_that_it_hears(self) -> None:
        self._file.unlink(missing_ok=True)
        if self._waits:
            self._waits = False
            _log.info("listening_goes_on")
