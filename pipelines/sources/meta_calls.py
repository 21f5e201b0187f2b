"""Calls of Messenger: `entry[].calls[]` (connect, call_status, terminate), and the answer to a wish to call."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import fact
from pipelines.sources.messaging import Chat
from pipelines.sources.phones import identity, together
from pipelines.sources.reading import Fields, required, seconds, text, word
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import found, ignored
from schemas.calls import CallAccepted, CallEnded, CallOffered, CallRang, CallRejected, Disposition
from schemas.errors import InvalidEvent
from schemas.ids import call_id
from schemas.instants import Instant
from schemas.people import Direction
from schemas.permissions import PermissionDenied, PermissionGranted, PermissionRevoked

_DIRECTIONS: dict[str, Direction] = {"user_initiated": "incoming", "business_initiated": "outgoing"}
_NO_FACTS = frozenset({"media_update", "pre_accept", "dtmf"})
_STATUSES: dict[str, type[CallRang | CallAccepted | CallRejected]] = {
    "ringing": CallRang,
    "accepted": CallAccepted,
    "rejected": CallRejected,
    "declined": CallRejected,
}
_ENDINGS: dict[str, Disposition] = {
    "completed": "completed",
    "failed": "failed",
    "rejected": "rejected",
    "declined": "rejected",
    "busy": "busy",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "missed": "no_answer",
    "no_answer": "no_answer",
    "not_answered": "no_answer",
    "timeout": "no_answer",
}
_GRANTED = frozenset({"approve", "approved", "accept", "accepted"})
_DENIED = frozenset({"reject", "rejected", "deny", "denied"})
_REVOKED = frozenset({"revoke", "revoked"})


def call(chat: Chat, fields: Fields, *, kind: str, page: str) -> Translation:
    """Read one item of `calls[]` (Meta, Messenger Platform, Calling webhooks); `kind` is that of the contact's id.

    Raises InvalidEvent where its words are unknown, or what identifies the call is missing.
    """
    event = required(fields, "event").lower()
    if event in _NO_FACTS:
        return ignored(f"the call event {word(event)} holds no fact of ours")
    known = _known(chat, fields, kind=kind, page=page, event=event)
    time = from_epoch_field(fields.get("timestamp"), what="timestamp")
    identity_ = (str(known["provider_call_id"]),)
    if event == "connect":
        return found(fact(chat.scene, CallOffered(**known), identity=identity_, time=time))
    if event == "call_status":
        return _status(chat, fields, known=known, time=time)
    if event == "terminate":
        return found(fact(chat.scene, _ended(fields, known=known), identity=identity_, time=time))
    raise InvalidEvent(f"the call event {word(event)} is unknown")


def _known(chat: Chat, fields: Fields, *, kind: str, page: str, event: str) -> dict[str, Any]:
    """Give what every fact of a call says; statuses come of the company's own calls only."""
    scene = chat.scene
    provider_id = required(fields, "id", "call_id")
    written = text(fields, "call_direction", "direction")
    begin, end = text(fields, "from"), text(fields, "to")
    direction: Direction = "outgoing" if event == "call_status" else "unknown"
    if written is not None:
        if written.lower() not in _DIRECTIONS:
            raise InvalidEvent(f"the direction {word(written)} is unknown")
        direction = _DIRECTIONS[written.lower()]
    elif page and page in {begin, end}:
        direction = "outgoing" if begin == page else "incoming"
    other = {"outgoing": text(fields, "recipient_id") or end, "incoming": begin}.get(direction)
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_id),
        "provider_call_id": provider_id,
        "direction": direction,
        "channel": chat.channel,
        "contact": together(identity(kind, other)),
        "company_number": scene.account.address or page or None,
        "provider_status": text(fields, "call_status", "status"),
    }


def _status(chat: Chat, fields: Fields, *, known: dict[str, Any], time: Instant) -> Translation:
    status = required(fields, "call_status", "status").lower()
    struct = _STATUSES.get(status)
    if struct is None:
        raise InvalidEvent(f"the call status {word(status)} is unknown")
    more: dict[str, Any] = {}
    if struct is CallAccepted:
        more["answered_by"] = "human"
    if struct is CallRejected:
        more["rejected_by"] = "contact"
    return found(fact(chat.scene, struct(**known, **more), identity=(str(known["provider_call_id"]),), time=time))


def _ended(fields: Fields, *, known: dict[str, Any]) -> CallEnded:
    """Read how a call ended.

    Assumption: as on WhatsApp, a length counts talk, and a word of completion alone proves none.
    """
    status = (text(fields, "status", "call_status") or "").lower()
    talk = seconds(fields, "duration")
    disposition = _ENDINGS.get(status, "completed" if talk else "unknown")
    if disposition != "completed":
        return CallEnded(
            **known,
            disposition=disposition,
            talk_seconds=None if disposition == "unknown" and talk is None else 0.0,
            total_seconds=talk,
        )
    if talk == 0:
        disposition = "no_answer"
    return CallEnded(**known, disposition=disposition, answered_by="human" if talk else "unknown", talk_seconds=talk)


def permission(chat: Chat, answer: Fields, *, time: Instant) -> Translation:
    """Read the contact's answer to a request for permission to call, valid until `expiration_timestamp`."""
    if not chat.contact:
        raise InvalidEvent("the contact has no identity")
    response = required(answer, "response").lower()
    known: dict[str, Any] = {
        "contact": chat.contact,
        "channel": chat.channel,
        "company_number": chat.company_number,
    }
    told_by = (chat.contact[0].value, response, time)
    if response in _GRANTED:
        expires = answer.get("expiration_timestamp")
        expires_at = from_epoch_field(expires, what="expiration_timestamp") if expires else None
        granted = PermissionGranted(
            **known,
            kind="temporary" if expires_at else "permanent",
            expires_at=expires_at,
            given_by="user_action",
        )
        return found(fact(chat.scene, granted, identity=told_by, time=time))
    if response in _DENIED:
        return found(fact(chat.scene, PermissionDenied(**known, given_by="user_action"), identity=told_by, time=time))
    if response in _REVOKED:
        revoked = PermissionRevoked(**known, given_by="user_action")
        return found(fact(chat.scene, revoked, identity=told_by, time=time))
    raise InvalidEvent(f"the permission response {word(response)} is unknown")
