"""What calling costs: by tariff, by another tariff on the same calls, and where a fee and a metered price cross."""

from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache

import polars as pl
import pytest
from msgspec import structs
from polars.testing import assert_frame_equal

from analytics import questions
from analytics.folding.scratch import Scratch
from analytics.questions import Period
from tests.analytics.drawn import drawn_events, warehouse
from tests.analytics.drawn_rows import ACME, MARCH, built, figure, fill
from tests.analytics.test_costs import COMPANY

# Account and seconds of talk; WABA costs 6 KZT a minute in pulses of 6 s, 3 from the third minute of the month on.
CALLS = """
call | account | fact  | at                  | says
a    | waba    | ended | 2026-03-02 05:00:00 | direction=outgoing; contact=phone:+77010000001; talk_seconds=60
b    | waba    | ended | 2026-03-02 06:00:00 | direction=outgoing; contact=phone:+77010000001; talk_seconds=61
c    | waba    | ended | 2026-03-02 07:00:00 | direction=outgoing; contact=phone:+77010000001; talk_seconds=90
d    | qr      | ended | 2026-03-02 08:00:00 | direction=outgoing; contact=phone:+77010000001; talk_seconds=60
e    | sip     | ended | 2026-03-02 09:00:00 | direction=outgoing; contact=phone:+77010000001; talk_seconds=60
f    | waba    | ended | 2026-03-02 10:00:00 | direction=outgoing; contact=phone:+79160000001; talk_seconds=30
g    | waba    | ended | 2026-03-02 11:00:00 | direction=outgoing; contact=phone:+77010000001; disposition=no_answer
"""


@cache
def _called() -> Scratch:
    return warehouse(drawn_events(CALLS), [COMPANY])


def _by_tariff(reader: Scratch, *, period: Period) -> pl.DataFrame:
    return questions.costs(reader, period=period, before=None, scope=ACME, metrics=("call_cost",)).tariffs


@pytest.mark.parametrize("before", [MARCH.before(), None])
@pytest.mark.parametrize("until", [None, datetime(2026, 3, 2, 8, tzinfo=UTC)])
def test_costs_are_told_with_what_their_metrics_give_of_both_periods_and_by_account(
    before: Period | None, until: datetime | None
) -> None:
    reader, names = _called(), ("cost_per_answered_minute", "call_cost")
    period = structs.replace(MARCH, last=until.date(), until=until) if until else MARCH
    told = questions.costs(reader, period=period, before=before, scope=ACME, metrics=names)
    assert_frame_equal(questions.figures(reader, period=period, scope=ACME, metrics=names), told.now)
    by_account = questions.figures(reader, period=period, scope=ACME, metrics=names, by=("account",))
    assert_frame_equal(by_account, told.accounts)
    assert (told.before is None) == (before is None)
    if before is not None and told.before is not None:
        assert_frame_equal(questions.figures(reader, period=before, scope=ACME, metrics=names), told.before)


@pytest.mark.parametrize("first", [date(2026, 2, 28), date(2026, 3, 2), date(2026, 3, 5)])
def test_a_period_that_begins_amid_a_month_is_counted_at_the_prices_of_the_whole_month(first: date) -> None:
    reader, period = _called(), Period(first, date(2026, 3, 31))
    raw = "select sum(company_cost)::double as cost from reports.call_costs where company = 'acme' and kind != 'fixed'"
    [cost] = reader.sql(f"{raw} and day between $first and $last", {"first": first, "last": period.last})["cost"]
    assert cost == figure(reader, "call_cost", period=period)[0]


def test_costs_are_summed_by_tariff_with_the_fee_of_the_period() -> None:
    costs = _by_tariff(_called(), period=MARCH)

    assert [
        ("link", 1, 1.0, 0.0, Decimal(0), Decimal(25_000), 25_000.0),
        ("trunk", 1, 1.0, 1.0, Decimal("6.5"), Decimal(0), 6.5),
        ("waba", 5, 241 / 60, 4.1, Decimal("47.1"), Decimal(0), pytest.approx(47.1 * 60 / 241)),
    ] == costs.select("tariff_id", "calls", "talk_minutes", "billed_minutes", "call_cost", "fee", "per_minute").rows()


