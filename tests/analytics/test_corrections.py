"""Closed days: which numbers changed after they were shown, by how much, and what came late."""

import random

import msgspec
import pytest

from schemas.envelope import Event
from tests.analytics.drawn import draw, drawn_events, moment, rows, tidy, warehouse

# Monday 2026-03-02 ends in Acme's zone (UTC+5) at 19:00 UTC and is closed at 22:00 UTC.
FACTS = """
call | fact    | at                  | says                                             | recorded
a    | offered | 2026-03-02 05:00:00 | direction=incoming; contact=phone:+77010000001   | 2026-03-02 05:00:01
a    | ended   | 2026-03-02 05:01:00 | disposition=no_answer                            | 2026-03-02 05:01:01
a    | ended   | 2026-03-02 05:01:00 | talk_seconds=30; answered_by=human               | 2026-03-05 04:00:00
b    | offered | 2026-03-02 06:00:00 | direction=incoming                               | 2026-03-02 06:00:01
b    | ended   | 2026-03-02 06:00:40 | disposition=no_answer                            | 2026-03-02 21:59:59
c    | offered | 2026-03-02 07:00:00 | direction=incoming                               | 2026-03-04 07:00:00
c    | ended   | 2026-03-02 07:00:40 | disposition=no_answer                            | 2026-03-04 07:00:01
old  | offered | 2026-02-02 07:00:00 | direction=incoming                               | 2026-03-01 07:00:00
old  | ended   | 2026-02-02 07:00:40 | disposition=no_answer                            | 2026-03-01 07:00:01
"""
EXPECTED = """
day        | metric                | first_value | value | change | first_sample | sample | late_events | late_calls
2026-03-02 | abandonment_rate      | 0           | 0     | 0      | 2            | 3      | 3           | 2
2026-03-02 | answer_rate           | 0           | 0.333 | 0.333  | 2            | 3      | 3           | 2
2026-03-02 | answer_seconds_median |             | 30    |        | 0            | 1      | 3           | 2
2026-03-02 | answer_seconds_p90    |             | 30    |        | 0            | 1      | 3           | 2
2026-03-02 | missed_calls          | 2           | 2     | 0      | 2            | 3      | 3           | 2
2026-03-02 | service_level         | 0           | 0     | 0      | 2            | 3      | 3           | 2
2026-03-02 | talk_minutes          |             | 0.5   |        | 0            | 1      | 3           | 2
2026-03-02 | talk_seconds_median   |             | 30    |        | 0            | 1      | 3           | 2
2026-03-02 | talk_seconds_p90      |             | 30    |        | 0            | 1      | 3           | 2
"""


def _recorded(text: str) -> list[Event]:
    told = rows(text)
    columns = ("call", "fact", "at", "says")
    lines = [columns, *(tuple(row[column] for column in columns) for row in told)]
    drawn = "\n".join(" | ".join(line) for line in lines)
    return [
        msgspec.structs.replace(event, recordedat=moment(row["recorded"]))
        for event, row in zip(drawn_events(drawn), told, strict=True)
    ]


def test_a_closed_day_tells_what_changed_and_what_came_late() -> None:
    assert tidy(EXPECTED) == draw(warehouse(_recorded(FACTS)).sql("from reports.corrections"), like=EXPECTED)


def test_what_came_late_is_told_with_its_source_and_time() -> None:
    corrected = warehouse(_recorded(FACTS)).sql(
        "select distinct sources, first_recorded_at, last_recorded_at from reports.corrections"
    )

    assert [(["twilio"], "2026-03-04 07:00:00", "2026-03-05 04:00:00")] == [
        (sources, f"{first:%F %T}", f"{last:%F %T}") for sources, first, last in corrected.rows()
    ]


@pytest.mark.parametrize("seed", range(3))
def test_corrections_are_the_same_in_every_order_of_a_replay(seed: int) -> None:
    events = [*_recorded(FACTS), *_recorded(FACTS)[:3]]
    random.Random(seed).shuffle(events)

    assert tidy(EXPECTED) == draw(
        warehouse(list({event.id: event for event in events}.values())).sql("from reports.corrections"), like=EXPECTED
    )


def test_a_day_without_late_facts_was_not_corrected() -> None:
    in_time = [event for event in _recorded(FACTS) if event.recordedat < moment("2026-03-02 22:00:00")]

    assert warehouse(in_time).sql("from reports.corrections").is_empty()


def test_a_source_is_closed_through_the_day_before_its_watermark() -> None:
    expected = """
    company | source | events | newest_time         | newest_recorded_at  | closed_through
    acme    | twilio | 9      | 07:00:40            | 2026-03-05 04:00:00 | 2026-03-04
    """

    assert tidy(expected) == draw(warehouse(_recorded(FACTS)).sql("from reports.watermarks"), like=expected)
