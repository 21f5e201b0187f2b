"""A call detail record of Asterisk as facts: one row is one leg, and rows of one `linkedid` are one call."""

import re
from typing import Any

from msgspec import Struct
from msgspec.structs import replace

from pipelines.sources.asterisk_people import route
from pipelines.sources.facts import Scene, fact
from pipelines.sources.reading import Fields, required, seconds, text
from pipelines.sources.times import after, from_clock, from_epoch_field, local_date
from schemas.calls import CallEnded, CallRecordingMadeAvailable, Disposition
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import call_id, recording_id
from schemas.instants import Instant
from schemas.people import AnsweredBy

_DISPOSITIONS: dict[str, Disposition] = {
    "ANSWERED": "completed",
    "ANSWER": "completed",
    "NO ANSWER": "no_answer",
    "NOANSWER": "no_answer",
    "BUSY": "busy",
    "FAILED": "failed",
    "CONGESTION": "failed",
    "CHANUNAVAIL": "failed",
    "CANCEL": "cancelled",
    "CANCELLED": "cancelled",
    # As numbers (Asterisk, CDR function).
    "0": "no_answer",
    "1": "no_answer",
    "2": "failed",
    "4": "busy",
    "8": "completed",
    "16": "failed",
    "32": "cancelled",
}
# Applications in which the caller hears a machine, whoever was rung before.
_MENUS = frozenset(
    {
        "background",
        "backgrounddetect",
        "waitexten",
        "playback",
        "controlplayback",
        "read",
        "ivr",
        "directory",
        "musiconhold",
        "playtones",
        "milliwatt",
        "echo",
        "saydigits",
        "saynumber",
        "sayunixtime",
        "festival",
        "congestion",
        "busy",
        "answer",
        "wait",
    }
)
_VOICEMAILS = frozenset({"voicemail", "voicemailmain", "minivmrecord", "record"})
# Applications in which people talk although the row names no second channel.
_ROOMS = frozenset({"confbridge", "meetme", "bridge", "pickup", "pickupchan", "chanspy"})
_MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg", "opus": "audio/ogg", "gsm": "audio/x-gsm"}

DAY = "{day}"
_NO_TIME = re.compile(r"^(0000.*|1970-01-01 00:00:00.*|0(\.0*)?)$")

_UNIQUE_EPOCH = re.compile(r"(?:^|-)(\d{9,11})\.\d+$", re.ASCII)


def read_row(scene: Scene, row: Fields) -> list[Event]:
    """Give the facts of one row: the end of a leg, and its recording where the row names one.

    Raises InvalidEvent when a column that tells them is missing or broken.
    """
    known = _known(scene, row)
    times = _times(scene, row)
    is_timed = known["direction"] != "incoming" or not scene.is_on("answered_by_instructions")
    ended = _ended(row, known=known, times=times, is_timed=is_timed)
    leg = str(known["leg_id"])
    told = fact(scene, ended, identity=(leg, times.start, times.end), time=times.end)
    recording = None if ended.talk_seconds == 0 else _recording(scene, row, known=known, began=times.start)
    if recording is None:
        return [told]
    identity = (known["provider_call_id"], str(recording.recording_id))
    return [told, fact(scene, recording, identity=identity, time=times.end)]


class Times(Struct, frozen=True):
    """When a leg began, was picked up (by whomever) and ended; its length with ringing, and from pickup, in seconds."""

    start: Instant
    answer: Instant | None
    end: Instant
    duration: float
    billed: float


def _times(scene: Scene, row: Fields) -> Times:
    """Read the clock times in the account's zone.

    The number of the channel holds the epoch of its birth, which tells the two hours apart when clocks are put back.
    """
    born = _UNIQUE_EPOCH.search(text(row, "uniqueid") or "")
    near = from_epoch_field(born.group(1), what="uniqueid") if born else None
    start = from_clock(row.get("start"), zone=scene.zone, what="start", near=near)
    duration = seconds(row, "duration")
    billed = seconds(row, "billsec") or 0.0
    if duration is None:
        raise InvalidEvent("duration is missing")
    expected = after(start, seconds=duration)
    end = _clock(scene, row, "end", near=expected) or expected
    picked_up = after(end, seconds=-billed)
    answer = _clock(scene, row, "answer", near=picked_up) or picked_up
    if end < start:
        raise InvalidEvent("end lies before start")
    return Times(start, answer if billed > 0 else None, end, duration, billed)


