"""One message or status of ChatApp: which side wrote, in which chat, and who of the company it was."""

from msgspec import Struct

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene
from pipelines.sources.messaging import (
    Chat,
    Medium,
    Receipt,
    Step,
    Written,
    id_in_chat,
    kind_of,
    stepped,
    told_at,
    written,
)
from pipelines.sources.messengers import Messenger, messenger_of, person_in
from pipelines.sources.phones import phone_identity, together
from pipelines.sources.reading import Fields, flag, loose, member, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.errors import InvalidEvent
from schemas.messages import MessageKind
from schemas.people import Identity

_KINDS: dict[str, MessageKind] = {
    "text": "text",
    "chat": "text",
    "image": "image",
    "video": "video",
    "audio": "audio",
    "voice": "audio",
    "ptt": "audio",
    "file": "document",
    "document": "document",
    "sticker": "sticker",
    "location": "location",
    "contact": "contacts",
    "contacts": "contacts",
    "vcard": "contacts",
    "template": "template",
    "buttons": "interactive",
    "button": "button",
    "list": "interactive",
    "interactive": "interactive",
    "order": "order",
    "product": "order",
}
_STEPS: dict[str, Step] = {
    "sent": "sent",
    "delivered": "delivered",
    "viewed": "read",
    "read": "read",
    "played": "read",
    "failed": "failed",
    "error": "failed",
    "notdelivered": "failed",
}
_WAITING = frozenset({"pending", "sending", "queued", "created", "new"})
_SIDES = {"in": False, "incoming": False, "out": True, "outgoing": True}
_HANDS = frozenset({None, "", "webchat", "web", "mobile"})  # apps in which people write; others write by themselves


class Line(Struct, frozen=True, kw_only=True):
    """The messenger of a license (a line) in which it happened."""

    scene: Scene
    license: str | None = None
    messenger: str | None = None


def message(line: Line, fields: Fields) -> Translation:
    """Read one message; what the system writes into a chat for operators is none."""
    kind = (text(fields, "type") or "text").lower()
    app = loose(fields, "fromApp")
    if kind == "system" or text(app, "sender") == "system":
        return ignored("a note of the system for operators")
    if "call" in kind:
        raise InvalidEvent(f"the message type {word(kind)} is unknown")
    if flag(fields, "destroyed"):
        return ignored("a message that was taken back")
    is_ours = _is_ours(fields)
    content = fields if isinstance(fields.get("message"), str) else member(fields, "message")
    file = loose(content, "file")
    words = text(content, "text", "caption") or (text(fields, "message") if content is fields else None)
    known = _KINDS.get(kind, "unsupported")
    media_type = text(file, "contentType")
    if known == "document" and media_type:
        known = kind_of(media_type)
    address = text(file, "link", "url")
    medium = Medium(kind=known, media_id=address, media_type=media_type)
    told = Written(
        provider_id=_id_in_line(line, fields, required(fields, "id", "internalId")),
        time=told_at(line.scene, fields.get("time"), what="time"),
        is_ours=is_ours,
        kind=known,
        text=words,
        media=(medium,) if address else (),
        reply_to=_replied(line, fields),
    )
    return found(*written(_chat(line, fields, is_ours=is_ours), told))


def status(line: Line, fields: Fields) -> Translation:
    """Read how far a message of ours got."""
    step = required(fields, "type", "status").lower()
    if step == "deleted":
        return ignored("a message that was taken back")
    if step in _WAITING:
        return ignored("a message waits to be sent")
    if step not in _STEPS:
        raise InvalidEvent(f"the message status {word(step)} is unknown")
    error = fields.get("error")
    reached = Receipt(
        provider_id=_id_in_line(line, fields, required(fields, "id", "messageId")),
        step=_STEPS[step],
        time=told_at(line.scene, fields.get("time"), what="time"),
        word=step,
        error_code=text(member(fields, "error"), "code") if isinstance(error, dict) else text(fields, "error"),
    )
    return found(stepped(_chat(line, fields, is_ours=True), reached))


def _is_ours(fields: Fields) -> bool:
    side = text(fields, "side")
    if side is None:
        if fields.get("fromMe") is None:
            raise InvalidEvent("side is missing")
        return flag(fields, "fromMe")
    if side.lower() not in _SIDES:
        raise InvalidEvent(f"the side {word(side)} is unknown")
    return _SIDES[side.lower()]


def _chat(line: Line, fields: Fields, *, is_ours: bool) -> Chat:
    known = messenger_of(line.messenger or text(fields, "messengerType"))
    place, writer = member(fields, "chat"), member(fields, "fromUser")
    is_group = (text(place, "type") or "").lower() in {"group", "supergroup"} or (text(place, "id") or "").endswith(
        "@g.us"
    )
    app = text(loose(fields, "fromApp"), "id")
    operator = text(loose(fields, "created"), "id") if is_ours and app in _HANDS else None
    person = writer if is_group or not (place or is_ours) else place
    return Chat(
        scene=line.scene,
        channel=known.channel,
        contact=() if is_group and is_ours else _people(line.scene, known, person),
        contact_name=_name(place, writer, is_group=is_group, is_ours=is_ours),
        company_number=line.scene.account.address or line.license,
        operator=operator,
        thread=(f"{known.identity.removesuffix('_user')}_group", required(place, "id")) if is_group else None,
    )


def _name(place: Fields, writer: Fields, *, is_group: bool, is_ours: bool) -> str | None:
    name = None if is_ours else text(writer, "name")
    return name if is_group else text(place, "name") or name


def _people(scene: Scene, known: Messenger, person: Fields) -> tuple[Identity, ...]:
    phone = text(person, "phone")
    return together(
        phone_identity(phone, region=scene.region) if phone else None,
        person_in(scene, known, text(person, "id")),
    )


def _id_in_line(line: Line, fields: Fields, written: str) -> str:
    place = text(loose(fields, "chat"), "id")
    return id_in_chat(written, line.license, line.messenger, place) if place else written


def _replied(line: Line, fields: Fields) -> str | None:
    for name in ("quoted", "quotedMessage", "replyTo"):
        replied = fields.get(name)
        if isinstance(replied, dict):
            written = text(member(fields, name), "id")
            return _id_in_line(line, fields, written) if written else None
    return None
