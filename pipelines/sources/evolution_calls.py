"""Calls of Evolution: the events of a linked phone, as the Baileys library tells them."""

from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.evolution_people import Instance, listed
from pipelines.sources.facts import fact
from pipelines.sources.linked_chats import call_about, epoch, people
from pipelines.sources.reading import Fields, as_object, flag, required, text, word
from pipelines.sources.translations import each, found, ignored
from schemas.calls import CallAccepted, CallEnded, CallFact, CallOffered, CallRang, CallRejected
from schemas.errors import InvalidEvent
from schemas.instants import Instant, from_rfc3339
from schemas.people import Direction

_NO_FACTS = frozenset({"preaccept", "transport", "relaylatency"})


def calls(instance: Instance, data: Any) -> Translation:
    """Read every call of an event; raises InvalidEvent where a status is unknown."""
    found_calls = listed(data)
    if not found_calls:
        return ignored("the event lists no calls")
    return each(found_calls, lambda _, one: _call(instance, one))


def _call(instance: Instance, value: Any) -> Translation:
    fields = as_object(value, what="the call")
    status = required(fields, "status")
    lower = status.lower()
    if lower in _NO_FACTS:
        return ignored(f"the call status {word(status)} holds no fact of ours")
    about = _about(instance, fields, status=status)
    identity = (str(about["provider_call_id"]),)
    time = _time(instance, fields)
    told = _struct(fields, status=lower, about=about)
    if told is None:
        raise InvalidEvent(f"the call status {word(status)} is unknown")
    return found(fact(instance.scene, told, identity=identity, time=time))


def _struct(fields: Fields, *, status: str, about: dict[str, Any]) -> CallFact | None:
    """Give what a status says; `terminate` ends a call that was accepted before, or one that nobody took."""
    if status == "reject":
        return CallRejected(**about, rejected_by="contact" if about["direction"] == "outgoing" else "company")
    if status == "offer":
        return CallOffered(**about, media="video" if flag(fields, "isVideo") else "audio")
    if status == "accept":
        return CallAccepted(**about, answered_by="human")
    if status == "timeout":
        return CallEnded(**about, disposition="no_answer", talk_seconds=0.0)
    plain = {"ringing": CallRang, "terminate": CallEnded}.get(status)
    return plain(**about) if plain else None


def _about(instance: Instance, fields: Fields, *, status: str) -> dict[str, Any]:
    """Tell who called whom: a call from the instance's own number is ours, and its chat is the contact's."""
    scene = instance.scene
    begin, chat = text(fields, "from"), text(fields, "chatId")
    ours = people(scene, instance.own)
    is_ours = bool(ours) and ours == people(scene, begin)
    direction: Direction = "outgoing" if is_ours else "incoming"
    contact = people(scene, chat) if is_ours else people(scene, begin, text(fields, "callerPn"))
    if not is_ours and not contact:
        contact = people(scene, chat)
    provider_id = required(fields, "id", "callId")
    known = call_about(scene, provider_id=provider_id, status=status, contact=contact)
    return known | {"direction": direction, "company_number": instance.number}


def _time(instance: Instance, fields: Fields) -> Instant:
    written = fields.get("date")
    if isinstance(written, str) and not written.strip().isdigit():
        return from_rfc3339(written.strip())
    return epoch(fields, "date", "timestamp") if written or fields.get("timestamp") else instance.time
