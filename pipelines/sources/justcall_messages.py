"""Short messages and WhatsApp messages of JustCall, and what became of those sent."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene
from pipelines.sources.justcall_people import began_at, company_number, contact, direction_of
from pipelines.sources.linked_chats import media_kind
from pipelines.sources.messaging import Chat, Medium, Receipt, Step, Written, stepped, written
from pipelines.sources.reading import Fields, as_object, items, loose, required, text, word
from pipelines.sources.translations import found, ignored
from schemas.errors import InvalidEvent

_STEPS: dict[str, Step] = {
    "delivered": "delivered",
    "read": "read",
    "failed": "failed",
    "undelivered": "failed",
    "blocked": "failed",
    "rejected": "failed",
    "error": "failed",
}
_PASSING = frozenset({"sent", "queued", "sending", "accepted", "scheduled", "pending", "submitted", "received"})


def message(scene: Scene, fields: Fields) -> Translation:
    """Read a message of either direction, with all its media."""
    information = loose(fields, "sms_info") or loose(fields, "whatsapp_info")
    is_ours = direction_of(fields) == "outgoing"
    told = Written(
        provider_id=_id(fields),
        time=began_at(fields, kind="sms") or scene.raw.received_at,
        is_ours=is_ours,
        text=text(information, "body") or text(fields, "content", "body"),
        media=tuple(_medium(one) for one in (items(information, "mms") if information.get("mms") else [])),
    )
    operator = text(fields, "agent_email", "agent_id", "agent_name") if is_ours else None
    return found(*written(_chat(scene, fields, operator=operator), told))


def message_status(scene: Scene, fields: Fields) -> Translation:
    """Read what became of a message of ours; it is taken at its receipt, for its time is that of the sending."""
    status = required(fields, "delivery_status")
    lower = status.lower()
    if lower in _PASSING:
        return ignored(f"the message status {word(status)} is not yet a fact of ours")
    if lower not in _STEPS:
        raise InvalidEvent(f"the message status {word(status)} is unknown")
    reached = Receipt(provider_id=_id(fields), step=_STEPS[lower], time=scene.raw.received_at, word=status)
    return found(stepped(_chat(scene, fields, operator=None), reached))


def _id(fields: Fields) -> str:
    return required(fields, "id", "messageid", "message_id")


def _chat(scene: Scene, fields: Fields, *, operator: str | None) -> Chat:
    is_whatsapp = "whatsapp_info" in fields or "whatsapp" in (text(fields, "medium", "channel") or "").lower()
    return Chat(
        scene=scene,
        channel="waba" if is_whatsapp else "sms",
        contact=contact(fields),
        contact_name=text(fields, "contact_name"),
        company_number=company_number(scene, fields),
        operator=operator,
    )


def _medium(value: Any) -> Medium:
    fields = as_object(value, what="mms[]")
    media_type = text(fields, "content_type")
    return Medium(kind=media_kind(media_type), media_id=text(fields, "media_url"), media_type=media_type)
