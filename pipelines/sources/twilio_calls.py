"""Calls of Twilio: status callbacks of a call and of its legs, the result of a dial, who picked up, recordings."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.provider_transcripts import plain_transcript
from pipelines.sources.reading import Fields, number, required, seconds, text, word
from pipelines.sources.times import after
from pipelines.sources.translations import found, ignored
from pipelines.sources.twilio_people import Parties, clock, is_endpoint, known_call, parties, told_at
from schemas.calls import CallAccepted, CallEnded, CallOffered, CallRang, CallRecordingMadeAvailable, Disposition
from schemas.errors import InvalidEvent
from schemas.ids import call_id, recording_id
from schemas.instants import Instant
from schemas.people import AnsweredBy

_BEGINNINGS = frozenset({"queued", "initiated"})
_ENDINGS: dict[str, Disposition] = {
    "completed": "completed",
    "answered": "completed",
    "busy": "busy",
    "failed": "failed",
    "no-answer": "no_answer",
    "canceled": "cancelled",
}
# SIP answers with which the called side declines (RFC 3261, RFC 8197, RFC 8688).
_DECLINED = frozenset({"603", "607", "608"})
_NOT_MACHINES: dict[str, AnsweredBy] = {"human": "human", "unknown": "unknown"}


def call_status(scene: Scene, fields: Fields) -> Translation:
    """Read the status of a call, or of a leg of one; raises InvalidEvent when the word is none of Twilio's."""
    status = required(fields, "CallStatus").lower()
    told = parties(scene, fields)
    known = _known(scene, fields, told=told)
    time = told_at(scene, fields)
    identity = (required(fields, "CallSid"), status)
    is_request = not text(fields, "SequenceNumber", "CallbackSource", "Timestamp")
    if status in _BEGINNINGS or (status == "ringing" and is_request):
        return found(fact(scene, CallOffered(**known), identity=identity, time=time))
    if status == "ringing":
        return found(fact(scene, CallRang(**known), identity=identity, time=time))
    if status in {"in-progress", "answered"}:
        accepted = CallAccepted(**known, answered_by=_answered_by(scene, fields, told=told))
        return found(fact(scene, accepted, identity=(identity[0], "in-progress"), time=time))
    if status not in _ENDINGS:
        raise InvalidEvent(f"the call status {word(status)} is none of Twilio's")
    ended = _ended(scene, fields, known=known, told=told, time=time)
    return found(fact(scene, ended, identity=(identity[0],), time=time))


def _ended(scene: Scene, fields: Fields, *, known: dict[str, Any], told: Parties, time: Instant) -> CallEnded:
    """Read how a call ended; `CallDuration` counts seconds since its pickup, `Duration` started minutes.

    Machines do not talk, but what they answered is billed, so it is told when they picked up. Where instructions pick
    up, the call does not talk either: then its legs tell who talked.
    """
    disposition = _disposition(fields, status=required(fields, "CallStatus").lower())
    length = seconds(fields, "CallDuration")
    minutes = number(fields, "Duration")
    if length is None and minutes == 0:
        length = 0.0
    answered_by = _answered_by(scene, fields, told=told)
    is_machine = disposition == "completed" and answered_by == "machine"
    talk: float | None = 0.0
    if disposition == "completed" and answered_by in {"human", "unknown"}:
        talk = length
    elif disposition == "completed" and answered_by == "ivr":
        talk = None
    return CallEnded(
        **known,
        disposition=disposition,
        answered_by=answered_by if disposition == "completed" else "unknown",
        answered_at=after(time, seconds=-length) if is_machine and length is not None else None,
        talk_seconds=talk,
        total_seconds=length if talk is None or answered_by not in {"human", "unknown"} else None,
        error_code=_error_code(fields),
    )


def _disposition(fields: Fields, *, status: str) -> Disposition:
    if status != "completed" and (text(fields, "SipResponseCode") or "") in _DECLINED:
        return "rejected"
    return _ENDINGS[status]


def _error_code(fields: Fields) -> str | None:
    code = text(fields, "ErrorCode")
    sip = number(fields, "SipResponseCode")
    if code is not None and code != "0":
        return code
    return f"SIP {sip:.0f}" if sip is not None and sip >= 400 else None


def _answered_by(scene: Scene, fields: Fields, *, told: Parties) -> AnsweredBy:
    """Tell who picked up: a person, a machine, or the account's own instructions."""
    written = (text(fields, "AnsweredBy") or "").lower()
    if written in _NOT_MACHINES:
        return _NOT_MACHINES[written]
    if written.startswith("machine") or written == "fax":
        return "machine"
    if written:
        raise InvalidEvent("AnsweredBy is none of Twilio's words")
    is_leg = text(fields, "ParentCallSid") is not None
    picks_up_itself = scene.is_on("answered_by_instructions")
    by_instructions = picks_up_itself and not is_leg and (text(fields, "Direction") or "").lower() == "inbound"
    return "ivr" if by_instructions and told.direction != "internal" else "unknown"


def _known(scene: Scene, fields: Fields, *, told: Parties) -> dict[str, Any]:
    """Give what every fact says: a leg belongs to its parent's call and bears its own id as leg."""
    own_id = required(fields, "CallSid")
    parent = text(fields, "ParentCallSid")
    provider_call_id = parent or own_id
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_call_id),
        "provider_call_id": provider_call_id,
        "leg_id": own_id if parent else None,
        "provider_status": text(fields, "CallStatus"),
        **known_call(fields, told, name=text(fields, "CallerName")),
    }


