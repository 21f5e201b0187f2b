"""Webhooks of this very moment at a steady rate or in a burst, and a watch on when the warehouse shows some of them."""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from itertools import cycle
from urllib.parse import urlsplit

from msgspec import Struct

from analytics.warehouse import Reader
from angime.simulator.company import SALES
from angime.simulator.delivery import CHANGES_A_BODY, Parcel, whatsapp_parcels
from angime.simulator.live import drawn, live_call
from angime.simulator.people import contacts
from angime.simulator.story import Direction, Story
from tests.bench.answering import exchange, request

CONNECTIONS = 32
# In turn: Meta tells two things of a call that comes in and four of one of ours, so that a call is three events.
DIRECTIONS: tuple[Direction, ...] = ("incoming", "outgoing")
# Whoever has so many calls has so many contacts; those of a small story would each call hundreds of times.
CONTACTS = 40_000
TALKING = 50  # calls that begin while one lasts
PROBES_A_SECOND = 5
LOOK_AGAIN_SECONDS = 0.1
LONGEST_SECONDS = 60.0  # for so long what was probed is waited for
SEEN = """
    select provider_call_id, outcome from facts.calls
    where company = 'demo' and started_at >= now() - interval 1 hour
        and provider_call_id in (select unnest($calls))
"""


Probe = tuple[str, bool]  # a call, and whether it is its end that is looked for


class Seen(Struct, frozen=True):
    """One webhook that was watched: when it was answered, and after how many seconds the warehouse showed it."""

    answered_at: float
    seconds: float


class Pressure:
    """Sends to one receiver what a story's contacts do now, and remembers which calls must be there in the end."""

    def __init__(self, story: Story, *, base_url: str) -> None:
        self._story = story
        self._base_url = base_url
        self._chance = random.Random(f"{story.seed}/pressure")
        self._contacts = drawn(contacts(self._chance, pool="kz", count=CONTACTS), chance=self._chance)
        self._awaited: dict[Probe, float] = {}
        self.seen: list[Seen] = []
        self.calls: set[str] = set()

    async def steadily(self, *, events_a_second: float, seconds: float) -> float:
        """Send what is told of calls, each at its moment; gives how late the last was sent.

        Beginnings and ends are probed by turns.
        """
        began = time.monotonic()
        queue: asyncio.Queue[tuple[float, Parcel, Probe | None] | None] = asyncio.Queue(CONNECTIONS)
        late_seconds = 0.0

        async def work() -> None:
            nonlocal late_seconds
            reader, writer = await self._connection()
            while (one := await queue.get()) is not None:
                due_at, parcel, probe = one
                late_seconds = time.monotonic() - due_at
                await exchange(reader, writer, request(parcel, base_url=self._base_url, seed=self._story.seed))
                if probe is not None:
                    self._awaited[probe] = time.monotonic()
            writer.close()

        async def plan() -> None:
            turns = self._in_turn()
            probed = 0
            for number in range(round(seconds * events_a_second)):
                due_at = began + number / events_a_second
                await asyncio.sleep(due_at - time.monotonic())
                parcel, probe = next(turns)
                is_due = number * PROBES_A_SECOND >= probed * events_a_second
                if probe is None or probe[1] != bool(probed % 2) or not is_due:
                    await queue.put((due_at, parcel, None))
                else:
                    await queue.put((due_at, parcel, probe))
                    probed += 1
            for _ in range(CONNECTIONS):
                await queue.put(None)

        async with asyncio.TaskGroup() as tasks:
            for job in (plan, *(work for _ in range(CONNECTIONS))):
                tasks.create_task(job())
        return late_seconds

    def packed(self, events: int) -> list[bytes]:
        """Pack so many events into bodies as Meta does when it has much to tell: ready to be sent."""
        now, changes, directions = int(time.time()), [], cycle(DIRECTIONS)
        while len(changes) < events:
            one = live_call(
                self._chance, next(self._contacts), after=self._story.now, now=now, direction=next(directions)
            )
            self.calls.add(one.call.id)
            changes += one.changes
        parcels = whatsapp_parcels(changes[:events], line=SALES, changes_a_body=CHANGES_A_BODY)
        return [request(one, base_url=self._base_url, seed=self._story.seed) for one in parcels]

    async def burst(self, requests: Sequence[bytes], *, seconds: float) -> float:
        """Send all within so many seconds, as far as the receiver takes them; gives the seconds that it took."""
        began = time.monotonic()
        waiting = iter(enumerate(requests))

        async def work() -> None:
            reader, writer = await self._connection()
            for number, one in waiting:
                await asyncio.sleep(began + number * seconds / len(requests) - time.monotonic())
                await exchange(reader, writer, one)
            writer.close()

        await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
        return time.monotonic() - began

    async def watch(self, reader: Reader, *, is_over: Callable[[], bool]) -> None:
        """Look until it is over and all that was probed was seen, or was waited for too long.

        Whether there is news is asked again and again; calls, as pages ask for them, only where there is some.
        """
        looked_at: int | None = None
        while not is_over() or self._awaited:
            asked = dict(self._awaited)
            state = await asyncio.to_thread(reader.snapshot_id)
            if asked and (state != looked_at or is_over()):
                calls = list({call for call, _ in asked})
                rows = await asyncio.to_thread(lambda calls=calls: reader.sql(SEEN, {"calls": calls}).rows())
                self._note(asked, outcomes=dict(rows))
                looked_at = state
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _note(self, asked: dict[Probe, float], *, outcomes: dict[str, str]) -> None:
        looked_at = time.monotonic()
        for (call, is_end), answered_at in asked.items():
            is_there = call in outcomes and (not is_end or outcomes[call] != "in_progress")
            if is_there or looked_at - answered_at > LONGEST_SECONDS:
                del self._awaited[call, is_end]
                self.seen.append(Seen(answered_at, looked_at - answered_at))

    def _in_turn(self) -> Iterator[tuple[Parcel, Probe | None]]:
        """Let calls begin in turn; what is told of one lies evenly between its beginning and its end."""
        coming: defaultdict[int, list[tuple[Parcel, Probe | None]]] = defaultdict(list)
        for turn, direction in enumerate(cycle(DIRECTIONS)):
            now = int(time.time())
            one = live_call(self._chance, next(self._contacts), after=self._story.now, now=now, direction=direction)
            self.calls.add(one.call.id)
            told = one.told
            last = len(told) - 1
            for place, parcel in enumerate(told):
                probe = (one.call.id, place == last) if place in {0, last} else None
                coming[turn + TALKING * place // last].append((parcel, probe))
            yield from coming.pop(turn)

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        place = urlsplit(self._base_url)
        return await asyncio.open_connection(place.hostname, place.port)
