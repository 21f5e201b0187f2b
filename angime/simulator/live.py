"""Traffic of this very moment: calls that begin and end now, for measuring freshness and for a page that moves."""

import asyncio
import random
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from msgspec import Struct
from msgspec.structs import replace

from angime.simulator import chats, sending, whatsapp
from angime.simulator.attempts import new_id
from angime.simulator.company import PEOPLE, SALES
from angime.simulator.delivery import Parcel, whatsapp_parcels
from angime.simulator.story import Call, Contact, Direction, Leg, Story

ANSWERED = 0.8  # share of live calls that somebody picks up
PATIENCE_SECONDS = 25
LONGEST_SECONDS = 55
TRICKLE_SECONDS = 30  # a call of the trickle, with its ringing
PAUSE_SECONDS = (2.0, 7.0)
OPERATORS = tuple(person.id for person in PEOPLE if person.team in SALES.teams)


class LiveCall(Struct, frozen=True, kw_only=True):
    """A call of now, and what Meta tells of it, from its beginning to its end."""

    call: Call
    changes: tuple[whatsapp.Change, ...]

    @property
    def told(self) -> tuple[Parcel, ...]:
        """What is told of it, each in a parcel of its own."""
        return tuple(whatsapp_parcels(self.changes, line=SALES, changes_a_body=1))

    @property
    def begins(self) -> Parcel:
        """What tells that it began."""
        return self.told[0]

    @property
    def ends(self) -> Parcel:
        """What tells that it ended."""
        return self.told[-1]


def live_call(  # noqa: PLR0913  # a call's circumstances, told apart by name
    chance: random.Random,
    contact: Contact,
    *,
    after: int,
    now: int,
    direction: Direction = "incoming",
    is_answered: bool = True,
    operator: str | None = None,
) -> LiveCall:
    """Let `contact` call on WhatsApp, or be called, in the minute before `now`, so that all may be told at once.

    It begins after `after`, be it the story's end, which is how live calls of an earlier demo are known. Where no
    `operator` is named who talks, one is drawn, who may be talking already. Meta tells two things of an incoming call
    (connect, terminate), and up to four of ours (that it rang, and was accepted).
    """
    began_at = max(now - LONGEST_SECONDS + chance.randrange(5), after + 1)
    call = Call(
        id=new_id(chance, SALES, at=began_at),
        account=SALES.account,
        source=SALES.source,
        direction=direction,
        outcome="missed" if direction == "incoming" else "no_answer",
        contact=contact,
        began_at=began_at,
        rang_at=began_at,
        ended_at=min(began_at + PATIENCE_SECONDS, now),
    )
    if is_answered:
        call = _picked_up(chance, call, operator=operator or chance.choice(OPERATORS), ended_at=now)
    changes = whatsapp.changes_of_call(chance, call, line=SALES, contact=contact)
    return LiveCall(call=call, changes=tuple(changes))


def live_calls(
    chance: random.Random, contacts: Iterator[Contact], *, after: int, now: int, count: int
) -> list[LiveCall]:
    """Let so many contacts call in the minute before `now`, each operator taking one of the calls after the other."""
    first = max(now - LONGEST_SECONDS, after)
    turns = -(-count // len(OPERATORS))
    spans = pairwise(first + (now - first) * turn // turns for turn in range(turns + 1))
    taken = [(operator, begins, ends) for begins, ends in spans for operator in OPERATORS]
    return [
        live_call(chance, next(contacts), after=begins, now=ends, operator=operator)
        for operator, begins, ends in taken[:count]
    ]


def live_messages(chance: random.Random, contact: Contact, *, after: int, now: int) -> list[Parcel]:
    """Let `contact` write, and us answer within the last minutes; after the story's end, `after`, as live calls are."""
    written = chats.conversation(chance, SALES, contact=contact, at=max(now - 120, after + 1), now=now)
    changes = [change for message in written for change in whatsapp.changes_of_message(message, line=SALES)]
    return whatsapp_parcels(changes, line=SALES)


def callers(story: Story, *, chance: random.Random) -> Iterator[Contact]:
    """Draw contacts of the story, for ever."""
    known = [call.contact for call in story.calls if call.account == SALES.account and call.contact is not None]
    return drawn(known, chance=chance)


def drawn(people: Sequence[Contact], *, chance: random.Random) -> Iterator[Contact]:
    """Draw one of these people after the other, for ever."""
    while True:
        yield chance.choice(people)


def _picked_up(chance: random.Random, call: Call, *, operator: str, ended_at: int) -> Call:
    answered_at = min(call.began_at + chance.randint(3, 12), ended_at - 1)
    leg = Leg(operator=operator, rang_at=call.began_at, answered_at=answered_at, ended_at=ended_at)
    return replace(
        call,
        outcome="answered",
        answered_at=answered_at,
        ended_at=ended_at,
        talk_seconds=ended_at - answered_at,
        operator=operator,
        legs=(leg,),
    )


def trickle(story: Story, *, base_url: str, is_over: Callable[[], bool]) -> None:
    """Let somebody write, and one after the other call for half a minute, until `is_over`."""
    asyncio.run(_trickle(story, base_url=base_url, is_over=is_over))


async def _trickle(story: Story, *, base_url: str, is_over: Callable[[], bool]) -> None:
    chance = random.Random(time.time_ns())  # noqa: S311  # a story, not a secret
    contacts = callers(story, chance=chance)
    async with sending.connect() as client:
        while not is_over():
            now = int(time.time())
            for letter in live_messages(chance, next(contacts), after=story.now, now=now):
                await sending.post(client, letter, base_url=base_url, seed=story.seed)
            is_answered = chance.random() < ANSWERED
            begins_after = max(story.now, now - 1)
            ends_at = begins_after + TRICKLE_SECONDS
            one = live_call(chance, next(contacts), after=begins_after, now=ends_at, is_answered=is_answered)
            await sending.post(client, one.begins, base_url=base_url, seed=story.seed)
            await asyncio.sleep(TRICKLE_SECONDS)
            await sending.post(client, one.ends, base_url=base_url, seed=story.seed)
            await asyncio.sleep(chance.uniform(*PAUSE_SECONDS))
