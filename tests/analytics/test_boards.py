"""Boards: operators and teams side by side, small samples never ranked; a period against those before it."""

from datetime import date

import pytest

from analytics import questions
from analytics.questions import Period
from analytics.scratch import Scratch
from tests.analytics.drawn_rows import ACME, MARCH, calls


def _board() -> Scratch:
    """Draw 20 calls of Aigul (10 answered), 20 of Oleg (15 answered), one of a stranger and one of nobody."""
    lines = ["call_id | started_at | operator_id | team_id | outcome | answer_seconds | talk_seconds"]
    for operator, answered, count in (("aigul", 10, 20), ("oleg", 15, 20), ("gone", 1, 1), ("-", 1, 1)):
        for number in range(count):
            ending = "answered | 5 | 60" if number < answered else "missed | - | -"
            lines.append(f"{operator}{number} | 2026-03-02 05:00:00 | {operator} | sales | {ending}")
    return calls("\n".join(lines))


def test_operators_are_ranked_by_what_is_good_and_small_samples_are_not() -> None:
    board = questions.board(_board(), period=MARCH, scope=ACME, of="operator", metrics=("answer_rate", "talk_minutes"))

    assert [
        ("aigul", "Aigul", "answer_rate", 0.5, 20, False, 2),
        ("aigul", "Aigul", "talk_minutes", 10.0, 10, True, None),
        ("gone", None, "answer_rate", 1.0, 1, True, None),
        ("gone", None, "talk_minutes", 1.0, 1, True, None),
        ("oleg", "Oleg", "answer_rate", 0.75, 20, False, 1),
        ("oleg", "Oleg", "talk_minutes", 15.0, 15, True, None),
    ] == board.select("key", "name", "metric", "value", "sample", "is_small", "place").rows()


def test_a_team_s_row_is_the_sum_of_its_operators() -> None:
    board = questions.board(_board(), period=MARCH, scope=ACME, of="team", metrics=("answer_rate",))

    assert [("sales", "Sales", 27.0, 42)] == board.select("key", "name", "numerator", "sample").rows()


def test_a_period_stands_beside_the_one_before_and_the_same_weekdays() -> None:
    warehouse = calls("""
        call_id | started_at          | outcome
        now     | 2026-03-10 05:00:00 | answered
        before  | 2026-03-08 05:00:00 | missed
        week    | 2026-03-03 05:00:00 | answered
        week2   | 2026-03-02 05:00:00 | missed
    """)
    two_days = Period(date(2026, 3, 9), date(2026, 3, 10))

    [row] = questions.compared(warehouse, period=two_days, scope=ACME, metrics=("answer_rate",)).to_dicts()

    assert {
        "metric": "answer_rate",
        "value": 1.0,
        "sample": 1,
        "value_before": 0.0,
        "sample_before": 1,
        "value_weekdays": 0.5,
        "sample_weekdays": 2,
        "change": 1.0,
        "change_weekdays": 0.5,
    } == row


@pytest.mark.parametrize(
    ("period", "expected"),
    [
        (Period(date(2026, 3, 9), date(2026, 3, 15)), (date(2026, 3, 2), date(2026, 3, 8))),
        (Period(date(2026, 3, 9), date(2026, 3, 18)), (date(2026, 2, 23), date(2026, 3, 4))),
        (Period(date(2026, 3, 9), date(2026, 3, 9)), (date(2026, 3, 2), date(2026, 3, 2))),
    ],
)
def test_the_same_weekdays_begin_whole_weeks_before(period: Period, expected: tuple[date, date]) -> None:
    before = period.weeks_before()

    assert expected == (before.first, before.last)
