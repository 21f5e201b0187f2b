"""The story that every program is told: calls of four facts, as a list of records in the order of sending."""

import random
from collections.abc import Sequence

import msgspec
from msgspec import Struct

from schemas.codec import encode
from tests.bench.events import events

COPIES = 5
CHANGED = 0.1
POISON = 0.01
OTHER_TALK_SECONDS = 5.0


class Told(Struct, frozen=True, kw_only=True):
    """One record as it is sent to the topic of calls."""

    key: bytes
    value: bytes


class Row(Struct, frozen=True):
    """An event as a program keeps it; its rows stand in the order in which it wrote them."""

    id: str
    call_id: str
    type: str
    talk_seconds: float


class _Data(Struct):
    call_id: str
    talk_seconds: float = 0.0


class _Event(Struct):
    id: str
    type: str
    data: _Data


def tell(count: int) -> list[Told]:
    """Tell of `count` events, each once, in order."""
    return [Told(key=fact.partitionkey.encode(), value=encode(fact)) for fact in events(count)]


def mixed(told: Sequence[Told], *, chance: random.Random) -> list[Told]:
    """Send each one to five times in any order, and then some once more with other content."""
    copies = [one for one in told for _ in range(chance.randint(1, COPIES))]
    chance.shuffle(copies)
    ends = [one for one in told if row_of(one).type == "call.ended"]
    return [*copies, *(_changed(one) for one in chance.sample(ends, round(len(ends) * CHANGED)))]


def poisoned(told: Sequence[Told], *, chance: random.Random) -> list[Told]:
    """Put a torn body before one in a hundred, the first of them among the first hundred."""
    torn = {chance.randrange(100), *(place for place in range(len(told)) if chance.random() < POISON)}
    return [
        one
        for place, right in enumerate(told)
        for one in (
            *((Told(key=right.key, value=right.value[: len(right.value) // 2]),) if place in torn else ()),
            right,
        )
    ]


def row_of(told: Told) -> Row:
    """Give the row that a program should make of it."""
    event = msgspec.json.decode(told.value, type=_Event)
    return Row(event.id, event.data.call_id, event.type, event.data.talk_seconds)


def _changed(told: Told) -> Told:
    event = msgspec.json.decode(told.value)
    event["data"]["talk_seconds"] = OTHER_TALK_SECONDS
    return Told(key=told.key, value=msgspec.json.encode(event))
