"""Which records are plainly events: a pattern for each type that only bytes of our own codec, and valid ones, match.

To read every record with the codec would cost more than all the rest of landing. A record that matches its pattern
needs no other proof; every other one is read by the codec, which is the judge. So a pattern may be too narrow (then
landing is slower), and must never be too wide: tests draw broken events and hold the patterns against the codec.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from typing import Any

import polars as pl
from msgspec import inspect

from schemas.catalogue import EVENT_TYPES, EventType
from schemas.envelope import Event
from schemas.instants import Instant

# Texts without a narrower limit of their own may have 1024 characters, and the envelope alone is longer than 300: in
# a record of this many bytes none can be too long.
MAX_PLAIN_BYTES = 1024 + 300
WIDEST_TEXT = 1024
MAX_ITEMS = 4
THREADS = 2
# So few are read by the thread that asks: each new one makes the patterns anew, as long as it takes to read hundreds.
FEW = 10_000

# No escapes by number, for they may be NUL or half of a pair; no escaped backslash, for `\\u0000` looks like NUL. No
# escaped slash either, and no number that ends in zeros: what is plain is written as the engine itself would write it.
_CHARACTER = r'(?:[^"\\\x00-\x1f]|\\["bfnrt])'
_ASCII = r"[ !#-\[\]-~]"
_DAY = (
    r"(?:19[7-9]|2[0-9]{2})[0-9]-(?:(?:0[1-9]|1[0-2])-(?:0[1-9]|1[0-9]|2[0-8])|(?:0[13-9]|1[0-2])-(?:29|30)|"
    r"(?:0[13578]|1[02])-31)T(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9]\.[0-9]{3}Z"
)
_DATA = ',"data":{'
_TYPE, _SUBJECT = '","type":"', '","subject":"'


def are_plain(texts: pl.Series, *, topics: pl.Series) -> pl.Series:
    """Say of each JSON text whether it is plainly an event of today's version on its topic; of a null, that it is not.

    `topics` are those on which the texts lay.
    """
    types = _types(texts)
    is_short = texts.str.len_bytes() <= MAX_PLAIN_BYTES
    known = sorted(EVENT_TYPES.keys() & set(types.unique()))
    places = {
        name: ((types == name) & is_short & (topics == EVENT_TYPES[name].topic)).arg_true()
        for name in known
        if pattern_of(name)
    }
    are_events = pl.repeat(value=False, n=len(texts), eager=True)
    matching = partial(_matches, texts, places=places)
    if len(texts) <= FEW:
        matches = list(map(matching, places))
    else:
        with ThreadPoolExecutor(THREADS) as pool:
            matches = list(pool.map(matching, places))
    for name, are_matching in zip(places, matches, strict=True):
        are_events = are_events.scatter(places[name], are_matching)
    return are_events


def cut_data(texts: pl.Series, *, is_plain: pl.Series) -> pl.Series:
    """Give of plain texts the text of `data`, byte by byte, of others null.

    No attribute before it holds a quotation mark, so that nothing else can look like its beginning.
    """
    text = pl.col("text")
    begin = text.str.find(_DATA, literal=True) + len(_DATA) - 1
    cut = text.cast(pl.Binary).bin.slice(begin, text.str.len_bytes() - begin - 1).cast(pl.String)
    plain = pl.DataFrame({"text": texts, "is_plain": is_plain}).select(pl.when("is_plain").then(text))
    return plain.select(cut).to_series()


def _types(texts: pl.Series) -> pl.Series:
    """Give what stands first as a type in each text: it says which pattern to try, and proves nothing."""
    # Both ends are between characters: a piece that ends within one would be no text.
    text = pl.col("text")
    begin, end = text.str.find(_TYPE, literal=True) + len(_TYPE), text.str.find(_SUBJECT, literal=True)
    stands = pl.when(begin < end).then(text.cast(pl.Binary).bin.slice(begin, end - begin)).cast(pl.String)
    return pl.DataFrame({"text": texts}, schema={"text": pl.String}).select(stands).to_series()


def _matches(texts: pl.Series, name: str, *, places: dict[str, pl.Series]) -> pl.Series:
    return texts.gather(places[name]).str.contains(pattern_of(name))


@cache
def pattern_of(type_: str) -> str:
    """Give the pattern of a type's events; empty where they hold more than a pattern can tell."""
    event_type = EVENT_TYPES[type_]
    if not event_type.topic:
        return ""
    members = [_member(field, event_type) for field in _fields(Event)]
    return "" if None in members else "^" + r"\{" + ",".join(filter(None, members)) + r"\}$"


