"""How ChatApp talks on its socket: the Pusher protocol, one private channel a license and messenger."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import structlog
from msgspec import Struct

from pipelines.doors.asking import ask, client, decoded
from pipelines.doors.sockets import Send
from pipelines.sources.times import EARLIEST_MILLISECONDS
from schemas.errors import Misconfigured, NotYet

# The application key stands in ChatApp's documentation and is the same for everybody (ChatApp, WebSocket).
SOCKET = "wss://socket.chatapp.online:6001/app/ChatsAppApiProdKey?protocol=7&client=angime&version=1"
API = "https://api.chatapp.online"
WHO = "ChatApp"
SILENCE_SECONDS = 120.0
MAX_CHATS, MAX_MESSAGES = 100, 100

log = structlog.get_logger()


class License(Struct, frozen=True):
    """A license and one of its messengers, written `55570/caWhatsApp`."""

    number: str
    messenger: str

    @property
    def channel(self) -> str:
        """The channel on which its events come."""
        return f"private-v1.licenses.{self.number}.messengers.{self.messenger}"


class Login(Struct, frozen=True):
    """Whom ChatApp gives access tokens, which are good for a day: written `email:password:appId`."""

    email: str
    password: str
    app: str


def login_of(written: str) -> Login:
    """Read a login; a password may hold a colon. Raises Misconfigured."""
    email, _, rest = written.partition(":")
    password, _, app = rest.rpartition(":")
    if not (email and password and app):
        raise Misconfigured("write what `api_login` points to as email:password:appId, of ChatApp's personal account")
    return Login(email, password, app)


class _Tokens(Struct, rename="camel"):
    access_token: str


class _Made(Struct):
    data: _Tokens


class ChatAppSpeech:
    """Subscribes to every channel, answers pings, and hands over each event's frame untouched."""

    who = WHO

    def __init__(self, *, socket: str, api: str, login: Login, licenses: Sequence[License]) -> None:
        self._socket = socket
        self._api = api.rstrip("/")
        self._login = login
        self._token = ""
        self._licenses = tuple(licenses)
        self._subscribed: set[str] = set()
        self.silence_seconds = SILENCE_SECONDS

    @property
    def is_listening(self) -> bool:
        """Whether every channel is subscribed."""
        return self._subscribed >= {one.channel for one in self._licenses}

    def open(self) -> tuple[str, dict[str, str]]:
        """Begin anew: nothing is subscribed."""
        self._subscribed = set()
        return self._socket, {}

    def nudge(self, *, send: Send) -> None:
        """Send the protocol's own ping."""
        send('{"event":"pusher:ping","data":{}}')

    def hear(self, frame: str, *, send: Send) -> Sequence[bytes]:
        """Take one frame: of the protocol, or an event of a channel."""
        fields = _object(frame)
        event = fields.get("event")
        if not isinstance(event, str):
            log.warning("frame_unreadable", who=WHO)
            return ()
        reader = _PROTOCOL.get(event)
        if reader is not None:
            reader(self, fields, send)
            return ()
        if event.startswith(("pusher:", "pusher_internal:")):
            return ()
        return (frame.encode(),)

    def missed(self, since: datetime) -> Sequence[bytes]:
        """Fetch the messages since then, chat by chat, each chat's as one event of the channel.

        Assumption: chats come with the time of their last message, and messages the newest first.
        """
        with self._let_in() as http:

            def listed(path: str, limit: int) -> list[dict[str, Any]]:
                content = ask(http, "GET", f"{self._api}{path}", who=WHO, params={"limit": limit})
                return _items(decoded(content, dict[str, Any], who=WHO))

            return [body for one in self._licenses for body in _missed(one, listed, since=since)]

    @contextmanager
    def _let_in(self) -> Generator[httpx.Client]:
        """Give a client with an access token; after a refusal the next one makes another, for it may have run out."""
        if not self._token:
            asked = {"email": self._login.email, "password": self._login.password, "appId": self._login.app}
            with client() as http:
                content = ask(http, "POST", f"{self._api}/v1/tokens", who=WHO, json=asked)
            self._token = decoded(content, _Made, who=WHO).data.access_token
        try:
            with client(headers={"Authorization": self._token}) as http:
                yield http
        except NotYet:
            self._token = ""
            raise

    def welcome(self, fields: dict[str, Any], send: Send) -> None:
        """Subscribe to every channel: each is proved by a signature that ChatApp makes for this connection."""
        told = _object(fields.get("data"))
        number = told.get("socket_id")
        if not isinstance(number, str):
            raise NotYet(f"{WHO} gives no socket_id")
        timeout = told.get("activity_timeout")
        if isinstance(timeout, int | float) and timeout > 0:
            self.silence_seconds = float(min(timeout, SILENCE_SECONDS))
        with self._let_in() as http:
            for one in self._licenses:
                asked = {"socket_id": number, "channel_name": one.channel}
                content = ask(http, "POST", f"{self._api}/broadcasting/auth", who=WHO, data=asked)
                proof = decoded(content, dict[str, Any], who=WHO).get("auth")
                data = {"channel": one.channel, "auth": proof}
                send(msgspec.json.encode({"event": "pusher:subscribe", "data": data}).decode())

    def subscribed(self, fields: dict[str, Any], _send: Send) -> None:
        """Count a channel as heard."""
        self._subscribed.add(str(fields.get("channel", "")))

    def refused(self, _fields: dict[str, Any], _send: Send) -> None:
        """Begin anew: the license is not there, or its messenger is not."""
        raise NotYet(f"{WHO} refuses the subscription: look at the licenses")

    def answer(self, _fields: dict[str, Any], send: Send) -> None:
        """Answer a ping."""
        send('{"event":"pusher:pong","data":{}}')


