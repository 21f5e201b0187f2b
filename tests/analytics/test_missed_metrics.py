"""Recovery of the missed, on drawn episodes: soon, late, lost or still open; how long it took, how often he rang."""

from functools import cache

import pytest

from analytics.folding.scratch import Scratch
from analytics.metrics.catalogue import over
from tests.analytics.drawn_rows import calls, figure, fill

# The newest call tells at which moment the episodes are looked at.
NEWEST = """
call_id | started_at
newest  | 2026-03-03 12:00:00
"""
EPISODES = """
episode_id | first_missed_at     | lost_at             | closed_by    | band | contacted_at        | first_attempt_at    | attempt_seconds | contact_seconds | rings
soon       | 2026-03-02 05:00:00 | 2026-03-03 04:00:00 | called_back  | soon | 2026-03-02 05:20:00 | 2026-03-02 05:10:00 | 600             | 1200            | 1
late       | 2026-03-02 05:00:00 | 2026-03-03 04:00:00 | called_again | late | 2026-03-02 05:20:01 | -                   | -               | 1201            | 3
wrote      | 2026-03-02 05:00:00 | 2026-03-03 04:00:00 | messaged     | -    | -                   | 2026-03-02 05:30:00 | 1800            | -               | 1
lost       | 2026-03-02 05:00:00 | 2026-03-03 04:00:00 | -            | -    | 2026-03-03 05:00:00 | 2026-03-03 05:00:00 | 86400           | 86400           | 2
open       | 2026-03-02 13:00:00 | 2026-03-03 12:00:00 | -            | -    | -                   | -                   | -               | -               | 4
"""  # noqa: E501


@cache
def _missed() -> Scratch:
    return fill(calls(NEWEST), "facts.missed_episodes", EPISODES, usual={"company": "acme", "day": "2026-03-02"})


CASES = [
    ("missed_contacts", (5.0, 5)),
    ("missed_recovered_soon", (1 / 5, 5)),
    ("missed_recovered", (2 / 5, 5)),
    ("missed_lost", (1 / 5, 5)),
    ("callback_attempt_seconds_median", (1800.0, 3)),
    ("callback_contact_seconds_median", (1201.0, 3)),
    ("rings_per_episode", (11 / 5, 5)),
]


@pytest.mark.parametrize(("metric", "expected"), CASES)
def test_a_metric_over_episodes_counts_what_the_catalogue_says(metric: str, expected: tuple[float, int]) -> None:
    assert expected == figure(_missed(), metric)


def test_every_metric_over_episodes_has_a_drawn_case() -> None:
    assert list(over("missed_episodes")) == [metric for metric, _ in CASES]


def test_without_missed_calls_nothing_was_recovered_or_lost() -> None:
    warehouse = calls(NEWEST)

    assert [(None, 0)] * len(CASES) == [figure(warehouse, metric) for metric, _ in CASES]
