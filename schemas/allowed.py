"""What may stand at a place of a file that a person writes, for whoever wrote something else there."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec.inspect as msgspec_inspect
from msgspec.inspect import DictType, ListType, LiteralType, Metadata, StructType, Type, UnionType, VarTupleType


def words_at(struct: type, path: Iterable[str]) -> tuple[str, ...]:
    """List the words of which one stands at a place of a struct, such as `tariffs.2.kind`; none where anything may."""
    found = [msgspec_inspect.type_info(struct)]
    for part in path:
        found = [inner for one in found for inner in _within(one, part)]
    return tuple(dict.fromkeys(str(word) for one in found for word in _words(one)))


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
