"""Webhooks of this very moment at a steady rate or in a burst, and a watch on when the warehouse shows some of them."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from msgspec import Struct

from analytics.warehouse import Reader
from angime.simulator.company import SALES
from angime.simulator.delivery import CHANGES_A_BODY, Parcel, whatsapp_parcels
from angime.simulator.live import callers, live_call, live_changes
from angime.simulator.story import Story
from tests.bench.answering import exchange, request

CONNECTIONS = 32
TALKING = 50  # calls that begin before the first of them ends
PROBES_A_SECOND = 5
LOOK_AGAIN_SECONDS = 0.1
LONGEST_SECONDS = 60.0  # for so long what was probed is waited for
SEEN = """
    select provider_call_id, outcome from facts.calls
    where company = 'demo' and started_at >= now() - interval 1 hour
        and provider_call_id in (select unnest($calls))
"""


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
        self._contacts = callers(story, chance=self._chance)
        self._awaited: dict[tuple[str, bool], float] = {}
        self.seen: list[Seen] = []
        self.calls: set[str] = set()

    async def steadily(self, *, events_a_second: float, seconds: float) -> float:
        """Send beginnings and ends of calls, each at its moment; gives how late the last of them was sent."""
        began = time.monotonic()
        every = max(1, round(events_a_second / PROBES_A_SECOND))
        queue: asyncio.Queue[tuple[float, Parcel, tuple[str, bool] | None] | None] = asyncio.Queue(CONNECTIONS)
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
            for number in range(round(seconds * events_a_second)):
                due_at = began + number / events_a_second
                await asyncio.sleep(due_at - time.monotonic())
                call, parcel, is_end = next(turns)
                await queue.put((due_at, parcel, (call, is_end) if number % every == 0 else None))
            for _ in range(CONNECTIONS):
                await queue.put(None)

        async with asyncio.TaskGroup() as tasks:
            for job in (plan, *(work for _ in range(CONNECTIONS))):
                tasks.create_task(job())
        return late_seconds

    def packed(self, events: int) -> list[bytes]:
        """Pack so many events into bodies as Meta does when it has much to tell: ready to be sent."""
        now, changes = int(time.time()), []
        for _ in range(events // 2):
            call, *told = live_changes(self._chance, next(self._contacts), after=self._story.now, now=now)
            self.calls.add(call.id)
            changes += told
        parcels = whatsapp_parcels(changes, line=SALES, changes_a_body=CHANGES_A_BODY)
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
        """Look as pages do until it is over and all that was probed was seen, or was waited for too long."""
        while not is_over() or self._awaited:
            asked = dict(self._awaited)
            if asked:
                calls = list({call for call, _ in asked})
                rows = await asyncio.to_thread(lambda calls=calls: reader.sql(SEEN, {"calls": calls}).rows())
                self._note(asked, outcomes=dict(rows))
            await asyncio.sleep(LOOK_AGAIN_SECONDS)

    def _note(self, asked: dict[tuple[str, bool], float], *, outcomes: dict[str, str]) -> None:
        looked_at = time.monotonic()
        for (call, is_end), answered_at in asked.items():
            is_there = call in outcomes and (not is_end or outcomes[call] != "in_progress")
            if is_there or looked_at - answered_at > LONGEST_SECONDS:
                del self._awaited[call, is_end]
                self.seen.append(Seen(answered_at, looked_at - answered_at))

    def _in_turn(self) -> Iterator[tuple[str, Parcel, bool]]:
        """Let calls begin and end in turn, each end some calls after its beginning."""
        talking: list[tuple[str, Parcel]] = []
        while True:
            one = live_call(self._chance, next(self._contacts), after=self._story.now, now=int(time.time()))
            self.calls.add(one.call.id)
            talking.append((one.call.id, one.ends))
            yield one.call.id, one.begins, False
            if len(talking) > TALKING:
                call, ends = talking.pop(0)
                yield call, ends, True

    async def _connection(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        place = urlsplit(self._base_url)
        return await asyncio.open_connection(place.hostname, place.port)
