"""Speed to lead and conversion: deals and first messages until we try and until we talk; deals won after a call."""

from datetime import date
from functools import cache
from typing import get_args

import msgspec
import pytest
from polars.testing import assert_frame_equal

from analytics import questions
from analytics.folding.scratch import Scratch
from analytics.questions.conversion import way
from schemas.company import parse_company
from schemas.dated import Attribution, DatedThresholds, Thresholds
from tests.analytics.drawn import COMPANY, COMPANY_TEXT, draw, tidy
from tests.analytics.drawn_rows import ACME, CALL, DEAL, MARCH, MESSAGE, calls, figure, fill, meet, place

CALLS = """
call_id | started_at          | direction | contact_key | outcome   | answered_at
a       | 2026-03-02 05:03:00 | outgoing  | phone:+71   | no_answer | -
b       | 2026-03-02 05:20:00 | outgoing  | phone:+71   | answered  | 2026-03-02 05:20:20
c       | 2026-03-02 05:00:00 | incoming  | phone:+72   | answered  | 2026-03-02 05:00:05
d       | 2026-03-02 06:30:00 | incoming  | phone:+73   | answered  | 2026-03-02 06:30:00
e       | 2026-03-10 05:00:00 | outgoing  | phone:+71   | answered  | 2026-03-10 05:00:00
f       | 2026-03-02 05:00:00 | outgoing  | -           | answered  | 2026-03-02 05:00:00
"""
MORE = """
g       | 2026-03-02 05:00:00 | incoming  | phone:+74   | missed    | -
h       | 2026-03-02 07:00:00 | incoming  | phone:+75   | answered  | 2026-03-02 07:00:00
"""
MESSAGES = """
message_id | first_at            | direction | contact_key | status
first      | 2026-03-02 05:00:00 | incoming  | phone:+73   | received
lost       | 2026-03-02 05:01:00 | outgoing  | phone:+73   | failed
reply      | 2026-03-02 05:15:00 | outgoing  | phone:+73   | read
known      | 2026-03-02 06:00:00 | incoming  | phone:+72   | received
alone      | 2026-03-02 19:00:00 | incoming  | phone:+74   | received
"""
DEALS = """
deal_id  | created_at          | contact_key | won_at              | is_created_known
tie      | 2026-03-02 05:03:00 | phone:+71   | 2026-03-09 05:00:00 | yes
second   | 2026-03-02 05:03:01 | phone:+71   | 2026-04-09 05:00:00 | yes
too_late | 2026-03-02 05:03:01 | phone:+71   | 2026-04-09 05:00:01 | yes
nobodys  | 2026-03-02 05:00:00 | -           | 2026-03-03 05:00:00 | yes
unknown  | 2026-03-02 05:00:00 | phone:+72   | -                   | no
"""


@cache
def _sold() -> Scratch:
    warehouse = fill(calls(CALLS), "facts.messages", MESSAGES, usual=MESSAGE)
    place(warehouse, "facts.messages", time="first_at")
    fill(warehouse, "facts.told_deals", DEALS, usual=DEAL)
    meet(warehouse)
    return warehouse


def test_a_lead_is_a_deal_or_the_first_message_of_a_stranger() -> None:
    expected = """
    lead_id  | kind    | day        | hour | attempt_seconds | contact_seconds | band
    alone    | message | 2026-03-03 | 0    |                 |                 |
    first    | message | 2026-03-02 | 10   | 900             | 5400            | 5-15
    nobodys  | deal    | 2026-03-02 | 10   |                 |                 |
    second   | deal    | 2026-03-02 | 10   | 1019            | 1039            | 15-60
    tie      | deal    | 2026-03-02 | 10   | 0               | 1040            | 0-5
    too_late | deal    | 2026-03-02 | 10   | 1019            | 1039            | 15-60
    """

    assert tidy(expected) == draw(_sold().sql("from reports.leads"), like=expected)


