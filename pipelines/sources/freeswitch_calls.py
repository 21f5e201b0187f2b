"""A record of FreeSWITCH as facts: the leg that began the call is the call, and each leg that it dialled a part."""

import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

from msgspec import Struct

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.freeswitch_people import Ends, Parties, is_loopback, parties
from pipelines.sources.reading import Fields, as_object, items, loose, number, text
from pipelines.sources.telephone_causes import of_q850, of_word
from pipelines.sources.times import from_epoch_field, from_local
from pipelines.sources.translations import found, ignored
from schemas.calls import (
    CallEnded,
    CallQualityMeasured,
    CallRecordingMadeAvailable,
    CallTransferred,
    Disposition,
)
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.ids import call_id, recording_id
from schemas.instants import Instant, from_epoch, moment
from schemas.people import AnsweredBy, Side

MICROSECONDS = 1_000_000
MAX_MICROSECOND_DIGITS = 17
MAX_MOS = 5.0

_VOICEMAILS = frozenset({"voicemail", "record"})
# Applications in which people talk although the leg was joined to no other.
_ROOMS = frozenset({"conference", "eavesdrop", "three_way", "intercept"})
_TRANSFERS = frozenset({"BLIND_TRANSFER", "ATTENDED_TRANSFER"})
# Which side's signal ended the leg, as seen from FreeSWITCH.
_HUNG_UP = {"recv_bye": True, "recv_cancel": True, "recv_refuse": True, "send_bye": False, "send_cancel": False}
# A cause of Q.850 has up to three digits, an answer of SIP that refuses has these.
_CAUSE = re.compile(r"[0-9]{1,3}")
_REFUSING = re.compile(r"[4-9][0-9]{2}")
_MEDIA_TYPES = {"wav": "audio/wav", "mp3": "audio/mpeg", "ogg": "audio/ogg", "opus": "audio/ogg"}


class Leg(Struct, frozen=True, kw_only=True):
    """One record: its variables, when what happened, each time that it was joined to another, whose call it is of."""

    variables: Fields
    times: Fields
    uuid: str
    call: str
    told: Parties
    joined: tuple[tuple[Instant, Instant | None], ...]

    @property
    def is_call(self) -> bool:
        """Whether this leg began the call."""
        return self.uuid == self.call


def read_leg(scene: Scene, record: Fields) -> Translation:
    """Give the facts of one record: how the leg ended, its recording, a transfer, and how well it sounded.

    Raises InvalidEvent when what identifies it, or its end, is missing.
    """
    variables, parts = as_object(record.get("variables", {}), what="variables"), _listed(record, "callflow")
    if _is_behind_loopback(variables, parts):
        return ignored("the record of a loopback, or of what it dialled: the leg that dialled the loopback tells")
    leg = _leg(scene, record, variables=variables, parts=parts)
    known = _known(scene, leg)
    began, ended = _moment(scene, leg, "start", "created_time"), _moment(scene, leg, "end", "hangup_time")
    if ended is None or began is None:
        raise InvalidEvent("the record does not say when its leg began and ended")
    if ended < began:
        raise InvalidEvent("the leg ended before it began")
    told = _ended(scene, leg, known=known, began=began, ended=ended)
    events = [fact(scene, told, identity=(leg.uuid,), time=ended)]
    events += _recordings(scene, leg, known=known, told=told, ended=ended)
    events += _transfers(scene, leg, known=known, ended=ended)
    return found(*events, *_quality(scene, record, leg=leg, known=known, ended=ended))


def _is_behind_loopback(variables: Fields, parts: list[Fields]) -> bool:
    """Say whether a record is of a loopback's inner half, of one that gave way, or of what the inner half dialled.

    Nothing tells of which call these are; the outer half stands for whom it rang, else the caller's leg tells.
    """
    profile = loose(parts[0], "caller_profile") if parts else {}
    if text(variables, "cc_member_session_uuid") and not text(variables, "loopback_leg"):
        return False
    if is_loopback(text(profile, "chan_name") or text(variables, "channel_name")):
        return text(variables, "loopback_leg") == "B" or text(variables, "loopback_hangup_cause") is not None
    return is_loopback(text(_originator(profile), "chan_name"))


def _leg(scene: Scene, record: Fields, *, variables: Fields, parts: list[Fields]) -> Leg:
    latest = parts[0] if parts else {}
    profile = loose(latest, "caller_profile")
    uuid = text(variables, "uuid") or text(profile, "uuid")
    if uuid is None:
        raise InvalidEvent("uuid is missing")
    written = text(variables, "direction") or text(loose(record, "channel_data"), "direction") or ""
    is_outbound = written.lower() == "outbound"
    originator = _originator(profile)
    call = _call(variables, originator=originator, uuid=uuid, is_outbound=is_outbound)
    ends = Ends(
        profile=profile,
        originator=originator,
        partner=_partner(variables, parts),
        is_outbound=is_outbound,
        is_dialled=call != uuid,
    )
    return Leg(
        variables=variables,
        times=loose(latest, "times"),
        uuid=uuid,
        call=call,
        told=parties(scene, variables, ends=ends),
        joined=tuple(_joined(parts)),
    )


