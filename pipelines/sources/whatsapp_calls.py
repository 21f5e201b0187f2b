"""Calls of WhatsApp Cloud: `calls[]` (connect, terminate, recording), and `statuses[]` of type call."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import fact
from pipelines.sources.reading import Fields, as_object, items, member, number, required, seconds, text, word
from pipelines.sources.times import from_epoch_field
from pipelines.sources.translations import found, ignored
from pipelines.sources.whatsapp_people import Inbox, Person, is_same_number, person
from schemas.calls import (
    CallAccepted,
    CallEnded,
    CallOffered,
    CallRang,
    CallRecordingMadeAvailable,
    CallRejected,
    Disposition,
)
from schemas.errors import InvalidEvent
from schemas.ids import call_id, recording_id
from schemas.people import Direction

GRAPH_ADDRESS = "https://graph.facebook.com"

# Meta's codes for calls refused for want of permission, or because the pair's limit is reached.
NOT_PERMITTED = frozenset({"138006", "138009", "138012"})

_DIRECTIONS: dict[str, Direction] = {"USER_INITIATED": "incoming", "BUSINESS_INITIATED": "outgoing"}
_OFFERS = frozenset({"connect", "call_created", "created", "offer"})
_ENDS = frozenset({"terminate", "terminated", "call_terminated", "hangup", "ended"})
_NO_FACTS = frozenset({"pre_accept", "media_update", "dtmf"})
_ENDINGS: dict[str, Disposition] = {
    "FAILED": "failed",
    "REJECTED": "rejected",
    "DECLINED": "rejected",
    "BUSY": "busy",
    "CANCELED": "cancelled",
    "CANCELLED": "cancelled",
    "MISSED": "no_answer",
    "NO_ANSWER": "no_answer",
    "UNANSWERED": "no_answer",
    "TIMEOUT": "no_answer",
}


def call(box: Inbox, value: Any, *, errors: list[Any]) -> Translation:
    """Read one item of `calls[]`; `errors` are those of the whole change, which belong to its only call.

    Raises InvalidEvent when the event word is unknown or what identifies the call is missing.
    """
    fields = as_object(value, what="the call")
    event = required(fields, "event").lower()
    if "record" in event:
        return _recording(box, fields)
    if "transcri" in event:
        return ignored("a transcript file is announced: recordings are fetched and transcribed here instead")
    if event in _NO_FACTS:
        return ignored(f"the call event {word(event)} holds no fact of ours")
    time = from_epoch_field(fields.get("timestamp"), what="timestamp")
    direction = _direction(box, fields)
    known = _known(box, fields, direction=direction, contact=_caller(box, fields, direction=direction))
    identity = (known["provider_call_id"],)
    if event in _OFFERS:
        return found(fact(box.scene, CallOffered(**known), identity=identity, time=time))
    if event in _ENDS:
        return found(fact(box.scene, _ended(fields, known=known, errors=errors), identity=identity, time=time))
    if event in _STATUSES:
        return found(_status_fact(box, event, known=known, time=time))
    raise InvalidEvent(f"the call event {word(event)} is unknown")


def call_status(box: Inbox, fields: Fields) -> Translation:
    """Read one item of `statuses[]` of type call; raises InvalidEvent when its word is unknown.

    Assumption: without a `direction` it is a call of ours, for Meta sends statuses of business-initiated calls only.
    """
    status = required(fields, "status").lower()
    time = from_epoch_field(fields.get("timestamp"), what="timestamp")
    direction = _DIRECTIONS.get((text(fields, "direction") or "").upper(), "outgoing")
    contact = person(box, fields, phone="recipient_id", user="recipient_user_id", parent="recipient_parent_user_id")
    known = _known(box, fields, direction=direction, contact=contact)
    if status in _STATUSES:
        return found(_status_fact(box, status, known=known, time=time))
    if status.upper() in _ENDINGS or status == "completed":
        ended = _ended(fields, known=known, errors=[])
        identity = (known["provider_call_id"], "status", status)
        return found(fact(box.scene, ended, identity=identity, time=time))
    raise InvalidEvent(f"the call status {word(status)} is unknown")


_STATUSES: dict[str, type[CallRang | CallAccepted | CallRejected]] = {
    "ringing": CallRang,
    "accept": CallAccepted,
    "accepted": CallAccepted,
    "reject": CallRejected,
    "rejected": CallRejected,
}


def _status_fact(box: Inbox, status: str, *, known: dict[str, Any], time: str) -> Any:
    more: dict[str, Any] = {}
    struct = _STATUSES[status]
    if struct is CallAccepted:
        more["answered_by"] = "human"
    if struct is CallRejected:
        more["rejected_by"] = "contact" if known["direction"] == "outgoing" else "company"
    return fact(box.scene, struct(**known, **more), identity=(known["provider_call_id"],), time=time)


def _known(box: Inbox, fields: Fields, *, direction: Direction, contact: Person) -> dict[str, Any]:
    """Give what every fact of this call says; `id` is the call's, the same in calls and in statuses."""
    provider_call_id = required(fields, "id", "call_id")
    scene = box.scene
    names_operator = scene.setting("callback_data") == "operator"
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_call_id),
        "provider_call_id": provider_call_id,
        "direction": direction,
        "channel": "waba",
        "contact": contact.identities,
        "contact_name": contact.name,
        "company_number": box.number,
        "operator": text(fields, "biz_opaque_callback_data") if names_operator else None,
        "provider_status": text(fields, "status") if not isinstance(fields.get("status"), list) else _listed(fields),
    }