def test_internal_and_test_calls_are_no_attempts_and_no_contacts_win_no_deal_and_make_nobody_known() -> None:
    told = """
    call_id | started_at          | direction | contact_key | outcome  | answered_at         | is_test | is_internal
    before  | 2026-03-01 05:00:00 | incoming  | phone:+72   | missed   | -                   | yes     | no
    test    | 2026-03-02 05:01:00 | outgoing  | phone:+71   | answered | 2026-03-02 05:01:09 | yes     | no
    inner   | 2026-03-02 05:02:00 | outgoing  | phone:+71   | answered | 2026-03-02 05:02:09 | no      | yes
    real    | 2026-03-02 05:30:00 | outgoing  | phone:+71   | answered | 2026-03-02 05:30:09 | no      | no
    tested  | 2026-03-02 05:40:00 | outgoing  | phone:+71   | answered | 2026-03-02 05:40:09 | yes     | no
    after   | 2026-03-02 05:50:00 | outgoing  | phone:+71   | answered | 2026-03-02 05:50:09 | no      | yes
    """
    made = """
    deal_id | created_at          | contact_key | is_created_known | won_at
    asked   | 2026-03-02 05:00:00 | phone:+71   | yes              | 2026-03-02 06:00:00
    early   | 2026-03-02 04:00:00 | phone:+71   | no               | 2026-03-02 05:30:00
    """
    wrote = """
    message_id | first_at            | direction | contact_key
    hello      | 2026-03-02 05:00:00 | incoming  | phone:+72
    """
    expected = """
    lead_id | attempt_seconds | contact_seconds
    asked   | 1800            | 1809
    hello   |                 |
    """
    warehouse = fill(calls(told), "facts.told_deals", made, usual=DEAL)
    place(fill(warehouse, "facts.messages", wrote, usual=MESSAGE), "facts.messages", time="first_at")
    meet(warehouse)
    assert tidy(expected) == draw(warehouse.sql("from reports.leads"), like=expected)
    won = warehouse.sql("select call_id, deal_ids from reports.calls_before_wins where deal_ids is not null")
    assert [("real", ["asked", "early"])] == won.rows()


def test_a_call_that_was_not_permitted_is_no_attempt_and_one_that_rang_or_was_talked_when_the_lead_came_is() -> None:
    told = """
    call_id | started_at          | direction | contact_key | outcome       | answered_at         | ended_at
    refused | 2026-03-02 05:01:00 | outgoing  | phone:+71   | not_permitted | -                   | 2026-03-02 05:01:00
    tried   | 2026-03-02 06:00:00 | outgoing  | phone:+71   | no_answer     | -                   | 2026-03-02 06:00:30
    rang    | 2026-03-02 05:00:00 | incoming  | phone:+72   | answered      | 2026-03-02 05:00:09 | 2026-03-02 05:03:00
    later   | 2026-03-03 05:00:00 | outgoing  | phone:+72   | answered      | 2026-03-03 05:00:09 | 2026-03-03 05:01:00
    """
    made = """
    deal_id | created_at          | contact_key | is_created_known
    asked   | 2026-03-02 05:00:00 | phone:+71   | yes
    soon    | 2026-03-02 05:55:00 | phone:+71   | yes
    card    | 2026-03-02 05:00:02 | phone:+72   | yes
    during  | 2026-03-02 05:03:00 | phone:+72   | yes
    after   | 2026-03-02 05:03:01 | phone:+72   | yes
    """
    expected = """
    lead_id | attempt_seconds | contact_seconds | band
    after   | 86219           | 86228           | 60+
    asked   | 3600            |                 | 15-60
    soon    | 300             |                 | 0-5
    card    | 7               | 7               | 0-5
    during  | 0               | 0               | 0-5
    """
    warehouse = fill(calls(told), "facts.told_deals", made, usual=DEAL)
    meet(warehouse)

    assert tidy(expected) == draw(warehouse.sql("from reports.leads"), like=expected)


def test_a_won_deal_is_given_to_the_last_answered_call_before_it() -> None:
    given = _sold().sql("select call_id, len(deal_ids) as deals from reports.calls_before_wins order by call_id")

    assert [("b", 1), ("c", None), ("d", None), ("e", 1)] == given.rows()


def test_a_deal_is_given_to_a_call_for_as_long_as_the_company_said_on_its_local_day() -> None:
    soon = DatedThresholds(since=date(2026, 3, 3), until=date(2026, 3, 4), conversion_days=1)
    dated = msgspec.structs.replace(COMPANY, dated_thresholds=(soon,), thresholds=Thresholds(conversion_days=2))
    told = """
    call_id | started_at          | contact_key | outcome
    before  | 2026-03-02 18:59:59 | phone:+71   | answered
    within  | 2026-03-02 19:00:00 | phone:+72   | answered
    after   | 2026-03-03 19:00:00 | phone:+73   | answered
    """
    made = """
    deal_id | contact_key | won_at
    one     | phone:+71   | 2026-03-04 18:59:59
    two     | phone:+72   | 2026-03-03 19:00:01
    three   | phone:+73   | 2026-03-05 19:00:00
    """
    warehouse = fill(calls(told, companies=(dated,)), "facts.told_deals", made, usual=DEAL)
    meet(warehouse)

    given = warehouse.sql("select call_id, deal_ids from reports.calls_before_wins")
    assert {"before": ["one"], "within": None, "after": ["three"]} == dict(given.iter_rows())


