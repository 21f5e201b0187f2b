"""Messages of Twilio: SMS, WhatsApp and Messenger messages that came in, and what became of those sent."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, conversation_of, fact
from pipelines.sources.phones import identity, together
from pipelines.sources.reading import Fields, number, required, text, word
from pipelines.sources.translations import found, ignored
from pipelines.sources.twilio_people import channel_of, contact, own_number, told_at
from schemas.errors import InvalidEvent
from schemas.ids import message_id
from schemas.messages import (
    MessageDelivered,
    MessageFailed,
    MessageKind,
    MessageRead,
    MessageReceived,
    MessageSent,
)

MAX_MEDIA = 10

_NOT_YET = frozenset({"accepted", "scheduled", "queued", "sending", "receiving", "canceled", "partially_delivered"})
_STEPS = {"sent": MessageSent, "delivered": MessageDelivered, "read": MessageRead}
# `MessageType` of WhatsApp, where no field of the message itself tells its kind.
_TYPES: dict[str, MessageKind] = {
    "order": "order",
    "reaction": "reaction",
    "contacts": "contacts",
    "location": "location",
    "sticker": "sticker",
    "unsupported": "unsupported",
    "interactive": "interactive",
}
_MEDIA_KINDS: dict[str, MessageKind] = {"image": "image", "audio": "audio", "video": "video"}


def message(scene: Scene, fields: Fields) -> Translation:
    """Read a message that came in, or the status of one that was sent; raises InvalidEvent for an unknown status.

    Callbacks of messages have no time, and are taken at their receipt; events of Event Streams have one.
    """
    status = (text(fields, "MessageStatus", "SmsStatus") or "received").lower()
    if status == "received":
        return found(*_received(scene, fields))
    if status in _NOT_YET:
        return ignored(f"the message status {word(status)} is not yet a fact of ours")
    about = _about(scene, fields, other_side="To", our_side="From")
    told = (about["provider_message_id"], status)
    time = told_at(scene, fields)
    if status in {"failed", "undelivered"}:
        code = text(fields, "ErrorCode")
        return found(fact(scene, MessageFailed(**about, error_code=code), identity=told, time=time))
    if status not in _STEPS:
        raise InvalidEvent(f"the message status {word(status)} is none of Twilio's")
    body: dict[str, Any] = {"text": text(fields, "Body")} if status == "sent" else {}
    return found(fact(scene, _STEPS[status](**about, **body), identity=told, time=time))


def _about(scene: Scene, fields: Fields, *, other_side: str, our_side: str) -> dict[str, Any]:
    begin, end = text(fields, "From"), text(fields, "To")
    provider_id = required(fields, "MessageSid", "SmsSid", "SmsMessageSid")
    channel = channel_of(begin, end, default="sms")
    who = contact(scene, text(fields, other_side))
    if channel == "waba":
        user, parent = text(fields, "ExternalUserId"), text(fields, "ParentExternalUserId")
        who = together(*who, identity("whatsapp_user", user), identity("whatsapp_parent_user", parent))
    return {
        "message_id": message_id(scene.raw.source, scene.account.id, provider_id),
        "provider_message_id": provider_id,
        "conversation_id": conversation_of(scene, who),
        "channel": channel,
        "contact": who,
        "contact_name": text(fields, "ProfileName", "ProfileUsername") if other_side == "From" else None,
        "company_number": own_number(scene, text(fields, our_side)),
        "provider_status": text(fields, "MessageStatus", "SmsStatus"),
    }


def _received(scene: Scene, fields: Fields) -> list[Any]:
    """Give a message for the text with its first medium, and one more for each further medium."""
    about = _about(scene, fields, other_side="From", our_side="To")
    replied = text(fields, "OriginalRepliedMessageSid")
    source, account = scene.raw.source, scene.account.id
    media = _media(fields)
    time = told_at(scene, fields)
    reply_to = message_id(source, account, replied) if replied else None
    first = MessageReceived(
        **about, **(media[0] if media else _bare_kind(fields)), text=_text(fields), reply_to_message_id=reply_to
    )
    events = [fact(scene, first, identity=(about["provider_message_id"],), time=time)]
    for index, medium in enumerate(media[1:], start=1):
        provider_id = f"{about['provider_message_id']}/{index}"
        further = about | {
            "message_id": message_id(source, account, provider_id),
            "provider_message_id": provider_id,
        }
        events.append(fact(scene, MessageReceived(**further, **medium), identity=(provider_id,), time=time))
    return events


def _media(fields: Fields) -> list[dict[str, Any]]:
    count = number(fields, "NumMedia") or 0
    if not 0 <= count <= MAX_MEDIA:
        raise InvalidEvent(f"NumMedia is not between 0 and {MAX_MEDIA}")
    return [_medium(fields, index) for index in range(int(count))]


def _medium(fields: Fields, index: int) -> dict[str, Any]:
    media_type = (text(fields, f"MediaContentType{index}") or "").lower()
    kind = _MEDIA_KINDS.get(media_type.partition("/")[0], "document")
    is_card = media_type in {"text/vcard", "text/x-vcard"}
    return {
        "kind": "contacts" if is_card else kind,
        "media_type": media_type or None,
        "media_id": required(fields, f"MediaUrl{index}").rsplit("/", 1)[-1],
    }


def _bare_kind(fields: Fields) -> dict[str, Any]:
    if text(fields, "ButtonText", "ButtonPayload"):
        return {"kind": "button"}
    if text(fields, "ListId", "ListTitle"):
        return {"kind": "interactive"}
    if text(fields, "Latitude", "Longitude"):
        return {"kind": "location"}
    if number(fields, "UnnamedMedia"):  # Event Streams count the media and do not name them
        return {"kind": "unsupported"}
    return {"kind": _TYPES.get((text(fields, "MessageType") or "").lower(), "text")}


def _text(fields: Fields) -> str | None:
    return text(fields, "Body", "ButtonText", "ListTitle", "Label", "Address")
