"""The talk-ratio family: shares of speech and silence, monologues, patience, interruptions, on drawn calls."""

from functools import cache

import pytest

from analytics.folding.scratch import Scratch
from analytics.metrics.catalogue import over
from tests.analytics.drawn_rows import calls, figure, fill

CALLS = """
call_id | started_at          | is_test | is_internal
a       | 2026-03-02 05:00:00 | no      | no
b       | 2026-03-02 06:00:00 | no      | no
mono    | 2026-03-02 07:00:00 | no      | no
test    | 2026-03-02 08:00:00 | yes     | no
ours    | 2026-03-02 09:00:00 | no      | yes
"""
# A call of an unknown speaker knows nothing of the sides.
TALKS = """
call_id | has_separate_channels | duration_seconds | speech_seconds | operator_seconds | overlap_seconds | silence_seconds | dead_air_seconds | operator_monologue_seconds | customer_monologue_seconds | patience_seconds | operator_interruptions | customer_interruptions | switches | operator_questions | operator_words | customer_seconds | customer_questions | customer_words
a       | yes                   | 100.5            | 80.1           | 40.2             | 2.5             | 22.9            | 6                | 12.5                       | 20                         | 0.4              | 2                      | 1                      | 10       | 3                  | 90             | 39.9             | 1                  | 80
b       | yes                   | 50               | 40             | 30               | 0               | 10              | 0                | 30                         | 10                         | 0.8              | 0                      | 0                      | 2        | 0                  | 60             | 10               | 0                  | 20
mono    | no                    | 30               | 20             | -                | 5               | 15              | 15               | -                          | -                          | -                | -                      | -                      | 1        | -                  | -              | -                | -                  | -
test    | yes                   | 1000             | 1000           | 1000             | 1000            | 0               | 0                | 1000                       | 1000                       | 9                | 99                     | 99                     | 99       | 99                 | 99             | 1000             | 99                 | 99
ours    | yes                   | 1000             | 1000           | 1000             | 1000            | 0               | 0                | 1000                       | 1000                       | 9                | 99                     | 99                     | 99       | 99                 | 99             | 1000             | 99                 | 99
"""  # noqa: E501
USUAL = {"company": "acme", "day": "2026-03-02"}


@cache
def talked() -> Scratch:
    return fill(calls(CALLS), "facts.call_talk", TALKS, usual=USUAL)


CASES = [
    ("talk_ratio", (70_200 / 120_100, 2)),
    ("talk_share", (70_200 / 150_500, 2)),
    ("silence_share", (47_900 / 180_500, 3)),
    ("dead_air_share", (21_000 / 180_500, 3)),
    ("overlap_share", (2_500 / 150_500, 2)),
    ("operator_monologue_seconds_median", (21.25, 2)),
    ("customer_monologue_seconds_median", (15.0, 2)),
    ("patience_seconds_median", (0.6, 2)),
    ("operator_interruptions_per_hour", (2 * 3_600_000 / 150_500, 2)),
    ("customer_interruptions_per_hour", (1 * 3_600_000 / 150_500, 2)),
    ("switches_per_hour", (13 * 3_600_000 / 180_500, 3)),
    ("switches_per_call_median", (2.0, 3)),
    ("operator_questions_per_hour", (3 * 3_600_000 / 150_500, 2)),
    ("operator_questions_per_call_median", (1.5, 2)),
    ("customer_questions_per_hour", (1 * 3_600_000 / 150_500, 2)),
    ("customer_questions_per_call_median", (0.5, 2)),
    ("operator_words_per_minute", (150 * 60_000 / 70_200, 2)),
    ("customer_words_per_minute", (100 * 60_000 / 49_900, 2)),
]


@pytest.mark.parametrize(("metric", "expected"), CASES)
def test_a_talk_metric_counts_what_the_catalogue_says(metric: str, expected: tuple[float, int]) -> None:
    assert expected == figure(talked(), metric)


def test_every_talk_metric_has_a_drawn_case() -> None:
    assert list(over("talked_calls")) == [metric for metric, _ in CASES]


def test_a_call_without_a_transcript_has_no_talk_metrics() -> None:
    warehouse = calls(CALLS)

    assert [(None, 0)] * len(CASES) == [figure(warehouse, metric) for metric, _ in CASES]
