"""Calls of Telnyx: each leg reports itself, and legs of one call share a session."""

from typing import Any

from msgspec import Struct

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.provider_transcripts import plain_transcript
from pipelines.sources.reading import Fields, member, number, required, seconds, text, word
from pipelines.sources.telephone_causes import of_sip, of_word
from pipelines.sources.telephone_legs import Leg, known_call, leg
from pipelines.sources.translations import found, ignored
from schemas.calls import (
    CallAccepted,
    CallEnded,
    CallOffered,
    CallQualityMeasured,
    CallRang,
    CallRecordingMadeAvailable,
    Disposition,
)
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import recording_id
from schemas.instants import Instant, from_rfc3339, moment
from schemas.people import AnsweredBy, Side

_CAUSES: dict[str, Disposition] = {
    "call_rejected": "rejected",
    "rejected": "rejected",
    "originator_cancel": "cancelled",
    "cancel": "cancelled",
    "no_answer": "no_answer",
    "timeout": "no_answer",
    "user_busy": "busy",
    "busy": "busy",
    "not_found": "failed",
    "normal_clearing": "unknown",
    "time_limit": "unknown",
}
_DIRECTIONS = {"incoming": True, "inbound": True, "outgoing": False, "outbound": False}
_DETECTED: dict[str, AnsweredBy] = {
    "human": "human",
    "human_residence": "human",
    "human_business": "human",
    "machine": "machine",
    "fax_detected": "machine",
    "fax": "machine",
    "not_sure": "unknown",
    "silence": "unknown",
}
MAX_MOS = 5.0

_CHANNELS = {"single": 1, "mono": 1, "dual": 2}


class Told(Struct, frozen=True):
    """One event of Telnyx: whose it is, its own fields, its payload's, and when it occurred."""

    scene: Scene
    event: Fields
    fields: Fields
    time: Instant


def initiated(told: Told) -> Translation:
    """Read that a leg was begun."""
    return _simple(told, CallOffered)


def ringing(told: Told) -> Translation:
    """Read that a leg rings."""
    return _simple(told, CallRang)


def _simple(told: Told, struct: type[CallOffered | CallRang]) -> Translation:
    known = _known(told, _leg(told), status="")
    return found(fact(told.scene, struct(**known), identity=(_leg_id(told),), time=told.time))


def answered(told: Told) -> Translation:
    """Read that a leg was picked up; an incoming call's may be by the company's own application."""
    whose = _leg(told)
    by_itself = told.scene.is_on("answered_by_instructions")
    by: AnsweredBy = "ivr" if by_itself and whose.is_call and whose.direction == "incoming" else "unknown"
    accepted = CallAccepted(**_known(told, whose, status=""), answered_by=by)
    return found(fact(told.scene, accepted, identity=(_leg_id(told),), time=told.time))


def bridged(told: Told) -> Translation:
    """Read that a caller was joined with another leg, which may be of another session: somebody talks with him."""
    whose = _leg(told)
    if not (whose.is_call and whose.direction == "incoming"):
        return ignored("two legs were joined: each reports its own answer and end")
    accepted = CallAccepted(**_known(told, whose, status=""), answered_by="human")
    return found(fact(told.scene, accepted, identity=(_leg_id(told), "bridged"), time=told.time))


def detected(told: Told) -> Translation:
    """Read who picked up, as machine detection judged; raises InvalidEvent where its word is unknown."""
    outcome = required(told.fields, "result")
    if outcome.lower() not in _DETECTED:
        raise InvalidEvent(f"the result {word(outcome)} of machine detection is unknown")
    known = _known(told, _leg(told), status=outcome)
    accepted = CallAccepted(**known, answered_by=_DETECTED[outcome.lower()])
    return found(fact(told.scene, accepted, identity=(_leg_id(told), "detection"), time=told.time))


def hung_up(told: Told) -> Translation:
    """Read that a leg is over. How long it was talked is the time since its answer: the event does not say it.

    A cause that is unknown here is kept as the provider's word, and the SIP answer tells what it can.
    """
    fields = told.fields
    cause = text(fields, "hangup_cause") or "unspecified"
    sip = number(fields, "sip_hangup_cause") if (text(fields, "sip_hangup_cause") or "").isdigit() else None
    disposition = _CAUSES.get(cause.lower()) or of_word(cause) or of_sip(sip) or "unknown"
    whose = _leg(told)
    began = text(fields, "start_time")
    ended = CallEnded(
        **_known(told, whose, status=cause),
        disposition=disposition,
        started_at=from_rfc3339(began) if began else None,
        ended_by=_side(text(fields, "hangup_source"), whose=whose),
        error_code=f"SIP {sip:.0f}" if sip is not None and sip >= 400 else None,
    )
    over = text(fields, "end_time")
    time = from_rfc3339(over) if over else told.time
    identity = (_leg_id(told),)
    return found(fact(told.scene, ended, identity=identity, time=time), _quality(told, whose=whose, time=time))