def _clock(scene: Scene, row: Fields, name: str, *, near: Instant) -> Instant | None:
    """Read a time, None where the driver writes none: empty, or as zeros."""
    written = row.get(name)
    if written is None or not str(written).strip() or _NO_TIME.match(str(written)):
        return None
    return from_clock(written, zone=scene.zone, what=name, near=near)


def _ended(row: Fields, *, known: dict[str, Any], times: Times, is_timed: bool) -> CallEnded:
    """Judge the end of a leg: ANSWERED by a menu or a mailbox is no talk; `billsec` is talk, `duration` is not.

    Where the dial plan answers before it rings anybody, ringing and `billsec` begin there: then a row does not tell how
    long it rang and how long was talked (`is_timed` is false).
    """
    word = required(row, "disposition").strip().upper().replace("_", " ")
    disposition = _DISPOSITIONS.get(word)
    if disposition is None:
        raise InvalidEvent("the disposition is none of Asterisk's")
    by = _answered_by(row) if disposition == "completed" else "unknown"
    is_talk = disposition == "completed" and by == "unknown"
    endings: dict[AnsweredBy, Disposition] = {"ivr": "no_answer", "voicemail": "voicemail"}
    ended = CallEnded(
        **known,
        disposition=endings.get(by, disposition),
        answered_by=by,
        started_at=times.start if is_timed else None,
        answered_at=times.answer if is_talk or by == "voicemail" else None,
        talk_seconds=times.billed if is_talk else 0.0,
        total_seconds=times.duration,
    )
    if is_timed or not is_talk:
        return ended
    return replace(ended, answered_by="human", answered_at=None, talk_seconds=None)


def _answered_by(row: Fields) -> AnsweredBy:
    application = (text(row, "lastapp") or "").lower()
    if application in _VOICEMAILS:
        return "voicemail"
    if application in _MENUS:
        return "ivr"
    if text(row, "dstchannel") or application in _ROOMS:
        return "unknown"
    return "ivr"


def _known(scene: Scene, row: Fields) -> dict[str, Any]:
    """Give what the facts of a row say of their call; `linkedid` joins rows, else a row is a call of its own."""
    channel = text(row, "channel") or ""
    unique = text(row, "uniqueid") or f"{channel or 'row'}@{required(row, 'start')}"
    provider_call_id = text(row, "linkedid") or unique
    leg = text(row, "sequence") or text(row, "dstchannel")
    told = route(scene, row)
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_call_id),
        "provider_call_id": provider_call_id,
        "leg_id": f"{unique}/{leg}" if leg else unique,
        "direction": told.direction,
        "channel": "phone",
        "contact": told.contact,
        "contact_name": told.contact_name,
        "company_number": told.company_number,
        "operator": told.operator,
        "provider_status": text(row, "disposition"),
    }


def _recording(
    scene: Scene, row: Fields, *, known: dict[str, Any], began: Instant
) -> CallRecordingMadeAvailable | None:
    """Read the recording that a row names; a bare file name is looked up under the account's `recordings_url`.

    FreePBX names the file alone, and keeps it in a folder of the day.
    """
    name = text(row, "recording") or text(row, "userfield") or ""
    ending = name.rpartition(".")[2].lower()
    if ending not in _MEDIA_TYPES:
        return None
    address = name.removeprefix("audio:")
    if "://" not in address:
        base = scene.setting("recordings_url").replace(DAY, f"{local_date(began, zone=scene.zone):%Y/%m/%d}")
        if not base:
            return None
        address = f"{base.rstrip('/')}/{address.lstrip('/')}"
    roles = scene.account.channel_roles
    return CallRecordingMadeAvailable(
        **known,
        recording_id=recording_id(scene.raw.source, scene.account.id, name),
        url=address,
        media_type=_MEDIA_TYPES[ending],
        channels=len(roles) or None,
        channel_roles=roles,
    )
