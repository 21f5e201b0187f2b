"""Events of Asterisk's REST interface (ARI), as its WebSocket hands them out: channels, dials, bridges, recordings.

A channel names the call that it is of only where `channelvars` in `ari.conf` has `CHANNEL(linkedid)`.
"""

from collections.abc import Callable
from typing import Any
from urllib.parse import quote

from msgspec import Struct, structs

from pipelines.sources.asterisk_channels import operator_of
from pipelines.sources.asterisk_people import route
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.reading import Fields, as_object, items, loose, member, number, required, seconds, text, word
from pipelines.sources.telephone_causes import DIAL_STATUSES, of_q850
from pipelines.sources.translations import found, ignored
from schemas.calls import (
    CallAccepted,
    CallEnded,
    CallFact,
    CallOffered,
    CallRang,
    CallRecordingMadeAvailable,
    CallTransferred,
)
from schemas.errors import InvalidEvent
from schemas.ids import call_id, recording_id
from schemas.instants import Instant, from_rfc3339
from schemas.people import AnsweredBy

LINKED = "CHANNEL(linkedid)"

_MARKS = ("application", "asterisk_id", "channel", "peer")
_MEDIA_TYPES = {"wav": "audio/wav", "wav16": "audio/wav", "ogg": "audio/ogg", "gsm": "audio/x-gsm", "mp3": "audio/mpeg"}
_GOING_ON = frozenset({"PROGRESS", "PROCEEDING"})
# What a subroutine of the dial plan made of a leg that was picked up, beside words of a dial.
_TURNED_AWAY = ("CONTINUE", "ABORT", "GOTO:")
_NO_FACTS = {
    "StasisEnd": "a channel left the application",
    "Playback": "what is played into a call",
    "Recording": "a recording that goes on, or failed",
    "Bridge": "a bridge of channels",
    "Device": "the state of a telephone",
    "Endpoint": "the state of a telephone",
    "Peer": "the state of a telephone",
    "Contact": "the state of a telephone",
    "Application": "the state of an application",
    "Call": "a call that several applications are offered",
    "Channel": "something of a channel that changes nothing of its call",
    "TextMessageReceived": "a message between telephones",
    "MissingParams": "a request that lacked something",
    "RESTHeader": "a request",
    "REST": "a request",
}


class Told(Struct, frozen=True):
    """One event, and when it was sent."""

    scene: Scene
    body: Fields
    kind: str
    time: Instant

    def fact(self, struct: CallFact, *identity: str) -> Translation:
        """Wrap one fact."""
        return found(fact(self.scene, struct, identity=(self.kind, *identity), time=self.time))


class Channel(Struct, frozen=True, kw_only=True):
    """A channel, and the call that it is of."""

    id: str
    call: str
    name: str | None
    fields: Fields

    def known(self, told: Told) -> dict[str, Any]:
        """Give what every fact of this channel says."""
        return {
            "call_id": call_id(told.scene.raw.source, told.scene.account.id, self.call),
            "provider_call_id": self.call,
            "leg_id": None if self.id == self.call else self.id,
            "channel": "phone",
            "operator": None if self.id == self.call else operator_of(told.scene, self.name),
            "provider_status": text(self.fields, "state") or told.kind,
        }


def is_ari(body: Any) -> bool:
    """Say whether a body is an event of this interface."""
    fields = loose({"body": body}, "body")
    return isinstance(fields.get("type"), str) and any(mark in fields for mark in _MARKS)


def read_ari(scene: Scene, body: Fields) -> Translation:
    """Read one event; raises InvalidEvent where its type is unknown."""
    kind = required(body, "type")
    stamp = text(body, "timestamp")
    told = Told(scene, body, kind, from_rfc3339(stamp) if stamp else scene.raw.received_at)
    if kind in _READERS:
        return _READERS[kind](told)
    for name, reason in _NO_FACTS.items():
        if kind.startswith(name):
            return ignored(f"an event of ARI: {reason}")
    raise InvalidEvent(f"the event {word(kind)} of ARI is unknown")


def _channel(told: Told, *names: str) -> Channel:
    name = next((name for name in names if told.body.get(name) is not None), names[0])
    fields = as_object(told.body.get(name), what=name)
    own = required(fields, "id")
    linked = text(loose(fields, "channelvars"), LINKED) or own
    return Channel(id=own, call=linked, name=text(fields, "name"), fields=fields)


def _begun(told: Told) -> Translation:
    """Read that a channel began, or came into the application."""
    channel = _channel(told, "channel")
    if channel.id != channel.call:
        return told.fact(CallRang(**channel.known(told)), channel.id)
    caller, plan = member(channel.fields, "caller"), member(channel.fields, "dialplan")
    columns = {
        "channel": channel.name,
        "src": text(caller, "number"),
        "cnam": text(caller, "name"),
        "dst": text(plan, "exten"),
        "dcontext": text(plan, "context"),
    }
    sides = route(told.scene, columns)
    return told.fact(CallOffered(**channel.known(told) | structs.asdict(sides)), channel.id)


