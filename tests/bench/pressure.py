"""Webhooks of this very moment at a steady rate or in a burst, and a watch on when the warehouse shows some of them."""

import asyncio
import random
import sys
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from itertools import cycle, islice
from pathlib import Path

from msgspec import Struct

from analytics.warehouse import Reader
from angime.simulator.company import SALES
from angime.simulator.delivery import CHANGES_A_BODY, Parcel, whatsapp_parcels
from angime.simulator.live import drawn, live_call
from angime.simulator.people import contacts
from angime.simulator.story import Direction, Story
from tests.bench.posting import Known, post, request

CONNECTIONS = 64  # so that each request finds one free at its moment while answers take an eighth of a second
# In turn: Meta tells two things of a call that comes in and four of one of ours, so that a call is three events.
DIRECTIONS: tuple[Direction, ...] = ("incoming", "outgoing")
# Whoever has so many calls has so many contacts; those of a small story would each call hundreds of times.
CONTACTS = 40_000
TALKING = 50  # calls that begin while one lasts
MADE_AHEAD = 100  # requests at a time, of a fifth of a second: each by itself takes three times as long
PROBES_A_SECOND = 5
LOOK_AGAIN_SECONDS = 0.1
LONGEST_SECONDS = 60.0  # for so long what was probed is waited for
# A call begins a minute before it is told of.
SEEN = """
    select provider_call_id, outcome from facts.calls
    where company = 'demo' and started_at >= now() - interval 3 minutes
        and provider_call_id in (select unnest($calls))
"""
# Says on a line of its own that the catalog was written. In a process of its own, for two copies of SQLite in one
# process would break each other's locks; a reader would take a hundred times as long to say of what state it is.
TELLS_NEWS = """
import sqlite3, sys, time
catalog, before = sqlite3.connect(sys.argv[1], isolation_level=None), None
while True:
    [now] = catalog.execute("pragma data_version").fetchone()
    if now != before:
        print(flush=True)
    before = now
    time.sleep(float(sys.argv[2]))
"""
MOST_NEWS = 1024  # lines read at once
LONGEST_WITHOUT_NEWS_SECONDS = 1.0  # then is looked all the same


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

        def note(probe: Probe | None) -> None:
            if probe is not None:
                self._awaited[probe] = time.monotonic()

        made = self._made(round(seconds * events_a_second), events_a_second=events_a_second)
        return await post(
            _ahead(made),
            base_url=self._base_url,
            connections=CONNECTIONS,
            a_second=events_a_second,
            on_answer=note,
        )

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
        await post(
            ((one, None) for one in requests),
            base_url=self._base_url,
            connections=CONNECTIONS,
            a_second=len(requests) / seconds,
            on_answer=lambda _: None,
        )
        return time.monotonic() - began

    async def watch(self, reader: Reader, *, catalog: Path, is_over: Callable[[], bool]) -> None:
        """Look until it is over and all that was probed was seen, or was waited for too long.

        Calls are asked for, as pages do it, only when the catalog was written.
        """
        async with _news(catalog) as news:
            while not is_over() or self._awaited:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LONGEST_WITHOUT_NEWS_SECONDS):
                        if not await news.read(MOST_NEWS):
                            raise RuntimeError("nobody tells of news any more")
                asked = dict(self._awaited)
                if asked:
                    calls = list({call for call, _ in asked})
                    rows = await asyncio.to_thread(lambda calls=calls: reader.sql(SEEN, {"calls": calls}).rows())
                    self._note(asked, outcomes=dict(rows))

    def _note(self, asked: dict[Probe, float], *, outcomes: dict[str, str]) -> None:
        looked_at = time.monotonic()
        for (call, is_end), answered_at in asked.items():
            is_there = call in outcomes and (not is_end or outcomes[call] != "in_progress")
            if is_there or looked_at - answered_at > LONGEST_SECONDS:
                del self._awaited[call, is_end]
                self.seen.append(Seen(answered_at, looked_at - answered_at))

    def _made(self, count: int, *, events_a_second: float) -> Iterator[tuple[bytes, Probe | None]]:
        """Make so many requests of what is told in turn, with some of them what is looked for when it was answered."""
        probed = 0
        for number, (parcel, probe) in enumerate(islice(self._in_turn(), count)):
            asked = request(parcel, base_url=self._base_url, seed=self._story.seed)
            is_due = number * PROBES_A_SECOND >= probed * events_a_second
            if probe is None or probe[1] != bool(probed % 2) or not is_due:
                yield asked, None
            else:
                yield asked, probe
                probed += 1

    def _in_turn(self) -> Iterator[tuple[Parcel, Probe | None]]:
        """Let calls begin in turn; what is told of one lies evenly between its beginning and its end."""
        coming: defaultdict[int, list[tuple[Parcel, Probe | None]]] = defaultdict(list)
        for turn, direction in enumerate(cycle(DIRECTIONS)):
            now = int(time.time())
            one = live_call(self._chance, next(self._contacts), after=self._story.now, now=now, direction=direction)
            told = one.told
            last = len(told) - 1
            for place, parcel in enumerate(told):
                probe = (one.call.id, place == last) if place in {0, last} else None
                coming[turn + TALKING * place // last].append((parcel, probe))
            for parcel, probe in coming.pop(turn):
                if probe is not None:
                    self.calls.add(probe[0])
                yield parcel, probe


def _ahead(made: Iterator[Known]) -> Iterator[Known]:
    """Make some requests in one go, shortly before the moment of the first."""
    while some := list(islice(made, MADE_AHEAD)):
        yield from some


@asynccontextmanager
async def _news(catalog: Path) -> AsyncGenerator[asyncio.StreamReader]:
    """Give the lines of whoever watches a catalog."""
    words = ("-I", "-S", "-c", TELLS_NEWS, str(catalog), str(LOOK_AGAIN_SECONDS))
    process = await asyncio.create_subprocess_exec(sys.executable, *words, stdout=asyncio.subprocess.PIPE)
    try:
        yield process.stdout
    finally:
        process.kill()
        await process.wait()
