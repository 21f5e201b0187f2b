"""Company data on listening as reference tables: which transcript counts, what is looked for, what is good."""

from collections.abc import Iterable, Sequence
from itertools import permutations
from typing import Any

from schemas.company import Company
from schemas.listening import Tracker, words_of

TABLES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "listening": (
        "One row a company: which transcript reports use where a recording has both.",
        {
            "company": ("varchar", "id of the tenant"),
            "transcript": ("varchar", "whisperx or provider"),
        },
    ),
    "tracker_phrases": (
        "One row a phrase that a tracker looks for, in one order of its words.",
        {
            "company": ("varchar", "id of the tenant"),
            "tracker_id": ("varchar", "tracker"),
            "tracker": ("varchar", "name for people"),
            "language": ("varchar", "language of the phrase, whose forms are tolerated"),
            "phrase": ("varchar", "the phrase as it was written"),
            "words": ("varchar", "its words in lower case and in this order, with spaces between"),
            "role": ("varchar", "who must say it, null: anybody"),
            "gap_words": ("integer", "words that may stand between two of its words"),
        },
    ),
    "criteria": (
        "One row a criterion of a scorecard.",
        {
            "company": ("varchar", "id of the tenant"),
            "scorecard_id": ("varchar", "scorecard"),
            "scorecard": ("varchar", "its name for people"),
            "criterion_id": ("varchar", "criterion"),
            "criterion": ("varchar", "its name for people"),
            "points": ("integer", "points that a call earns with it"),
            "tracker_id": ("varchar", "tracker whose hits are counted, null: a figure is measured"),
            "figure": ("varchar", "talk figure that is measured, null: hits are counted"),
            "at_least": ("double", "least hits or figure, null: no bound"),
            "at_most": ("double", "most hits or figure, null: no bound"),
            "first_seconds": ("double", "only hits that begin so early count, seconds, null: all"),
        },
    ),
}


def rows(companies: Sequence[Company]) -> dict[str, list[tuple[Any, ...]]]:
    """Give the rows of these tables by name."""
    return {
        "listening": [(company.id, company.listening.transcript) for company in companies],
        "tracker_phrases": [
            row for company in companies for tracker in company.trackers for row in _phrases(company.id, tracker)
        ],
        "criteria": [
            (
                company.id,
                card.id,
                card.name,
                criterion.id,
                criterion.name,
                criterion.points,
                criterion.tracker,
                criterion.figure,
                1.0
                if criterion.tracker and criterion.at_least is None and criterion.at_most is None
                else criterion.at_least,
                criterion.at_most,
                criterion.first_seconds,
            )
            for company in companies
            for card in company.scorecards
            for criterion in card.criteria
        ],
    }


def _phrases(company: str, tracker: Tracker) -> Iterable[tuple[Any, ...]]:
    for language, phrases in tracker.phrases.items():
        for phrase in phrases:
            words = words_of(phrase)
            for order in [words] if tracker.is_ordered else sorted(set(permutations(words))):
                yield (
                    company,
                    tracker.id,
                    tracker.name,
                    language,
                    phrase,
                    " ".join(order),
                    tracker.role,
                    tracker.gap_words,
                )
