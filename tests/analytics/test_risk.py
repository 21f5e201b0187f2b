"""Risk: what may get a number blocked, per account and per 100 calls; and what each operator did of what rang."""

import pytest
from polars.testing import assert_frame_equal

from analytics import questions
from analytics.folding.scratch import Scratch
from analytics.metrics.catalogue import catalogue
from analytics.questions import Period
from analytics.questions.risk import Dialled
from analytics.reading.rights import LimitedReader, Rights
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

    none = dict.fromkeys(("blocks", "complaints", "rejection_streaks"), 0)
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
            "low_quality": 1,
            "signs": 2,
            "per_100_calls": 50.0,
            **none,
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
            "low_quality": 0,
            "signs": 0,
            "per_100_calls": 0.0,
            **none,
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
            "low_quality": 1,
            "signs": 1,
            "per_100_calls": None,
            **none,
        },
    ] == risk.to_dicts()


TOLD = """
event_id | source         | account | aspect      | state      | word                | provider_status   | day
1        | whatsapp_cloud | main    | restriction | restricted | BIZ_INITIATED       | -                 | 2026-03-05
2        | whatsapp_cloud | main    | restriction | restricted | DISABLE             | DISABLE           | 2026-03-05
3        | wazzup         | main    | restriction | restricted | notEnoughMoney      | notEnoughMoney    | 2026-03-05
4        | green_api      | main    | restriction | restricted | SendMessage         | quotaExceeded     | 2026-03-05
5        | evolution      | main    | restriction | restricted | forbidden           | close 403         | 2026-03-05
6        | whatsapp_cloud | main    | quality     | judged     | LOW_CALLING_QUALITY | WARNING           | 2026-03-06
7        | whatsapp_cloud | main    | quality     | judged     | TIER_1K             | FLAGGED           | 2026-03-06
8        | whatsapp_cloud | main    | quality     | judged     | TIER_10K            | UPGRADE           | 2026-03-06
9        | whatsapp_cloud | main    | quality     | judged     | SPAM                | ACCOUNT_VIOLATION | 2026-03-06
10       | messenger      | main    | quality     | judged     | a page's rule       | warning           | 2026-03-06
11       | whatsapp_cloud | main    | quality     | judged     | OBA_APPROVED        | WARNING           | 2026-03-06
12       | whatsapp_cloud | main    | link        | unlinked   | -                   | -                 | 2026-03-06
"""


def test_what_a_provider_tells_is_a_sign_of_its_kind_or_none() -> None:
    told = fill(built(), "facts.account_states", TOLD, usual={"company": "acme"})

    found = told.sql("select sign, list(sign_id order by cast(sign_id as integer)) from reports.risk_signs group by 1")

    assert {
        "block": ["2", "5"],
        "restriction": ["1"],
        "low_quality": ["6", "7"],
        "complaint": ["9", "10"],
    } == dict(found.iter_rows())


@pytest.mark.parametrize(
    ("state", "source", "word", "status", "sign"),
    [
        ("restricted", "evolution", "-", "banned", "block"),
        ("restricted", "whatsapp_cloud", "BLOCKED", "-", "block"),
        ("restricted", "whatsapp_cloud", "-", "-", "restriction"),
        ("judged", "whatsapp_cloud", "YELLOW", "-", "low_quality"),
        ("judged", "whatsapp_cloud", "FLAGGED", "-", "low_quality"),
        ("judged", "viber", "bad", "-", "low_quality"),
        ("judged", "viber", "Poor", "-", "low_quality"),
        ("judged", "whatsapp_cloud", "TIER_1K", "DOWNGRADE", "low_quality"),
        ("judged", "instagram", "a rule", "warning", "complaint"),
        ("judged", "instagram", "a rule", "notice", None),
        ("judged", "whatsapp_cloud", "GREEN", "-", None),
    ],
)
def test_words_of_providers_are_signs_whatever_their_case(
    state: str, source: str, word: str, status: str, sign: str | None
) -> None:
    told = "event_id | source | account | aspect | state | word | provider_status\n"
    told += f"1 | {source} | main | any | {state} | {word} | {status}"
    found = fill(built(), "facts.account_states", told, usual={"company": "acme", "day": "2026-03-05"})

    assert ([] if sign is None else [sign]) == found.sql("select sign from reports.risk_signs")["sign"].to_list()


