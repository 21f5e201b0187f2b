"""The worker's knocking at Kafka: a door that is shut while it runs ends it, one at which nobody answers does not."""

import asyncio
from collections.abc import Iterator
from itertools import chain, repeat

from schemas.errors import AngimeError, Misconfigured, NotYet
from schemas.kafka_access import Access
from streams.worker import Door, knock_again


def test_who_is_refused_while_it_runs_gives_up_with_the_reason_and_who_finds_nobody_knocks_again() -> None:
    refusal = Misconfigured("Kafka does not let this user in")
    answers: Iterator[AngimeError | None] = chain([None, NotYet("nobody answers"), None], repeat(refusal))
    asked: list[AngimeError | None] = []

    def knock() -> None:
        asked.append(next(answers))
        if error := asked[-1]:
            raise error

    async def knock_until_refused() -> AngimeError:
        refused: asyncio.Queue[AngimeError] = asyncio.Queue()
        door = Door(access=Access(), encryption=None, knock=knock)
        knocking = asyncio.create_task(knock_again(door, give_up=refused.put_nowait, seconds=0.001))
        try:
            return await asyncio.wait_for(refused.get(), 30)
        finally:
            knocking.cancel()

    assert asyncio.run(knock_until_refused()) is refusal
    assert [type(error) for error in asked[:4]] == [type(None), NotYet, type(None), Misconfigured]
