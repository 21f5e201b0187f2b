"""Messages of WAHA: theirs and ours, reactions, edits, deletions, votes, and what became of those sent."""

from typing import Any

from pipelines.sources.baileys import Content, content
from pipelines.sources.contract import Translation
from pipelines.sources.facts import fact
from pipelines.sources.linked_chats import epoch, media_kind, message_about
from pipelines.sources.reading import Fields, as_object, flag, items, loose, member, text, word
from pipelines.sources.translations import found, ignored
from pipelines.sources.waha_people import Key, Session, bare, id_of, key_of
from schemas.errors import InvalidEvent
from schemas.instants import Instant
from schemas.messages import (
    MessageDelivered,
    MessageFailed,
    MessageKind,
    MessageReactedTo,
    MessageRead,
    MessageReceived,
    MessageSent,
)

# The number of an acknowledgement, and the word beside it.
_STEPS = {"1": MessageSent, "2": MessageDelivered, "3": MessageRead, "4": MessageRead}
_NAMES = {"ERROR": "-1", "PENDING": "0", "SERVER": "1", "DEVICE": "2", "READ": "3", "PLAYED": "4"}
# What WhatsApp Web calls the kinds of messages.
_WEB_KINDS: dict[str, MessageKind] = {
    "chat": "text",
    "image": "image",
    "video": "video",
    "ptv": "video",
    "gif": "video",
    "audio": "audio",
    "ptt": "audio",
    "document": "document",
    "sticker": "sticker",
    "location": "location",
    "vcard": "contacts",
    "multi_vcard": "contacts",
    "buttons_response": "button",
    "template_button_reply": "button",
    "list_response": "interactive",
    "interactive": "interactive",
    "list": "interactive",
    "poll_creation": "interactive",
    "event_creation": "interactive",
    "order": "order",
    "product": "order",
    "groups_v4_invite": "system",
    "ciphertext": "unsupported",
}
_SILENT_WEB_KINDS = frozenset(
    {
        "call_log",
        "e2e_notification",
        "notification",
        "notification_template",
        "gp2",
        "protocol",
        "broadcast_notification",
    }
)
_PUBLIC = "a message of a channel or a status, to nobody in particular"


def message(session: Session, fields: Fields) -> Translation:
    """Read a message; `message` and `message.any` of the same message are the same fact."""
    key = key_of(session, fields)
    if key.chat.is_public:
        return ignored(_PUBLIC)
    told = _web_kind(fields)
    if told in _SILENT_WEB_KINDS:
        return ignored(f"a note of WhatsApp in the chat, of kind {word(told)}")
    held = _held(fields)
    if held.emoji is not None:
        return _reaction(session, fields, key=key, target=held.target, emoji=held.emoji)
    media = member(fields, "media")
    media_type = text(media, "mimetype") or held.media_type
    written = text(fields, "body", "caption") or held.text or _place(fields)
    kind = _kind(fields, held=held, media_type=media_type, told=told, written=written)
    if kind is None:
        return ignored(held.nothing or "a message without content")
    replied = id_of(member(fields, "replyTo"), "id") or held.target
    struct = MessageSent if key.is_ours else MessageReceived
    body = struct(
        **_about(session, key, name=None if key.is_ours else _name(fields)),
        kind=kind,
        text=written,
        media_type=media_type,
        media_id=_media_id(media),
        provider_status=(held.name or told or None) if kind == "unsupported" else None,
        reply_to_message_id=session.message(replied) if replied else None,
    )
    return found(fact(session.scene, body, identity=(key.provider_id,), time=_time(session, fields)))


def _kind(
    fields: Fields, *, held: Content, media_type: str | None, told: str, written: str | None
) -> MessageKind | None:
    """Tell the kind by what an engine knows best, None where the message is empty."""
    if told in _WEB_KINDS:
        return _WEB_KINDS[told]
    if held.name and held.kind != "unsupported":
        return held.kind
    if media_type:
        return media_kind(media_type)
    is_something = flag(fields, "hasMedia") or bool(told) or (bool(held.name) and not held.nothing)
    by_fields: list[tuple[bool, MessageKind]] = [
        (bool(fields.get("location")), "location"),
        (bool(items(fields, "vCards")), "contacts"),
        (bool(written) and not flag(fields, "hasMedia"), "text"),
        (is_something, "unsupported"),
    ]
    return next((kind for holds, kind in by_fields if holds), None)


def _held(fields: Fields) -> Content:
    """Read the protocol's own fields where an engine hands them out (NOWEB `message`, GOWS `Message`)."""
    raw = loose(fields, "_data")
    held = loose(raw, "message") or loose(raw, "Message")
    if not held and loose(raw, "key").get("isViewOnce") is True:  # linked devices are told that it came, and no more
        return Content(name="viewOnceMessage")
    return content(held) if held else Content(nothing="a message without content")


def _web_kind(fields: Fields) -> str:
    told = fields.get("type") or loose(fields, "_data").get("type")
    return told if isinstance(told, str) else ""


