"""Calls of JustCall: begun, answered, over with their recording, and what operators noted of them afterwards."""

import hashlib
from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.justcall_people import about_call, began_at
from pipelines.sources.provider_transcripts import plain_transcript
from pipelines.sources.reading import Fields, as_object, items, loose, number, seconds, text, word
from pipelines.sources.times import after
from pipelines.sources.translations import found, ignored
from schemas.calls import (
    CallAccepted,
    CallEnded,
    CallOffered,
    CallRated,
    CallRecordingMadeAvailable,
    CallTagged,
    Disposition,
)
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import recording_id
from schemas.instants import Instant
from schemas.people import AnsweredBy

MAX_TAGS = 64
BEST_RATING = 5.0

# What `call_info.type` says of how a call ended (JustCall Call Object), and the words of the first version.
_TYPES: dict[str, Disposition] = {
    "answered": "completed",
    "missed": "no_answer",
    "unanswered": "no_answer",
    "voicemail": "voicemail",
    "abandoned before ringing": "cancelled",
    "abandoned": "cancelled",
}
_NOT_OVER = frozenset({"in progress"})


def offered(scene: Scene, fields: Fields) -> Translation:
    """Read that a call rings in, or was begun by an operator."""
    known = about_call(scene, fields)
    time = began_at(fields) or scene.raw.received_at
    return found(fact(scene, CallOffered(**known), identity=(known["provider_call_id"],), time=time))


def accepted(scene: Scene, fields: Fields) -> Translation:
    """Read that an operator picked up. The event has the time of the call's beginning: it is taken at its receipt."""
    known = about_call(scene, fields)
    struct = CallAccepted(**known, answered_by="human")
    return found(fact(scene, struct, identity=(known["provider_call_id"],), time=scene.raw.received_at))


def ended(scene: Scene, fields: Fields) -> Translation:
    """Read a call that is over, its recording, rating and labels."""
    if (text(loose(fields, "call_info"), "type") or "").lower() in _NOT_OVER:
        return ignored("the call is not over yet")
    known = about_call(scene, fields)
    began = began_at(fields)
    told = _ended(fields, known=known, began=began)
    whole = told.total_seconds if told.total_seconds is not None else told.talk_seconds
    over = after(began, seconds=whole or 0.0) if began else scene.raw.received_at
    event = fact(scene, told, identity=(str(known["provider_call_id"]),), time=over)
    recordings = _recordings(scene, fields, known=known, talk=told.talk_seconds, over=over)
    return found(event, *recordings, *_notes(scene, fields, known=known, time=over))


def updated(scene: Scene, fields: Fields) -> Translation:
    """Read what was changed about a call later: the whole call comes again, with its rating and labels."""
    return ended(scene, fields)


def _ended(fields: Fields, *, known: dict[str, Any], began: Instant | None) -> CallEnded:
    """Read how a call ended; `conversation_time` would leave out the time on hold, `friendly_duration` is for people.

    Assumption: `total_duration` runs from the pickup, after `ring_time`: an unanswered call has only the latter.
    """
    information, lengths = loose(fields, "call_info"), loose(fields, "call_duration")
    written = text(information, "type") or _old_type(fields)
    lower = written.lower()
    if lower not in _TYPES:
        raise InvalidEvent(f"the type {word(written)} of a call is unknown")
    talk = seconds(lengths, "total_duration") if lengths else _old_length(fields)
    ring = seconds(lengths, "ring_time")
    is_answered = lower == "answered"
    picked_up = after(began, seconds=ring) if began and is_answered and talk and ring is not None else None
    return CallEnded(
        **known,
        disposition=_TYPES[lower],
        answered_by=_answered_by(information, lower),
        started_at=began if talk or ring is not None else None,
        answered_at=picked_up,
        talk_seconds=talk if is_answered else 0.0,
        total_seconds=None if ring is None else (talk or 0.0) + ring,
        ended_by="contact" if lower.startswith("abandoned") and known["direction"] == "incoming" else "unknown",
    )


