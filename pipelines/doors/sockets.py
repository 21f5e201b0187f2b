"""Listening on a WebSocket: connected anew when it falls silent or breaks, with what was missed fetched afterwards."""

import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import structlog
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.sync.client import ClientConnection, connect

from pipelines.doors.contract import Ground
from schemas.errors import NotYet
from schemas.topics import MAX_RECORD_BYTES

OPEN_SECONDS = 15.0
CLOSE_SECONDS = 2.0
PING_SECONDS = 20.0  # of the WebSocket itself; an answer must come within as long again
LOOK_AGAIN_SECONDS = 0.5
ANSWER_SECONDS = 30.0  # within which something must be heard after a nudge
BATCH_FRAMES = 200
REMEMBER_SECONDS = 30.0
MARGIN = timedelta(minutes=2)  # clocks differ, and what was on its way when we fell silent may carry an older time

Send = Callable[[str], None]

log = structlog.get_logger()


class Speech(Protocol):
    """How one provider talks on its socket. One object lives as long as the door; `open` begins a connection anew."""

    @property
    def who(self) -> str:
        """The provider, as people call it."""
        ...

    @property
    def silence_seconds(self) -> float:
        """How long it may say nothing before it is nudged."""
        ...

    def open(self) -> tuple[str, dict[str, str]]:
        """Give the address and the headers of a new connection. Raises NotYet."""
        ...

    def hear(self, frame: str, *, send: Send) -> Sequence[bytes]:
        """Give the bodies that a frame holds, and answer what must be answered. Raises NotYet to begin anew."""
        ...

    @property
    def is_listening(self) -> bool:
        """Whether all that was asked for is subscribed, so that nothing can be missed from now on."""
        ...

    def nudge(self, *, send: Send) -> None:
        """Ask for a sign of life."""
        ...

    def missed(self, since: datetime) -> Sequence[bytes]:
        """Fetch, by other means, what was said since then, as the bodies it would have been. Raises NotYet."""
        ...


class SocketDoor:
    """A door onto one WebSocket."""

    def __init__(self, ground: Ground, speech: Speech, *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._ground = ground
        self._speech = speech
        self._answer_seconds = answer_seconds
        self.name = f"{ground.origin.account.source}-{ground.origin.account.id}-socket"
        self._remembered = 0.0

    def run(self, stop: threading.Event) -> None:
        """Listen until `stop` is set; raises NotYet when the connection breaks, is refused or stalls."""
        address, headers = self._speech.open()
        who = self._speech.who
        try:
            with connect(
                address,
                additional_headers=headers,
                open_timeout=OPEN_SECONDS,
                close_timeout=CLOSE_SECONDS,
                ping_interval=PING_SECONDS,
                ping_timeout=PING_SECONDS,
                max_size=MAX_RECORD_BYTES,
                proxy=None,
            ) as socket:
                self._listen(socket, stop)
        except (OSError, WebSocketException) as error:
            raise NotYet(f"{who} cannot be heard ({type(error).__name__})") from None

    def _listen(self, socket: ClientConnection, stop: threading.Event) -> None:
        heard_at, nudged, has_caught_up = time.monotonic(), False, False
        while not stop.is_set():
            frames = _frames(socket)
            if frames:
                heard_at, nudged = time.monotonic(), False
                bodies = [body for frame in frames for body in self._speech.hear(frame, send=socket.send)]
                if bodies and not self._keep(bodies, stop=stop):
                    return
            if self._speech.is_listening and not has_caught_up:
                has_caught_up = self._catch_up(stop)
            elif frames and self._speech.is_listening:
                self._remember()
            silence = time.monotonic() - heard_at
            if silence > self._speech.silence_seconds + self._answer_seconds:
                raise NotYet(f"{self._speech.who} says nothing and answers nothing")
            if silence > self._speech.silence_seconds and not nudged:
                self._speech.nudge(send=socket.send)
                nudged = True

    def _catch_up(self, stop: threading.Event) -> bool:
        """Fetch what was said while nobody listened; only then the position moves on."""
        seen_at = self._seen_at()
        if seen_at is not None:
            now = self._ground.now()
            away = abs(now - seen_at)  # a clock may have been set back since
            bodies = list(self._speech.missed(now - away - MARGIN))
            if bodies and not self._keep(bodies, stop=stop):
                return False
            log.info("gap_filled", door=self.name, bodies=len(bodies))
        self._remember(is_due=True)
        return True

    def _keep(self, bodies: list[bytes], *, stop: threading.Event) -> bool:
        return self._ground.arrivals.keep_patiently(
            self._ground.origin, bodies, stop=stop, content_type="application/json"
        )

    def _seen_at(self) -> datetime | None:
        stored = self._ground.positions.load(self.name).get("seen_at")
        return datetime.fromisoformat(stored) if isinstance(stored, str) else None

    def _remember(self, *, is_due: bool = False) -> None:
        if is_due or time.monotonic() - self._remembered >= REMEMBER_SECONDS:
            self._remembered = time.monotonic()
            self._ground.positions.save(self.name, {"seen_at": self._ground.now().isoformat()})


def _frames(socket: ClientConnection) -> list[str]:
    """Wait for a frame a short while, then take those that are there already, also when the connection broke then."""
    frames: list[str] = []
    try:
        frames.append(_text(socket.recv(timeout=LOOK_AGAIN_SECONDS)))
        while len(frames) < BATCH_FRAMES:
            frames.append(_text(socket.recv(timeout=0)))
    except TimeoutError:
        pass
    except ConnectionClosed:
        if not frames:
            raise
    return frames


def _text(frame: str | bytes) -> str:
    return frame if isinstance(frame, str) else frame.decode("utf-8", "replace")
