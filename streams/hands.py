"""Events done side by side and acknowledged in their order: one that waits for a provider holds up no other."""

import asyncio
from collections import defaultdict, deque
from collections.abc import Awaitable, Callable, Hashable
from types import TracebackType
from typing import Any, Protocol, Self

# Of one stream: all that may be done behind one that still waits. Of what is done no body is kept, so these are 60 MB.
MAX_IN_HAND = 50_000


class Message(Protocol):
    """A Kafka record as Faust hands it out: where it comes from, and its body."""

    tp: Hashable
    value: Any


class Record(Protocol):
    """What a stream yields."""

    @property
    def message(self) -> Message:
        """The record itself."""
        ...


class _Place:
    """One record's place in the line of its partition."""

    def __init__(self, message: Message) -> None:
        self.message = message
        self.is_done = False


class Hands:
    """What one stream's events are done with; an `async with` inside the agent, whose end cancels what is unfinished.

    `do` does one event whole and never raises. `acknowledge` is called for a record when it and all before it in its
    partition are done: a worker that dies does again what was unfinished, and what was done behind it. Faust's own
    acknowledging would pass over the unfinished one (its issue 606), so it has to be off for the stream.
    """

    def __init__(
        self,
        do: Callable[[Any], Awaitable[None]],
        *,
        acknowledge: Callable[[Any], object],
        at_most: int = MAX_IN_HAND,
    ) -> None:
        self._do = do
        self._acknowledge = acknowledge
        self._room = asyncio.Semaphore(at_most)
        self._lines: defaultdict[Hashable, deque[_Place]] = defaultdict(deque)
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._tasks.__aexit__(kind, error, traceback)

    async def take(self, record: Record) -> None:
        """Begin an event; waits only where too many are in hand."""
        await self._room.acquire()
        place = _Place(record.message)
        self._lines[record.message.tp].append(place)
        self._tasks.create_task(self._done(record, place))

    async def _done(self, record: Record, place: _Place) -> None:
        await self._do(record)
        place.is_done = True
        place.message.value = None  # no other agent reads the topic, and thousands may stand behind one that waits
        line = self._lines[place.message.tp]
        while line and line[0].is_done:
            self._acknowledge(line.popleft().message)
            self._room.release()
