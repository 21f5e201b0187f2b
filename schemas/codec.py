"""Events to bytes and back: the newest reader reads every version, and says why it refuses."""

import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Literal, get_args, get_origin, get_type_hints

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType, structs

from schemas.catalogue import EVENT_TYPES, EventType
from schemas.envelope import Attributes, Event, topic_of
from schemas.errors import InvalidEvent
from schemas.instants import FIRST_YEAR, LAST_YEAR, OUTSIDE, Instant
from schemas.topics import FACTS
from schemas.upcasters import upcast
from schemas.withdrawals import EventWithdrawn

MAX_EVENT_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32

# One way to write a version: whoever reads old ones in SQL looks for it.
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
# An escaped NUL: the backslash before `u0000` is itself not escaped.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_NAME = re.compile(r"\.(\w+)")

_ENCODER = msgspec.json.Encoder()


class _Envelope(Attributes, frozen=True, kw_only=True):
    data: Raw


_ENVELOPES = msgspec.json.Decoder(_Envelope)
_ANY = msgspec.json.Decoder()
_OBJECT = msgspec.json.Decoder(dict[str, Any])


def encode(event: Event) -> bytes:
    """Give the one byte form of an event: UTF-8 JSON, attributes in their declared order, data last."""
    return _ENCODER.encode(event)


def revised(body: bytes, *, revision: Instant) -> bytes:
    """Give the bytes of an event as it is told anew, its data byte by byte as they are."""
    return _ENCODER.encode(structs.replace(_ENVELOPES.decode(body), revision=revision))


def decode(body: bytes, *, topic: str = "") -> Event:
    """Read one event of any published version as today's struct.

    Raises InvalidEvent with a reason for bytes that are no event, for an unknown type or a newer version, for text that
    no table can hold (NUL), and for a type that does not belong on the `topic` on which the bytes lay, if that is said:
    who may write one topic must not tell what belongs on another. The reason names fields, never their content.
    """
    envelope, event_type, struct = _read_whole(body)
    attributes = {name: getattr(envelope, name) for name in Attributes.__struct_fields__}
    attributes["dataschema"] = event_type.dataschema
    event = Event(**attributes, data=struct)
    own = topic_of(event)
    if topic not in {"", own}:
        raise InvalidEvent(f"{event_type.name} does not belong on {topic}; it is told on {own}")
    return event


def prove(body: bytes) -> None:
    """Raise InvalidEvent where `decode` would, and make no event of it."""
    _read_whole(body)


def _read_whole(body: bytes) -> tuple[_Envelope, EventType, Struct]:
    if len(body) > MAX_EVENT_BYTES:
        raise InvalidEvent(f"the event is larger than {MAX_EVENT_BYTES} bytes")
    envelope = _read(_ENVELOPES, body)
    event_type, version = _resolve(envelope)
    if version == event_type.version:
        struct = _read(_DECODERS[event_type.name], envelope.data, at="data")
    else:
        fields = _read(_OBJECT, envelope.data, at="data")
        struct = convert(upcast(event_type.name, fields, version=version, newest=event_type.version), event_type)
    _check(envelope, struct, body=body)
    _check_revision(envelope, struct, event_type=event_type)
    return envelope, event_type, struct


def _check(*owners: Struct, body: bytes) -> None:
    """Raise InvalidEvent where the types cannot: days that do not exist or lie too far, and NUL in text."""
    for owner in owners:
        for name in _instants_of(type(owner)):
            _check_day(getattr(owner, name), name=name)
    if b"\\u0000" in body and _NUL.search(body):
        raise InvalidEvent("text holds a NUL character")


def _check_revision(envelope: _Envelope, struct: Struct, *, event_type: EventType) -> None:
    """Raise InvalidEvent where something is told anew, or withdrawn, that is told once."""
    if isinstance(struct, EventWithdrawn):
        withdrawn = EVENT_TYPES.get(struct.event_type)
        if withdrawn is None:
            raise InvalidEvent("data.event_type: the event type is unknown")
        if envelope.revision is UNSET:
            raise InvalidEvent("an event is withdrawn by a revision, and there is none")
        event_type = withdrawn
    if envelope.revision is not UNSET and event_type.topic not in FACTS:
        raise InvalidEvent(f"{event_type.name} is told once: it is neither told anew nor withdrawn")


