"""Messages of Evolution: theirs and ours, edits, deletions, reactions, and what became of those sent."""

import re
from typing import Any

from pipelines.sources.baileys import Content, content
from pipelines.sources.contract import Translation
from pipelines.sources.evolution_people import Instance, chat_of, listed
from pipelines.sources.facts import fact
from pipelines.sources.linked_chats import Chat, alone, epoch, message_about, people
from pipelines.sources.reading import Fields, as_object, flag, member, required, text, word
from pipelines.sources.translations import each, found, ignored
from schemas.errors import InvalidEvent
from schemas.ids import Id, message_id
from schemas.instants import Instant
from schemas.messages import (
    MessageDelivered,
    MessageFailed,
    MessageReactedTo,
    MessageRead,
    MessageReceived,
    MessageSent,
)
from schemas.people import Channel

# The word, or the number that Baileys writes for it.
_STEPS = {
    "SERVER_ACK": MessageSent,
    "2": MessageSent,
    "SENT": MessageSent,
    "DELIVERY_ACK": MessageDelivered,
    "3": MessageDelivered,
    "DELIVERED": MessageDelivered,
    "READ": MessageRead,
    "4": MessageRead,
    "PLAYED": MessageRead,
    "5": MessageRead,
}
_FAILURES = frozenset({"ERROR", "FAILED", "0"})
_PASSING = frozenset({"PENDING", "1"})
_EDITED = frozenset({"EDITED"})
# So Evolution calls an update without a status, such as an edit: what is taken back has an event of its own.
_NO_STATUS = frozenset({"DELETED"})
_ID = re.compile(r"^\d{5,20}(:\d+)?(@[a-z.]+)?$", re.ASCII)
_CLOUD = "wamid."  # before ids of the WhatsApp Business API


def messages(instance: Instance, data: Any) -> Translation:
    """Read every message of an event, each by itself."""
    told = listed(data, "messages")
    if not told:
        return ignored("the event lists no messages")
    return each(told, lambda _, one: _message(instance, one))


def statuses(instance: Instance, data: Any) -> Translation:
    """Read what became of messages; raises InvalidEvent where a word is unknown."""
    told = listed(data, "messages", "updates")
    if not told:
        return ignored("the event lists no messages")
    return each(told, lambda _, one: _status(instance, one))


def deleted(instance: Instance, data: Any) -> Translation:
    """Read that messages were taken back: a message of the system, which replies to what it takes back."""
    told = listed(data, "keys", "messages")
    if not told:
        return ignored("the event lists no messages")
    gone = Content(kind="system")
    return each(told, lambda _, one: _changed(instance, as_object(one, what="the message"), gone))


def edited(instance: Instance, data: Any) -> Translation:
    """Read that messages were written anew: a message of its own, which replies to what it changes.

    The event brings every notice of the protocol, and its key as the writer sees it: of a contact's edit, too, it says
    that it is our own, in a chat with our number (Evolution API, issues 1367 and 1647).
    """
    told = listed(data, "messages")
    if not told:
        return ignored("the event lists no messages")
    return each(told, lambda _, one: _noticed(instance, as_object(one, what="the message")))


def _noticed(instance: Instance, fields: Fields) -> Translation:
    if not _rewritten(fields):
        return ignored("a notice of the protocol that is no edit: what was taken back has an event of its own")
    key = _key(fields)
    if flag(key, "fromMe") and not _is_with_a_contact(instance, key):
        return ignored("an edit that may be anybody's: its key tells neither its chat nor its writer")
    return _edited(instance, fields)


def _is_with_a_contact(instance: Instance, key: Fields) -> bool:
    """Say whether a key names a chat by a number that is not ours; an id that hides one may be our own."""
    own = people(instance.scene, instance.own)
    is_number = (text(key, "remoteJid") or "").endswith("@s.whatsapp.net")
    return bool(own) and is_number and chat_of(instance, key).contact != own


def _rewritten(fields: Fields) -> Fields:
    return member(fields, "editedMessage") or member(member(fields, "update"), "message") or member(fields, "message")


def _edited(instance: Instance, fields: Fields) -> Translation:
    written = content(_rewritten(fields))
    if written.nothing:
        raise InvalidEvent("an edit holds no message")
    return _changed(instance, fields, written)


def _message(instance: Instance, value: Any) -> Translation:
    fields = as_object(value, what="the message")
    key = _key(fields)
    known = chat_of(instance, key)
    if known.is_public:
        return ignored("a message of a channel or a status, to nobody in particular")
    written = content(member(fields, "message") or _stub(fields))
    if written.nothing:
        return ignored(written.nothing)
    is_ours = flag(key, "fromMe")
    provider_id = required(key, "id")
    time = epoch(fields, "messageTimestamp") if fields.get("messageTimestamp") else instance.time
    name = None if is_ours else _name(fields)
    about = _about(instance, known, provider_id=provider_id, name=name)
    if written.emoji is not None:
        return found(_reaction(instance, written, about=about, is_ours=is_ours, time=time, identity=(provider_id,)))
    context = member(fields, "contextInfo")
    target = written.target or text(context, "stanzaId")
    struct = MessageSent if is_ours else MessageReceived
    body = struct(**about, **_body(instance, written, fields=fields, target=target))
    return found(fact(instance.scene, body, identity=(provider_id,), time=time))


