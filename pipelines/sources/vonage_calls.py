"""Calls of Vonage: every leg reports its status, and legs of one call share a conversation."""

import re
from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.phones import e164, is_anonymous
from pipelines.sources.reading import Fields, number, required, seconds, text, word
from pipelines.sources.telephone_causes import of_sip
from pipelines.sources.telephone_legs import Leg, known_call, leg
from pipelines.sources.times import from_local
from pipelines.sources.translations import found, ignored
from schemas.calls import (
    CallAccepted,
    CallEnded,
    CallOffered,
    CallRang,
    CallRecordingMadeAvailable,
    CallTransferred,
    Disposition,
)
from schemas.errors import InvalidEvent
from schemas.ids import call_id, recording_id
from schemas.instants import Instant, moment
from schemas.people import AnsweredBy

_ENDINGS: dict[str, Disposition] = {
    "busy": "busy",
    "cancelled": "cancelled",
    "failed": "failed",
    "rejected": "failed",  # by Vonage itself; the called side's answer stands beside it
    "timeout": "no_answer",
    "unanswered": "no_answer",
}
_NO_FACTS = frozenset({"input", "record", "disconnected", "transfer", "asr", "dtmf", "playing", "earmuff", "mute"})
_NO_MACHINES = frozenset({"beep_start", "beep_timeout", "beep_end"})
_DIRECTIONS = {"inbound": True, "outbound": False}
MOVED = "transfer"
_SOUND = ("ws://", "wss://")
_LONG = re.compile(r"^\d{10,15}$", re.ASCII)  # shorter ones are codes and extensions
_MEDIA = {"wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg"}


def status(scene: Scene, fields: Fields) -> Translation:
    """Read the status of a leg; raises InvalidEvent when the word is none of Vonage's."""
    written = required(fields, "status")
    word_told = written.lower()
    if word_told in _NO_FACTS:
        return ignored(f"the status {word(written)} holds no fact of ours")
    if (text(fields, "to") or "").lower().startswith(_SOUND):
        return ignored("a leg to a program that hears the call's sound: nobody of the company's")
    whose = _leg(scene, fields)
    known = _known(scene, fields, whose, status=written)
    identity = (_uuid(fields),)
    time = _time(scene, fields, "timestamp")
    if word_told == "started":
        return found(fact(scene, CallOffered(**known), identity=identity, time=time))
    if word_told == "ringing":
        return found(fact(scene, CallRang(**known), identity=identity, time=time))
    if word_told in {"answered", "human", "machine"}:
        return _picked_up(scene, fields, whose=whose, known=known, time=time)
    if word_told == "completed" or word_told in _ENDINGS:
        ended = _ended(scene, fields, whose=whose, known=known)
        return found(fact(scene, ended, identity=identity, time=_end(scene, fields)))
    raise InvalidEvent(f"the status {word(written)} is none of Vonage's")


def _picked_up(scene: Scene, fields: Fields, *, whose: Leg, known: dict[str, Any], time: Instant) -> Translation:
    """Read that a leg was picked up, or who picked it up as machine detection judged."""
    told = required(fields, "status").lower()
    identity = (_uuid(fields), *(("detection",) if told != "answered" else ()))
    if told == "machine" and (text(fields, "sub_state") or "").lower() in _NO_MACHINES:
        return ignored("a beep of a machine that was told before")
    by: AnsweredBy = "unknown"
    if told in {"human", "machine"}:
        by = "human" if told == "human" else "machine"
    elif _is_by_instructions(scene, whose):
        by = "ivr"
    return found(fact(scene, CallAccepted(**known, answered_by=by), identity=identity, time=time))


def _is_by_instructions(scene: Scene, whose: Leg) -> bool:
    return scene.is_on("answered_by_instructions") and whose.is_call and whose.direction == "incoming"


