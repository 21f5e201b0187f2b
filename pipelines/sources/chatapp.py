"""ChatApp: messages of many messengers and their statuses, as a callback sends them and as its WebSocket does."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from pipelines.sources.chatapp_messages import Line, message, status
from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide, Setting
from pipelines.sources.reading import Fields, as_object, items, loose, text, word
from pipelines.sources.signatures import holds_shared_secret
from pipelines.sources.translations import each, ignored, numbered
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord

# The name of a channel of the WebSocket: `private-v1.licenses.1229.messengers.grWhatsApp`.
_CHANNEL = re.compile(r"licenses\.(\d+)\.messengers\.(\w+)$", re.ASCII)

_OTHERS = {
    "chattag": "a tag was put on a chat, or taken off",
    "chatconversation": "the window in which WhatsApp lets the company write was opened",
    "chatread": "somebody of the company opened a chat",
    "chatresponsible": "a chat was given to an operator",
    "chatstatus": "a chat changed its status",
    "messageedit": "an edit of a message: it is no new one",
    "messageedited": "an edit of a message: it is no new one",
    "messagedelete": "a message that was taken back",
    "messagedeleted": "a message that was taken back",
}
_READERS: dict[str, Callable[[Line, Fields], Translation]] = {"message": message, "messagestatus": status}


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check the token that we put into the callback's address: ChatApp signs nothing."""
    return holds_shared_secret(request, secrets=secrets, names=("x-chatapp-secret", "x-angime-token"))


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read every item of a callback or of a frame; a broken one is refused by its own path."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    event, channel = text(body, "event") or "", text(body, "channel") or ""
    if event.startswith(("pusher:", "pusher_internal:")):
        return ignored("the WebSocket tells of itself")
    content, path = _unwrapped(body)
    meta = loose(content, "meta") or loose(body, "meta")
    kind = text(meta, "type") or event or text(content, "type")
    if kind is None:
        raise InvalidEvent("meta.type is missing")
    place = _CHANNEL.search(channel)
    line = Line(
        scene=scene,
        license=text(meta, "licenseId") or (place.group(1) if place else None),
        messenger=text(meta, "messengerType") or (place.group(2) if place else None),
    )
    if kind.lower() in _OTHERS:
        return ignored(_OTHERS[kind.lower()])
    read = _READERS.get(kind.lower())
    if read is None:
        raise InvalidEvent(f"the event {word(kind)} is unknown")
    return _each(line, content, path=path, read=read)


def _unwrapped(body: Fields) -> tuple[Fields, str]:
    """Give the object that holds `data`, and its path: a frame wraps it, and writes it as text."""
    if "payload" in body:
        return as_object(body["payload"], what="payload"), "payload."
    inner = body.get("data")
    if isinstance(inner, str):
        frame = as_object(parse_json(inner.encode(errors="replace")), what="data")
        return _nested(frame, path="data.")
    if isinstance(inner, dict) and ("data" in inner or "payload" in inner):
        return _nested(as_object(inner, what="data"), path="data.")
    return body, ""


def _nested(frame: Fields, *, path: str) -> tuple[Fields, str]:
    if "payload" in frame:
        return as_object(frame["payload"], what="payload"), f"{path}payload."
    return frame, path


def _each(line: Line, content: Fields, *, path: str, read: Callable[[Line, Fields], Translation]) -> Translation:
    values: list[Any] = [content["data"]] if isinstance(content.get("data"), dict) else items(content, "data")
    if not values:
        return ignored("data is empty")
    return each(numbered(f"{path}data", values), lambda _, value: read(line, as_object(value, what="the item")))


SOURCE = Source(
    name="chatapp",
    title="ChatApp (messengers in one inbox)",
    capabilities=("messages",),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="ChatApp signs nothing: a long random token of yours in the callback's address, `?token=…`, or in "
    "`X-Chatapp-Secret`.",
    proof="chosen",
    connect_steps=(
        "Think of a long random token and put it where `secrets` points.",
        "For an access token post `email`, `password` and `appId`, all from your account at ChatApp, to "
        "`https://api.chatapp.online/v1/tokens`. With it in `Authorization` call there for each messenger of a license "
        "PUT /v1/licenses/LICENSE/messengers/MESSENGER/callbackUrl with `url` set to "
        "`/hooks/chatapp/ACCOUNT?token=TOKEN` and `events` message and messageStatus.",
        "Where no address of yours can be reached from outside, set no callback: name the lines in `licenses` and the "
        "login in `api_login`, and `angime collect` listens on ChatApp's WebSocket instead.",
        "ChatApp tells of no calls: connect the telephony, or a bridge to WhatsApp, for those.",
    ),
    settings={
        "licenses": Setting(
            "Lines to listen to, each as NUMBER/MESSENGER, such as `55570/caWhatsApp`. Messages that were missed are "
            "fetched; statuses are not remembered.",
            form="list",
        ),
        "api_login": Setting(
            "Where `email:password:appId` of your account at ChatApp lies, as `env:NAME` or `file:PATH`: access "
            "tokens, which are good for a day, are made of it.",
        ),
        "api_url": Setting("Address of ChatApp's interface, when it is not the common one."),
        "socket_url": Setting("Address of its WebSocket, when it is not the common one."),
    },
)
