"""Risk: what may get a number blocked, per account and per 100 calls; and what each operator did of what rang."""

import pytest
from polars.testing import assert_frame_equal

from analytics import questions
from analytics.questions import Period
from analytics.questions.risk import Dialled
from analytics.scratch import Scratch
from tests.analytics.drawn_rows import ACME, CALL, MARCH, built, calls, figure, fill

CALLS = """
call_id | started_at          | direction | account | contact_key | outcome       | is_test
a       | 2026-03-02 05:00:00 | outgoing  | main    | phone:+71   | rejected      | no
b       | 2026-03-02 05:01:00 | outgoing  | main    | phone:+72   | rejected      | no
c       | 2026-03-02 05:02:00 | outgoing  | main    | phone:+71   | answered      | no
d       | 2026-03-02 05:03:00 | outgoing  | main    | phone:+73   | rejected      | no
e       | 2026-03-02 05:04:00 | outgoing  | main    | phone:+73   | rejected      | yes
f       | 2026-03-02 05:05:00 | outgoing  | second  | phone:+74   | not_permitted | no
g       | 2026-03-02 05:05:00 | incoming  | second  | phone:+75   | missed        | no
"""
BEFORE = """
h       | 2026-02-20 05:00:00 | outgoing  | main    | phone:+71   | rejected      | no
i       | 2026-02-20 05:01:00 | outgoing  | third   | phone:+76   | answered      | no
"""
METRICS = ("cold_call_share",)
STATES = """
event_id | account | aspect      | state      | word       | day
1        | main    | restriction | restricted | calling    | 2026-03-05
2        | main    | quality     | judged     | RED        | 2026-03-05
3        | main    | quality     | judged     | GREEN      | 2026-03-06
4        | main    | restriction | lifted     | calling    | 2026-03-07
5        | third   | quality     | judged     | LOW_CALLING_QUALITY | 2026-03-07
6        | third   | restriction | restricted | calling    | 2026-04-07
"""


def test_accounts_stand_side_by_side_the_riskiest_first() -> None:
    warehouse = fill(calls(CALLS), "facts.account_states", STATES, usual={"company": "acme"})

    risk = _dialled(warehouse).accounts

    assert [
        {
            "account": "main",
            "channel": "phone",
            "calls": 4,
            "cold": 3,
            "rejected": 3,
            "not_permitted": 0,
            "longest_streak": 2,
            "restrictions": 1,
            "complaints": 1,
            "per_100_calls": 125.0,
        },
        {
            "account": "second",
            "channel": "phone",
            "calls": 1,
            "cold": 1,
            "rejected": 0,
            "not_permitted": 1,
            "longest_streak": 0,
            "restrictions": 0,
            "complaints": 0,
            "per_100_calls": 0.0,
        },
        {
            "account": "third",
            "channel": None,
            "calls": 0,
            "cold": 0,
            "rejected": 0,
            "not_permitted": 0,
            "longest_streak": 0,
            "restrictions": 0,
            "complaints": 1,
            "per_100_calls": None,
        },
    ] == risk.to_dicts()


def test_without_calls_there_is_no_risk_to_tell() -> None:
    assert _dialled(built()).accounts.is_empty()


@pytest.mark.parametrize("is_compared", [True, False])
def test_outgoing_calls_are_counted_with_the_risk_as_without_it(*, is_compared: bool) -> None:
    warehouse = fill(calls(CALLS + BEFORE), "facts.account_states", STATES, usual={"company": "acme"})
    before = MARCH.before() if is_compared else None

    told = _dialled(warehouse, before=before)

    for period, found in ((MARCH, told.now), (before, told.before)):
        if period is None:
            assert found is None
            continue
        assert_frame_equal(questions.figures(warehouse, period=period, scope=ACME, metrics=METRICS), found)
    assert told.accounts.equals(_dialled(warehouse).accounts)


def _dialled(warehouse: Scratch, *, before: Period | None = None) -> Dialled:
    return questions.dialled(warehouse, period=MARCH, before=before, scope=ACME, metrics=METRICS)


def test_a_transferred_call_counts_for_each_operator_who_was_rung() -> None:
    usual = {name: cell for name, cell in CALL.items() if name not in {"is_internal", "is_test"}}
    warehouse = fill(
        built(),
        "facts.told_operators",
        """
        call_id | operator_id | is_answered | talk_seconds | is_left_out | day        | outcome
        a       | aigul       | yes         | 30           | no          | 2026-03-02 | answered
        a       | oleg        | yes         | 60.5         | no          | 2026-03-02 | answered
        b       | aigul       | no          | -            | no          | 2026-03-02 | missed
        c       | aigul       | yes         | 600          | yes         | 2026-03-02 | answered
        d       | aigul       | no          | -            | no          | 2026-03-02 | in_progress
        """,
        usual=usual,
    )

    by_operator = questions.figures(
        warehouse, period=MARCH, scope=ACME, metrics=("operator_answer_rate",), by=("operator",)
    )

    assert (2 / 3, 3) == figure(warehouse, "operator_answer_rate")
    assert (90.5 / 60, 2) == figure(warehouse, "operator_talk_minutes")
    assert [("aigul", 0.5, 2), ("oleg", 1.0, 1)] == by_operator.select("operator", "value", "sample").rows()
