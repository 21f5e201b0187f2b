"""Events to bytes and back: the newest reader reads every version, and says why it refuses."""

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from functools import lru_cache
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
# What is longer is looked at closely.
MAX_PLAIN_KEY_LENGTH = 256
MAX_PLAIN_BYTES = MAX_EVENT_BYTES // 2

# One way to write a version: whoever reads old ones in SQL looks for it.
_VERSION = re.compile(r"[1-9][0-9]{0,8}")
# An escaped NUL: the backslash before `u0000` is itself not escaped.
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000")
_NAME = re.compile(r"\.(\w+)")
# Stricter than the schema, so that what fits needs no further look: a plain id, and an instant on a day that exists.
_PLAIN_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PLAIN_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}")
_PLAIN_INSTANT = re.compile(
    r"(?:19[7-9]|[2-8][0-9]{2})[0-9]-"
    r"(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|(?:0[13578]|1[02])-31)"
    r"T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
)

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


def reread(event: Event) -> Event:
    """Give an event as `decode` does of its bytes, and raise what that raises.

    The bytes of most need not be read as a whole: their attributes are what they should be at a glance.
    """
    if (type(event.data), event.dataschema) == _NEWEST.get(event.type):
        with suppress(msgspec.MsgspecError, UnicodeEncodeError):
            data = _ENCODER.encode(event.data)
            struct = _DECODERS[event.type].decode(data)
            if _is_plain(event, struct, data=data):
                return structs.replace(event, data=struct)
    return decode(encode(event))


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


def _is_plain(event: Event, struct: Struct, *, data: bytes) -> bool:
    """Say whether nothing of an event needs a closer look once its data was read as `struct`."""
    key, is_plain = event.partitionkey, _PLAIN_INSTANT.fullmatch
    clocks = [event.time, event.recordedat, *[getattr(struct, name) for name in _instants_of(type(struct))]]
    return (
        event.revision is UNSET
        and key == event.subject
        and 0 < len(key) <= MAX_PLAIN_KEY_LENGTH
        and key.isprintable()
        and _PLAIN_ID.fullmatch(event.id) is not None
        and (event.causationid is None or _PLAIN_ID.fullmatch(event.causationid) is not None)
        and _are_names(event.source, event.company, event.account)
        and None not in [is_plain(clock) for clock in clocks if clock is not None and clock is not UNSET]
        and len(data) < MAX_PLAIN_BYTES
        and b"\\u0000" not in data
    )


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


@lru_cache(maxsize=1024)
def _are_names(*names: str) -> bool:
    return all(_PLAIN_NAME.fullmatch(name) for name in names)


_DECODERS: dict[str, msgspec.json.Decoder[Any]] = {
    name: msgspec.json.Decoder(event_type.struct) for name, event_type in EVENT_TYPES.items()
}
# What an event's data and its version are where it is told and not withdrawn.
_NEWEST = {
    name: (event_type.struct, event_type.dataschema)
    for name, event_type in EVENT_TYPES.items()
    if event_type.struct is not EventWithdrawn
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
