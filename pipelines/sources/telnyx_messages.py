"""Short messages of Telnyx: what came in, and what became of those sent, receiver by receiver."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import conversation_of, fact
from pipelines.sources.phones import phone_identity, together, written_number
from pipelines.sources.reading import Fields, as_object, items, loose, member, required, text, word
from pipelines.sources.telnyx_calls import Told
from pipelines.sources.translations import attempt, found, ignored, joined
from schemas.errors import InvalidEvent
from schemas.ids import message_id
from schemas.instants import Instant, from_rfc3339
from schemas.messages import MessageDelivered, MessageFailed, MessageKind, MessageRead, MessageReceived, MessageSent
from schemas.people import Channel

_CHANNELS: dict[str, Channel] = {"whatsapp": "waba", "rcs": "other"}
_KINDS: dict[str, MessageKind] = {"image": "image", "audio": "audio", "video": "video"}
_FAILURES = frozenset({"delivery_failed", "sending_failed", "failed", "expired"})
_PASSING = frozenset({"queued", "sending", "delivery_unconfirmed", "webhook_delivered", "gw_timeout"})


def message_received(told: Told) -> Translation:
    """Read a message of a contact, with its first medium."""
    sender = member(told.fields, "from")
    about = _about(told, theirs=text(sender, "phone_number"), ours=_receivers(told.fields)[0][1])
    rich = loose(told.fields, "body")
    media = [as_object(one, what="media[]") for one in items(told.fields, "media")] or _attached(rich)
    tapped = loose(rich, "suggestion_response")
    body = MessageReceived(
        **about,
        text=_text(told.fields) or text(tapped, "text"),
        kind="location" if loose(rich, "location") else "button" if tapped else _kind(media),
        media_type=text(media[0], "content_type") if media else None,
        media_id=(text(media[0], "url") or "")[:1024] or None if media else None,
    )
    return found(fact(told.scene, body, identity=(about["provider_message_id"],), time=_time(told, "received_at")))


def _text(fields: Fields) -> str | None:
    """Give what is written; RCS keeps it in an object of its own."""
    return text(fields, "text") or text(loose(fields, "body"), "text")


def _attached(rich: Fields) -> list[Fields]:
    file = loose(loose(rich, "user_file"), "payload")
    return [{"url": text(file, "file_uri"), "content_type": text(file, "mime_type")}] if file else []


def message_sent(told: Told) -> Translation:
    """Read that a message went out, or at once that it did not."""
    return message_finalized(told)


def message_finalized(told: Told) -> Translation:
    """Read what became of a message for every receiver; a broken one is refused alone."""
    receivers = _receivers(told.fields)
    return joined(
        attempt(path, lambda receiver=receiver: _status(told, receiver, is_alone=len(receivers) == 1))
        for path, _, receiver in receivers
    )


def _status(told: Told, receiver: Fields, *, is_alone: bool) -> Translation:
    status = required(receiver, "status").lower()
    if status in _PASSING:
        return ignored(f"the message status {word(status)} is not yet a fact of ours")
    sender = text(member(told.fields, "from"), "phone_number", "agent_id")
    to = text(receiver, "phone_number")
    about = _about(told, theirs=to, ours=sender)
    about["provider_status"] = status
    identity = (str(about["provider_message_id"]), status, *(() if is_alone else (to or "",)))
    if status == "sent":
        sent = MessageSent(**about, text=_text(told.fields))
        return found(fact(told.scene, sent, identity=identity, time=_time(told, "sent_at")))
    if status == "delivered":
        delivered = MessageDelivered(**about)
        return found(fact(told.scene, delivered, identity=identity, time=_time(told, "completed_at")))
    if status == "read":
        return found(fact(told.scene, MessageRead(**about), identity=identity, time=told.time))
    if status in _FAILURES:
        errors = [as_object(one, what="errors[]") for one in items(told.fields, "errors")]
        failed = MessageFailed(**about, error_code=text(errors[0], "code") if errors else None)
        return found(fact(told.scene, failed, identity=identity, time=_time(told, "completed_at")))
    raise InvalidEvent(f"the message status {word(status)} is unknown")


def _receivers(fields: Fields) -> list[tuple[str, str | None, Fields]]:
    """Give every receiver under its place; raises InvalidEvent where there is none."""
    listed = fields.get("to")
    if isinstance(listed, str):
        return [("data.payload.to", listed, {"phone_number": listed})]
    read = [as_object(one, what="to[]") for one in items(fields, "to")]
    if not read:
        raise InvalidEvent("to names nobody")
    return [(f"data.payload.to[{at}]", text(one, "phone_number", "agent_id"), one) for at, one in enumerate(read)]


def _about(told: Told, *, theirs: str | None, ours: str | None) -> dict[str, Any]:
    scene = told.scene
    contact = together(phone_identity(theirs, region=scene.region))
    provider_id = required(told.fields, "id")
    channel = _CHANNELS.get((text(told.fields, "type") or "").lower(), "sms")
    number = written_number(ours or scene.account.address, region=scene.region)
    return {
        "message_id": message_id(scene.raw.source, scene.account.id, provider_id),
        "provider_message_id": provider_id,
        "conversation_id": conversation_of(scene, contact),
        "channel": channel,
        "contact": contact,
        "company_number": ours if ours and channel == "other" else number,
    }


def _kind(media: list[Fields]) -> MessageKind:
    if not media:
        return "text"
    return _KINDS.get((text(media[0], "content_type") or "").partition("/")[0], "document")


def _time(told: Told, name: str) -> Instant:
    written = text(told.fields, name)
    return from_rfc3339(written) if written else told.time
