"""Calls of Kommo: notes on a deal, a contact or a company, written by the telephony when a call is over."""

from typing import Any

from pipelines.sources.brackets import branch, leaves
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.kommo_deals import time_of
from pipelines.sources.kommo_messages import card_of, short_message
from pipelines.sources.phones import phone_identity, together
from pipelines.sources.reading import Fields, as_object, required, seconds, text
from pipelines.sources.translations import found, ignored
from schemas.calls import CallAccepted, CallEnded, CallRecordingMadeAvailable, Disposition
from schemas.codec import parse_json
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import call_id, recording_id
from schemas.people import AnsweredBy, Direction

# Classic hooks number the types of notes, newer ones name them.
_DIRECTIONS: dict[str, Direction] = {
    "10": "incoming",
    "call_in": "incoming",
    "11": "outgoing",
    "call_out": "outgoing",
}
_SHORT_MESSAGES = {"102": False, "sms_in": False, "103": True, "sms_out": True}
# What `call_status` says, by its number; 2 (call back later), 3 (not there), 5 (wrong number) and 8 (no word) leave
# open whether somebody talked, which then the duration tells.
_LEFT_A_MESSAGE, _TALKED = "1", "4"
_ENDINGS: dict[str, Disposition] = {"6": "no_answer", "7": "busy"}
_STATUSES = frozenset("012345678")  # 0 stands where nobody chose one


def note(scene: Scene, fields: Fields) -> Translation:
    """Read a note, flat or below a second `note`; one that is no call is ignored."""
    below = branch(fields, "note")
    card = below if "note_type" in below or "id" in below else fields
    told = leaves(card)
    written = required(told, "note_type").lower()
    if written in _SHORT_MESSAGES:
        return short_message(scene, told, said=_said(card), is_ours=_SHORT_MESSAGES[written])
    direction = _DIRECTIONS.get(written)
    if direction is None:
        return ignored("a note that is neither a call nor a short message")
    return found(*_call(scene, told, said=_said(card), direction=direction))


def incoming_call(scene: Scene, fields: Fields) -> Translation:
    """Read the call by which an incoming lead of the category `sip` came; of all others there is none."""
    said = leaves(branch(fields, "source_data"))
    told = leaves(fields)
    if text(told, "category") != "sip" or text(said, "from") is None:
        return ignored("an incoming lead that came by no call")
    number = required(told, "uid")
    call = {"phone": said.get("from"), "uniq": said.get("uniq") or number}
    told_call = {name: said.get(name) for name in ("duration", "link")} | call
    card = {"id": number, "created_at": said.get("date") or told.get("date_create") or told.get("created_at")}
    return found(*_call(scene, card, said=told_call, direction="incoming"))


def _call(scene: Scene, told: Fields, *, said: Fields, direction: Direction) -> list[Event]:
    number = text(told, "id", "note_id") or text(said, "uniq") or required(told, "id")
    time = time_of(scene, told, "created_at", "date_create", "timestamp_x", "last_update") or scene.raw.received_at
    known = _known(scene, told, said=said, direction=direction, number=number)
    duration = seconds(said, "duration")
    ended = _ended(known, said=said, duration=duration)
    events = [fact(scene, ended, identity=(number,), time=time)]
    if ended.disposition == "completed" and not duration:
        # The CRM says that they talked, and not how long: that somebody picked up is then a fact of its own.
        events.insert(0, fact(scene, CallAccepted(**known, answered_by="human"), identity=(number,), time=time))
    recording = _recording(scene, said, known=known, duration=duration)
    if recording is not None:
        events.append(fact(scene, recording, identity=(number,), time=time))
    return events


def _ended(known: dict[str, Any], *, said: Fields, duration: float | None) -> CallEnded:
    """Judge the end: by the person's word in `call_status` where there is one, else by the duration.

    Assumption: the duration counts talk, as telephony widgets write it; of a call that the status calls unanswered it
    counts the ringing.
    """
    status = text(said, "call_status") or ""
    if status and status not in _STATUSES:
        raise InvalidEvent("call_status is not between 0 and 8")
    disposition: Disposition = "completed" if duration or status == _TALKED else _ENDINGS.get(status, "no_answer")
    disposition = _ENDINGS.get(status, disposition)
    answered_by: AnsweredBy = "human" if status == _TALKED else "unknown"
    talk = duration if disposition == "completed" else 0.0
    if status == _LEFT_A_MESSAGE:
        disposition, answered_by, talk = "voicemail", "voicemail", 0.0
    if disposition == "completed" and not duration:
        talk = None
    if disposition != "completed" and answered_by != "voicemail":
        answered_by = "unknown"
    return CallEnded(
        **known,
        disposition=disposition,
        answered_by=answered_by,
        talk_seconds=talk,
        total_seconds=None if disposition == "completed" else duration or None,
    )


def _known(scene: Scene, told: Fields, *, said: Fields, direction: Direction, number: str) -> dict[str, Any]:
    provider_call_id = text(said, "uniq") or f"note {number}"
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_call_id),
        "provider_call_id": provider_call_id,
        "direction": direction,
        "channel": scene.account.channel if scene.account.channel != "other" else "phone",
        "contact": together(phone_identity(text(said, "phone"), region=scene.region), card_of(told)),
        "operator": text(said, "call_responsible") or text(told, "responsible_user_id", "main_user_id", "created_by"),
        "provider_status": text(said, "call_status", "call_result"),
    }


def _said(card: Fields) -> Fields:
    """Give what a note says of the call, under names in lower case: `params`, or JSON in its text."""
    params = branch(card, "params")
    if params:
        return {name.lower(): value for name, value in leaves(params).items()}
    told = leaves(card)
    written = text(told, "text") or ""
    if written.lstrip().startswith("{") and written.rstrip().endswith("}"):
        said = as_object(parse_json(written.encode(errors="replace")), what="the text of the call")
        return {name.lower(): value for name, value in said.items()}
    return {name.lower(): value for name, value in told.items() if name.lower() in _FLAT}


_FLAT = frozenset({"phone", "text", "duration", "link", "uniq", "call_status", "call_result", "call_responsible"})


def _recording(
    scene: Scene, said: Fields, *, known: dict[str, Any], duration: float | None
) -> CallRecordingMadeAvailable | None:
    address = text(said, "link")
    if address is None or not address.lower().startswith(("http://", "https://")):
        return None
    return CallRecordingMadeAvailable(
        **known,
        recording_id=recording_id(scene.raw.source, scene.account.id, address),
        url=address,
        channel_roles=scene.account.channel_roles,
        duration_seconds=duration or None,
    )