def _listed(fields: Fields) -> str | None:
    """Give the word of a status that is written as a list of one."""
    listed = items(fields, "status")
    return text({"status": listed[0]}, "status") if listed else None


def _direction(box: Inbox, fields: Fields) -> Direction:
    """Tell who called: by `direction`, else by whose number is ours, else by whose offer the session is."""
    written = text(fields, "direction")
    if written is not None:
        if written.upper() not in _DIRECTIONS:
            raise InvalidEvent(f"the direction {word(written)} is unknown")
        return _DIRECTIONS[written.upper()]
    if is_same_number(text(fields, "to"), box.number):
        return "incoming"
    if is_same_number(text(fields, "from"), box.number):
        return "outgoing"
    session = (text(member(fields, "session"), "sdp_type") or "").lower()
    return {"offer": "incoming", "answer": "outgoing"}.get(session, "unknown")  # pyright: ignore[reportReturnType]


def _caller(box: Inbox, fields: Fields, *, direction: Direction) -> Person:
    """Find the contact of a call; of some of ours Meta's own examples name the business number as the one called."""
    if direction == "outgoing":
        phone = "from" if is_same_number(text(fields, "to"), box.number) else "to"
        return person(box, fields, phone=phone, user="to_user_id", parent="to_parent_user_id")
    return person(box, fields, phone="from", user="from_user_id", parent="from_parent_user_id")


def _ended(fields: Fields, *, known: dict[str, Any], errors: list[Any]) -> CallEnded:
    """Read how a call ended.

    COMPLETED says only that it is over: a call was answered when it has a talk, that is a time of pickup and an end
    or a duration. A FAILED call may carry a duration all the same, which is no talk.
    """
    status = (known["provider_status"] or "COMPLETED").upper()
    error_code = _error_code(items(fields, "errors") or errors)
    duration = seconds(fields, "duration")
    picked_up = _time(fields, "start_time")
    talk = _talk(fields, duration=duration)
    disposition = "not_permitted" if error_code in NOT_PERMITTED else _ENDINGS.get(status)
    if disposition is not None:
        return CallEnded(
            **known, disposition=disposition, talk_seconds=0.0, total_seconds=duration, error_code=error_code
        )
    without_talk: Disposition = "no_answer" if status == "COMPLETED" else "unknown"
    return CallEnded(
        **known,
        disposition="completed" if talk else without_talk,
        answered_at=picked_up if talk else None,
        talk_seconds=talk,
        error_code=error_code,
    )


def _talk(fields: Fields, *, duration: float | None) -> float | None:
    begin, end = _time(fields, "start_time"), number(fields, "end_time")
    if duration is not None:
        return duration
    if begin is None or end is None:
        return None
    length = end - (number(fields, "start_time") or 0.0)
    if length < 0:
        raise InvalidEvent("end_time lies before start_time")
    return length


def _time(fields: Fields, name: str) -> str | None:
    value = fields.get(name)
    return None if not value or value == "0" else from_epoch_field(value, what=name)


def _error_code(errors: list[Any]) -> str | None:
    return text(as_object(errors[0], what="errors[0]"), "code") if errors else None


def _recording(box: Inbox, fields: Fields) -> Translation:
    """Read the announcement of a finished recording, which is fetched by the id of its media.

    Assumption: the media's id stands in an object named after the recording or in the call itself, as in messages;
    where no address is given, the Graph API gives one for the id, with the account's access token.
    """
    status = (text(fields, "status") or "").upper()
    if status in {"FAILED", "STARTED", "PROCESSING", "DISABLED"}:
        return ignored(f"the recording is {word(status)}: there is nothing to fetch")
    media = member(fields, "recording") or member(fields, "call_recording") or member(fields, "media")
    media = member(media, "audio") or media
    media_id = text(media, "media_id", "id") or required(fields, "media_id", "recording_id")
    time = from_epoch_field(fields.get("timestamp"), what="timestamp")
    direction = _direction(box, fields)
    known = _known(box, fields, direction=direction, contact=_caller(box, fields, direction=direction))
    scene = box.scene
    base = scene.setting("graph_url") or GRAPH_ADDRESS
    expires = media.get("expiration_timestamp", media.get("url_expires_at"))
    ready = CallRecordingMadeAvailable(
        **known,
        recording_id=recording_id(scene.raw.source, scene.account.id, media_id),
        url=text(media, "url", "link") or text(fields, "url", "media_url") or f"{base}/{media_id}",
        media_type=text(media, "mime_type", "media_type") or text(fields, "mime_type"),
        channels=len(scene.account.channel_roles) or None,
        channel_roles=scene.account.channel_roles,
        duration_seconds=seconds(media, "duration"),
        expires_at=from_epoch_field(expires, what="expiration_timestamp") if expires else None,
    )
    return found(fact(scene, ready, identity=(media_id,), time=time))
