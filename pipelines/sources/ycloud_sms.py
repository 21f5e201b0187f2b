"""Short messages of YCloud: what came in, and what became of those sent."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import conversation_of, fact
from pipelines.sources.phones import phone_identity, together, written_number
from pipelines.sources.reading import Fields, required, text, word
from pipelines.sources.translations import found, ignored
from pipelines.sources.ycloud_meta import Told
from schemas.errors import InvalidEvent
from schemas.ids import message_id
from schemas.instants import Instant, from_rfc3339
from schemas.messages import MessageDelivered, MessageFailed, MessageReceived, MessageSent

_FAILURES = frozenset({"failed", "undelivered"})


def sms_received(told: Told) -> Translation:
    """Read a short message of a contact."""
    fields = told.part("smsInboundMessage", "inboundSms", "smsInbound")
    about = _about(told, fields, theirs="from", ours="to")
    body = MessageReceived(**about, text=text(fields, "text"))
    return found(fact(told.scene, body, identity=(about["provider_message_id"],), time=_time(told, fields)))


def sms_updated(told: Told) -> Translation:
    """Read what became of a short message of ours."""
    fields = told.part("sms", "smsMessage")
    status = required(fields, "status").lower()
    if status == "accepted":
        return ignored("the short message is not sent yet")
    about: dict[str, Any] = _about(told, fields, theirs="to", ours="from")
    about["provider_status"] = status
    identity = (str(about["provider_message_id"]), status)
    time = _time(told, fields)
    if status == "sent":
        body = MessageSent(**about, text=text(fields, "text"))
        return found(fact(told.scene, body, identity=identity, time=time))
    if status == "delivered":
        return found(fact(told.scene, MessageDelivered(**about), identity=identity, time=time))
    if status in _FAILURES:
        failed = MessageFailed(**about, error_code=text(fields, "error_code"))
        return found(fact(told.scene, failed, identity=identity, time=time))
    raise InvalidEvent(f"the status {word(status)} of a short message is unknown")


def _about(told: Told, fields: Fields, *, theirs: str, ours: str) -> dict[str, Any]:
    scene = told.scene
    contact = together(phone_identity(text(fields, theirs), region=scene.region))
    provider_id = required(fields, "id")
    return {
        "message_id": message_id(scene.raw.source, scene.account.id, provider_id),
        "provider_message_id": provider_id,
        "conversation_id": conversation_of(scene, contact),
        "channel": "sms",
        "contact": contact,
        "company_number": written_number(text(fields, ours) or scene.account.address, region=scene.region),
    }


def _time(told: Told, fields: Fields) -> Instant:
    written = text(fields, "update_time", "send_time", "create_time")
    return from_rfc3339(written) if written else told.time