def _quality(told: Told, *, whose: Leg, time: Instant) -> Event | None:
    """Read how well the leg's sound came in, where Telnyx measured it."""
    stats = member(member(told.fields, "call_quality_stats"), "inbound")
    mos = number(stats, "mos")
    if mos is None or not 0 < mos <= MAX_MOS:
        return None
    packets, skipped = number(stats, "packet_count"), number(stats, "skip_packet_count")
    share = skipped / (packets + skipped) if packets and skipped is not None and skipped >= 0 else None
    measured = CallQualityMeasured(
        **_known(told, whose, status=""), mos=mos, lost_share=round(share, 6) if share is not None else None
    )
    return fact(told.scene, measured, identity=(_leg_id(told),), time=time)


def _side(source: str | None, *, whose: Leg) -> Side:
    is_caller = {"caller": True, "callee": False}.get((source or "").lower())
    if is_caller is None or whose.direction not in {"incoming", "outgoing"} or not whose.is_call:
        return "unknown"
    return "contact" if is_caller == (whose.direction == "incoming") else "company"


def recorded(told: Told) -> Translation:
    """Read a finished recording; its address lives for minutes."""
    fields = told.fields
    links = member(fields, "recording_urls") or member(fields, "public_recording_urls")
    ending = next((name for name in ("wav", "mp3") if text(links, name)), None)
    if ending is None:
        raise InvalidEvent("recording_urls names no file")
    address = required(links, ending)
    provider_id = text(fields, "recording_id") or address.partition("?")[0]
    channels = _CHANNELS.get((text(fields, "channels") or "").lower())
    roles = told.scene.account.channel_roles
    ready = CallRecordingMadeAvailable(
        **_known(told, _leg(told), status=""),
        recording_id=recording_id(told.scene.raw.source, told.scene.account.id, provider_id),
        url=address,
        media_type="audio/wav" if ending == "wav" else "audio/mpeg",
        channels=channels,
        channel_roles=roles if channels is None or len(roles) == channels else (),
        duration_seconds=_length(fields),
    )
    over = text(fields, "recording_ended_at")
    return found(fact(told.scene, ready, identity=(provider_id,), time=from_rfc3339(over) if over else told.time))


def transcribed(told: Told) -> Translation:
    """Read what Telnyx wrote down of a recording: a text without speakers and times."""
    fields = told.fields
    status = (text(fields, "status") or "completed").lower()
    written = text(fields, "transcription_text")
    if status != "completed" or written is None:
        return ignored("a transcription without text")
    recording = required(fields, "recording_id")
    struct = plain_transcript(
        _known(told, _leg(told), status=status),
        recording=recording_id(told.scene.raw.source, told.scene.account.id, recording),
        text=written,
        model="telnyx",
        duration_seconds=_length(fields),
    )
    identity = (text(fields, "recording_transcription_id") or recording,)
    return found(fact(told.scene, struct, identity=identity, time=told.time))


def _length(fields: Fields) -> float | None:
    milliseconds = seconds(fields, "duration_millis")
    if milliseconds is not None:
        return milliseconds / 1000
    begin, end = text(fields, "recording_started_at"), text(fields, "recording_ended_at")
    if begin is None or end is None:
        return None
    return max((moment(from_rfc3339(end)) - moment(from_rfc3339(begin))).total_seconds(), 0.0)


def _leg(told: Told) -> Leg:
    """Tell whose a leg is; only its first event is sure to name its direction."""
    fields = told.fields
    begin, end = text(fields, "from"), text(fields, "to")
    direction = (text(fields, "direction") or "").lower()
    if direction and direction not in _DIRECTIONS:
        raise InvalidEvent("the direction is none of Telnyx's")
    return leg(told.scene, begin=begin, end=end, comes_in=_DIRECTIONS.get(direction))


def _leg_id(told: Told) -> str:
    return required(told.fields, "call_leg_id", "call_control_id")


def _known(told: Told, whose: Leg, *, status: str) -> dict[str, Any]:
    name = text(told.fields, "caller_id_name")
    written = text(told.fields, "from")
    known = known_call(
        told.scene,
        whose,
        provider_id=required(told.fields, "call_session_id", "call_leg_id", "call_control_id"),
        leg_id=_leg_id(told),
        status=status or required(told.event, "event_type"),
    )
    is_name = name is not None and whose.direction == "incoming" and name != written and not name.startswith("+")
    return known | {"contact_name": name if is_name else None}