def _ended(scene: Scene, fields: Fields, *, whose: Leg, known: dict[str, Any]) -> CallEnded:
    """Read how a leg ended; `duration` is text, and counts seconds since its pickup. Without any nobody talked.

    Where instructions pick up, neither does the call: then its legs tell who talked.
    """
    told = required(fields, "status").lower()
    talk = (seconds(fields, "duration") or 0.0) if told == "completed" else 0.0
    is_by_nobody = talk > 0 and _is_by_instructions(scene, whose)
    began = text(fields, "start_time") if talk and not is_by_nobody else None
    disposition = _ENDINGS.get(told, "completed" if talk else "no_answer")
    sip = number(fields, "sip_code")
    by_sip = of_sip(sip)
    is_declined = by_sip == "rejected" or (text(fields, "detail") or "").lower() == "declined"
    if told in _ENDINGS and is_declined:
        disposition = "rejected"
    elif disposition == "failed":
        disposition = by_sip or disposition
    return CallEnded(
        **known,
        disposition=disposition,
        answered_at=_clock(began, what="start_time") if began else None,
        answered_by="ivr" if is_by_nobody else "unknown",
        talk_seconds=None if is_by_nobody else talk,
        total_seconds=talk if is_by_nobody else None,
        error_code=f"SIP {sip:.0f}" if sip is not None and sip >= 400 else None,
    )


def _end(scene: Scene, fields: Fields) -> Instant:
    written = text(fields, "end_time")
    return _clock(written, what="end_time") if written else _time(scene, fields, "timestamp")


def transfer(scene: Scene, fields: Fields) -> Translation:
    """Read that a leg was moved into another conversation: the call that it leaves was handed on.

    Where that was the contact's leg, it is told as a whole under the other conversation, and here its move is its end;
    of an operator's leg the contact's own end outweighs this one.
    """
    provider_id = required(fields, "conversation_uuid_from")
    known: dict[str, Any] = {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_id),
        "provider_call_id": provider_id,
        "channel": "phone",
        "provider_status": MOVED,
    }
    identity = (required(fields, "uuid"), required(fields, "conversation_uuid_to"))
    time = _time(scene, fields, "timestamp")
    return found(
        fact(scene, CallTransferred(**known), identity=identity, time=time),
        fact(scene, CallEnded(**known), identity=(*identity, MOVED), time=time),
    )


def recording(scene: Scene, fields: Fields) -> Translation:
    """Read a finished recording; how many channels it has, the account's `channel_roles` say."""
    address = required(fields, "recording_url")
    provider_id = required(fields, "recording_uuid", "recording_url")
    conversation = required(fields, "conversation_uuid", "call_uuid", "uuid")
    begin, end = text(fields, "start_time"), text(fields, "end_time")
    began = _clock(begin, what="start_time") if begin else None
    ended = _clock(end, what="end_time") if end else _time(scene, fields, "timestamp")
    roles = scene.account.channel_roles
    ready = CallRecordingMadeAvailable(
        call_id=call_id(scene.raw.source, scene.account.id, conversation),
        provider_call_id=conversation,
        channel="phone",
        recording_id=recording_id(scene.raw.source, scene.account.id, provider_id),
        url=address,
        media_type=_MEDIA.get(address.rpartition(".")[2].lower()),
        channels=len(roles) or None,
        channel_roles=roles,
        duration_seconds=max((moment(ended) - moment(began)).total_seconds(), 0.0) if began and end else None,
    )
    return found(fact(scene, ready, identity=(provider_id,), time=ended))


def _address(written: str | None) -> str | None:
    """Give one end of a leg: Vonage writes numbers with their country code and without a plus."""
    if written is None or is_anonymous(written) or not _LONG.match(written):
        return written
    return e164(written, region=None) or written


def _leg(scene: Scene, fields: Fields) -> Leg:
    direction = (text(fields, "direction") or "").lower()
    if direction and direction not in _DIRECTIONS:
        raise InvalidEvent("the direction is none of Vonage's")
    begin, end = (_address(text(fields, *names)) for names in (("from", "from_user"), ("to", "to_user")))
    return leg(scene, begin=begin, end=end, comes_in=_DIRECTIONS.get(direction))


def _known(scene: Scene, fields: Fields, whose: Leg, *, status: str) -> dict[str, Any]:
    """Give what every fact says; a leg without a conversation is a call of its own."""
    uuid = _uuid(fields)
    conversation = text(fields, "conversation_uuid") or uuid
    return known_call(scene, whose, provider_id=conversation, leg_id=uuid, status=status)


def _uuid(fields: Fields) -> str:
    """Give the id of a leg, which machine detection names in another way."""
    return required(fields, "uuid", "call_uuid")


def _time(scene: Scene, fields: Fields, name: str) -> Instant:
    written = text(fields, name)
    return _clock(written, what=name) if written else scene.raw.received_at


def _clock(written: str, *, what: str) -> Instant:
    """Read a time, which in some fields names no zone and is UTC all the same."""
    return from_local(written.strip(), zone="UTC", what=what)
