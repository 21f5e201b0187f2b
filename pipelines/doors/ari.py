"""How Asterisk talks on its REST interface's socket (ARI): one JSON event a frame, and no memory of what was missed."""

from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime
from urllib.parse import urlencode, urlsplit, urlunsplit

import msgspec
from msgspec import Struct

from pipelines.doors.sockets import Send

WHO = "Asterisk"
SILENCE_SECONDS = 600.0  # the WebSocket's own pings tell sooner whether the other side lives
APP = "angime"
# What tells neither of calls nor of people, and comes by the hundred.
_NOISE = frozenset(
    {
        "ChannelVarset",
        "ChannelDialplan",
        "ChannelDtmfReceived",
        "ChannelTalkingStarted",
        "ChannelTalkingFinished",
        "ContactStatusChange",
        "DeviceStateChanged",
        "EndpointStateChange",
        "PeerStatusChange",
        "PlaybackContinuing",
        "PlaybackFinished",
        "PlaybackStarted",
        "TextMessageReceived",
    }
)


class _Event(Struct):
    type: str = ""


class AriSpeech:
    """Each event of a call is a body. Nothing fills a gap here: the CDR file, followed beside it, does."""

    who = WHO
    silence_seconds = SILENCE_SECONDS
    is_listening = True

    def __init__(self, *, url: str, login: str) -> None:
        """Take the interface's address (`http://pbx:8088/ari`) and `user:password`."""
        self._url = url.rstrip("/")
        self._login = login

    def open(self) -> tuple[str, dict[str, str]]:
        """Give the socket's address: all channels are told, whether they enter our application or not."""
        parts = urlsplit(self._url)
        scheme = {"http": "ws", "https": "wss"}.get(parts.scheme, parts.scheme)
        query = urlencode({"app": APP, "subscribeAll": "true"})
        proof = b64encode(self._login.encode()).decode()
        return urlunsplit((scheme, parts.netloc, f"{parts.path}/events", query, "")), {
            "Authorization": f"Basic {proof}"
        }

    def nudge(self, *, send: Send) -> None:
        """Do nothing: the WebSocket's own ping asks for a sign of life."""

    def hear(self, frame: str, *, send: Send) -> Sequence[bytes]:  # noqa: ARG002  # the port's form
        """Take one event, and leave out what tells nothing of calls."""
        try:
            event = msgspec.json.decode(frame, type=_Event)
        except (msgspec.DecodeError, RecursionError):
            return (frame.encode(),) if frame.strip() else ()
        return () if event.type in _NOISE else (frame.encode(),)

    def missed(self, since: datetime) -> Sequence[bytes]:  # noqa: ARG002  # the port's form
        """Give nothing: Asterisk does not remember events."""
        return ()
