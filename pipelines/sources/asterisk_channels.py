"""Channel events of Asterisk (CEL) as facts: `linkedid` joins the channels of one call, and each one dialled is a leg.

How long was talked is told by the call, from the moment that two channels meet to the end of all of them, and not by
its legs: so channel events and call detail records of one call can be sent side by side, and agree. Where no records
are sent (the account's `channel_events` is `alone`), the legs tell it as well.
"""

import re
from collections.abc import Callable
from typing import Any

from msgspec import Struct, structs

from pipelines.sources.asterisk_people import endpoint, is_ours, route
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.reading import Fields, as_object, number, required, text, word
from pipelines.sources.telephone_causes import DIAL_STATUSES, of_q850
from pipelines.sources.times import from_clock, from_epoch_field
from pipelines.sources.translations import found, ignored
from schemas.calls import (
    CallAccepted,
    CallEnded,
    CallFact,
    CallOffered,
    CallRang,
    CallTransferred,
    Disposition,
)
from schemas.codec import parse_json
from schemas.errors import InvalidEvent
from schemas.ids import call_id
from schemas.instants import Instant
from schemas.people import AnsweredBy

_BY_WORD: dict[str, Disposition] = {**DIAL_STATUSES, "INVALIDARGS": "failed"}
_VOICEMAILS = frozenset({"voicemail", "voicemailmain", "minivmrecord", "record"})
_ROOMS = frozenset({"confbridge", "meetme", "bridge", "pickup", "pickupchan", "chanspy"})
_DIALLERS = frozenset({"dial", "appdial", "appdial2", "appqueue", "followme", "retrydial"})
_NO_FACTS = {
    "CHAN_END": "a channel's end: the call's own end tells",
    "APP_START": "an application of the dial plan",
    "APP_END": "an application of the dial plan",
    "BRIDGE_EXIT": "a channel left the others: the call's own end tells",
    "BRIDGE_START": "a bridge of channels",
    "BRIDGE_END": "a bridge of channels",
    "BRIDGE_UPDATE": "a bridge of channels",
    "CONF_ENTER": "a conference",
    "CONF_EXIT": "a conference",
    "CONF_START": "a conference",
    "CONF_END": "a conference",
    "PARK_START": "a call was parked",
    "PARK_END": "a parked call was taken up",
    "PICKUP": "a call was taken from another's telephone: where it was taken, its channels meet",
    "FORWARD": "a call was sent on before it was taken",
    "LOCAL_OPTIMIZE": "two halves of a local channel were joined",
    "LOCAL_OPTIMIZE_BEGIN": "two halves of a local channel are being joined",
    "LOCAL_OPTIMIZE_END": "two halves of a local channel were joined",
    "3WAY_START": "a conference of three",
    "3WAY_END": "a conference of three",
    "HOOKFLASH": "a signal of a telephone",
    "TRANSFER": "an older event of transfers, which newer ones tell again",
    "USER_DEFINED": "an event of the dial plan's own",
    "MIXMONITOR_START": "a recording began",
    "MIXMONITOR_END": "a recording ended: a call detail record names its file",
    "STREAM_BEGIN": "a medium inside a call",
    "STREAM_END": "a medium inside a call",
    "DTMF": "a key that was pressed",
}

_BORN = re.compile(r"(?:^|-)(\d{9,11})\.\d+$", re.ASCII)


class Channel(Struct, frozen=True, kw_only=True):
    """One event of one channel; the channel that bears the call's own id began it."""

    scene: Scene
    row: Fields
    kind: str
    name: str | None
    unique: str
    linked: str
    time: Instant

    @property
    def is_first(self) -> bool:
        """Whether this channel began the call."""
        return self.unique == self.linked

    @property
    def operator(self) -> str | None:
        """The operator's endpoint, where the channel is one's."""
        return operator_of(self.scene, self.name)

    def known(self, *, of_leg: bool) -> dict[str, Any]:
        """Give what every fact says, of the call or of this channel's leg."""
        return {
            "call_id": call_id(self.scene.raw.source, self.scene.account.id, self.linked),
            "provider_call_id": self.linked,
            "leg_id": self.unique if of_leg else None,
            "channel": "phone",
            "provider_status": self.kind,
        }


def operator_of(scene: Scene, name: str | None) -> str | None:
    """Give the endpoint of a channel where it is an operator's; a half of a local channel is nobody's."""
    end = endpoint(name)
    return end if end and not end.startswith("Local/") and is_ours(scene, end) else None


def is_channel_event(row: Fields) -> bool:
    """Say whether a row is of a channel, and no call detail record."""
    return text(row, "eventtype", "eventname") is not None


def read_channel_event(scene: Scene, row: Fields) -> Translation:
    """Read one row; raises InvalidEvent where its kind is unknown, or what identifies it is missing."""
    kind = required(row, "eventtype", "eventname").strip().upper()
    if text(row, "userdeftype", "usereventname"):  # then the kind is a name that the dial plan thought of
        return ignored(f"a channel event: {_NO_FACTS['USER_DEFINED']}")
    if kind in _NO_FACTS:
        return ignored(f"a channel event: {_NO_FACTS[kind]}")
    if kind not in _READERS:
        raise InvalidEvent(f"the channel event {word(kind)} is unknown")
    unique = required(row, "uniqueid")
    linked = text(row, "linkedid") or unique
    channel = Channel(
        scene=scene,
        row=row,
        kind=kind,
        name=text(row, "channame", "channel"),
        unique=unique,
        linked=linked,
        time=_time(scene, row, unique=unique),
    )
    return _READERS[kind](channel)