def test_an_internal_or_test_call_is_of_no_streak() -> None:
    told = """
    call_id | started_at          | direction | outcome  | is_internal | is_test
    a       | 2026-03-02 05:00:00 | outgoing  | rejected | no          | no
    b       | 2026-03-02 05:01:00 | outgoing  | rejected | yes         | no
    c       | 2026-03-02 05:02:00 | outgoing  | rejected | no          | yes
    d       | 2026-03-02 05:03:00 | outgoing  | rejected | no          | no
    """
    assert (None, 0) == figure(calls(told), "risk_signs")
    assert (0.0, 2) == figure(calls(told), "risk_signs_per_100_calls")


STREAKS = """
call_id | started_at          | direction | account | outcome     | is_test
a1      | 2026-03-02 05:00:00 | outgoing  | main    | rejected    | no
a2      | 2026-03-02 05:01:00 | outgoing  | main    | rejected    | no
a3      | 2026-03-02 05:02:00 | outgoing  | main    | rejected    | yes
a4      | 2026-03-02 05:03:00 | incoming  | main    | answered    | no
a5      | 2026-03-02 05:04:00 | outgoing  | main    | in_progress | no
a6      | 2026-03-02 05:05:00 | outgoing  | other   | answered    | no
a7      | 2026-03-02 05:06:00 | outgoing  | main    | rejected    | no
a8      | 2026-03-02 05:07:00 | outgoing  | main    | rejected    | no
b1      | 2026-03-02 05:08:00 | outgoing  | main    | no_answer   | no
b2      | 2026-03-02 06:00:00 | outgoing  | main    | rejected    | no
b3      | 2026-03-02 06:00:00 | outgoing  | main    | rejected    | no
b4      | 2026-03-02 06:00:00 | outgoing  | main    | rejected    | no
c1      | 2026-03-02 18:58:00 | outgoing  | night   | rejected    | no
c2      | 2026-03-02 18:59:59 | outgoing  | night   | rejected    | no
c3      | 2026-03-02 19:00:00 | outgoing  | night   | rejected    | no
"""


def test_three_declined_calls_in_a_row_of_one_number_and_day_are_one_sign() -> None:
    lines = STREAKS.strip().splitlines()
    for told in (lines, [lines[0], *reversed(lines[1:])]):
        called = calls("\n".join(told))
        found = called.sql("select sign_id, account, sign, calls, call_id from reports.risk_signs order by sign_id")

        assert [
            ("a7", "main", "rejection_streak", 4, "a7"),
            ("b4", "main", "rejection_streak", 3, "b4"),
        ] == found.rows()
        assert (2.0, 2) == figure(called, "risk_signs")
        assert (2 * 100 / 12, 14) == figure(called, "risk_signs_per_100_calls")
        # Of a sign no outcome is known, and nothing tells that it is left out.
        assert pytest.approx(2 * 100 / 12) == called.sql(catalogue()["risk_signs_per_100_calls"].formula).item()
        [main, *_] = _dialled(called).accounts.to_dicts()
        assert (8, 4, 2, 25.0) == tuple(main[name] for name in ("calls", "longest_streak", "signs", "per_100_calls"))


def test_the_signs_of_a_period_are_listed_with_how_many_there_are() -> None:
    called = fill(calls(STREAKS), "facts.account_states", TOLD, usual={"company": "acme"})

    listed = questions.signs(called, period=MARCH, scope=ACME, limit=1)

    assert [("b4", 9)] == listed.select("call_id", "signs").rows()
    signs = questions.signs(called, period=MARCH, scope=ACME)
    assert 9 == signs.height
    analyst = LimitedReader(called, rights=Rights(role="analyst"), salt="salt")
    assert signs.equals(questions.signs(analyst, period=MARCH, scope=ACME))
    told = questions.dialled(analyst, period=MARCH, before=None, scope=ACME, metrics=METRICS)
    assert told.accounts.equals(_dialled(called).accounts)


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
