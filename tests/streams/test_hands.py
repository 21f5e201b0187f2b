"""Events are done side by side, and Kafka is told of one only when all before it in its partition are done."""

import asyncio
from typing import Any

from msgspec import Struct

from streams.hands import Hands


class _Message(Struct):
    """Where a record stands, as Faust says it."""

    tp: str
    offset: int
    value: bytes | None = b"body"


class _Record(Struct):
    """What a stream yields."""

    message: _Message


class _Work:
    """Events that end when the test says so."""

    def __init__(self) -> None:
        self.begun: list[int] = []
        self.told: list[int] = []
        self._ends = {number: asyncio.Event() for number in range(10)}

    async def do(self, record: Any) -> None:
        self.begun.append(record.message.offset)
        await self._ends[record.message.offset].wait()

    def acknowledge(self, message: _Message) -> None:
        self.told.append(message.offset)

    async def end(self, *offsets: int) -> None:
        for offset in offsets:
            self._ends[offset].set()
        await _everybody_goes_on()


async def _everybody_goes_on() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def _records(*places: tuple[str, int]) -> list[_Record]:
    return [_Record(_Message(partition, offset)) for partition, offset in places]


def test_one_that_waits_holds_up_no_other_and_what_stands_behind_it_is_not_acknowledged() -> None:
    async def story() -> list[list[int]]:
        work = _Work()
        told: list[list[int]] = []
        async with Hands(work.do, acknowledge=work.acknowledge) as hands:
            for record in _records(("a", 1), ("a", 2), ("b", 3), ("a", 4)):
                await hands.take(record)
            for ended in ((4,), (2,), (3,), (1,)):
                await work.end(*ended)
                told.append(list(work.told))
        return told

    assert asyncio.run(story()) == [[], [], [3], [3, 1, 2, 4]]


def test_no_more_are_in_hand_than_are_allowed() -> None:
    async def story() -> tuple[list[int], list[int]]:
        work = _Work()
        async with Hands(work.do, acknowledge=work.acknowledge, at_most=2) as hands:
            for record in _records(("a", 1), ("a", 2)):
                await hands.take(record)
            third = asyncio.create_task(hands.take(_Record(_Message("a", 3))))
            await work.end(2)  # done, but behind one that waits
            before = list(work.begun)
            await work.end(1, 3)
            await third
            return before, list(work.begun)

    assert asyncio.run(story()) == ([1, 2], [1, 2, 3])


def test_of_what_is_done_no_body_is_kept() -> None:
    async def story() -> list[bytes | None]:
        work = _Work()
        records = _records(("a", 1), ("a", 2))
        async with Hands(work.do, acknowledge=work.acknowledge) as hands:
            for record in records:
                await hands.take(record)
            await work.end(2)
            bodies = [record.message.value for record in records]
            await work.end(1)
        return bodies

    assert asyncio.run(story()) == [b"body", None]


def test_an_agent_that_is_stopped_ends_what_it_had_in_hand_and_acknowledges_nothing() -> None:
    async def story() -> list[int]:
        work = _Work()

        async def agent() -> None:
            async with Hands(work.do, acknowledge=work.acknowledge) as hands:
                await hands.take(_Record(_Message("a", 1)))
                await asyncio.Event().wait()

        running = asyncio.create_task(agent())
        await _everybody_goes_on()
        running.cancel()
        await asyncio.wait([running])
        return work.told

    assert asyncio.run(story()) == []
