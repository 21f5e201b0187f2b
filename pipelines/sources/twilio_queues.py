"""Who takes a call that waits at Twilio: out of a queue, in a conference, or by a task. His own call is another one.

Twilio joins a waiting call with an operator's call by no parent: each reports its own status, and only what is read
here names both, or the operator beside the waiting call.
"""

import re
from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene, fact
from pipelines.sources.reading import Fields, as_object, required, text
from pipelines.sources.times import from_written
from pipelines.sources.translations import found, ignored
from pipelines.sources.twilio_people import is_endpoint, known_call, parties, told_at
from schemas.calls import CallAccepted, CallEnded
from schemas.codec import parse_json
from schemas.ids import call_id

_CALL = re.compile(r"^CA[0-9a-fA-F]{32}$")
TASKS = "an event of task routing"


def waiting_call(scene: Scene, fields: Fields) -> Translation | None:
    """Read that somebody took a call that waited; None where a form tells nothing of that."""
    if text(fields, "EventType") and text(fields, "WorkspaceSid"):
        return task_event(scene, fields)
    if text(fields, "DequeingCallSid"):
        return _dequeued(scene, fields)
    if (text(fields, "QueueResult") or "").lower() == "bridged":
        return _bridged(scene, fields)
    call, own = text(fields, "FriendlyName") or "", text(fields, "CallSid")
    if text(fields, "StatusCallbackEvent") == "participant-join" and own and _CALL.match(call) and own != call:
        return _joined(scene, fields, call=call, own=own)
    return None


def task_event(scene: Scene, fields: Fields) -> Translation:
    """Read that an operator accepted the task that a caller who was enqueued became.

    Assumption: an accepted reservation is a call that was taken: Twilio accepts it when the operator picks up.
    """
    task = _attributes(fields, "TaskAttributes")
    call = _word(task, "call_sid")
    is_of_caller = (_word(task, "direction") or "").lower() == "inbound"
    if text(fields, "EventType") != "reservation.accepted" or call is None or not is_of_caller:
        return ignored(TASKS)
    accepted = CallAccepted(
        **_known(scene, call),
        direction="incoming",
        operator=_word(_attributes(fields, "WorkerAttributes"), "contact_uri"),
        provider_status="reservation.accepted",
        answered_by="human",
    )
    time = from_written(fields.get("Timestamp"), what="Timestamp")
    identity = (call, "reservation", text(fields, "ReservationSid") or required(fields, "ResourceSid"))
    return found(fact(scene, accepted, identity=identity, time=time))


def _dequeued(scene: Scene, fields: Fields) -> Translation:
    """Read what is asked when a caller is about to be joined with whoever dials his queue (`url` of `<Queue>`)."""
    accepted = CallAccepted(**_of_form(scene, fields), provider_status="dequeued", answered_by="human")
    identity = (required(fields, "CallSid"), "dequeued", required(fields, "DequeingCallSid"))
    return found(fact(scene, accepted, identity=identity, time=told_at(scene, fields)))


def _bridged(scene: Scene, fields: Fields) -> Translation:
    """Read that a caller left his queue after a talk (`action` of `<Enqueue>`), which does not say when it began."""
    ended = CallEnded(
        **_of_form(scene, fields), provider_status="bridged", disposition="completed", answered_by="human"
    )
    identity = (required(fields, "CallSid"), "bridged")
    return found(fact(scene, ended, identity=identity, time=told_at(scene, fields)))


def _joined(scene: Scene, fields: Fields, *, call: str, own: str) -> Translation:
    """Read that somebody joined the conference of a caller: it bears the id of his call."""
    label = text(fields, "ParticipantLabel")
    accepted = CallAccepted(
        **_known(scene, call),
        operator=label if is_endpoint(scene, label) else None,
        provider_status="participant-join",
        answered_by="human",
    )
    return found(fact(scene, accepted, identity=(call, "joined", own), time=told_at(scene, fields)))


def _known(scene: Scene, call: str) -> dict[str, Any]:
    return {"call_id": call_id(scene.raw.source, scene.account.id, call), "provider_call_id": call}


def _of_form(scene: Scene, fields: Fields) -> dict[str, Any]:
    own, parent = required(fields, "CallSid"), text(fields, "ParentCallSid")
    known = _known(scene, parent or own) | {"leg_id": own if parent else None}
    return known | known_call(fields, parties(scene, fields), name=text(fields, "CallerName"))


def _attributes(fields: Fields, name: str) -> Fields:
    """Read what a company notes of a task or a worker: JSON as text; raises InvalidEvent where it is none."""
    written = text(fields, name)
    return as_object(parse_json(written.encode()), what=name) if written else {}


def _word(attributes: Fields, name: str) -> str | None:
    value = attributes.get(name)
    return value if isinstance(value, str) and value.strip() else None
