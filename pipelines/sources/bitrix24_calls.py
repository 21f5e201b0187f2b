"""Calls of Bitrix24's telephony: how they begin, are answered and end."""

import re
from typing import Any

from pipelines.sources.brackets import leaves
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.phones import identity, phone_identity, together, written_number
from pipelines.sources.reading import Fields, required, seconds, text
from pipelines.sources.times import after, from_epoch_field, from_local
from pipelines.sources.translations import found
from schemas.calls import CallAccepted, CallEnded, CallOffered, CallRecordingMadeAvailable, Disposition
from schemas.errors import InvalidEvent
from schemas.ids import call_id, recording_id
from schemas.instants import Instant
from schemas.people import Direction, Identity

# CALL_TYPE: outgoing, incoming, incoming and handed on, callback (we call the contact who asked for it), information
# call (a robot of ours calls).
_DIRECTIONS: dict[str, Direction] = {
    "1": "outgoing",
    "2": "incoming",
    "3": "incoming",
    "4": "outgoing",
    "5": "outgoing",
}
# CALL_FAILED_CODE (Bitrix24, Codes and types of calls). 480: the subscriber cannot be reached now.
_ENDINGS: dict[str, Disposition] = {
    "200": "completed",
    "304": "no_answer",
    "480": "no_answer",
    "486": "busy",
    "603": "rejected",
    "603-S": "cancelled",
    "402": "failed",
    "403": "failed",
    "404": "failed",
    "423": "failed",
    "484": "failed",
    "503": "failed",
    "OTHER": "failed",
    "408": "no_answer",
    "487": "cancelled",
    "600": "busy",
}
_OTHER_SIP_ANSWER = re.compile(r"^[3-6]\d\d$", re.ASCII)
_APPLICATION = "REST_APP:"  # instead of a number, where an application of telephony placed the call
_CARDS = {"CONTACT": "crm_bitrix24", "COMPANY": "crm_bitrix24_company"}


def call_offered(scene: Scene, event: Fields, told: Fields) -> Translation:
    """Read the beginning of a call; for an incoming one `CALLER_ID` is who calls, and `PHONE_NUMBER` whom.

    Where an application of telephony places it, `CALLER_ID` is the subscriber, whichever way it goes, and stands alone.
    """
    fields = leaves(told)
    direction = _direction(fields)
    is_by_subscriber = direction == "incoming" or (text(fields, "REST_APP_ID") and not text(fields, "PHONE_NUMBER"))
    outside, ours = ("CALLER_ID", "PHONE_NUMBER") if is_by_subscriber else ("PHONE_NUMBER", "CALLER_ID")
    known = _known(scene, fields, contact=_contact(scene, fields, number=outside), direction=direction)
    known["company_number"] = written_number(text(fields, ours, "ACCOUNT_SEARCH_ID"), region=scene.region)
    time = _sent_at(scene, event)
    return found(fact(scene, CallOffered(**known), identity=(known["provider_call_id"],), time=time))


def call_started(scene: Scene, event: Fields, told: Fields) -> Translation:
    """Read that somebody picked up: our operator, or on outgoing calls the contact. Only the operator is named."""
    fields = leaves(told)
    known = _known(scene, fields, contact=_contact(scene, fields, number="PHONE_NUMBER"), direction=_direction(fields))
    time = _sent_at(scene, event)
    identity_ = (known["provider_call_id"], known["operator"] or "")
    return found(fact(scene, CallAccepted(**known), identity=identity_, time=time))


