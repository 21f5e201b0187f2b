"""What may stand at a place of a file that a person writes, for whoever wrote something else there."""

import re
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import msgspec.inspect as msgspec_inspect
from msgspec import Struct
from msgspec.inspect import DictType, ListType, LiteralType, Metadata, StructType, Type, UnionType, VarTupleType

# How msgspec refuses a name that a table does not have, and one that is no key of a dictionary.
_UNKNOWN = re.compile(r"Object contains unknown field `(.*?)`(?: - at |$)|Invalid enum value '(.*)' - at `key` in ")


class Mistake(Struct, frozen=True, kw_only=True):
    """What is wrong in such a file, at which place (`accounts.1.source`), and what may stand there."""

    problem: str
    place: tuple[str, ...]
    allowed: tuple[str, ...]

    @property
    def where(self) -> str:
        """The end of a sentence: the place, and the words of which one may stand there."""
        place = f" ({'.'.join(self.place)})" if self.place else ""
        return f"{place}: write one of {', '.join(self.allowed)}" if self.allowed else place


def mistake(message: str, *, struct: type) -> Mistake:
    """Read in msgspec's message what it refused to take for a struct."""
    told, is_placed, path = message.rpartition(" `$")
    parts = tuple(re.findall(r"[A-Za-z_]+|\d+", path)) if is_placed else ()
    if unknown := _UNKNOWN.match(message):
        name = unknown[1] or unknown[2]
        return Mistake(problem="unknown name", place=(*parts, name), allowed=_found(struct, parts, _names))
    problem = (told.removesuffix(" - at") if is_placed else message).replace("`", "")
    return Mistake(problem=problem, place=parts, allowed=_found(struct, parts, _words))


def _found(struct: type, path: Iterable[str], listed: Callable[[Type], Iterator[Any]]) -> tuple[str, ...]:
    found = [msgspec_inspect.type_info(struct)]
    for part in path:
        found = [inner for one in found for inner in _within(one, part)]
    return tuple(dict.fromkeys(str(word) for one in found for word in listed(one)))


def _within(type_: Type, part: str) -> Iterator[Type]:
    for one in _alternatives(type_):
        match one:
            case StructType(tag_field=name, tag=tag) if name == part:
                yield LiteralType((tag,))
            case StructType(fields=fields):
                yield from (field.type for field in fields if field.encode_name == part)
            case ListType(item_type=item) | VarTupleType(item_type=item) | DictType(value_type=item):
                yield item
            case _:
                pass


def _names(type_: Type) -> Iterator[Any]:
    for one in _alternatives(type_):
        match one:
            case StructType(tag_field=tag, fields=fields):
                yield from (tag,) if tag else ()
                yield from (field.encode_name for field in fields)
            case DictType(key_type=key):
                yield from _words(key)
            case _:
                pass


def _words(type_: Type) -> Iterator[Any]:
    for one in _alternatives(type_):
        if isinstance(one, LiteralType):
            yield from one.values


def _alternatives(type_: Type) -> Iterator[Type]:
    """Give what a value may be, one after the other."""
    match type_:
        case Metadata(type=inner):
            yield from _alternatives(inner)
        case UnionType(types=types):
            for one in types:
                yield from _alternatives(one)
        case _:
            yield type_