def machine_detection(scene: Scene, fields: Fields) -> Translation:
    """Read who picked up, when Twilio tells it apart from the status (asynchronous machine detection)."""
    told = parties(scene, fields)
    known = _known(scene, fields, told=told)
    accepted = CallAccepted(**known, answered_by=_answered_by(scene, fields, told=told))
    time = told_at(scene, fields)
    return found(fact(scene, accepted, identity=(required(fields, "CallSid"), "detection"), time=time))


def dial_result(scene: Scene, fields: Fields) -> Translation:
    """Read how a leg ended, as Twilio tells it to the call that dialled; the leg's own callback says more.

    Where no call was dialled, it was in a conference or took one from a queue, which is no leg of it.
    """
    status = required(fields, "DialCallStatus").lower()
    if status not in _ENDINGS:
        raise InvalidEvent(f"the dial status {word(status)} is none of Twilio's")
    parent = required(fields, "CallSid")
    leg = text(fields, "DialCallSid")
    if leg is None and _ENDINGS[status] == "completed":
        return ignored("a conference or queue that a call left: it reports its own status")
    told = parties(scene, fields)
    talk = seconds(fields, "DialCallDuration") if _ENDINGS[status] == "completed" else 0.0
    known: dict[str, Any] = _known(scene, fields, told=told)
    known |= {"leg_id": leg or f"{parent}/dial", "provider_status": status}
    if told.direction == "internal" and not _is_between_operators(scene, fields):
        known["direction"] = "outgoing"
    time = told_at(scene, fields)
    ended = CallEnded(
        **known,
        disposition=_ENDINGS[status],
        talk_seconds=talk,
    )
    return found(fact(scene, ended, identity=(leg or parent, "dial"), time=time))


def _is_between_operators(scene: Scene, fields: Fields) -> bool:
    """Say whether an operator called another; of a call to an operator, what it dials is the contact."""
    is_from_one = (text(fields, "Direction") or "").lower() == "inbound"
    return is_from_one and is_endpoint(scene, text(fields, "To", "Called"))


def recording(scene: Scene, fields: Fields) -> Translation:
    """Read a finished recording. Its time is its end by Twilio's clock; without one it is taken at its receipt.

    Assumption: the address without an ending gives WAV, as Twilio documents; which channel holds whom depends on who
    dialled, so that the account's `channel_roles` say it, and only for as many channels as there are.
    """
    status = (text(fields, "RecordingStatus") or "completed").lower()
    if status in {"in-progress", "paused", "stopped", "processing", "absent", "failed", "deleted"}:
        return ignored(f"the recording is {status}: there is nothing to fetch")
    if status != "completed":
        raise InvalidEvent(f"the recording status {word(status)} is none of Twilio's")
    provider_id, address = required(fields, "RecordingSid"), required(fields, "RecordingUrl")
    parent = text(fields, "ParentCallSid")
    own_id = required(fields, "CallSid")
    # Assumption: -1 stands for a length that Twilio does not know yet.
    length = None if text(fields, "RecordingDuration") == "-1" else seconds(fields, "RecordingDuration")
    channels = number(fields, "RecordingChannels")
    roles = scene.account.channel_roles
    known: dict[str, Any] = {"channel": "phone"}
    if text(fields, "From", "Caller", "To", "Called"):
        known = known_call(fields, parties(scene, fields), name=text(fields, "CallerName"))
    ready = CallRecordingMadeAvailable(
        **known,
        call_id=call_id(scene.raw.source, scene.account.id, parent or own_id),
        provider_call_id=parent or own_id,
        leg_id=own_id if parent else None,
        recording_id=recording_id(scene.raw.source, scene.account.id, provider_id),
        url=address,
        media_type="audio/mpeg" if address.partition("?")[0].lower().endswith(".mp3") else "audio/wav",
        channels=None if channels is None else int(channels),
        channel_roles=roles if channels is None or len(roles) == channels else (),
        duration_seconds=length,
    )
    return found(fact(scene, ready, identity=(provider_id,), time=_recorded_at(scene, fields, length=length)))


def transcription(scene: Scene, fields: Fields) -> Translation:
    """Read what Twilio wrote down of a recording (`<Record transcribe>`): a text without speakers and times."""
    status = (text(fields, "TranscriptionStatus") or "completed").lower()
    if status in {"failed", "in-progress"}:
        return ignored(f"the transcription is {status}: there is no text")
    if status != "completed":
        raise InvalidEvent(f"the transcription status {word(status)} is none of Twilio's")
    written = text(fields, "TranscriptionText")
    if written is None:
        return ignored("a transcription without text: nothing was said")
    own_id = required(fields, "CallSid")
    parent = text(fields, "ParentCallSid")
    source, account = scene.raw.source, scene.account.id
    known: dict[str, Any] = {
        "call_id": call_id(source, account, parent or own_id),
        "provider_call_id": parent or own_id,
        "leg_id": own_id if parent else None,
        "channel": "phone",
    }
    told = plain_transcript(
        known,
        recording=recording_id(source, account, required(fields, "RecordingSid")),
        text=written,
        model="twilio",
        duration_seconds=seconds(fields, "RecordingDuration"),
    )
    return found(fact(scene, told, identity=(required(fields, "TranscriptionSid"),), time=told_at(scene, fields)))


def _recorded_at(scene: Scene, fields: Fields, *, length: float | None) -> Instant:
    begin = text(fields, "RecordingStartTime")
    if begin is None:
        return told_at(scene, fields)
    return after(clock(begin, what="RecordingStartTime"), seconds=length or 0)
