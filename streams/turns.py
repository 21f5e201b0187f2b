"""Turns: what was heard in each channel becomes the order in which people spoke. Pure: figures in, figures out."""

from collections.abc import Iterable, Sequence
from typing import Final

from msgspec import Struct, structs

from schemas.people import Role
from schemas.transcripts import Grade, Turn, Word

BLEED_DECIBELS: Final = 6.0  # the other channel louder by more than this: what we hear here is the other's voice
TURN_GAP_SECONDS: Final = 0.8  # a shorter pause of the same speaker belongs to the turn


class Span(Struct, frozen=True, kw_only=True):
    """A stretch of one channel in which a voice sounds; seconds from the recording's start.

    `speaker` counts the voices of a channel from 0; None where they are not told apart.
    """

    channel: int
    start_seconds: float
    end_seconds: float
    speaker: int | None = None


class Segment(Struct, frozen=True, kw_only=True):
    """A span with what was said in it; `confidence` is 0-1, None when nobody says how sure he is."""

    span: Span
    text: str
    confidence: float | None = None
    words: tuple[Word, ...] = ()


def is_bleed(span: Span, *, levels_decibels: Sequence[float]) -> bool:
    """Whether a span is only another channel's voice leaking in; one level per channel, over the span."""
    own = levels_decibels[span.channel]
    others = (level for channel, level in enumerate(levels_decibels) if channel != span.channel)
    return any(level - own > BLEED_DECIBELS for level in others)


def turns(segments: Iterable[Segment], *, roles: Sequence[Role]) -> tuple[Turn, ...]:
    """Join segments of a voice that follow each other in less than 0.8 s, and order the turns by their start.

    `roles` names the speaker of each channel; a channel beyond it is unknown. Segments may come in any order.
    """
    joined: list[list[Segment]] = []
    for segment in sorted(segments, key=lambda one: (one.span.channel, one.span.start_seconds)):
        if joined and _belongs(segment, before=joined[-1][-1]):
            joined[-1].append(segment)
        else:
            joined.append([segment])
    made = (_turn(parts, role=_role(parts[0].span.channel, roles=roles)) for parts in joined)
    # Those that begin at once stay in the order of their channels.
    return tuple(sorted(made, key=lambda turn: turn.start_seconds))


def with_roles(made: Sequence[Turn], *, first_voice: Role) -> tuple[Turn, ...]:
    """Name the two voices of one channel, where it is known who speaks first; the other is the other side."""
    other: dict[Role, Role] = {"operator": "customer", "customer": "operator"}
    if first_voice not in other:
        return tuple(made)
    named = {0: first_voice, 1: other[first_voice]}
    return tuple(
        turn if turn.speaker is None else structs.replace(turn, role=named.get(turn.speaker, "unknown"))
        for turn in made
    )


def grade(made: Sequence[Turn]) -> Grade:
    """How fine a transcript is: words when every word has its time, segments when there is text, else turns."""
    texts = [turn for turn in made if turn.text]
    if not texts:
        return "turns"
    words = [word for turn in texts for word in turn.words]
    has_every_word = all(turn.words for turn in texts)
    has_every_time = all(word.start_seconds is not None and word.end_seconds is not None for word in words)
    return "words" if has_every_word and has_every_time else "segments"


def _belongs(segment: Segment, *, before: Segment) -> bool:
    is_same_voice = (segment.span.channel, segment.span.speaker) == (before.span.channel, before.span.speaker)
    return is_same_voice and segment.span.start_seconds - before.span.end_seconds < TURN_GAP_SECONDS


def _role(channel: int, *, roles: Sequence[Role]) -> Role:
    return roles[channel] if channel < len(roles) else "unknown"


def _turn(parts: Sequence[Segment], *, role: Role) -> Turn:
    return Turn(
        channel=parts[0].span.channel,
        speaker=parts[0].span.speaker,
        role=role,
        start_seconds=round(parts[0].span.start_seconds, 3),
        end_seconds=round(max(part.span.end_seconds for part in parts), 3),
        text=" ".join(part.text for part in parts if part.text),
        confidence=_confidence(parts),
        words=tuple(word for part in parts for word in part.words),
    )


def _confidence(parts: Sequence[Segment]) -> float | None:
    """Mean over the parts that have one, weighted by their seconds."""
    sure = [
        (part.confidence, part.span.end_seconds - part.span.start_seconds)
        for part in parts
        if part.confidence is not None
    ]
    weight = sum(seconds for _, seconds in sure)
    if weight <= 0:
        return None
    return round(sum(confidence * seconds for confidence, seconds in sure) / weight, 4)
