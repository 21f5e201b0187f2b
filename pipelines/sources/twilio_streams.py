"""Event Streams of Twilio: lists of CloudEvents, whose data say in other names what status callbacks say in forms."""

import re
from collections.abc import Callable
from typing import Any

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene
from pipelines.sources.reading import Fields, as_object, member, required, text, word
from pipelines.sources.translations import each, ignored, numbered
from schemas.errors import InvalidEvent

_SNAKE = re.compile(r"^[a-z0-9]+(_[a-z0-9]+)*$", re.ASCII)
# Types of events that hold no fact of ours, by how their names begin.
_OTHERS = (
    ("com.twilio.voice.insights.", "a measurement or summary of a call: its status callbacks tell what became of it"),
    ("com.twilio.voice.twiml.", "a request of a running call's instructions, no status of it"),
    ("com.twilio.voice.status-callback.stream.", "a media stream event"),
    ("com.twilio.voice.status-callback.transcription.", "a piece of a running transcription"),
    ("com.twilio.voice.status-callback.conference.", "a conference event: its calls report their own status"),
    ("com.twilio.voice.status-callback.queue.", "a queue event: its calls report their own status"),
    ("com.twilio.studio.", "an event of a flow: its calls and messages are told by themselves"),
    ("com.twilio.error-logs.", "a debugger event"),
    ("com.twilio.messaging.compliance.", "the registration of a sender"),
)
_VOICE = ("com.twilio.voice.status-callback.", "com.twilio.voice.webhook.status-callback.", "com.twilio.voice.webhook.")
_TASKS = "com.twilio.taskrouter."
_MESSAGES = ("com.twilio.messaging.message.", "com.twilio.messaging.inbound-message.")

ReadForm = Callable[[Scene, Fields], Translation]


def is_stream(value: Any) -> bool:
    """Say whether a decoded body is an event of Event Streams, or a list of them."""
    first = value[0] if isinstance(value, list) and value else value  # pyright: ignore[reportUnknownVariableType]
    return isinstance(first, dict) and "specversion" in first


def stream(scene: Scene, value: Any, *, read: ReadForm) -> Translation:
    """Read every event of a body as the form that it stands for, by `read`; a broken one is refused alone."""
    if isinstance(value, list):
        listed: list[Any] = value  # pyright: ignore[reportUnknownVariableType]  # read item by item
        return each(numbered("", listed), lambda _, one: _event(scene, one, read=read))
    return _event(scene, value, read=read)


def _event(scene: Scene, value: Any, *, read: ReadForm) -> Translation:
    event = as_object(value, what="the event")
    kind = required(event, "type")
    for beginning, reason in _OTHERS:
        if kind.startswith(beginning):
            return ignored(reason)
    told = member(event, "data")
    if kind.startswith(_TASKS):
        return read(scene, _task(told, kind=kind))
    if kind.startswith(_MESSAGES):
        return read(scene, _message(told, kind=kind))
    if kind.startswith(_VOICE):
        return read(scene, _call(told))
    if kind.startswith("com.twilio."):
        return ignored("an event about neither calls nor messages")
    raise InvalidEvent(f"the event type {word(kind)} is none of Twilio's")


def _message(told: Fields, *, kind: str) -> Fields:
    """Give the form of a message: the same names begin with small letters, and media have no place of their own."""
    form = {name[:1].upper() + name[1:]: value for name, value in told.items()}
    status = kind.rpartition(".")[2]
    form["MessageStatus"] = text(told, "messageStatus") or status
    form["UnnamedMedia"] = form.pop("NumMedia", None)
    form["Timestamp"] = text(told, "timestamp")
    return form


def _task(told: Fields, *, kind: str) -> Fields:
    """Give the form of an event of task routing, which names the same things in another way."""
    form = {_camel(name): value for name, value in member(told, "payload").items()}
    form["EventType"] = kind.removeprefix(_TASKS)
    form["WorkspaceSid"] = text(form, "WorkspaceSid") or "of the stream"
    form["Timestamp"] = text(told, "timestamp") or text(form, "Timestamp")
    return form


def _call(told: Fields) -> Fields:
    """Give the form that was sent to an address of the company's: `request.parameters`, in either way of naming."""
    parameters = member(member(told, "request"), "parameters")
    if not parameters:
        raise InvalidEvent("data.request.parameters is missing: the event says nothing of its call")
    return {_camel(name): value for name, value in parameters.items()}


def _camel(name: str) -> str:
    """Give `call_sid` as `CallSid`; a name with a capital is left as it is."""
    return "".join(part.capitalize() for part in name.split("_")) if _SNAKE.match(name) else name
