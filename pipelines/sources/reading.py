"""Careful reading of decoded bodies: a wrong type becomes a refusal that names the field, never its content."""

import re
from typing import Any

from schemas.errors import InvalidEvent

Fields = dict[str, Any]

_WORD = re.compile(r"^(?=.{1,48}$)[A-Za-z][A-Za-z_]*(\.[A-Za-z_]+)*$")
_NUMBER = re.compile(r"^[+-]?\d{1,15}(\.\d{1,12})?$", re.ASCII)
MAX_NUMBER = 10**15


def as_object(value: Any, *, what: str) -> Fields:
    """Take `value` as a JSON object; raises InvalidEvent for all else."""
    if not isinstance(value, dict):
        raise InvalidEvent(f"{what} is not an object")
    return value  # pyright: ignore[reportUnknownVariableType]  # JSON objects have text keys


def member(fields: Fields, name: str) -> Fields:
    """Give the object under `name`, empty where it is missing or null; raises InvalidEvent for another type."""
    value = fields.get(name)
    return {} if value is None else as_object(value, what=name)


def loose(fields: Fields, name: str) -> Fields:
    """Give the object under `name`, empty where it is anything else: for what is the provider's own affair."""
    value = fields.get(name)
    return value if isinstance(value, dict) else {}  # pyright: ignore[reportUnknownVariableType]  # keys are text


def items(fields: Fields, name: str) -> list[Any]:
    """Give the list under `name`, empty where it is missing or null; raises InvalidEvent for another type."""
    value = fields.get(name)
    if value is None:
        return []
    if not isinstance(value, list):
        raise InvalidEvent(f"{name} is not a list")
    return value  # pyright: ignore[reportUnknownVariableType]  # what it holds is read item by item


def text(fields: Fields, *names: str) -> str | None:
    """Give the first of `names` that holds text or a whole number, as text; blank counts as missing.

    Raises InvalidEvent where one holds another type.
    """
    for name in names:
        value = fields.get(name)
        if value is None:
            continue  # most names are not there
        if isinstance(value, str):
            if value.strip():
                return value
        elif isinstance(value, int) and not isinstance(value, bool):
            return format(value, "x")[:64] if value.bit_length() > 256 else str(value)
        else:
            raise InvalidEvent(f"{name} is not text")
    return None


def required(fields: Fields, *names: str) -> str:
    """Give the text under the first of `names` that is there; raises InvalidEvent when none is."""
    found = text(fields, *names)
    if found is None:
        raise InvalidEvent(f"{names[0]} is missing")
    return found


def number(fields: Fields, *names: str) -> float | None:
    """Give the first of `names` as a number, written as number or as text; blank counts as missing.

    Raises InvalidEvent for all else, and for numbers of more than 15 digits.
    """
    for name in names:
        value = fields.get(name)
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        return as_number(value, what=name)
    return None


def as_number(value: Any, *, what: str) -> float:
    """Take `value` as a finite number; raises InvalidEvent for all else."""
    if isinstance(value, str) and _NUMBER.match(value.strip()):
        return float(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidEvent(f"{what} is not a number")
    if not -MAX_NUMBER <= value <= MAX_NUMBER:  # false for NaN too; an int may be too long to become a float
        raise InvalidEvent(f"{what} is not a number of at most 15 digits")
    return float(value)


def seconds(fields: Fields, *names: str) -> float | None:
    """Give a duration in seconds; raises InvalidEvent when it is negative or no number."""
    value = number(fields, *names)
    if value is not None and value < 0:
        raise InvalidEvent(f"{names[0]} is negative")
    return value


def flag(fields: Fields, name: str) -> bool:
    """Give a yes or no; missing is no. Raises InvalidEvent for what is neither."""
    value = fields.get(name)
    if value is None or value == "":
        return False
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if not isinstance(value, bool):
        raise InvalidEvent(f"{name} is neither true nor false")
    return value


def word(value: Any) -> str:
    """Give a provider's own keyword for use in a reason, `another word` where it might be content."""
    return f"`{value}`" if isinstance(value, str) and _WORD.match(value) else "another word"
