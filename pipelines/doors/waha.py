"""How WAHA talks on its socket: the same JSON as its webhooks, filtered by the address."""

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import quote, urlencode, urlsplit, urlunsplit

import msgspec

from pipelines.doors.asking import ask, client, decoded
from pipelines.doors.sockets import Send

WHO = "WAHA"
SILENCE_SECONDS = 600.0  # the WebSocket's own pings tell sooner whether the other side lives
MAX_CHATS, MAX_MESSAGES = 100, 100
EVENTS = (
    "session.status",
    "message.any",
    "message.ack",
    "message.reaction",
    "message.revoked",
    "message.edited",
    "call.received",
    "call.accepted",
    "call.rejected",
)


class WahaSpeech:
    """Each frame is a body. Calls are told on the socket only: of what was missed WAHA remembers the messages."""

    who = WHO
    silence_seconds = SILENCE_SECONDS
    is_listening = True

    def __init__(self, *, url: str, token: str, session: str) -> None:
        """Take WAHA's address (`http://waha:3000`), its API key, and a session's name."""
        self._url = url.rstrip("/")
        self._token = token
        self._session = session

    def open(self) -> tuple[str, dict[str, str]]:
        """Give the socket's address with the events to be told."""
        parts = urlsplit(self._url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        query = urlencode([("session", self._session), *(("events", event) for event in EVENTS)])
        return urlunsplit((scheme, parts.netloc, f"{parts.path}/ws", query, "")), self._headers()

    def nudge(self, *, send: Send) -> None:
        """Do nothing: the WebSocket's own ping asks for a sign of life."""

    def hear(self, frame: str, *, send: Send) -> Sequence[bytes]:  # noqa: ARG002  # the port's form
        """Take one event."""
        return (frame.encode(),) if frame.strip() else ()

    def missed(self, since: datetime) -> Sequence[bytes]:
        """Fetch the messages since then, chat by chat, each as the event it would have been."""
        return list(self._missed(since))

    def _missed(self, since: datetime) -> Iterator[bytes]:
        base = f"{self._url}/api/{quote(self._session, safe='')}/chats"
        begin = int(since.timestamp())
        with client(headers=self._headers()) as http:

            def listed(url: str, **more: Any) -> list[dict[str, Any]]:
                return decoded(ask(http, "GET", url, who=WHO, params=more), list[dict[str, Any]], who=WHO)

            for chat in listed(f"{base}/overview", limit=MAX_CHATS):
                number, last = chat.get("id"), chat.get("lastMessage")
                told_at = last.get("timestamp") if isinstance(last, dict) else None  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]
                if not isinstance(number, str) or (isinstance(told_at, int | float) and told_at < begin):
                    continue
                more = {"limit": MAX_MESSAGES, "downloadMedia": "false", "filter.timestamp.gte": begin}
                for message in reversed(listed(f"{base}/{quote(number, safe='')}/messages", **more)):
                    body = {"event": "message.any", "session": self._session, "payload": message}
                    yield msgspec.json.encode(body)

    def _headers(self) -> dict[str, str]:
        return {"X-Api-Key": self._token} if self._token else {}