_PROTOCOL: dict[str, Callable[[ChatAppSpeech, dict[str, Any], Send], None]] = {
    "pusher:connection_established": ChatAppSpeech.welcome,
    "pusher_internal:subscription_succeeded": ChatAppSpeech.subscribed,
    "pusher:subscription_succeeded": ChatAppSpeech.subscribed,
    "pusher:subscription_error": ChatAppSpeech.refused,
    "pusher:error": ChatAppSpeech.refused,
    "pusher:ping": ChatAppSpeech.answer,
}


def _missed(
    license_: License, listed: Callable[[str, int], list[dict[str, Any]]], *, since: datetime
) -> Iterator[bytes]:
    base = f"/v1/licenses/{quote(license_.number)}/messengers/{quote(license_.messenger)}/chats"
    for chat in listed(base, MAX_CHATS):
        number, last = chat.get("id"), chat.get("lastTime")
        if number is None or _is_before(last, since):
            continue
        told = listed(f"{base}/{quote(str(number), safe='')}/messages", MAX_MESSAGES)
        newer = [{"chat": chat} | one for one in told if not _is_before(one.get("time"), since)]
        if newer:
            body = {"event": "message", "channel": license_.channel, "data": {"payload": {"data": newer}}}
            yield msgspec.json.encode(body)


def _is_before(time: Any, since: datetime) -> bool:
    """Say whether an epoch in seconds or milliseconds lies before; of what is none nobody knows."""
    if not isinstance(time, int | float):
        return False
    return time < since.timestamp() * (1000 if time >= EARLIEST_MILLISECONDS else 1)


def _items(answer: dict[str, Any]) -> list[dict[str, Any]]:
    data = answer.get("data")
    listed = data.get("items") if isinstance(data, dict) else data  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]
    return [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []  # pyright: ignore[reportUnknownVariableType]


def _object(written: Any) -> dict[str, Any]:
    """Read an object, or the JSON text of one: Pusher writes data as text within its JSON."""
    if isinstance(written, str):
        try:
            written = msgspec.json.decode(written)
        except (msgspec.DecodeError, RecursionError):
            return {}
    return written if isinstance(written, dict) else {}  # pyright: ignore[reportUnknownVariableType]