def test_the_minutes_of_calls_without_a_price_make_no_minute_cheaper() -> None:
    calls = """
    call | account | fact  | at                  | says
    a    | waba    | ended | 2026-03-02 05:00:00 | direction=outgoing; contact=phone:+77010000001; talk_seconds=60
    b    | waba    | ended | 2026-03-02 06:00:00 | direction=outgoing; contact=phone:+5511987654321; talk_seconds=600
    """
    [waba] = [tariff for tariff in COMPANY.tariffs if tariff.id == "waba"]
    of_one = structs.replace(waba, rates=tuple(rate for rate in waba.rates if rate.countries == ("KZ",))[:1])
    others = tuple(tariff for tariff in COMPANY.tariffs if tariff.id != "waba")
    reader = warehouse(drawn_events(calls), [structs.replace(COMPANY, tariffs=(of_one, *others))])

    [priced] = questions.what_if(reader, period=MARCH, company="acme", tariffs=("waba",))
    costs = _by_tariff(reader, period=MARCH)

    assert (1, 11.0, 1.0) == (priced.unpriced, priced.talk_minutes, priced.priced_minutes)
    assert (priced.call_cost, priced.call_cost) == (priced.per_minute, priced.price)
    assert [priced.call_cost] == costs.filter(costs["tariff_id"] == "waba")["per_minute"].to_list()


def test_a_fee_counts_for_each_day_by_its_part_of_the_month() -> None:
    ten_days = Period(date(2026, 2, 26), date(2026, 3, 7))

    costs = _by_tariff(_called(), period=ten_days)

    [fee] = costs.filter(costs["tariff_id"] == "link")["fee"]
    assert round(Decimal(25_000) * 3 / 28 + Decimal(25_000) * 7 / 31, 6) == fee


def test_what_another_tariff_would_have_cost_is_priced_on_the_same_calls() -> None:
    tariffs = ("waba", "link", "trunk", "unheard of")
    metered, fixed, trunk, unknown = questions.what_if(_called(), period=MARCH, company="acme", tariffs=tariffs)

    assert (7, 6, 361 / 60, 53.1, 0.0) == (
        metered.calls,
        metered.answered,
        metered.talk_minutes,
        metered.call_cost,
        metered.fee,
    )
    assert (0.0, 25_000.0) == (fixed.call_cost, fixed.fee)
    assert (52.0, 8.0) == (trunk.call_cost, trunk.billed_minutes)
    assert (0, 0.0) == (unknown.calls, unknown.cost)
    assert [fixed, trunk] == questions.what_if(_called(), period=MARCH, company="acme", tariffs=("link", "trunk"))


def test_the_tariff_that_bills_an_account_costs_what_it_cost() -> None:
    [same] = questions.what_if(_called(), period=MARCH, company="acme", tariffs=("waba",), accounts=("waba",))

    assert (5, 47.1) == (same.calls, same.call_cost)


def _crossing(reader: questions.Reader) -> questions.Crossing:
    fixed, metered = questions.what_if(reader, period=MARCH, company="acme", tariffs=("link", "waba"))
    return questions.break_even(fixed=fixed, metered=metered)


def test_the_crossing_is_where_the_fee_is_as_dear_as_the_minutes() -> None:
    crossing = _crossing(_called())

    assert crossing.break_even_minutes == pytest.approx(25_000 / (53.1 / (361 / 60)))
    assert crossing.fixed.cost > crossing.metered.cost


def test_without_talk_nothing_crosses() -> None:
    crossing = _crossing(warehouse([], [COMPANY]))

    assert (None, None, 0) == (crossing.break_even_minutes, crossing.metered.per_minute, crossing.metered.calls)


@pytest.mark.parametrize(
    ("metric", "expected"),
    [("call_cost", (53.6, 6)), ("cost_per_answered_minute", (53.6 * 60_000 / 301_000, 6))],
)
def test_metered_calls_are_counted_by_what_they_cost(metric: str, expected: tuple[float, int]) -> None:
    says = "direction=outgoing; contact=phone:+77010000001; talk_seconds=60; is_test=yes"
    told = drawn_events(f"{CALLS}h | waba | ended | 2026-03-02 12:00:00 | {says}")
    value, sample = figure(warehouse(told, [COMPANY]), metric)

    assert (pytest.approx(expected[0]), expected[1]) == (value, sample)


@pytest.mark.parametrize(
    ("metric", "expected"), [("permitted_share", (2 / 3, 3)), ("calls_outside_permission", (1.0, 3))]
)
def test_calls_are_inside_or_outside_a_permission(metric: str, expected: tuple[float, int]) -> None:
    judged = fill(
        built((COMPANY,)),
        "facts.call_permissions",
        """
        call_id | policy   | is_permitted | reason
        a       | meta     | yes          | permitted
        b       | meta     | yes          | not_needed
        c       | meta     | no           | expired
        d       | -        | -            | -
        """,
        usual={"company": "acme", "day": "2026-03-02"},
    )

    assert expected == figure(judged, metric)


@pytest.mark.parametrize("metric", ["call_cost", "cost_per_answered_minute", "permitted_share"])
def test_without_calls_there_is_no_figure(metric: str) -> None:
    assert (None, 0) == figure(warehouse([], [COMPANY]), metric, scope=ACME)
