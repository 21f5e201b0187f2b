"""The oracle of what was said: turns drawn for some calls of the story, and their figures counted tick by tick."""

import random
import statistics
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import groupby, pairwise

from msgspec import Struct

from angime.simulator.story import Call, Story
from schemas import ids, transcripts
from schemas.envelope import Event, event
from tests.analytics.oracle import Aggregate, Row, is_left_out, middle, row_of

TICK_MS = 100
EVERY = 5  # of the answered calls, one in so many became text
NODS = ("да", "угу", "ok sure")
SAID = (*NODS, "how much is it?", "I will send it tomorrow", "күте тұрыңыз", "really?? no?", "agora não, obrigado")
HOUR_MS, MINUTE_MS = 3_600_000, 60_000
INTERRUPTING_MS, AFTER_MS, BEFORE_MS, DEAD_AIR_MS = 700, 300, 200, 3_000


class Spoken(Struct, frozen=True, kw_only=True):
    """A turn: which side speaks from when to when, in milliseconds, and what."""

    side: str
    start: int
    end: int
    text: str


class Talk(Struct, frozen=True, kw_only=True):
    """What was said in one call, and whether each side had a channel of its own."""

    call: Call
    turns: tuple[Spoken, ...]
    duration: int
    has_channels: bool


class Part(Struct, frozen=True):
    """What a call adds above and below the line."""

    above: int
    below: int


def talks(story: Story) -> list[Talk]:
    """Draw what was said, the same each time; sides may speak at once, be silent for long, or never speak."""
    answered = [call for call in story.calls if call.outcome == "answered"][::EVERY]
    chance = random.Random(story.seed)
    return [_talk(chance, call, number=number) for number, call in enumerate(answered)]


def _talk(chance: random.Random, call: Call, *, number: int) -> Talk:
    turns: list[Spoken] = []
    at = 0
    for _ in range(number % 12):
        at = max(0, at + TICK_MS * chance.randrange(-12, 45))
        end = at + TICK_MS * chance.randrange(2, 60)
        side = chance.choice(("operator", "customer"))
        turns.append(Spoken(side=side, start=at, end=end, text=chance.choice(SAID)))
        at = end
    turns.sort(key=lambda turn: (turn.start, turn.end, turn.side))
    last = max((turn.end for turn in turns), default=0)
    return Talk(call=call, turns=tuple(turns), duration=last + TICK_MS * (number % 50), has_channels=number % 6 > 0)


def told(talk: Talk, *, company_id: str) -> Event:
    """Tell it as the transcriber does."""
    call = talk.call
    at = f"{datetime.fromtimestamp((call.ended_at or call.began_at) + 60, UTC):%Y-%m-%dT%H:%M:%S}.000Z"
    sides = ("operator", "customer")
    fact = transcripts.CallTranscribed(
        call_id=ids.call_id(call.source, call.account, call.id),
        provider_call_id=call.id,
        recording_id=ids.recording_id(call.source, call.account, call.id),
        origin="whisperx",
        model="drawn",
        language="unknown",
        grade="segments",
        duration_seconds=talk.duration / 1000,
        channels=2,
        separation="channels" if talk.has_channels else "voices",
        turns=tuple(
            transcripts.Turn(
                channel=sides.index(turn.side),
                role="operator" if turn.side == "operator" else "customer",
                start_seconds=turn.start / 1000,
                end_seconds=turn.end / 1000,
                text=turn.text,
            )
            for turn in talk.turns
        ),
    )
    return event(
        fact,
        id=ids.fact_id(call.source, call.account, "call.transcribed", call.id),
        source=call.source,
        account=call.account,
        company=company_id,
        time=at,
        recordedat=at,
        key=fact.call_id,
    )


