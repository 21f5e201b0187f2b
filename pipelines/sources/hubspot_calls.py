"""Calls of HubSpot: `hs_call_*` properties, as events change them or as the whole object; lengths in milliseconds."""

from typing import Any

from msgspec import Struct

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.phones import identity, phone_identity, together, written_number
from pipelines.sources.reading import Fields, number, text, word
from pipelines.sources.times import after, from_epoch_field
from pipelines.sources.translations import found, ignored
from schemas.calls import CallAccepted, CallEnded, CallOffered, CallRang, CallRecordingMadeAvailable, Disposition
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import call_id, recording_id
from schemas.instants import Instant, from_rfc3339
from schemas.people import AnsweredBy, Direction

_DIRECTIONS: dict[str, Direction] = {"INBOUND": "incoming", "OUTBOUND": "outgoing"}
_BEGINNINGS = frozenset({"QUEUED", "CONNECTING", "CALLING_CRM_USER", "INITIATED", "SCHEDULED"})
_ENDINGS: dict[str, Disposition] = {
    "COMPLETED": "completed",
    "BUSY": "busy",
    "CANCELED": "cancelled",
    "CANCELLED": "cancelled",
    "FAILED": "failed",
    "NO_ANSWER": "no_answer",
    "MISSED": "no_answer",
}
# The outcomes that every account has from the start, by their ids (HubSpot, Engagements, Call dispositions).
_OUTCOMES: dict[str, tuple[Disposition, AnsweredBy]] = {
    "f240bbac-87c9-4f6e-bf70-924b57d47db7": ("completed", "human"),
    "a4c4c377-d246-4b32-a13b-75a56a4cd0ff": ("completed", "human"),
    "9d9162e7-6cf3-4944-bf63-4dff82258764": ("busy", "unknown"),
    "b2cf5968-551e-4856-9783-52b3da59a7d0": ("voicemail", "voicemail"),
    "73a0d17f-1163-4015-bdd5-ec830791da20": ("no_answer", "unknown"),
    "17b47fee-58de-441e-a44c-c6300d46f273": ("completed", "human"),
}


# Properties that tell who takes part: worth a fact of their own where nothing else is told with them.
_PARTIES = frozenset({"hs_call_direction", "hs_call_from_number", "hs_call_to_number"})


class Told(Struct, frozen=True, kw_only=True):
    """What is said of a call: its id, the properties known now, the contacts it hangs on, and when it was said."""

    number: str
    properties: Fields
    contacts: tuple[str, ...] = ()
    time: Instant | None = None


def call(scene: Scene, told: Told) -> Translation:
    """Read a call: where it stands by its status and outcome, its recording, who takes part; else it is ignored."""
    fields = told.properties
    known = _known(scene, told)
    events = [*_course(scene, told, known=known)]
    recording = _recording(scene, told, known=known)
    if recording is not None:
        events.append(fact(scene, recording, identity=_identity(told), time=_time(scene, told)))
    if not events and not _PARTIES.intersection(fields):
        return ignored("a call was logged or changed, and nothing is told of its course")
    if not events:
        events.append(fact(scene, CallOffered(**known), identity=_identity(told), time=_time(scene, told)))
    return found(*events)


def _course(scene: Scene, told: Told, *, known: dict[str, Any]) -> list[Event]:
    """Give where the call stands: offered, ringing, picked up, or over.

    Assumption: `hs_call_duration` counts talk in a completed call, and of every other the ringing; both in
    milliseconds. A call logged by hand often has an outcome and no status, or a status and no duration.
    """
    fields = told.properties
    status = (text(fields, "hs_call_status") or "").upper()
    outcome = _OUTCOMES.get((text(fields, "hs_call_disposition") or "").lower())
    length = number(fields, "hs_call_duration")
    if length is not None and length < 0:
        raise InvalidEvent("hs_call_duration is negative")
    time, identity_ = _time(scene, told), _identity(told)
    if status in _BEGINNINGS:
        return [fact(scene, CallOffered(**known), identity=identity_, time=time)]
    if status == "RINGING":
        return [fact(scene, CallRang(**known), identity=identity_, time=time)]
    if status == "IN_PROGRESS":
        return [fact(scene, CallAccepted(**known), identity=identity_, time=time)]
    if status and status not in _ENDINGS:
        raise InvalidEvent(f"hs_call_status {word(status)} is none of HubSpot's")
    if not status and outcome is None and length is None:
        return []
    seconds = None if length is None else length / 1000
    began = _started_at(fields)
    over_at = after(began, seconds=seconds) if began and seconds else time
    started_at = None if over_at == began else began  # then nothing tells how long it rang
    ended = _ended(known, status=status, outcome=outcome, seconds=seconds or None, started_at=started_at)
    events = [fact(scene, ended, identity=identity_, time=over_at)]
    if ended.disposition == "completed" and ended.answered_by == "human" and not ended.talk_seconds:
        # The outcome says that somebody picked up, and nothing says for how long.
        events.insert(0, fact(scene, CallAccepted(**known, answered_by="human"), identity=identity_, time=time))
    return events


