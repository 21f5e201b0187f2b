"""Radist.Online: messages of many messengers, their delivery, contacts, and the state of a connection."""

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.sources.contract import Request, Source, Translation
from pipelines.sources.facts import Scene
from pipelines.sources.guide import Guide
from pipelines.sources.radist_events import connection, contact, delivery, message
from pipelines.sources.reading import Fields, as_object, loose, text, word
from pipelines.sources.signatures import holds_shared_secret
from pipelines.sources.translations import ignored
from schemas.codec import parse_json
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
    """Check the token that we put into the address: Radist signs nothing."""
    return holds_shared_secret(request, secrets=secrets, names=("x-angime-token",))


def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:
    """Read one event; raises InvalidEvent where its kind is unknown or what identifies it is missing."""
    scene = Scene(raw, company, account)
    body = as_object(parse_json(raw.body), what="the body")
    event = loose(body, "event") or loose(body, "data") or loose(body, "payload")
    kind = _kind(body, event)
    if kind in _OTHERS:
        return ignored(_OTHERS[kind])
    read = _READERS.get(kind)
    if read is None:
        raise InvalidEvent(f"the event {word(kind)} is unknown")
    return read(scene, event or body, kind)


def _kind(body: Fields, event: Fields) -> str:
    """Tell the kind: it has a name, and an older hook of a message has none."""
    name = text(body, "event_type", "type", "event_name", "name") or text(event, "event_type", "type")
    if name is None and isinstance(body.get("event"), str):
        name = text(body, "event")
    if name is None and loose(event, "message"):
        name = "messages.create"
    if name is None:
        raise InvalidEvent("event_type is missing")
    return name.lower()


_OTHERS = {
    "messages.update": "an edit of a message: it is no new one",
    "messages.delete": "a message that was taken back",
    "chats.create": "a chat was opened and nothing is written yet",
    "chats.update": "a chat changed its name or operator",
    "contacts.delete": "a contact was deleted",
    "test": "Radist makes sure of the address",
}
_READERS: dict[str, Callable[[Scene, Fields, str], Any]] = {
    "messages.create": message,
    "messages.delivery.sent": delivery,
    "messages.delivery.delivered": delivery,
    "messages.delivery.read": delivery,
    "messages.delivery.error": delivery,
    "contacts.create": contact,
    "contacts.update": contact,
    "connections.update": connection,
    "connections.status": connection,
}

SOURCE = Source(
    name="radist",
    title="Radist.Online (messengers in one inbox)",
    capabilities=("messages", "contacts", "accounts"),
    is_genuine=is_genuine,
    translate=translate,
)

GUIDE = Guide(
    origin_check="Radist signs nothing: a long random token of yours in the address, `?token=…`.",
    proof="chosen",
    connect_steps=(
        "Think of a long random token and put it where `secrets` points.",
        "For each connection call POST /v2/companies/COMPANY/webhooks/ with `url` set to "
        "`/hooks/radist/ACCOUNT?token=TOKEN` and the events messages.create, messages.delivery.delivered, "
        "messages.delivery.read and messages.delivery.error.",
        "Radist's hooks name the chat and seldom the contact's number: an account for each connection, with its "
        "`channel`, keeps them apart.",
    ),
)
