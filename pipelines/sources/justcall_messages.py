"""Short messages and WhatsApp messages of JustCall, and what became of those sent."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, conversation_of, fact
from pipelines.sources.justcall_people import began_at, company_number, contact, direction_of
from pipelines.sources.linked_chats import media_kind
from pipelines.sources.reading import Fields, as_object, items, loose, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.errors import InvalidEvent
from schemas.ids import message_id
from schemas.messages import MessageDelivered, MessageFailed, MessageReceived, MessageSent
from schemas.people import Channel

_DELIVERED = frozenset({"delivered"})
_FAILED = frozenset({"failed", "undelivered", "blocked", "rejected", "error"})
_PASSING = frozenset({"sent", "queued", "sending", "accepted", "scheduled", "pending", "submitted", "received"})


def message(scene: Scene, fields: Fields) -> Translation:
    """Read a message of either direction, with its first medium."""
    about = _about(scene, fields)
    information = loose(fields, "sms_info") or loose(fields, "whatsapp_info")
    media = [as_object(one, what="mms[]") for one in items(information, "mms")]
    media_type = text(media[0], "content_type") if media else None
    address = text(media[0], "media_url") if media else None
    is_ours = direction_of(fields) == "outgoing"
    struct = MessageSent if is_ours else MessageReceived
    body = struct(
        **about,
        kind=media_kind(media_type) if media else "text",
        text=text(information, "body") or text(fields, "content", "body"),
        media_type=media_type,
        media_id=address[:1024] if address else None,
        operator=text(fields, "agent_email", "agent_id", "agent_name") if is_ours else None,
    )
    time = began_at(fields, kind="sms") or scene.raw.received_at
    return found(fact(scene, body, identity=(str(about["provider_message_id"]),), time=time))


def message_status(scene: Scene, fields: Fields) -> Translation:
    """Read what became of a message of ours; it is taken at its receipt, for its time is that of the sending."""
    status = required(fields, "delivery_status")
    lower = status.lower()
    if lower in _PASSING:
        return ignored(f"the message status {word(status)} is not yet a fact of ours")
    about: dict[str, Any] = _about(scene, fields)
    about["provider_status"] = status
    told = (str(about["provider_message_id"]), lower)
    time = scene.raw.received_at
    if lower in _DELIVERED:
        return found(fact(scene, MessageDelivered(**about), identity=told, time=time))
    if lower not in _FAILED:
        raise InvalidEvent(f"the message status {word(status)} is unknown")
    return found(fact(scene, MessageFailed(**about), identity=told, time=time))


def _about(scene: Scene, fields: Fields) -> dict[str, Any]:
    provider_id = required(fields, "id", "messageid", "message_id")
    who = contact(fields)
    is_whatsapp = "whatsapp_info" in fields or "whatsapp" in (text(fields, "medium", "channel") or "").lower()
    channel: Channel = "waba" if is_whatsapp else "sms"
    return {
        "message_id": message_id(scene.raw.source, scene.account.id, provider_id),
        "provider_message_id": provider_id,
        "conversation_id": conversation_of(scene, who),
        "channel": channel,
        "contact": who,
        "contact_name": text(fields, "contact_name"),
        "company_number": company_number(scene, fields),
    }
