"""What became of messages the company sent through WhatsApp Cloud: `statuses[]` of messages."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import conversation_of, fact
from pipelines.sources.reading import Fields, as_object, items, member, required, text, word
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import found, ignored
from pipelines.sources.whatsapp_people import Inbox, person
from schemas.errors import InvalidEvent
from schemas.ids import conversation_id, message_id
from schemas.messages import MessageDelivered, MessageFailed, MessageKind, MessageRead, MessageSent

# Templates alone are priced in these categories; `service` messages are free and of any kind.
_TEMPLATE_CATEGORIES = frozenset(
    {"marketing", "marketing_lite", "utility", "authentication", "authentication_international"}
)
_STEPS = {"sent": MessageSent, "delivered": MessageDelivered, "read": MessageRead, "played": MessageRead}
_NO_FACTS = frozenset({"deleted", "warning", "pending", "accepted", "held_for_quality_assessment"})


def message_status(box: Inbox, fields: Fields) -> Translation:
    """Read one status of a message; raises InvalidEvent when its word is unknown.

    A played voice message counts as read, and tells it at another time, so it is a fact of its own.
    """
    status = required(fields, "status").lower()
    if (text(fields, "type") or "").lower() == "payment":
        return ignored("the status of a payment, and of no message")
    provider_id = required(fields, "id")
    if status in _NO_FACTS:
        return ignored(f"the message status {word(status)} holds no fact of ours")
    about = _about(box, fields, provider_id=provider_id, status=status)
    time = from_epoch_field(fields.get("timestamp"), what="timestamp")
    identity = (provider_id, status, *_participant(fields))
    if status == "failed":
        return found(fact(box.scene, MessageFailed(**about, error_code=_error(fields)), identity=identity, time=time))
    if status not in _STEPS:
        raise InvalidEvent(f"the message status {word(status)} is unknown")
    more: dict[str, Any] = {"kind": _kind(fields)} if status == "sent" else {}
    return found(fact(box.scene, _STEPS[status](**about, **more), identity=identity, time=time))


def _participant(fields: Fields) -> tuple[str, ...]:
    """Give who of a group is meant, so that each member's receipt is a fact of its own."""
    one = text(fields, "recipient_participant_id", "recipient_participant_user_id", "participant_recipient_id")
    return (one,) if one else ()


def _about(box: Inbox, fields: Fields, *, provider_id: str, status: str) -> dict[str, Any]:
    scene = box.scene
    is_group = (text(fields, "recipient_type") or "").lower() == "group"
    prefix = "recipient_participant" if is_group else "recipient"
    contact = person(box, fields, phone=f"{prefix}_id", user=f"{prefix}_user_id", parent=f"{prefix}_parent_user_id")
    conversation = (
        conversation_id(scene.company.id, "whatsapp_group", required(fields, "recipient_id"))
        if is_group
        else conversation_of(scene, contact.identities)
    )
    return {
        "message_id": message_id(scene.raw.source, scene.account.id, provider_id),
        "provider_message_id": provider_id,
        "conversation_id": conversation,
        "channel": "waba",
        "contact": contact.identities,
        "contact_name": contact.name,
        "company_number": box.number,
        "provider_status": status,
    }


def _kind(fields: Fields) -> MessageKind:
    category = (text(member(fields, "pricing"), "category") or "").lower().removeprefix("group_")
    return "template" if category in _TEMPLATE_CATEGORIES else "text"


def _error(fields: Fields) -> str | None:
    errors = items(fields, "errors")
    return text(as_object(errors[0], what="errors[0]"), "code") if errors else None