def _call(variables: Fields, *, originator: Fields, uuid: str, is_outbound: bool) -> str:
    """Give the leg that began the call: a queue's caller, for whom operators are rung, or the leg that dialled this."""
    if not is_outbound:
        return uuid
    caller = text(variables, "cc_member_session_uuid") or text(originator, "uuid")
    names = ("originator", "originating_leg_uuid", "signal_bond_originator", "call_uuid")
    return caller or text(variables, *names) or uuid


def _originator(profile: Fields) -> Fields:
    """Give the latest leg that dialled this one or was joined to it, empty where none did."""
    listed = _listed(loose(profile, "originator"), "originator_caller_profiles")
    ranked = sorted(listed, key=lambda one: is_loopback(text(one, "chan_name")))
    return ranked[0] if ranked else {}


def _partner(variables: Fields, parts: list[Fields]) -> Fields:
    """Give the leg that this one dialled and was joined to, empty where it was joined to none."""
    joined = text(variables, "last_bridge_to", "bridge_uuid")
    profiles = (loose(loose(part, "caller_profile"), "originatee") for part in parts)
    dialled = [one for profile in profiles for one in _listed(profile, "originatee_caller_profiles")]
    partners = [one for one in dialled if joined is not None and text(one, "uuid") == joined]
    return partners[0] if partners else {}


def _joined(parts: list[Fields]) -> Iterator[tuple[Instant, Instant | None]]:
    """Give when a leg was joined to another and, where it was then handed on, until when; the earliest first."""
    for part in reversed(parts):
        times = loose(part, "times")
        began = _microseconds(times, "bridged_time")
        if began is not None:
            yield began, _microseconds(times, "transfer_time")


def _listed(fields: Fields, name: str) -> list[Fields]:
    """Give an object, or each of a list of them: the latest part of a call flow stands first."""
    value = fields.get(name)
    listed = items(fields, name) if isinstance(value, list) else [value]
    return [as_object(one, what=name) for one in listed if one is not None]


def _known(scene: Scene, leg: Leg) -> dict[str, Any]:
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, leg.call),
        "provider_call_id": leg.call,
        "leg_id": None if leg.is_call else leg.uuid,
        "channel": "phone",
        "direction": leg.told.direction,
        "contact": leg.told.contact,
        "contact_name": leg.told.contact_name,
        "company_number": leg.told.company_number,
        "operator": leg.told.operator,
        "provider_status": text(leg.variables, "hangup_cause"),
    }


def _ended(scene: Scene, leg: Leg, *, known: dict[str, Any], began: Instant, ended: Instant) -> CallEnded:
    """Read how a leg ended: talk runs while it was joined to another, not from a menu's answer."""
    answered = _moment(scene, leg, "answer", "answered_time")
    spans = _talks(scene, leg, answered=answered, ended=ended)
    by = _answered_by(leg, is_answered=answered is not None, is_joined=bool(spans) or _was_joined(leg))
    if not spans and answered is not None and by == "unknown":
        spans = [(answered, ended)]
    talk = sum((moment(until) - moment(since)).total_seconds() for since, until in spans)
    length = (moment(ended) - moment(began)).total_seconds()
    return CallEnded(
        **known,
        disposition=_disposition(leg, by=by, talk=talk),
        answered_by=by,
        started_at=began,
        answered_at=answered if by == "voicemail" else (spans[0][0] if talk else None),
        talk_seconds=talk,
        total_seconds=length,
        ended_by=_side(leg),
        error_code=_error(leg),
    )


def _talks(scene: Scene, leg: Leg, *, answered: Instant | None, ended: Instant) -> list[tuple[Instant, Instant]]:
    """Give from when until when an answered leg was joined to another; a queue tells when an operator took a caller."""
    if answered is None:
        return []
    joined = list(leg.joined)
    if not joined:
        queued = number(leg.variables, "cc_queue_answered_epoch")
        bridged = _moment(scene, leg, "bridge", "") or (from_epoch(queued) if queued else None)
        joined = [(bridged, None)] if bridged else []
    spans = [(max(since, answered), min(until or ended, ended)) for since, until in joined]
    return [(since, until) for since, until in spans if since < until]


def _was_joined(leg: Leg) -> bool:
    """Say whether a leg was joined to another, also where its record does not tell when."""
    return text(leg.variables, "last_bridge_to", "bridge_uuid", "bridge_channel") is not None


def _answered_by(leg: Leg, *, is_answered: bool, is_joined: bool) -> AnsweredBy:
    """Tell who picked up the leg that began the call: joined to nobody, it heard a machine.

    A leg to somebody is picked up by him; behind a menu or a queue nobody talks until he does.
    """
    application = (text(leg.variables, "last_app", "current_application") or "").lower()
    if not is_answered or is_joined or not leg.is_call:
        return "unknown"
    if application in _VOICEMAILS or text(leg.variables, "voicemail_message_len", "voicemail_message_seconds"):
        return "voicemail"
    return "unknown" if application in _ROOMS else "ivr"


