"""Polling GREEN-API: a notification is received, kept, and only then deleted from the queue."""

import threading
from datetime import datetime, timedelta

import httpx
import msgspec
import structlog
from msgspec import Struct

from pipelines.doors.asking import ask, client, decoded
from pipelines.doors.contract import Ground
from schemas.errors import NotYet

API = "https://api.green-api.com"
WHO = "GREEN-API"
RECEIVE_SECONDS = 5  # how long it holds a request open while the queue is empty; 5 to 60
EMPTY_WAIT_SECONDS = 0.5
REMEMBER_SECONDS = 30
FIRST_MINUTES, MAX_MINUTES = 1_440, 43_200
# The journals show a call up to two minutes late; the queue keeps what nobody fetched for a day.
MARGIN_MINUTES = 5
QUEUE_KEEPS = timedelta(hours=23)
GAP = timedelta(minutes=2)

_CALLS = ("lastIncomingCalls", "lastOutgoingCalls")
_MESSAGES = ("lastIncomingMessages", "lastOutgoingMessages")

log = structlog.get_logger()


class _Notification(Struct):
    receiptId: int  # noqa: N815  # GREEN-API's word
    body: msgspec.Raw


class GreenApiQueue:
    """A door onto the queue of one instance. What its journals remember fills the gap after an absence."""

    def __init__(self, ground: Ground, *, address: str, token: str) -> None:
        """Take the instance's address (`https://api…/waInstance7103…`) and its token."""
        self._ground = ground
        self._address = address.rstrip("/")
        self._token = token
        self.name = f"{ground.origin.account.source}-{ground.origin.account.id}-queue"
        self._remembered_at: datetime | None = None

    def run(self, stop: threading.Event) -> None:
        """Poll until `stop` is set; raises NotYet when GREEN-API is away."""
        with client(read_seconds=RECEIVE_SECONDS + 15) as http:
            self._fill_gap(http, stop)
            while not stop.is_set():
                if not self._step(http, stop):
                    stop.wait(EMPTY_WAIT_SECONDS)

    def _step(self, http: httpx.Client, stop: threading.Event) -> bool:
        """Take one notification through; says whether there was one."""
        content = ask(
            http, "GET", self._url("receiveNotification"), who=WHO, params={"receiveTimeout": RECEIVE_SECONDS}
        )
        notification: _Notification | None = decoded(content, _Notification | None, who=WHO)
        if notification is None:
            self._remember(is_due=self._is_due())
            return False
        if not self._keep([bytes(notification.body)], stop=stop):
            return False
        ask(http, "DELETE", f"{self._url('deleteNotification')}/{notification.receiptId}", who=WHO)
        self._remember(is_due=self._is_due())
        return True

    def _fill_gap(self, http: httpx.Client, stop: threading.Event) -> None:
        """Fetch what the journals hold of the time since we last listened; each entry is one body."""
        now = self._ground.now()
        seen_at = self._seen_at()
        away = abs(now - seen_at) if seen_at is not None else None  # a clock may have been set back since
        if away is not None and away < GAP:
            return
        minutes = FIRST_MINUTES if away is None else int(away.total_seconds() // 60) + MARGIN_MINUTES
        journals = _CALLS if away is not None and away < QUEUE_KEEPS else (*_CALLS, *_MESSAGES)
        for journal in journals:
            try:
                content = ask(http, "GET", self._url(journal), who=WHO, params={"minutes": min(minutes, MAX_MINUTES)})
                entries: list[msgspec.Raw] = decoded(content, list[msgspec.Raw], who=WHO)
            except NotYet as error:
                # Some plans have no journal of calls: the queue is worth listening to all the same.
                log.warning("journal_missing", door=self.name, journal=journal, reason=error.reason)
                continue
            if entries and not self._keep([bytes(entry) for entry in entries], stop=stop):
                return
        self._remember(is_due=True)

    def _keep(self, bodies: list[bytes], *, stop: threading.Event) -> bool:
        return self._ground.arrivals.keep_patiently(
            self._ground.origin, bodies, stop=stop, content_type="application/json"
        )

    def _url(self, method: str) -> str:
        return f"{self._address}/{method}/{self._token}"

    def _seen_at(self) -> datetime | None:
        stored = self._ground.positions.load(self.name).get("seen_at")
        return datetime.fromisoformat(stored) if isinstance(stored, str) else None

    def _is_due(self) -> bool:
        before = self._remembered_at
        return before is None or abs(self._ground.now() - before).total_seconds() >= REMEMBER_SECONDS

    def _remember(self, *, is_due: bool) -> None:
        if is_due:
            self._remembered_at = self._ground.now()
            self._ground.positions.save(self.name, {"seen_at": self._remembered_at.isoformat()})