def parse_json(body: bytes) -> Any:
    """Decode a provider's JSON into plain values; raises InvalidEvent for broken or too deep JSON."""
    try:
        value = _ANY.decode(body)
    except RecursionError:
        raise InvalidEvent(f"JSON is nested deeper than {MAX_DEPTH}") from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidEvent("the body is no valid JSON in UTF-8") from None
    # Most bodies open fewer objects and lists than may stand within each other.
    if body.count(b"{") + body.count(b"[") > MAX_DEPTH and not _is_within_depth(value):
        raise InvalidEvent(f"JSON is nested deeper than {MAX_DEPTH}")
    return value


def convert(fields: dict[str, Any], event_type: EventType) -> Struct:
    """Read plain `fields` as today's struct of `event_type`; raises InvalidEvent naming the field."""
    try:
        return msgspec.convert(fields, event_type.struct)
    except msgspec.ValidationError as error:
        raise InvalidEvent(_without_content(str(error), event_type.struct, at="data")) from None


def _resolve(envelope: _Envelope) -> tuple[EventType, int]:
    event_type = EVENT_TYPES.get(envelope.type)
    if event_type is None:
        raise InvalidEvent("the event type is unknown")
    name, _, version_text = envelope.dataschema.partition("/")
    if name != envelope.type or not _VERSION.fullmatch(version_text):
        raise InvalidEvent("dataschema does not name the event's type and a version")
    version = int(version_text)
    if version > event_type.version:
        raise InvalidEvent(f"{name} has no version {version} here; the newest is {event_type.version}")
    return event_type, version


_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(event_type.struct) for name, event_type in EVENT_TYPES.items()
}


def _read(decoder: msgspec.json.Decoder[Any], body: bytes | Raw, *, at: str = "") -> Any:
    try:
        return decoder.decode(body)
    except RecursionError:
        raise InvalidEvent(f"JSON is nested deeper than {MAX_DEPTH}") from None
    except msgspec.ValidationError as error:
        raise InvalidEvent(_without_content(str(error), decoder.type, at=at)) from None
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise InvalidEvent("the body is no valid JSON in UTF-8") from None


def _without_content(message: str, struct: Any, *, at: str = "") -> str:
    """Say msgspec's sentence as `field: what is wrong`, without an enum value that was sent or a long pattern."""
    problem, _, path = message.partition(" - at `$")
    if problem.startswith("Invalid enum value"):
        problem = f"not one of {', '.join(_words_at(path, struct))}"
    elif "matching regex" in problem:
        problem = "not of the form that the schema asks for"
    field = f"{at}{path.rstrip('`')}".lstrip(".")
    problem = problem.replace("`", "")
    return f"{field}: {problem}" if field else problem


def _words_at(path: str, struct: Any) -> list[str]:
    """Give the words that may stand there in what is read as `struct`."""
    hints = [struct]
    for name in _NAME.findall(path):
        hints = [
            get_type_hints(part)[name]
            for hint in hints
            for part in _parts(hint)
            if name in getattr(part, "__struct_fields__", ())
        ]
    literals = [part for hint in hints for part in _parts(hint) if get_origin(part) is Literal]
    return [word for literal in literals for word in get_args(literal)]


def _parts(hint: Any) -> Iterator[Any]:
    """Give an annotation and all of which it is made: what may stand in its place, or in its lists."""
    yield hint
    for part in get_args(hint):
        yield from _parts(part)


def _is_within_depth(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            child
            for parent in level
            if isinstance(parent, dict | list)
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return True
    return False


def _check_day(text: str | UnsetType | None, *, name: str) -> None:
    if text is None or text is UNSET:
        return
    try:
        year = datetime.fromisoformat(text).year
    except ValueError:
        raise InvalidEvent(f"{name} is a day that does not exist") from None
    if not FIRST_YEAR <= year <= LAST_YEAR:
        raise InvalidEvent(f"{name} {OUTSIDE}")


def _instants_of(struct: type[Any]) -> tuple[str, ...]:
    names = _INSTANTS.get(struct)
    if names is None:
        hints = get_type_hints(struct, include_extras=True)
        names = tuple(name for name, hint in hints.items() if _is_instant(hint))
        _INSTANTS[struct] = names
    return names


def _is_instant(hint: Any) -> bool:
    """Say whether an annotation is an instant, optional or described further."""
    parts = get_args(hint)
    return get_args(Instant)[1] in parts or any(_is_instant(part) for part in parts)


_INSTANTS: dict[type[Any], tuple[str, ...]] = {}