def _ended(
    known: dict[str, Any],
    *,
    status: str,
    outcome: tuple[Disposition, AnsweredBy] | None,
    seconds: float | None,
    started_at: Instant | None,
) -> CallEnded:
    disposition: Disposition = _ENDINGS.get(status, "completed" if seconds and outcome is None else "unknown")
    answered_by: AnsweredBy = "unknown"
    if outcome is not None and disposition in {"completed", "unknown"}:
        disposition, answered_by = outcome
    is_talk = disposition == "completed"
    return CallEnded(
        **known,
        disposition=disposition,
        answered_by=answered_by,
        started_at=started_at,
        talk_seconds=seconds if is_talk else None if disposition == "unknown" else 0.0,
        total_seconds=None if is_talk else seconds,
    )


def _known(scene: Scene, told: Told) -> dict[str, Any]:
    fields = told.properties
    written = (text(fields, "hs_call_direction") or "").upper()
    if written and written not in _DIRECTIONS:
        raise InvalidEvent("hs_call_direction is neither INBOUND nor OUTBOUND")
    direction = _DIRECTIONS.get(written, "unknown")
    begin, end = text(fields, "hs_call_from_number"), text(fields, "hs_call_to_number")
    outside, ours = (begin, end) if direction == "incoming" else (end, begin)
    phone = phone_identity(outside, region=scene.region) if direction != "unknown" else None
    # A call may hang on many cards: whose phone it was is told by one alone.
    cards = told.contacts[:1] if phone is None or len(told.contacts) == 1 else ()
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, told.number),
        "provider_call_id": told.number,
        "direction": direction,
        "channel": scene.account.channel if scene.account.channel != "other" else "phone",
        "contact": together(phone, *(identity("crm_hubspot", one) for one in cards)),
        "company_number": written_number(ours, region=scene.region) if direction != "unknown" else None,
        "operator": text(fields, "hubspot_owner_id"),
        "provider_status": text(fields, "hs_call_status", "hs_call_disposition"),
    }


def _started_at(fields: Fields) -> Instant | None:
    for name in ("hs_timestamp", "hs_createdate"):
        written = text(fields, name)
        if written is not None:
            return from_rfc3339(written) if "-" in written[1:] else from_epoch_field(written, what=name)
    return None


def _time(scene: Scene, told: Told) -> Instant:
    return told.time or _started_at(told.properties) or scene.raw.received_at


def _identity(told: Told) -> tuple[str, ...]:
    """Tell one state of a call from the next: the same properties are the same fact, however often they are sent."""
    values = (f"{name}={told.properties[name]}" for name in sorted(told.properties) if name in _READ)
    return (told.number, *values)


_READ = frozenset(
    {
        "hs_call_status",
        "hs_call_disposition",
        "hs_call_duration",
        "hs_call_direction",
        "hs_call_from_number",
        "hs_call_to_number",
        "hs_call_recording_url",
        "hs_timestamp",
        "hubspot_owner_id",
    }
)


def _recording(scene: Scene, told: Told, *, known: dict[str, Any]) -> CallRecordingMadeAvailable | None:
    address = text(told.properties, "hs_call_recording_url")
    if address is None or not address.lower().startswith(("http://", "https://")):
        return None
    return CallRecordingMadeAvailable(
        **known,
        recording_id=recording_id(scene.raw.source, scene.account.id, told.number),
        url=address,
        channel_roles=scene.account.channel_roles,
    )