def call_ended(scene: Scene, event: Fields, told: Fields) -> Translation:
    """Read how a call ended; `CALL_DURATION` counts talk where the code is 200, of all others the ringing.

    Where it is 0 and only the start has a time, nothing tells how long the call rang.
    """
    fields = leaves(told)
    known = _known(scene, fields, contact=_contact(scene, fields, number="PHONE_NUMBER"), direction=_direction(fields))
    line = text(fields, "PORTAL_NUMBER", "ACCOUNT_NUMBER") or ""
    known["company_number"] = None if line.startswith(_APPLICATION) else written_number(line, region=scene.region)
    duration = seconds(fields, "CALL_DURATION", "DURATION")
    disposition = _disposition(fields, duration=duration)
    is_talk = disposition == "completed"
    code = text(fields, "CALL_FAILED_CODE")
    started_at = _started_at(scene, fields)
    time = _ended_at(scene, event, started_at=started_at, duration=duration)
    ended = CallEnded(
        **known,
        disposition=disposition,
        started_at=started_at if duration or time != started_at else None,
        talk_seconds=duration if is_talk else 0.0,
        total_seconds=None if is_talk else duration or None,
        error_code=code if disposition == "failed" else None,
    )
    recording = _recording(scene, fields, known=known, duration=duration) if is_talk else None
    identity_ = (known["provider_call_id"],)
    return found(
        fact(scene, ended, identity=identity_, time=time),
        fact(scene, recording, identity=identity_, time=time) if recording is not None else None,
    )


def _direction(fields: Fields) -> Direction:
    written = text(fields, "CALL_TYPE")
    if written is None:
        return "unknown"
    if written not in _DIRECTIONS:
        raise InvalidEvent("CALL_TYPE is not between 1 and 5")
    return _DIRECTIONS[written]


def _disposition(fields: Fields, *, duration: float | None) -> Disposition:
    code = text(fields, "CALL_FAILED_CODE")
    if code is None:
        return "completed" if duration else "unknown"
    known = _ENDINGS.get(code.upper())
    if known is None and not _OTHER_SIP_ANSWER.match(code):
        raise InvalidEvent("CALL_FAILED_CODE is none of Bitrix24's and no answer of SIP")
    return known or "failed"


def _known(scene: Scene, fields: Fields, *, contact: tuple[Identity, ...], direction: Direction) -> dict[str, Any]:
    provider_call_id = required(fields, "CALL_ID")
    user = text(fields, "PORTAL_USER_ID", "ACCOUNT_USER_ID", "USER_ID")
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_call_id),
        "provider_call_id": provider_call_id,
        "direction": direction,
        "channel": scene.account.channel if scene.account.channel != "other" else "phone",
        "contact": contact,
        "operator": None if user == "0" else user,
        "provider_status": text(fields, "CALL_FAILED_CODE"),
    }


def _contact(scene: Scene, fields: Fields, *, number: str) -> tuple[Identity, ...]:
    card = _CARDS.get((text(fields, "CRM_ENTITY_TYPE") or "").upper())
    named = text(fields, "CRM_ENTITY_ID")
    return together(
        phone_identity(text(fields, number), region=scene.region),
        identity(card, named) if card and named != "0" else None,
    )


def _sent_at(scene: Scene, event: Fields) -> Instant:
    written = text(leaves(event), "ts")
    return scene.raw.received_at if written is None else from_epoch_field(written, what="ts")


def _started_at(scene: Scene, fields: Fields) -> Instant | None:
    written = text(fields, "CALL_START_DATE")
    return None if written is None else from_local(written, zone=scene.zone, what="CALL_START_DATE")


def _ended_at(scene: Scene, event: Fields, *, started_at: Instant | None, duration: float | None) -> Instant:
    """Give when it ended: when the event was sent, else the start and the duration, else its receipt."""
    if text(leaves(event), "ts") is None and started_at is not None:
        return after(started_at, seconds=duration or 0.0)
    sent_at = _sent_at(scene, event)
    return sent_at if started_at is None else max(sent_at, started_at)


def _recording(
    scene: Scene, fields: Fields, *, known: dict[str, Any], duration: float | None
) -> CallRecordingMadeAvailable | None:
    address = text(fields, "CALL_RECORD_URL", "RECORD_URL")
    if address is None or not address.lower().startswith(("http://", "https://")):
        return None
    return CallRecordingMadeAvailable(
        **known,
        recording_id=recording_id(scene.raw.source, scene.account.id, known["provider_call_id"]),
        url=address,
        channel_roles=scene.account.channel_roles,
        duration_seconds=duration,
    )