def _member(field: inspect.Field, event_type: EventType) -> str | None:
    fixed = {"type": event_type.name, "dataschema": event_type.dataschema}
    if field.name in fixed:
        value: str | None = f'"{re.escape(fixed[field.name])}"'
    elif field.name == "revision":
        value = ""  # only the codec tells what may be told anew
    elif field.name == "data":
        value = _object(event_type.struct)
    else:
        value = _value(field.type)
    return f'"{field.encode_name}":{value}' if value else value


def _object(struct: type[Any]) -> str | None:
    members = [(field.encode_name, _value(field.type)) for field in _fields(struct)]
    if any(value is None for _, value in members):
        return None
    return r"\{" + ",".join(f'"{name}":{value}' for name, value in members) + r"\}"


def _value(kind: inspect.Type) -> str | None:  # noqa: PLR0911  # one answer a kind
    match kind:
        case inspect.Metadata():
            return _value(kind.type)
        case inspect.NoneType():
            return "null"
        case inspect.BoolType():
            return "(?:true|false)"
        case inspect.LiteralType():
            return '"(?:' + "|".join(re.escape(str(word)) for word in kind.values) + ')"'
        case inspect.StrType():
            return f'"{_text(kind)}"'
        case inspect.FloatType() | inspect.IntType():
            return _number(kind)
        case inspect.UnionType():
            values = [_value(inner) for inner in kind.types]
            return None if None in values else "(?:" + "|".join(filter(None, values)) + ")"
        case inspect.VarTupleType():
            item = _value(kind.item_type)
            return None if item is None else rf"\[(?:{item}(?:,{item}){{0,{MAX_ITEMS - 1}}})?\]"
        case inspect.StructType() if len(kind.fields) <= MAX_ITEMS:
            return _object(kind.cls)
        case _:
            return None


def _text(kind: inspect.StrType) -> str:
    if kind.pattern == _pattern_of_instants():
        return _DAY
    if kind.pattern is not None:
        return f"(?:{kind.pattern.removeprefix('^').removesuffix('$')})".replace(r"\d", "[0-9]")
    if kind.max_length is not None and kind.max_length < WIDEST_TEXT:
        return f"{_ASCII}{{{kind.min_length or 0},{min(kind.max_length, 256)}}}"
    return _CHARACTER + ("+" if kind.min_length else "*")


def _number(kind: inspect.FloatType | inspect.IntType) -> str | None:
    """Only numbers from 0 up to a power of ten that the type allows, without exponents."""
    if kind.gt is not None or kind.lt is not None or kind.multiple_of is not None or kind.ge not in {0, 1}:
        return None
    digits = 14 if kind.le is None else len(str(int(kind.le))) - 1
    whole = "[1-9]" + (f"[0-9]{{0,{digits - 1}}}" if digits > 1 else "") if digits else "0"
    if kind.ge == 0 and digits:
        whole = f"(?:0|{whole})"
    if isinstance(kind, inspect.IntType):
        return whole if digits else None
    return rf"{whole}(?:\.(?:0|[0-9]{{0,16}}[1-9]))?"


@cache
def _pattern_of_instants() -> str | None:
    kind = inspect.type_info(Instant)
    return kind.type.pattern if isinstance(kind, inspect.Metadata) and isinstance(kind.type, inspect.StrType) else None


def _fields(struct: type[Any]) -> tuple[inspect.Field, ...]:
    kind = inspect.type_info(struct)
    return kind.fields if isinstance(kind, inspect.StructType) else ()