def _told(channel: Channel, struct: CallFact, *more: str) -> Translation:
    return found(fact(channel.scene, struct, identity=(channel.unique, channel.kind, *more), time=channel.time))


def _begun(channel: Channel) -> Translation:
    """Read that a channel began: the first one begins the call, another rings somebody."""
    row = channel.row
    if (channel.name or "").startswith("Local/") and not channel.is_first:
        return ignored("a channel event: a half of a local channel, whose other half rings")
    if not channel.is_first:
        return _told(channel, CallRang(**channel.known(of_leg=True), operator=channel.operator))
    columns = {
        "channel": channel.name,
        "src": text(row, "cidnum", "calleridnum", "num"),
        "cnam": text(row, "cidname", "calleridname", "name"),
        "dst": text(row, "exten"),
        "dcontext": text(row, "context"),
        "did": text(row, "ciddnid", "calleriddnid", "dnid"),
    }
    begun = CallOffered(**channel.known(of_leg=False), **structs.asdict(route(channel.scene, columns)))
    return _told(channel, begun)


def _answered(channel: Channel) -> Translation:
    """Read that a channel was picked up: the first one by an application, which is nobody, another by somebody."""
    if not channel.is_first:
        return _told(channel, CallAccepted(**channel.known(of_leg=True), operator=channel.operator))
    application = (text(channel.row, "appname", "application") or "").lower()
    if application in _DIALLERS:
        return ignored("a channel event: the caller hears that somebody picked up, which the meeting of channels tells")
    by: AnsweredBy = "ivr"
    if application in _VOICEMAILS:
        by = "voicemail"
    elif application in _ROOMS:
        by = "unknown"
    return _told(channel, CallAccepted(**channel.known(of_leg=False), answered_by=by))


def _met(channel: Channel) -> Translation:
    """Read that a channel met another in a bridge: now two people hear each other."""
    others = [one.strip() for one in (text(channel.row, "peer", "bridgepeer") or "").split(",") if one.strip()]
    if not others:
        return ignored("a channel event: a channel waits for another")
    operators = [operator_of(channel.scene, one) for one in (channel.name, *others)]
    met = CallAccepted(**channel.known(of_leg=False), operator=next(filter(None, operators), None))
    return _told(channel, met, str(channel.time))


def _hung_up(channel: Channel) -> Translation:
    """Read that a channel hung up: a leg that nobody took, or one of which no call detail record will tell."""
    extra = _extra(channel.row)
    by_word = _BY_WORD.get((text(extra, "dialstatus") or "").upper())
    disposition = by_word if channel.is_first else of_q850(number(extra, "hangupcause"))
    is_alone = channel.scene.setting("channel_events") == "alone"
    if not channel.is_first and is_alone and disposition is None:
        return _told(channel, CallEnded(**channel.known(of_leg=True), operator=channel.operator))
    if disposition is None or disposition == "unknown":
        return ignored("a channel event: a channel hung up, and the end of the call tells")
    ended = CallEnded(
        **channel.known(of_leg=not channel.is_first),
        operator=None if channel.is_first else channel.operator,
        disposition=disposition,
        talk_seconds=0.0,
    )
    return _told(channel, ended)


def _over(channel: Channel) -> Translation:
    """Read that the last channel of a call is gone."""
    return found(
        fact(
            channel.scene,
            CallEnded(**channel.known(of_leg=False)),
            identity=(channel.linked, channel.kind),
            time=channel.time,
        )
    )


def _transferred(channel: Channel) -> Translation:
    """Read that somebody handed a call on, to an extension or to a channel that he had called before."""
    extra = _extra(channel.row)
    target = text(extra, "transfer_target_channel_name", "channel2_name")
    moved = CallTransferred(
        **channel.known(of_leg=False),
        from_operator=channel.operator,
        to_operator=text(extra, "extension") or operator_of(channel.scene, target),
    )
    return _told(channel, moved, str(channel.time))


_READERS: dict[str, Callable[[Channel], Translation]] = {
    "CHAN_START": _begun,
    "ANSWER": _answered,
    "BRIDGE_ENTER": _met,
    "HANGUP": _hung_up,
    "LINKEDID_END": _over,
    "BLINDTRANSFER": _transferred,
    "ATTENDEDTRANSFER": _transferred,
}


def _extra(row: Fields) -> Fields:
    """Read what an event holds beside its columns: JSON, as text or as it is; older versions write a plain text."""
    value = row.get("extra", row.get("eventextra"))
    if isinstance(value, dict):
        return as_object(value, what="extra")
    written = text({"extra": value}, "extra")
    return as_object(parse_json(written.encode()), what="extra") if written and written.strip()[:1] == "{" else {}


def _time(scene: Scene, row: Fields, *, unique: str) -> Instant:
    """Read an epoch with its fraction, or a clock in the account's zone."""
    born = _BORN.search(unique)
    near = from_epoch_field(born.group(1), what="uniqueid") if born else None
    return from_clock(row.get("eventtime"), zone=scene.zone, what="eventtime", near=near)