def _name(fields: Fields) -> str | None:
    """Give the name that a contact shows; without one Evolution puts his id there."""
    name = text(fields, "pushName", "verifiedBizName")
    return None if name is None or _ID.match(name.strip()) else name


def _reaction(  # noqa: PLR0913  # what a reaction is made of
    instance: Instance,
    written: Content,
    *,
    about: dict[str, Any],
    is_ours: bool,
    time: Instant,
    identity: tuple[str, ...],
) -> Any:
    if written.target is None:
        raise InvalidEvent("the reaction does not say to what")
    about = about | {"message_id": _id(instance, written.target), "provider_message_id": written.target}
    reacted = MessageReactedTo(**about, emoji=written.emoji or "", reacted_by="company" if is_ours else "contact")
    return fact(instance.scene, reacted, identity=identity, time=time)


def _stub(fields: Fields) -> Fields:
    """Say what a message without content is, where the library writes a stub for it."""
    stub = text(fields, "messageStubType")
    if stub is None and not text(fields, "messageType"):
        raise InvalidEvent("message is missing")
    return {}


def _status(instance: Instance, value: Any) -> Translation:
    fields = as_object(value, what="the status")
    key = _key(fields)
    update = member(fields, "update")
    status = text(fields, "status") or text(update, "status")
    is_edit = (status or "").upper() in _EDITED or (status is None and bool(member(update, "message")))
    inner = fields.get("message")
    holds_edit = bool(member(fields, "editedMessage")) or (isinstance(inner, dict) and "protocolMessage" in inner)
    if is_edit or (status is None and holds_edit):
        return _edited(instance, fields)
    if status is None or status.upper() in _NO_STATUS:
        return ignored("an update of a message that says nothing of its delivery")
    # Short forms leave it out, and of a business number it is always false: both tell of ours.
    is_ours = flag(key, "fromMe") or key.get("fromMe") is None or _is_of_the_cloud(key)
    if status.upper() in _PASSING or not is_ours:
        is_theirs = status.upper() not in _PASSING
        return ignored("the company read a message of a contact" if is_theirs else "the message is not sent yet")
    return _acknowledged(instance, key, status=status)


def _acknowledged(instance: Instance, key: Fields, *, status: str) -> Translation:
    provider_id = required(key, "id")
    names_chat = text(key, "remoteJid") is not None
    known = chat_of(instance, key) if names_chat else Chat()
    if known.is_public:
        return ignored("the status of a message to nobody in particular")
    at = None if names_chat else alone(instance.scene, provider_id)
    about: dict[str, Any] = _about(instance, known, provider_id=provider_id, name=None, at=at) | {
        "provider_status": status
    }
    upper = status.upper()
    # A group's members read one by one, each a fact of its own.
    reader = text(key, "participant")
    identity = (provider_id, upper, *((reader,) if known.group and reader else ()))
    if upper in _FAILURES:
        return found(fact(instance.scene, MessageFailed(**about), identity=identity, time=instance.time))
    if upper not in _STEPS:
        raise InvalidEvent(f"the message status {word(status)} is unknown")
    return found(fact(instance.scene, _STEPS[upper](**about), identity=identity, time=instance.time))


def _changed(instance: Instance, fields: Fields, written: Content) -> Translation:
    """Read an edit or a deletion as a message that replies to what it changes."""
    key = _key(fields)
    known = chat_of(instance, key)
    if known.is_public:
        return ignored("a message of a channel or a status, to nobody in particular")
    target = required(key, "id")
    stamp = fields.get("timestampMs") or fields.get("messageTimestamp")
    time = epoch({"timestampMs": stamp}, "timestampMs") if stamp else instance.time
    about = _about(instance, known, provider_id=f"{target}/{written.kind}/{time}", name=None)
    struct = MessageSent if flag(key, "fromMe") else MessageReceived
    body = struct(**about, **_body(instance, written, fields=fields, target=target))
    return found(fact(instance.scene, body, identity=(about["provider_message_id"],), time=time))


def _key(fields: Fields) -> Fields:
    """Give the key of a message; in updates it lies flat, as `keyId` beside the server's own `messageId`."""
    key = member(fields, "key") or member(member(fields, "message"), "key")
    if key:
        return key
    provider_id = text(fields, "keyId", "id", "messageId")
    if provider_id is None:
        raise InvalidEvent("the message has no key")
    return fields | {"id": provider_id}


def _is_of_the_cloud(key: Fields) -> bool:
    return (text(key, "id") or "").startswith(_CLOUD)


def _about(
    instance: Instance, known: Chat, *, provider_id: str, name: str | None, at: Id | None = None
) -> dict[str, Any]:
    channel: Channel = "waba" if provider_id.startswith(_CLOUD) else "whatsapp"
    return message_about(
        instance.scene, known, provider_id=provider_id, channel=channel, name=name, number=instance.number, at=at
    )


def _body(instance: Instance, written: Content, *, fields: Fields, target: str | None) -> dict[str, Any]:
    return {
        "kind": written.kind,
        "text": written.text,
        "media_type": written.media_type,
        "media_id": text(member(fields, "message"), "mediaUrl") if isinstance(fields.get("message"), dict) else None,
        "provider_status": written.name if written.kind == "unsupported" else None,
        "reply_to_message_id": _id(instance, target) if target else None,
    }


def _id(instance: Instance, provider_id: str) -> str:
    return message_id(instance.scene.raw.source, instance.scene.account.id, provider_id)
