"""How soon the warehouse shows what was just answered with 200: measured call by call, with the pages' reader."""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import asynccontextmanager

from msgspec import Struct

from angime.simulator import sending
from angime.simulator.live import LiveCall, callers, live_calls
from angime.simulator.story import Call, Story
from angime.simulator.truth import ReadSql

CALLS = 50
EVENTS_A_SECOND = 20
LONGEST_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.02
SEEN = """
    select provider_call_id, outcome from facts.calls
    where company = 'demo' and started_at >= now() - interval 1 hour
"""

Awaited = dict[tuple[str, bool], float]  # call and whether its end is awaited, when its webhook was answered


class Freshness(Struct, frozen=True, kw_only=True):
    """Seconds from a webhook's answer to its row, sorted; an event that never came counts as the longest wait."""

    calls: tuple[Call, ...]
    seconds: tuple[float, ...]

    @property
    def p95_seconds(self) -> float:
        """The 95th percentile: the smallest wait that 95 of 100 events kept to."""
        return self.seconds[-(-len(self.seconds) * 95 // 100) - 1]


def measure(
    story: Story, *, base_url: str, read_sql: ReadSql, calls: int = CALLS, events_a_second: float = EVENTS_A_SECOND
) -> Freshness:
    """Let `calls` calls begin and end now, at `events_a_second`, and watch when the warehouse shows each."""
    return asyncio.run(
        _measure(story, base_url=base_url, read_sql=read_sql, calls=calls, pause_seconds=1 / events_a_second)
    )


async def _measure(story: Story, *, base_url: str, read_sql: ReadSql, calls: int, pause_seconds: float) -> Freshness:
    chance = random.Random(f"{story.seed}/{time.time_ns()}")  # noqa: S311  # a story, not a secret
    contacts = callers(story, chance=chance)
    live = live_calls(chance, contacts, after=story.now, now=int(time.time()), count=calls)
    awaited: Awaited = {}
    seen: list[float] = []
    async with _watching(awaited, seen, wanted=2 * calls, read_sql=read_sql):
        await _send(live, awaited, base_url=base_url, seed=story.seed, pause_seconds=pause_seconds)
    missing = [LONGEST_SECONDS] * (2 * calls - len(seen))
    return Freshness(calls=tuple(one.call for one in live), seconds=tuple(sorted([*seen, *missing])))


async def _send(live: list[LiveCall], awaited: Awaited, *, base_url: str, seed: int, pause_seconds: float) -> None:
    """Send beginnings and ends in turn, each call's end some calls after its beginning."""
    async with sending.connect() as client:
        for one, is_end in _in_turn(live):
            began = time.monotonic()
            await sending.post(client, one.ends if is_end else one.begins, base_url=base_url, seed=seed)
            awaited[one.call.id, is_end] = time.monotonic()
            await asyncio.sleep(max(0.0, pause_seconds - (time.monotonic() - began)))


def _in_turn(live: list[LiveCall]) -> Iterator[tuple[LiveCall, bool]]:
    talking = min(5, len(live))
    for number, one in enumerate(live):
        yield one, False
        if number >= talking:
            yield live[number - talking], True
    yield from ((one, True) for one in live[-talking:])


@asynccontextmanager
async def _watching(awaited: Awaited, seen: list[float], *, wanted: int, read_sql: ReadSql) -> AsyncGenerator[None]:
    """Look again and again while events are sent, and after that until all were seen or the longest wait is over."""
    watcher = asyncio.create_task(_watch(awaited, seen, wanted=wanted, read_sql=read_sql))
    try:
        yield
        await asyncio.wait({watcher}, timeout=LONGEST_SECONDS)
    finally:
        watcher.cancel()
        await asyncio.gather(watcher, return_exceptions=True)


async def _watch(awaited: Awaited, seen: list[float], *, wanted: int, read_sql: ReadSql) -> None:
    while len(seen) < wanted:
        rows = await asyncio.to_thread(lambda: read_sql(SEEN, {}).to_dicts())
        looked_at = time.monotonic()
        outcomes = {row["provider_call_id"]: row["outcome"] for row in rows}
        for key in list(awaited):
            id_, is_end = key
            if id_ in outcomes and (not is_end or outcomes[id_] != "in_progress"):
                seen.append(max(0.0, looked_at - awaited.pop(key)))
        await asyncio.sleep(LOOK_AGAIN_SECONDS)