def metrics(story: Story) -> dict[str, tuple[list[Row], Aggregate]]:
    """Give, for each metric of talk, the rows that it counts and how."""
    known = [talk for talk in talks(story) if not is_left_out(talk.call)]
    apart = [talk for talk in known if talk.has_channels]
    texts = [talk for talk in known if talk.turns]

    def parts(found: Sequence[Talk], above: Callable[[Talk], int], below: Callable[[Talk], int] = _length) -> list[Row]:
        return [row_of(talk.call, Part(above(talk), below(talk))) for talk in found]

    def longest(side: str) -> list[Row]:
        alone = [[ms for who, ms in _stretches(talk) if who == {side}] for talk in known]
        return [row_of(talk.call, max(stretches, default=0)) for talk, stretches in zip(known, alone, strict=True)]

    def interruptions(side: str) -> tuple[list[Row], Aggregate]:
        return parts(apart, lambda talk: _interruptions(talk, side)), per(HOUR_MS)

    def each(found: Sequence[Talk], counted: Callable[[Talk], int]) -> tuple[list[Row], Aggregate]:
        return [row_of(talk.call, counted(talk)) for talk in found], statistics.median

    def pace(side: str) -> tuple[list[Row], Aggregate]:
        return parts(texts, lambda talk: _words(talk, side), lambda talk: _speech(talk, side)), per(MINUTE_MS)

    patience = [row_of(talk.call, _patience(talk)) for talk in known]
    return {
        "talk_ratio": (parts(known, lambda talk: _speech(talk, "operator"), _all_speech), per(1)),
        "talk_share": (parts(known, lambda talk: _speech(talk, "operator")), per(1)),
        "silence_share": (parts(known, lambda talk: sum(_silences(talk))), per(1)),
        "dead_air_share": (parts(known, lambda talk: sum(ms for ms in _silences(talk) if ms >= DEAD_AIR_MS)), per(1)),
        "overlap_share": (parts(apart, lambda talk: sum(ms for who, ms in _stretches(talk) if len(who) == 2)), per(1)),
        "operator_monologue_seconds_median": (longest("operator"), middle),
        "customer_monologue_seconds_median": (longest("customer"), middle),
        "patience_seconds_median": (patience, middle),
        "operator_interruptions_per_hour": interruptions("operator"),
        "customer_interruptions_per_hour": interruptions("customer"),
        "switches_per_hour": (parts(known, _switches), per(HOUR_MS)),
        "switches_per_call_median": each(known, _switches),
        "operator_questions_per_hour": (parts(texts, lambda talk: _questions(talk, "operator")), per(HOUR_MS)),
        "operator_questions_per_call_median": each(texts, lambda talk: _questions(talk, "operator")),
        "customer_questions_per_hour": (parts(texts, lambda talk: _questions(talk, "customer")), per(HOUR_MS)),
        "customer_questions_per_call_median": each(texts, lambda talk: _questions(talk, "customer")),
        "operator_words_per_minute": pace("operator"),
        "customer_words_per_minute": pace("customer"),
    }


def per(scale: int) -> Aggregate:
    """What stands above the line, for each of what stands below it; of nothing there is no share."""

    def ratio(parts: Sequence[Part]) -> float | None:
        below = sum(part.below for part in parts)
        return sum(part.above for part in parts) * scale / below if below else None

    return ratio


def _length(talk: Talk) -> int:
    return talk.duration


def _ticks(talk: Talk) -> Iterator[set[str]]:
    for at in range(0, talk.duration, TICK_MS):
        yield {turn.side for turn in talk.turns if turn.start <= at < turn.end}


def _stretches(talk: Talk) -> list[tuple[set[str], int]]:
    """Give who speaks, and for how long nothing changes in it."""
    return [(who, len(list(same)) * TICK_MS) for who, same in groupby(_ticks(talk))]


def _speech(talk: Talk, side: str) -> int:
    return sum(TICK_MS for who in _ticks(talk) if side in who)


def _all_speech(talk: Talk) -> int:
    return _speech(talk, "operator") + _speech(talk, "customer")


def _silences(talk: Talk) -> list[int]:
    return [ms for who, ms in _stretches(talk) if not who]


def _patience(talk: Talk) -> float | None:
    """The middle of the pauses that the operator leaves after the customer, in milliseconds."""
    stretches = _stretches(talk)
    pauses: list[int] = []
    for number, (who, ms) in enumerate(stretches[1:], start=1):
        follows_customer = stretches[number - 1][0] == {"customer"}
        is_operator_next = number + 1 < len(stretches) and "operator" in stretches[number + 1][0]
        if follows_customer and who == {"operator"}:
            pauses.append(0)
        if follows_customer and not who and is_operator_next:
            pauses.append(ms)
    return statistics.median(pauses) if pauses else None


def _interruptions(talk: Talk, side: str) -> int:
    return sum(
        any(other.side != side and other.start + AFTER_MS < turn.start < other.end - BEFORE_MS for other in talk.turns)
        for turn in talk.turns
        if turn.side == side and turn.end - turn.start > INTERRUPTING_MS and turn.text not in NODS
    )


def _switches(talk: Talk) -> int:
    return sum(one.side != other.side for one, other in pairwise(talk.turns))


def _questions(talk: Talk, side: str) -> int:
    marks = {"how much is it?": 1, "really?? no?": 2}
    return sum(marks.get(turn.text, 0) for turn in talk.turns if turn.side == side)


def _words(talk: Talk, side: str) -> int:
    return sum(len(turn.text.split()) for turn in talk.turns if turn.side == side)
