"""Messages of Vonage: its Messages interface in both versions, and its older one for short messages."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, conversation_of, fact
from pipelines.sources.phones import e164, identity, phone_identity, together, whatsapp_identity, written_number
from pipelines.sources.reading import Fields, loose, member, number, required, text, word
from pipelines.sources.times import from_local
from pipelines.sources.translations import found, ignored
from schemas.errors import InvalidEvent
from schemas.ids import message_id
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
from schemas.people import Channel, Identity

MAX_PARTS = 255  # of a long short message (3GPP TS 23.040)
MAX_ID_LENGTH = 1024

# Where both sides are pages and people of the platform, and no digits are a telephone number.
_PAGES = frozenset({"messenger", "instagram"})
_CHANNELS: dict[str, Channel] = {
    "whatsapp": "waba",
    "messenger": "messenger",
    "viber_service": "viber",
    "viber_service_msg": "viber",
    "sms": "sms",
    "mms": "sms",
    "rcs": "other",
    "instagram": "instagram",
}
_KINDS: dict[str, MessageKind] = {
    "text": "text",
    "image": "image",
    "audio": "audio",
    "video": "video",
    "file": "document",
    "vcard": "contacts",
    "contact": "contacts",
    "location": "location",
    "sticker": "sticker",
    "reply": "interactive",
    "button": "button",
    "order": "order",
    "template": "template",
    "custom": "interactive",
    "unsupported": "unsupported",
}
_STEPS = {"submitted": MessageSent, "sent": MessageSent, "delivered": MessageDelivered, "read": MessageRead}
_FAILURES = frozenset({"rejected", "undeliverable", "failed", "expired"})
_RECEIPTS = {"delivered": MessageDelivered, "accepted": MessageSent}
_LOST_RECEIPTS = frozenset({"expired", "failed", "rejected", "deleted"})


def message(scene: Scene, fields: Fields) -> Translation:
    """Read a message of a contact, or his reaction; what it holds lies flat, or in `message.content`."""
    content = loose(member(fields, "message"), "content") or fields
    kind = (text(content, "message_type", "type") or "text").lower()
    about = _about(scene, fields, theirs="from", ours="to")
    time = _time(scene, fields)
    profile = loose(fields, "profile")
    about["contact_name"] = text(profile, "name", "username") or text(loose(fields, "whatsapp"), "profile_name")
    replied = text(loose(fields, "context"), "message_uuid")
    if kind == "reaction":
        return found(_reaction(scene, fields, about=about, target=replied, time=time))
    medium = loose(content, kind)
    body = MessageReceived(
        **about,
        kind=_KINDS.get(kind, "unsupported"),
        text=_text(content, medium, kind=kind),
        media_id=(text(medium, "url") or "")[:1024] or None,
        provider_status=None if kind in _KINDS else kind[:64],
        reply_to_message_id=message_id(scene.raw.source, scene.account.id, replied) if replied else None,
    )
    return found(fact(scene, body, identity=(about["provider_message_id"],), time=time))


def _reaction(scene: Scene, fields: Fields, *, about: dict[str, Any], target: str | None, time: Instant) -> Any:
    if target is None:
        raise InvalidEvent("the reaction does not say to what")
    told = (str(about["provider_message_id"]),)
    about = about | {"message_id": message_id(scene.raw.source, scene.account.id, target)}
    about["provider_message_id"] = target
    reaction = loose(fields, "reaction")
    is_taken_away = (text(reaction, "action") or "").lower() == "unreact"
    emoji = "" if is_taken_away else text(reaction, "emoji") or ""
    return fact(scene, MessageReactedTo(**about, emoji=emoji), identity=told, time=time)


def _text(content: Fields, medium: Fields, *, kind: str) -> str | None:
    if kind == "location":
        return ", ".join(part for part in (text(medium, "name"), text(medium, "address")) if part) or None
    if isinstance(content.get("text"), str) and content["text"]:
        return content["text"]
    return text(medium, "caption", "title", "text", "name", "payload")


def message_status(scene: Scene, fields: Fields) -> Translation:
    """Read what became of a message of ours; raises InvalidEvent where the word is unknown."""
    written = required(fields, "status")
    status = written.lower()
    about = _about(scene, fields, theirs="to", ours="from")
    about["provider_status"] = written
    told = (str(about["provider_message_id"]), status)
    time = _time(scene, fields)
    if status in _FAILURES:
        wrong = loose(fields, "error")
        code = text(wrong, "title", "code", "type")
        return found(fact(scene, MessageFailed(**about, error_code=code), identity=told, time=time))
    if status not in _STEPS:
        raise InvalidEvent(f"the message status {word(written)} is none of Vonage's")
    return found(fact(scene, _STEPS[status](**about), identity=told, time=time))


def sms(scene: Scene, fields: Fields) -> Translation:
    """Read a short message of the older interface; of a long one each part comes by itself."""
    about = _sms_about(scene, fields)
    identity = (str(about["provider_message_id"]),)
    time = _sms_time(scene, fields)
    body = MessageReceived(**about | _as_part(scene, fields, about=about, time=time), text=text(fields, "text"))
    return found(fact(scene, body, identity=identity, time=time))


def _as_part(scene: Scene, fields: Fields, *, about: dict[str, Any], time: Instant) -> dict[str, Any]:
    """Give what makes one message of the parts of a long one, whose text is put together by their numbers.

    Assumption: a telephone counts its long messages up to 255 and begins again, which takes it longer than a day.
    """
    counter = text(fields, "concat-ref")
    part, parts = number(fields, "concat-part"), number(fields, "concat-total")
    if counter is None or part is None or parts is None or not 1 <= part <= parts <= MAX_PARTS or parts < 2:
        return {}
    line = text(fields, "to") or ""
    whole = f"{about['conversation_id']}/{line}/{time[:10]}/{counter}/{parts:.0f}"[:MAX_ID_LENGTH]
    return {
        "message_id": message_id(scene.raw.source, scene.account.id, whole),
        "provider_message_id": whole,
        "provider_status": f"part-{part:.0f}-of-{parts:.0f}",
    }


def sms_receipt(scene: Scene, fields: Fields) -> Translation:
    """Read a receipt of the older interface; the contact is its `msisdn`."""
    written = required(fields, "status")
    status = written.lower()
    if status in {"buffered", "unknown"}:
        return ignored(f"the message status {word(written)} is not yet a fact of ours")
    about = _sms_about(scene, fields)
    about["provider_status"] = written
    told = (str(about["provider_message_id"]), status)
    time = _sms_time(scene, fields)
    if status in _LOST_RECEIPTS:
        failed = MessageFailed(**about, error_code=text(fields, "err-code"))
        return found(fact(scene, failed, identity=told, time=time))
    if status not in _RECEIPTS:
        raise InvalidEvent(f"the message status {word(written)} is none of Vonage's")
    return found(fact(scene, _RECEIPTS[status](**about), identity=told, time=time))


def _about(scene: Scene, fields: Fields, *, theirs: str, ours: str) -> dict[str, Any]:
    their_side, our_side = _side(fields, theirs), _side(fields, ours)
    name = (text(fields, "channel") or text(their_side, "type") or "sms").lower()
    channel = _CHANNELS.get(name, "other")
    written = text(their_side, "number", "id")
    return _known(
        scene,
        contact=_contact(fields, written, channel=channel),
        provider_id=required(fields, "message_uuid"),
        channel=channel,
        number=text(our_side, "number", "id"),
    )


def _contact(fields: Fields, written: str | None, *, channel: Channel) -> tuple[Identity, ...]:
    """Give who is behind an address; beside it WhatsApp tells his number and ids, by whichever he was written to."""
    if channel in _PAGES:
        return together(identity(channel, written))
    if channel != "waba":
        return together(phone_identity(written, region=None))
    person = loose(loose(fields, "whatsapp"), "recipient")
    return together(
        whatsapp_identity(written, region=None),
        phone_identity(text(person, "wa_id"), region=None),
        identity("whatsapp_user", text(person, "user_id")),
        identity("whatsapp_parent_user", text(person, "parent_user_id")),
    )


def _side(fields: Fields, name: str) -> Fields:
    """Give one side of a message: a number as text, or an object with its type."""
    side = fields.get(name)
    return member(fields, name) if isinstance(side, dict) else {"number": text(fields, name)}


def _sms_about(scene: Scene, fields: Fields) -> dict[str, Any]:
    return _known(
        scene,
        contact=together(phone_identity(required(fields, "msisdn"), region=None)),
        provider_id=required(fields, "messageId", "message-id"),
        channel="sms",
        number=text(fields, "to"),
    )


def _known(
    scene: Scene, *, contact: tuple[Identity, ...], provider_id: str, channel: Channel, number: str | None
) -> dict[str, Any]:
    return {
        "message_id": message_id(scene.raw.source, scene.account.id, provider_id),
        "provider_message_id": provider_id,
        "conversation_id": conversation_of(scene, contact),
        "channel": channel,
        "contact": contact,
        "company_number": number if number and channel in {*_PAGES, "viber"} else _own(scene, number),
    }


def _own(scene: Scene, number: str | None) -> str | None:
    """Give our number, which Vonage writes with its country code and without a plus; the account's as it is set."""
    if number is None:
        return written_number(scene.account.address, region=scene.region)
    return e164(number, region=None) or written_number(number, region=scene.region)


def _time(scene: Scene, fields: Fields) -> Instant:
    written = text(fields, "timestamp")
    return from_local(written, zone="UTC", what="timestamp") if written else scene.raw.received_at


def _sms_time(scene: Scene, fields: Fields) -> Instant:
    written = text(fields, "message-timestamp")
    return from_local(written, zone="UTC", what="message-timestamp") if written else scene.raw.received_at
