"""Forms whose names are paths in brackets (`leads[status][0][id]=7`), read as the nested objects they stand for."""

import re
from collections.abc import Iterator
from typing import Any

from pipelines.sources.forms import form_pairs
from pipelines.sources.reading import Fields, as_object
from schemas.codec import parse_json
from schemas.errors import InvalidEvent

MAX_FIELDS = 20_000
MAX_DEPTH = 16
# Under this stands the value of a name that holds one of its own and names below it too (`note=…` and `note[id]=…`).
OWN = ""

_PATH = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$", re.DOTALL)
_STEP = re.compile(r"\[([^\[\]]*)\]", re.DOTALL)


def nested_fields(body: bytes) -> Fields:
    """Read a form, or JSON: an object of nested or of decoded flat fields; lists become objects by their places.

    Of a name that repeats the last value counts, as for PHP, whose form this is. Raises InvalidEvent for what is
    neither, for names nested deeper than 16, and for an empty body.
    """
    fields: Fields = {}
    if not body.strip():
        raise InvalidEvent("the body is empty")
    if body.lstrip()[:1] in {b"{", b"["}:
        fields = as_object(_as_nested(parse_json(body)), what="the body")
    else:
        for name, value in form_pairs(body, max_fields=MAX_FIELDS):
            _put(fields, _path(name), value)
    if not fields:
        raise InvalidEvent("the body is empty")
    return fields


def branch(fields: Fields, name: str) -> Fields:
    """Give what lies below `name`: empty where nothing does, or only a value."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]


def leaf(fields: Fields, name: str) -> Any:
    """Give the value of `name` itself, whatever else lies below it."""
    value = fields.get(name)
    return value.get(OWN) if isinstance(value, dict) else value  # pyright: ignore[reportUnknownVariableType,reportUnknownMemberType]


def leaves(fields: Fields) -> Fields:
    """Give every name with the value of its own, without what lies below."""
    return {name: leaf(fields, name) for name in fields}


def rows(fields: Fields, name: str) -> Iterator[tuple[str, Any]]:
    """Give the numbered things below `name`, each with its number as it stood there."""
    for number, value in branch(fields, name).items():
        if number != OWN:
            yield number, value


def objects(fields: Fields, name: str) -> list[Fields]:
    """Give those of the numbered things below `name` that are objects."""
    below = branch(fields, name)
    return [branch(below, number) for number, value in below.items() if isinstance(value, dict)]


def _path(name: str) -> tuple[str, ...]:
    parts = _PATH.match(name)
    if parts is None:
        return (name,)
    return (parts.group(1), *_STEP.findall(parts.group(2)))


def _put(fields: Fields, path: tuple[str, ...], value: Any) -> None:
    """Put a value at its path; `a[]=…` takes the next number."""
    if len(path) > MAX_DEPTH:
        raise InvalidEvent(f"a name is nested deeper than {MAX_DEPTH}")
    for step in path[:-1]:
        place = step or str(len(fields))
        below = fields.get(place)
        if not isinstance(below, dict):
            below = {} if below is None else {OWN: below}
            fields[place] = below
        fields = below  # pyright: ignore[reportUnknownVariableType]
    place = path[-1] or str(len(fields))
    there = fields.get(place)
    if isinstance(there, dict):
        there.update(value if isinstance(value, dict) else {OWN: value})  # pyright: ignore[reportUnknownMemberType]
    else:
        fields[place] = value


def _as_nested(value: Any) -> Any:
    """Give lists of JSON as objects by their places, at every depth."""
    if isinstance(value, list):
        return {str(number): _as_nested(one) for number, one in enumerate(value)}  # pyright: ignore[reportUnknownVariableType,reportUnknownArgumentType]
    if isinstance(value, dict):
        below: Fields = {}
        for name, one in value.items():  # pyright: ignore[reportUnknownVariableType]
            _put(below, _path(str(name)), _as_nested(one))  # pyright: ignore[reportUnknownArgumentType]
        return below
    return value