def _answered_by(information: Fields, kind: str) -> AnsweredBy:
    """Tell who picked up: JustCall marks calls that its bot took by a trait."""
    if kind == "voicemail":
        return "voicemail"
    if kind != "answered":
        return "unknown"
    traits = information.get("call_traits")
    is_bot = isinstance(traits, list | str) and "voice_agent" in traits
    return "machine" if is_bot else "human"


def _old_type(fields: Fields) -> str:
    """Tell how a call of the first version ended: it was missed, went to voicemail, or has a length."""
    if text(fields, "voicemail", "voicemail_url"):
        return "voicemail"
    told = (text(fields, "missed_call_type", "call_status", "status") or "").lower()
    if told:
        return "missed" if "missed" in told or told in {"no-answer", "unanswered"} else "answered"
    return "answered" if _old_length(fields) else "missed"


def _old_length(fields: Fields) -> float:
    """Read a length in seconds, or as `00:01:23`."""
    written = text(fields, "duration", "call_duration") if not isinstance(fields.get("call_duration"), dict) else None
    parts = (written or "").split(":")
    if len(parts) > 1 and all(part.isascii() and part.isdigit() and len(part) <= 4 for part in parts):
        total = 0
        for part in parts:
            total = total * 60 + int(part)
        return float(total)
    name = "call_duration" if fields.get("duration") in (None, "") else "duration"
    return seconds(fields, name) or 0.0


def _recordings(
    scene: Scene, fields: Fields, *, known: dict[str, Any], talk: float | None, over: Instant
) -> list[Event]:
    information = loose(fields, "call_info")
    address = text(information, "recording") or text(fields, "recording", "recording_url", "recording_mp3")
    if address is None or "://" not in address:
        return []
    roles = scene.account.channel_roles
    ready = CallRecordingMadeAvailable(
        **known,
        recording_id=recording_id(scene.raw.source, scene.account.id, str(known["provider_call_id"])),
        url=address,
        channels=len(roles) or None,
        channel_roles=roles,
        duration_seconds=talk or None,
    )
    available = fact(scene, ready, identity=(address,), time=over)
    written = text(information, "voicemail_transcription")
    if written is None:
        return [available]
    transcript = plain_transcript(
        known, recording=ready.recording_id, text=written, model="justcall", duration_seconds=talk
    )
    return [available, fact(scene, transcript, identity=(address,), time=over)]


def _notes(scene: Scene, fields: Fields, *, known: dict[str, Any], time: Instant) -> list[Event]:
    """Read the mark that an operator gave, and the call's labels with the outcome that he chose.

    They have no time of their own, and are taken at the call's end; the same ones told again are the same fact.
    """
    information = loose(fields, "call_info")
    unsigned = {name: value for name, value in known.items() if name not in {"operator", "provider_status"}}
    told = str(known["provider_call_id"])
    events: list[Event] = []
    mark = number(information, "rating") or number(fields, "rating")
    if mark:
        rated = CallRated(**unsigned, rating=mark, best_rating=max(BEST_RATING, mark), rated_by="operator")
        events.append(fact(scene, rated, identity=(told, f"{mark}"), time=time))
    tags = _tags(fields)
    chosen = text(information, "disposition") or text(fields, "disposition", "disposition_code")
    labels = tuple(dict.fromkeys(tags + [one for one in [chosen] if one]))[:MAX_TAGS]
    if labels:
        digest = hashlib.sha256("\x1f".join(labels).encode(errors="replace")).hexdigest()
        tagged = CallTagged(**unsigned, tags=labels)
        events.append(fact(scene, tagged, identity=(told, digest), time=time))
    return events


def _tags(fields: Fields) -> list[str]:
    """Give a call's labels, written as a list of texts or of objects, or as one text with commas."""
    if isinstance(fields.get("tags"), str):
        return [one.strip() for one in str(fields["tags"]).split(",") if one.strip()]
    read: list[str | None] = []
    for one in items(fields, "tags"):
        is_text = isinstance(one, str)
        read.append(one if is_text else text(as_object(one, what="tags[]"), "name", "tag", "tag_name"))
    return [one.strip() for one in read if one and one.strip()]