@pytest.mark.parametrize("attribution", get_args(Attribution))
def test_a_deal_of_several_calls_counts_once_and_for_each_of_their_groups(attribution: str) -> None:
    ruled = parse_company(f'{COMPANY_TEXT}\n[thresholds]\nattribution = "{attribution}"')
    told = """
    call_id | started_at          | channel | contact_key | outcome
    a       | 2026-03-02 05:00:00 | phone   | phone:+71   | answered
    b       | 2026-03-02 06:00:00 | phone   | phone:+71   | answered
    c       | 2026-03-03 05:00:00 | waba    | phone:+71   | answered
    """
    made = """
    deal_id | contact_key | won_at              | amount | currency
    sofa    | phone:+71   | 2026-03-04 05:00:00 | 100    | KZT
    chair   | phone:+71   | 2026-03-04 05:00:00 | 10     | KZT
    """
    warehouse = fill(calls(told, companies=(ruled,)), "facts.told_deals", made, usual=DEAL)
    meet(warehouse)

    found = way(warehouse, period=MARCH, scope=ACME, metrics=("deals_won_after_call",), by=("channel",))

    of_each = {"last_call": {"phone": 0, "waba": 2}, "first_call": {"phone": 2, "waba": 0}}
    by = dict(found.figures.by["channel"].select("channel", "value").iter_rows())
    assert by == of_each.get(attribution, {"phone": 2, "waba": 2})
    assert (2.0, 3) == figure(warehouse, "deals_won_after_call")
    assert [("KZT", 2, 110.0)] == found.worth.rows()


@pytest.mark.parametrize("metric", ["conversion_after_call", "deals_won_after_call"])
def test_of_a_company_without_a_crm_nobody_knows_who_bought(metric: str) -> None:
    assert (None, 0) == figure(calls(CALLS), metric)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("lead_attempt_seconds_median", (959.5, 4)),
        ("lead_attempt_seconds_p95", (1019.0, 4)),
        ("lead_contact_seconds_median", (1039.5, 4)),
        ("lead_contact_seconds_p95", (1040 + (5400 - 1040) * 0.85, 4)),
        ("leads_within_5_minutes", (1 / 5, 5)),
        ("conversion_after_call", (1 / 3, 3)),
        ("deals_won_after_call", (2.0, 4)),
    ],
)
def test_leads_and_deals_are_counted_as_the_catalogue_says(metric: str, expected: tuple[float, int]) -> None:
    assert expected == figure(_sold(), metric)


@pytest.mark.parametrize(
    ("metric", "expected"), [("conversion_after_call", (1 / 3, 3)), ("deals_won_after_call", (2.0, 4))]
)
def test_an_internal_call_converts_nobody(metric: str, expected: tuple[float, int]) -> None:
    ours = """
    call_id | started_at          | direction | contact_key | outcome  | answered_at         | is_internal
    ours    | 2026-03-02 05:00:00 | outgoing  | phone:+79   | answered | 2026-03-02 05:00:00 | yes
    """
    warehouse = fill(calls(CALLS), "facts.calls", ours, usual=CALL)
    place(warehouse, "facts.calls", time="started_at")
    fill(warehouse, "facts.told_deals", DEALS, usual=DEAL)
    meet(warehouse)

    assert expected == figure(warehouse, metric)


@pytest.mark.parametrize("metric", ["lead_attempt_seconds_median", "leads_within_5_minutes", "conversion_after_call"])
def test_without_leads_and_calls_there_is_no_figure(metric: str) -> None:
    assert (None, 0) == figure(calls("call_id | started_at"), metric)


def test_the_way_to_a_deal_has_its_steps_and_its_worth() -> None:
    priced = """
    deal_id | created_at          | contact_key | won_at              | is_created_known | amount | currency
    paid    | 2026-03-02 05:30:00 | phone:+71   | 2026-03-05 05:00:00 | yes              | 100    | KZT
    again   | 2026-03-11 05:00:00 | phone:+71   | 2026-03-12 05:00:00 | yes              | 50     | KZT
    gift    | 2026-03-01 05:00:00 | phone:+73   | 2026-03-03 05:00:00 | yes              | -      | -
    open    | 2026-03-02 06:00:00 | phone:+72   | -                   | yes              | 9      | KZT
    before  | 2026-03-01 06:00:00 | phone:+75   | -                   | yes              | 9      | KZT
    """
    warehouse = fill(calls(CALLS + MORE), "facts.told_deals", priced, usual=DEAL)
    meet(warehouse)

    told = way(warehouse, period=MARCH, scope=ACME, metrics=("conversion_after_call",), by=("channel",))

    assert (5, 4, 3) == (told.called, told.talked, told.with_deal)
    assert [("KZT", 2, 150.0), (None, 1, None)] == told.worth.rows()


def test_leads_are_counted_by_band() -> None:
    metrics = ("leads_within_5_minutes", "lead_attempt_seconds_median")
    told = questions.leads(_sold(), period=MARCH, before=MARCH.before(), scope=ACME, metrics=metrics)
    of_both = questions.figures_of_both(_sold(), period=MARCH, before=MARCH.before(), scope=ACME, metrics=metrics)

    assert [
        ("deal", "0-5", 1),
        ("deal", "15-60", 2),
        ("deal", None, 1),
        ("message", "5-15", 1),
        ("message", None, 1),
    ] == told.bands.rows()
    for expected, found in zip(of_both, (told.now, told.before), strict=True):
        assert_frame_equal(expected, found)
