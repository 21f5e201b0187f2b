"""Messages of Kommo's chats, whichever messenger they came by."""

from typing import Any

from pipelines.sources.brackets import branch, leaves
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, conversation_of, fact
from pipelines.sources.kommo_deals import time_of
from pipelines.sources.phones import identity, phone_identity, together
from pipelines.sources.reading import Fields, required, text, word
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import found
from schemas.errors import InvalidEvent
from schemas.ids import message_id
from schemas.messages import MessageKind, MessageReceived, MessageSent
from schemas.people import Channel, Identity

_CARDS = {"1": "crm_kommo", "3": "crm_kommo_company"}
# A chat's `origin`, by the first of these words that it contains.
_CHANNELS: tuple[tuple[str, Channel], ...] = (
    ("waba", "waba"),
    ("whatsapp", "whatsapp"),
    ("amocrmwa", "whatsapp"),
    ("instagram", "instagram"),
    ("amocrmig", "instagram"),
    ("telegram", "telegram"),
    ("facebook", "messenger"),
    ("messenger", "messenger"),
    ("amocrmfbm", "messenger"),
    ("viber", "viber"),
    ("vk", "vk"),
    ("sms", "sms"),
    ("mail", "email"),
    ("online_chat", "web"),
    ("onlinechat", "web"),
)
_KINDS: dict[str, MessageKind] = {
    "picture": "image",
    "image": "image",
    "photo": "image",
    "voice": "audio",
    "audio": "audio",
    "video": "video",
    "file": "document",
    "document": "document",
    "sticker": "sticker",
    "location": "location",
    "contact": "contacts",
}


def message(scene: Scene, fields: Fields) -> Translation:
    """Read one chat message, told by its `type`: from the contact, or to him."""
    written = (text(leaves(fields), "type") or "incoming").lower()
    if written not in {"incoming", "outgoing"}:
        raise InvalidEvent(f"the message type {word(written)} is none of Kommo's")
    return _message(scene, fields, is_ours=written == "outgoing")


def outgoing_message(scene: Scene, fields: Fields) -> Translation:
    """Read one chat message that the company wrote."""
    return _message(scene, fields, is_ours=True)


def short_message(scene: Scene, told: Fields, *, said: Fields, is_ours: bool) -> Translation:
    """Read a note that is an SMS."""
    number = required(told, "id")
    contact = together(phone_identity(text(said, "phone"), region=scene.region), card_of(told))
    about: dict[str, Any] = {
        "message_id": message_id(scene.raw.source, scene.account.id, f"note {number}"),
        "provider_message_id": f"note {number}",
        "conversation_id": conversation_of(scene, contact),
        "channel": "sms",
        "contact": contact,
        "operator": text(told, "created_by") if is_ours else None,
        "text": text(said, "text"),
    }
    time = time_of(scene, told, "created_at", "date_create") or scene.raw.received_at
    struct = MessageSent(**about) if is_ours else MessageReceived(**about)
    return found(fact(scene, struct, identity=(f"note {number}",), time=time))


def card_of(told: Fields) -> Identity | None:
    """Give the contact or company on whose card a note stands; of a deal's nobody knows whose it is."""
    kind = _CARDS.get(text(told, "element_type") or "")
    return identity(kind, text(told, "element_id")) if kind else None


def _message(scene: Scene, fields: Fields, *, is_ours: bool) -> Translation:
    told = leaves(fields)
    number = required(told, "id")
    author = leaves(branch(fields, "author"))
    contact = together(identity("crm_kommo", text(told, "contact_id")), identity("kommo_chat", text(told, "chat_id")))
    name = text(author, "name")
    attachment = leaves(branch(fields, "attachment"))
    about: dict[str, Any] = {
        "message_id": message_id(scene.raw.source, scene.account.id, number),
        "provider_message_id": number,
        "conversation_id": conversation_of(scene, contact),
        "channel": _channel(text(told, "origin") or text(author, "origin") or ""),
        "contact": contact,
        "contact_name": None if is_ours else name,
        "operator": text(author, "id") if is_ours else None,
        "provider_status": text(told, "type"),
        "text": text(told, "text"),
        "kind": _KINDS.get((text(attachment, "type") or "").lower(), "document") if attachment else "text",
    }
    written = text(told, "created_at")
    time = scene.raw.received_at if written is None else from_epoch_field(written, what="created_at")
    struct = MessageSent(**about) if is_ours else MessageReceived(**about)
    return found(fact(scene, struct, identity=(number,), time=time))


def _channel(origin: str) -> Channel:
    for part, channel in _CHANNELS:
        if part in origin.lower():
            return channel
    return "other"
