"""What company data says of listening: which transcript counts, what is redacted, looked for and good."""

import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated, Final, Literal

from msgspec import Meta, Struct

from schemas.envelope import Name
from schemas.people import Direction, Role
from schemas.transcripts import SECRET_KINDS, SecretKind


class Listening(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a company's recordings are heard.

    `transcript` is the one reports use where a recording has both. `redact` lists the secrets that leave a transcript
    before it is kept; an empty list switches redaction off. `channel_roles` names, by source, who speaks in each
    channel, first channel first, where neither the event nor the account says so. `first_voice` names, by direction,
    who speaks first in a recording of one channel; where it is not given, its two voices are of unknown role.
    """

    transcript: Literal["whisperx", "provider"] = "whisperx"
    redact: tuple[SecretKind, ...] = SECRET_KINDS
    channel_roles: dict[str, tuple[Role, ...]] = {}
    first_voice: dict[Direction, Role] = {}


Figure = Literal[
    "talk_ratio",
    "talk_share",
    "silence_share",
    "overlap_share",
    "patience_seconds",
    "dead_airs",
    "switches",
    "operator_monologue_seconds",
    "customer_monologue_seconds",
    "operator_interruptions",
    "customer_interruptions",
    "operator_questions",
    "customer_questions",
    "operator_words_per_minute",
]
Language = Literal["en", "ru", "kk", "pt"]
MAX_FREE_WORDS: Final = 4  # of a phrase whose words may stand in any order: each order is looked for


class Tracker(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Phrases that are looked for in what was said, whatever the form of their words.

    `role` says who must say them; without it anybody. Up to `gap_words` other words may stand between two words of a
    phrase, and unless `is_ordered` these may come in any order. Words are compared by stems: where a form has another
    one ("день", "дня"), write both.
    """

    id: Name
    name: str
    phrases: dict[Language, tuple[str, ...]]
    role: Literal["operator", "customer"] | None = None
    gap_words: Annotated[int, Meta(ge=0, le=10)] = 2
    is_ordered: bool = True


class Criterion(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a scorecard: points for a tracker's hits, or for a talk figure, within bounds.

    With `first_seconds` only hits that begin so early count. A tracker without bounds must be hit once.
    """

    id: Name
    name: str
    points: Annotated[int, Meta(ge=1, le=1000)]
    tracker: Name | None = None
    figure: Figure | None = None
    at_least: float | None = None
    at_most: float | None = None
    first_seconds: Annotated[float, Meta(gt=0)] | None = None


class Scorecard(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a good call holds, as weighted criteria."""

    id: Name
    name: str
    criteria: Annotated[tuple[Criterion, ...], Meta(min_length=1, max_length=100)]


def words_of(phrase: str) -> tuple[str, ...]:
    """Split a phrase into words as the tables do: letters and digits, in lower case."""
    return tuple(re.findall(r"[^\W_]+", unicodedata.normalize("NFC", phrase).lower()))


def listening_problems(trackers: Sequence[Tracker], scorecards: Sequence[Scorecard]) -> list[tuple[str, str]]:
    """Say what is wrong with trackers and scorecards as a whole: where, as a path, and in a sentence."""
    ids = [tracker.id for tracker in trackers]
    problems: list[tuple[str, str]] = []
    for noun, names in (("tracker", ids), ("scorecard", [card.id for card in scorecards])):
        problems += [
            (f"{noun}s.{number}", f"{noun} {name!r} stands twice")
            for number, name in enumerate(names)
            if name in names[:number]
        ]
    for number, tracker in enumerate(trackers):
        problems += [(f"trackers.{number}", problem) for problem in _tracker_problems(tracker)]
    for number, card in enumerate(scorecards):
        named = [criterion.id for criterion in card.criteria]
        for place, criterion in enumerate(card.criteria):
            where = f"scorecards.{number}.criteria.{place}"
            problems += [
                (where, f"scorecard {card.id!r}, criterion {criterion.id!r}: {problem}")
                for problem in _criterion_problems(criterion, trackers=ids)
            ]
            if criterion.id in named[:place]:
                problems.append((where, f"scorecard {card.id!r}: criterion {criterion.id!r} stands twice"))
    return problems


def _tracker_problems(tracker: Tracker) -> list[str]:
    phrases = [phrase for listed in tracker.phrases.values() for phrase in listed]
    if not phrases:
        return [f"tracker {tracker.id!r} has no phrase"]
    if any(not words_of(phrase) for phrase in phrases):
        return [f"tracker {tracker.id!r} has a phrase without a word"]
    longest = max(len(words_of(phrase)) for phrase in phrases)
    if not tracker.is_ordered and longest > MAX_FREE_WORDS:
        return [f"tracker {tracker.id!r}: a phrase in any order has at most {MAX_FREE_WORDS} words"]
    return []


def _criterion_problems(criterion: Criterion, *, trackers: Sequence[str]) -> list[str]:
    if (criterion.tracker is None) == (criterion.figure is None):
        return ["name either a tracker or a figure"]
    if criterion.tracker is not None and criterion.tracker not in trackers:
        return [f"the tracker {criterion.tracker!r} is not listed under [[trackers]]"]
    if criterion.figure is not None and criterion.at_least is None and criterion.at_most is None:
        return ["a figure needs at_least, at_most or both"]
    if criterion.figure is not None and criterion.first_seconds is not None:
        return ["first_seconds is of trackers only"]
    return []
