"""Calls of GREEN-API: `incomingCall` and `outgoingCall`, whose words sound alike and mean different things."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.linked_chats import call_about, chat, epoch, own_number, people
from pipelines.sources.reading import Fields, as_object, flag, items, member, required, seconds, text, word
from pipelines.sources.translations import found
from schemas.calls import CallAccepted, CallEnded, CallOffered, CallRang, CallRejected, Disposition
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.instants import Instant
from schemas.people import Direction, Side

# How a call ended, and who ended it, in the words of GREEN-API (Incoming call, Outgoing call). `declined` stands for a
# call that nobody took, and `missed` for one that its caller gave up; only `hangUp` says that the called side declined.
_INCOMING: dict[str, tuple[Disposition, Side]] = {
    "hangup": ("rejected", "company"),
    "hungup": ("rejected", "company"),
    "missed": ("cancelled", "contact"),
    "declined": ("no_answer", "unknown"),
}
_OUTGOING: dict[str, tuple[Disposition, Side]] = {
    "hungup": ("no_answer", "unknown"),
    "hangup": ("no_answer", "unknown"),
    "missed": ("no_answer", "unknown"),
    "declined": ("rejected", "contact"),
    "invalid": ("failed", "unknown"),
}


def call(scene: Scene, fields: Fields, *, direction: Direction) -> Translation:
    """Read one notification of a call; raises InvalidEvent where its word is unknown.

    Older instances tell of an incoming call without any word: once, when it rings.
    """
    status = text(fields, "status") or ("offer" if direction == "incoming" else required(fields, "status"))
    provider_id = required(fields, "idMessage", "callId")
    other = chat(scene, _other_side(scene, fields))
    known = call_about(scene, provider_id=provider_id, status=status, contact=other.contact)
    known["direction"] = direction
    known["company_number"] = own_number(scene, text(member(fields, "instanceData"), "wid"))
    time = epoch(fields, "timestamp")
    told = _told(scene, fields, status=status.lower(), known=known, time=time)
    if told is None:
        raise InvalidEvent(f"the status {word(status)} of a call is unknown")
    return found(*told)


def _other_side(scene: Scene, fields: Fields) -> str | None:
    """Give the chat that was called or calls: mostly `from`, whoever calls; where that is our own, the other end's."""
    begin = text(fields, "from", "chatId", "to")
    wid = text(member(fields, "instanceData"), "wid")
    ours = people(scene, wid)
    if not ours or people(scene, begin) != ours:
        return begin
    called = [as_object(one, what="participants[]") for one in items(fields, "participants")]
    ends = [text(fields, "to"), text(fields, "chatId"), *(text(one, "wid", "participant", "id") for one in called)]
    return next((end for end in ends if end and people(scene, end) != ours), begin)


def _told(scene: Scene, fields: Fields, *, status: str, known: dict[str, Any], time: Instant) -> list[Event] | None:
    identity = (str(known["provider_call_id"]),)
    if status == "offer":
        media = "video" if flag(fields, "isVideo") else "audio"
        return [fact(scene, CallOffered(**known, media=media), identity=identity, time=time)]
    if status == "ringing":
        return [fact(scene, CallRang(**known), identity=identity, time=time)]
    if status == "pickup":
        return _picked_up(scene, fields, known=known, time=time)
    endings = _INCOMING if known["direction"] == "incoming" else _OUTGOING
    if status not in endings:
        return None
    disposition, side = endings[status]
    if disposition == "rejected":
        return [fact(scene, CallRejected(**known, rejected_by=side), identity=identity, time=time)]
    length = seconds(fields, "duration") or None
    ended = CallEnded(**known, disposition=disposition, ended_by=side, talk_seconds=0.0, total_seconds=length)
    return [fact(scene, ended, identity=identity, time=time)]


def _picked_up(scene: Scene, fields: Fields, *, known: dict[str, Any], time: Instant) -> list[Event]:
    """Read a call that somebody took; with its length it is over.

    Assumption: an outgoing call is told once, when it is over, for its length stands in it; so its time is its end.
    """
    talk = seconds(fields, "duration")
    identity = (str(known["provider_call_id"]),)
    if not talk:
        return [fact(scene, CallAccepted(**known, answered_by="human"), identity=identity, time=time)]
    ended = CallEnded(**known, disposition="completed", answered_by="human", talk_seconds=talk)
    return [fact(scene, ended, identity=identity, time=time)]