def _changed(told: Told) -> Translation:
    """Read a channel's state; the first channel may be picked up by the application itself."""
    channel = _channel(told, "channel")
    state = required(channel.fields, "state")
    if state == "Ringing":
        return told.fact(CallRang(**channel.known(told)), channel.id, state)
    if state != "Up":
        return ignored(f"an event of ARI: the state {word(state)} of a channel")
    by_itself = channel.id == channel.call and told.scene.is_on("answered_by_instructions")
    by: AnsweredBy = "ivr" if by_itself else "unknown"
    return told.fact(CallAccepted(**channel.known(told), answered_by=by), channel.id, state)


def _dialled(told: Told) -> Translation:
    """Read how a dial goes: its peer is a leg of the caller's call."""
    status = (text(told.body, "dialstatus") or "").upper()
    peer = _channel(told, "peer")
    if told.body.get("caller") is not None and peer.id == peer.call:
        caller = _channel(told, "caller")
        peer = Channel(id=peer.id, call=caller.call, name=peer.name, fields=peer.fields)
    known: dict[str, Any] = peer.known(told) | {"provider_status": status or "Dial"}
    if status in {"", "RINGING"}:
        return told.fact(CallRang(**known), peer.id, status)
    if status == "ANSWER":
        return told.fact(CallAccepted(**known), peer.id, status)
    if status in DIAL_STATUSES:
        return told.fact(CallEnded(**known, disposition=DIAL_STATUSES[status], talk_seconds=0.0), peer.id, status)
    if status in _GOING_ON:
        return ignored("an event of ARI: a dial goes on")
    if status.startswith(_TURNED_AWAY):
        return ignored("an event of ARI: a leg was picked up and not joined, and the end of its channel tells")
    raise InvalidEvent(f"the dial status {word(status)} is unknown")


def _met(told: Told) -> Translation:
    """Read that a channel came into a bridge where another is: now two people hear each other."""
    if told.body.get("channel") is None:
        return ignored("an event of ARI: a bridge, and not who came into it")
    channel = _channel(told, "channel")
    if len(items(member(told.body, "bridge"), "channels")) < 2:
        return ignored("an event of ARI: a channel waits for another")
    known: dict[str, Any] = channel.known(told) | {"leg_id": None, "operator": operator_of(told.scene, channel.name)}
    return told.fact(CallAccepted(**known), channel.id, told.time)


def _destroyed(told: Told) -> Translation:
    """Read that a channel is gone: with the first one the call is over; another's cause says that nobody took it."""
    channel = _channel(told, "channel")
    disposition = of_q850(number(told.body, "cause"))
    known: dict[str, Any] = channel.known(told) | {"provider_status": text(told.body, "cause_txt") or told.kind}
    if channel.id == channel.call:
        return told.fact(CallEnded(**known, disposition=disposition or "unknown"), channel.id)
    if disposition is None or disposition == "unknown":
        return ignored("an event of ARI: a leg's channel is gone, and the end of the call tells")
    return told.fact(CallEnded(**known, disposition=disposition, talk_seconds=0.0), channel.id)


def _recorded(told: Told) -> Translation:
    """Read a finished recording of a channel, looked up under the account's `recordings_url`."""
    fields = as_object(told.body.get("recording"), what="recording")
    name, ending = required(fields, "name"), required(fields, "format").lower()
    kind, _, target = required(fields, "target_uri").partition(":")
    base = told.scene.setting("recordings_url")
    if kind != "channel":
        return ignored("an event of ARI: a recording of a bridge, which names no call")
    if not base:
        return ignored("an event of ARI: a recording, and the account has no `recordings_url` to fetch it from")
    source, account = told.scene.raw.source, told.scene.account
    roles = account.channel_roles
    ready = CallRecordingMadeAvailable(
        call_id=call_id(source, account.id, target),
        provider_call_id=target,
        channel="phone",
        recording_id=recording_id(source, account.id, name),
        url=f"{base.rstrip('/')}/{quote(name)}.{quote(ending)}",
        media_type=_MEDIA_TYPES.get(ending),
        channels=len(roles) or None,
        channel_roles=roles,
        duration_seconds=seconds(fields, "duration"),
    )
    return told.fact(ready, name)


def _handed_on(told: Told) -> Translation:
    """Read a transfer that succeeded: the call is that of the channel which handed it on."""
    if (text(told.body, "result") or "Success") != "Success":
        return ignored("an event of ARI: a transfer that failed")
    channel = _channel(told, "channel", "transferer_first_leg")
    target = text(loose(told.body, "transfer_target"), "name") or text(loose(told.body, "replace_channel"), "name")
    known: dict[str, Any] = channel.known(told) | {"leg_id": None, "operator": None}
    moved = CallTransferred(
        **known,
        from_operator=operator_of(told.scene, channel.name),
        to_operator=text(told.body, "exten") or operator_of(told.scene, target),
    )
    return told.fact(moved, channel.id, told.time)


_READERS: dict[str, Callable[[Told], Translation]] = {
    "ChannelCreated": _begun,
    "StasisStart": _begun,
    "ChannelStateChange": _changed,
    "Dial": _dialled,
    "ChannelEnteredBridge": _met,
    "ChannelDestroyed": _destroyed,
    "RecordingFinished": _recorded,
    "BridgeBlindTransfer": _handed_on,
    "BridgeAttendedTransfer": _handed_on,
}