def _name(fields: Fields) -> str | None:
    raw = loose(fields, "_data")
    known = (fields.get("notifyName"), raw.get("notifyName"), raw.get("pushName"), loose(raw, "Info").get("PushName"))
    return next((one for one in known if isinstance(one, str) and one.strip()), None)


def _media_id(media: Fields) -> str | None:
    address = text(media, "url")
    return address.rpartition("/")[2][:1024] or None if address else None


def _place(fields: Fields) -> str | None:
    held = loose(fields, "location")
    return ", ".join(part for part in (text(held, "description", "name"), text(held, "address")) if part) or None


def acknowledged(session: Session, fields: Fields) -> Translation:
    """Read what became of a message of ours; in a group every member's receipt is a fact of its own.

    WAHA sends no time with it: the fact is taken at the moment of its sending.
    """
    key = key_of(session, fields)
    if key.chat.is_public:
        return ignored(_PUBLIC)
    name = text(fields, "ackName")
    ack = text(fields, "ack") or _NAMES.get((name or "").upper())
    if ack is None:
        raise InvalidEvent("ack is missing")
    if not key.is_ours and not flag(fields, "fromMe"):
        return ignored("the company read a message of a contact")
    if ack == "0":
        return ignored("the message is not sent yet")
    reader = text(fields, "participant") if key.chat.group else None
    about: dict[str, Any] = _about(session, key, name=None) | {"provider_status": name or ack}
    identity = (key.provider_id, ack, *((reader,) if reader else ()))
    if ack == "-1":
        return found(fact(session.scene, MessageFailed(**about), identity=identity, time=session.time))
    if ack not in _STEPS:
        raise InvalidEvent("ack is none of WAHA's numbers")
    return found(fact(session.scene, _STEPS[ack](**about), identity=identity, time=session.time))


def reacted(session: Session, fields: Fields) -> Translation:
    """Read a reaction to a message, or that it was taken away."""
    key = key_of(session, fields)
    if key.chat.is_public:
        return ignored(_PUBLIC)
    reaction = as_object(fields.get("reaction"), what="reaction")
    emoji = text(reaction, "text") or ""
    return _reaction(session, fields, key=key, target=id_of(reaction, "messageId"), emoji=emoji)


def _reaction(session: Session, fields: Fields, *, key: Key, target: str | None, emoji: str) -> Translation:
    if target is None:
        raise InvalidEvent("the reaction does not say to what")
    about: dict[str, Any] = _about(session, key, name=None)
    about |= {"message_id": session.message(target), "provider_message_id": bare(target)}
    told = MessageReactedTo(**about, emoji=emoji, reacted_by="company" if key.is_ours else "contact")
    return found(fact(session.scene, told, identity=(key.provider_id,), time=_time(session, fields)))


def revoked(session: Session, fields: Fields) -> Translation:
    """Read that a message was taken back: a message of the system, which replies to it."""
    after, before = member(fields, "after"), member(fields, "before")
    told = after or before
    if not told:
        raise InvalidEvent("the deletion says nothing of what was deleted")
    key = key_of(session, told)
    target = text(fields, "revokedMessageId") or id_of(before, "id") or key.provider_id
    return _changed(session, told, key=key, target=target, body={"kind": "system"})


def edited(session: Session, fields: Fields) -> Translation:
    """Read that a message was written anew: a message of its own, which replies to it."""
    key = key_of(session, fields)
    target = text(fields, "editedMessageId") or key.provider_id
    return _changed(session, fields, key=key, target=target, body={"kind": "text", "text": text(fields, "body")})


def voted(session: Session, fields: Fields) -> Translation:
    """Read a vote in a poll: what was chosen, as an answer to the poll."""
    vote = as_object(fields.get("vote"), what="vote")
    key = key_of(session, vote)
    poll = id_of(member(fields, "poll"), "id")
    chosen = ", ".join(str(option) for option in items(vote, "selectedOptions") if isinstance(option, str))
    return _changed(session, vote, key=key, target=poll, body={"kind": "interactive", "text": chosen or None})


def _changed(session: Session, fields: Fields, *, key: Key, target: str | None, body: dict[str, Any]) -> Translation:
    if key.chat.is_public:
        return ignored(_PUBLIC)
    time = _time(session, fields)
    about: dict[str, Any] = _about(session, key, name=None)
    if target is not None and bare(target) == key.provider_id:
        provider_id = f"{key.provider_id}/{body['kind']}/{time}"
        about |= {"message_id": session.message(provider_id), "provider_message_id": provider_id}
    struct = MessageSent if key.is_ours else MessageReceived
    told = struct(**about, **body, reply_to_message_id=session.message(target) if target else None)
    return found(fact(session.scene, told, identity=(str(about["provider_message_id"]),), time=time))


def _time(session: Session, fields: Fields) -> Instant:
    return epoch(fields, "timestamp", "messageTimestamp") if fields.get("timestamp") else session.time


def _about(session: Session, key: Key, *, name: str | None) -> dict[str, Any]:
    return message_about(
        session.scene, key.chat, provider_id=key.provider_id, channel="whatsapp", name=name, number=session.number
    )