def _disposition(leg: Leg, *, by: AnsweredBy, talk: float) -> Disposition:
    if by == "voicemail":
        return "voicemail"
    if talk:
        return "completed"
    by_word = of_word(text(leg.variables, "hangup_cause"))
    code = text(leg.variables, "hangup_cause_q850") or ""
    by_code = of_q850(float(code)) if _CAUSE.fullmatch(code) else None
    is_cancelled = (text(leg.variables, "sip_hangup_disposition") or "").lower() == "recv_cancel"
    return by_word or ("cancelled" if is_cancelled else by_code) or "no_answer"


def _side(leg: Leg) -> Side:
    """Tell who hung up: on a contact's leg what comes in is the contact's, on an operator's the company's."""
    told = (text(leg.variables, "sip_hangup_disposition") or "").lower()
    by_far_end = _HUNG_UP.get(told)
    if by_far_end is None or leg.told.far_end == "unknown":
        return "unknown"
    if by_far_end:
        return leg.told.far_end
    if leg.told.far_end == "contact":
        return "company"
    # That the switch gave up ringing an operator may be for another who was sooner.
    return "contact" if told == "send_bye" else "unknown"


def _error(leg: Leg) -> str | None:
    written = text(leg.variables, "sip_term_status", "last_bridge_proto_specific_hangup_cause")
    code = (written or "").removeprefix("sip:")
    return f"SIP {code}" if _REFUSING.fullmatch(code) else None


def _recordings(scene: Scene, leg: Leg, *, known: dict[str, Any], told: CallEnded, ended: Instant) -> list[Event]:
    """Read the recording that a record names, looked up under the account's `recordings_url`."""
    name = text(leg.variables, "record_name", "recording_file", "record_file", "recording_name")
    base = scene.setting("recordings_url")
    ending = (name or "").rpartition(".")[2].lower()
    if name is None or ending not in _MEDIA_TYPES or not told.talk_seconds:
        return []
    if "://" not in name and not base:
        return []
    roles = scene.account.channel_roles
    ready = CallRecordingMadeAvailable(
        **known,
        recording_id=recording_id(scene.raw.source, scene.account.id, name),
        url=name if "://" in name else f"{base.rstrip('/')}/{quote(name.lstrip('/'))}",
        media_type=_MEDIA_TYPES[ending],
        channels=len(roles) or None,
        channel_roles=roles,
    )
    return [fact(scene, ready, identity=(name,), time=ended)]


def _transfers(scene: Scene, leg: Leg, *, known: dict[str, Any], ended: Instant) -> list[Event]:
    """Read that a leg was handed on, which its endpoint's disposition says."""
    if (text(leg.variables, "endpoint_disposition") or "").upper() not in _TRANSFERS:
        return []
    moved = CallTransferred(
        **known,
        from_operator=leg.told.operator,
        to_operator=text(leg.variables, "sip_refer_to_user", "transfer_destination"),
    )
    time = _moment(scene, leg, "", "transfer_time") or ended
    return [fact(scene, moved, identity=(leg.uuid, "transfer"), time=time)]


def _quality(scene: Scene, record: Fields, *, leg: Leg, known: dict[str, Any], ended: Instant) -> list[Event]:
    """Read how well the leg's sound came in, where the switch measured it."""
    stats = loose(loose(loose(record, "callStats"), "audio"), "inbound")
    mos = number(stats, "mos") or number(leg.variables, "rtp_audio_in_mos")
    if mos is None or not 0 < mos <= MAX_MOS:
        return []
    packets = number(stats, "media_packet_count", "packet_count")
    packets = packets if packets is not None else number(leg.variables, "rtp_audio_in_media_packet_count")
    skipped = number(stats, "skip_packet_count")
    skipped = skipped if skipped is not None else number(leg.variables, "rtp_audio_in_skip_packet_count")
    share = skipped / (packets + skipped) if packets and skipped is not None and skipped >= 0 else None
    measured = CallQualityMeasured(**known, mos=mos, lost_share=round(share, 6) if share is not None else None)
    return [fact(scene, measured, identity=(leg.uuid,), time=ended)]


def _moment(scene: Scene, leg: Leg, variable: str, name: str) -> Instant | None:
    """Read a moment: in microseconds where they are, else in seconds, else as a clock of the switch's zone."""
    told = _microseconds(leg.times, name) or (_microseconds(leg.variables, f"{variable}_uepoch") if variable else None)
    if told is not None:
        return told
    if variable and number(leg.variables, f"{variable}_epoch"):
        return from_epoch_field(leg.variables[f"{variable}_epoch"], what=f"{variable}_epoch")
    written = text(leg.variables, f"{variable}_stamp") if variable else None
    return from_local(written, zone=scene.zone, what=f"{variable}_stamp") if written else None


def _microseconds(fields: Fields, name: str) -> Instant | None:
    """Read an epoch in microseconds, which has more digits than other numbers; 0 is none."""
    written = (text(fields, name) or "").strip()
    if not written or not written.strip("0"):
        return None
    if not (written.isascii() and written.isdigit() and len(written) <= MAX_MICROSECOND_DIGITS):
        raise InvalidEvent(f"{name} is no epoch in microseconds")
    return from_epoch(int(written) / MICROSECONDS)
