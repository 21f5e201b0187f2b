"""What calls cost: by dated tariff, by started pulse, by volume of the month, in two currencies, in exact decimals."""

from datetime import date
from decimal import Decimal

import msgspec
import pytest

from analytics.folding.scratch import Scratch
from analytics.metrics.catalogue import catalogue
from analytics.questions import costs as costs_of
from analytics.questions import what_if
from analytics.questions.explain import LeftOut, explain, rows_of
from analytics.reading.rights import LimitedReader, Rights
from schemas.company import Company, parse_company
from schemas.ids import message_id
from schemas.prices import Rate, RequestRate, Tariff
from tests.analytics.drawn import call, draw, drawn_events, rows, tidy, warehouse
from tests.analytics.drawn_rows import ACME, MARCH, figure

COMPANY = parse_company("""
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"
currency = "KZT"
accounts = [
  { id = "waba", source = "whatsapp_cloud" }, { id = "sip", source = "asterisk" }, { id = "qr", source = "waha" },
]

[[currency_rates]]
currency = "USD"
rate = "500"
until = 2026-03-03

[[currency_rates]]
currency = "USD"
rate = "510.25"
from = 2026-03-03
until = 2026-03-04

[[tariffs]]
id = "waba"
accounts = ["waba"]
kind = "per_pulse"
currency = "KZT"
rates = [
  { countries = ["KZ"], price_per_minute = "6" },
  { countries = ["KZ"], price_per_minute = "3", above_minutes = 2 },
  { price_per_minute = "60" },
]

[[tariffs]]
id = "trunk"
accounts = ["sip"]
kind = "per_minute"
currency = "USD"
direction = "both"
until = 2026-03-05
rates = [{ price_per_minute = "0.013" }]

[[tariffs]]
id = "link"
accounts = ["qr"]
kind = "fixed"
currency = "KZT"
monthly_fee = "25000"
""")


def _costs(lines: str, expected: str, *, company: Company = COMPANY, others: tuple[Company, ...] = ()) -> list[str]:
    drawn = ["call | company | account | fact | at | says"]
    for row in rows(lines):
        talk = f"answered_at={row['at']}; talk_seconds={row['talk']}" if row["talk"] else "disposition=no_answer"
        says = f"direction={row['direction']}; contact={row['contact']}"
        told_of = f"{row['call']} | {row.get('company', company.id)} | {row['account']}"
        drawn += [
            f"{told_of} | offered | {row['at']} | {says}",
            f"{told_of} | ended | {row['at']} | {says}; {talk}",
        ]
    names = {call(row["call"]): row["call"] for row in rows(lines)}
    built = warehouse(drawn_events("\n".join(drawn)), [company, *others])
    return draw(built.sql("from reports.call_costs"), like=expected, names=names)


def test_every_started_pulse_is_billed_and_the_month_gets_cheaper_by_volume() -> None:
    lines = """
    call | account | direction | contact               | at                  | talk
    a    | waba    | outgoing  | phone:+77010000001    | 2026-03-02 05:00:00 | 0.1
    b    | waba    | outgoing  | phone:+77010000002    | 2026-03-02 05:10:00 | 6
    c    | waba    | outgoing  | whatsapp_user:KZ.1    | 2026-03-02 05:20:00 | 107
    d    | waba    | outgoing  | phone:+77010000001    | 2026-03-02 05:30:00 | 60
    e    | waba    | outgoing  | phone:+79160000001    | 2026-03-02 05:40:00 | 60.001
    f    | waba    | outgoing  | phone:+77010000001    | 2026-03-02 05:50:00 |
    g    | waba    | incoming  | phone:+77010000001    | 2026-03-02 06:00:00 | 60
    h    | waba    | outgoing  | phone:+77010000001    | 2026-03-31 18:59:59 | 60
    i    | waba    | outgoing  | phone:+77010000001    | 2026-03-31 19:00:00 | 60
    """
    expected = """
    call_id | country | pulses | billed_seconds | minutes_before | price_per_minute | cost
    a       | KZ      | 1      | 6              | 0              | 6                | 0.6
    b       | KZ      | 1      | 6              | 0.1            | 6                | 0.6
    c       | KZ      | 18     | 108            | 0.2            | 6                | 10.8
    d       | KZ      | 10     | 60             | 2              | 3                | 3
    e       | RU      | 11     | 66             | 0              | 60               | 66
    f       | KZ      | 0      | 0              | 3              | 3                | 0
    h       | KZ      | 10     | 60             | 3              | 3                | 3
    i       | KZ      | 10     | 60             | 0              | 6                | 6
    """
    assert tidy(expected) == _costs(lines, expected)


def test_costs_are_told_in_the_tariffs_currency_and_in_the_companys_by_the_rate_of_the_day() -> None:
    lines = """
    call | account | direction | contact            | at                  | talk
    a    | sip     | outgoing  | phone:+77010000001 | 2026-03-02 05:00:00 | 61
    b    | sip     | incoming  | phone:+77010000001 | 2026-03-03 05:00:00 | 60
    c    | sip     | outgoing  | phone:+77010000001 | 2026-03-03 19:00:00 | 60
    d    | qr      | outgoing  | phone:+77010000001 | 2026-03-02 05:00:00 | 60
    g    | sip     | outgoing  | phone:+77010000001 | 2026-03-04 19:00:00 | 60
    e    | sip     | internal  | phone:+77010000001 | 2026-03-02 05:00:00 | 60
    f    | sip     | unknown   | phone:+77010000001 | 2026-03-02 05:00:00 | 60
    """
    expected = """
    call_id | tariff_id | kind       | pulses | currency | cost  | company_currency | company_cost
    a       | trunk     | per_minute | 2      | USD      | 0.026 | KZT              | 13
    b       | trunk     | per_minute | 1      | USD      | 0.013 | KZT              | 6.633
    c       | trunk     | per_minute | 1      | USD      | 0.013 | KZT              |
    d       | link      | fixed      | 0      | KZT      | 0     | KZT              | 0
    """
    assert tidy(expected) == _costs(lines, expected)


def test_a_tariff_with_other_prices_from_a_day_on_counts_the_volume_of_the_month_on() -> None:
    [waba, *others] = COMPANY.tariffs
    dearer = tuple(msgspec.structs.replace(rate, price_per_minute=f"{rate.price_per_minute}0") for rate in waba.rates)
    second = date(2026, 3, 3)
    tariffs = (
        msgspec.structs.replace(waba, until=second),
        msgspec.structs.replace(waba, since=second, rates=dearer),
        *others,
    )
    lines = """
    call | account | direction | contact            | at                  | talk
    a    | waba    | outgoing  | phone:+77010000001 | 2026-03-02 05:00:00 | 120
    b    | waba    | outgoing  | phone:+77010000001 | 2026-03-03 05:00:00 | 60
    """
    expected = """
    call_id | minutes_before | price_per_minute | cost
    a       | 0              | 6                | 12
    b       | 2              | 30               | 30
    """
    assert tidy(expected) == _costs(lines, expected, company=msgspec.structs.replace(COMPANY, tariffs=tariffs))


def test_a_company_pays_its_own_prices_and_those_of_tests_too() -> None:
    rates = (Rate(price_per_minute="1"), Rate(price_per_minute="1", countries=("KZ",)))
    cheaper = msgspec.structs.replace(COMPANY.tariffs[0], rates=rates)
    other = msgspec.structs.replace(COMPANY, id="other", tariffs=(cheaper,))
    ours = msgspec.structs.replace(COMPANY, test_numbers=("+77019999999",))
    lines = """
    call | company | account | direction | contact            | at                  | talk
    a    | acme    | waba    | outgoing  | phone:+77010000001 | 2026-03-02 05:00:00 | 60
    b    | acme    | waba    | outgoing  | phone:+77019999999 | 2026-03-02 06:00:00 | 60
    c    | acme    | waba    | outgoing  | phone:+79160000001 | 2026-03-02 07:00:00 | 60
    d    | other   | waba    | outgoing  | phone:+77010000001 | 2026-03-02 04:00:00 | 60
    e    | other   | waba    | outgoing  | phone:+77019999999 | 2026-03-02 08:00:00 | 60
    """
    expected = """
    call_id | minutes_before | price_per_minute | cost | is_left_out
    a       | 0              | 6                | 6    | no
    b       | 1              | 6                | 6    | yes
    c       | 0              | 60               | 60   | no
    d       | 0              | 1                | 1    | no
    e       | 1              | 1                | 1    | no
    """
    assert tidy(expected) == _costs(lines, expected, company=ours, others=(other,))


def test_half_a_millionth_is_rounded_up() -> None:
    tariff = msgspec.structs.replace(COMPANY.tariffs[0], rates=(Rate(price_per_minute="0.000005"),))
    company = msgspec.structs.replace(COMPANY, tariffs=(tariff,))
    lines = """
    call | account | fact  | at                  | says
    a    | waba    | ended | 2026-03-02 05:00:00 | direction=outgoing; contact=phone:+77010000001; talk_seconds=6
    """
    built = warehouse(drawn_events(lines), [company])
    assert built.sql("select cost from reports.call_costs").rows() == [(Decimal("0.000001"),)]


def test_a_call_is_billed_when_it_is_over() -> None:
    lines = """
    call | account | fact     | at                  | says
    a    | waba    | offered  | 2026-03-02 05:00:00 | direction=outgoing; contact=phone:+77010000001
    a    | waba    | accepted | 2026-03-02 05:00:05 | direction=outgoing; contact=phone:+77010000001
    b    | waba    | offered  | 2026-03-02 05:00:00 | direction=outgoing; contact=phone:+77010000001
    b    | waba    | ended    | 2026-03-02 05:00:05 | direction=outgoing; contact=phone:+77010000001; disposition=failed
    """
    built = warehouse(drawn_events(lines), [COMPANY])
    assert built.sql("select call_id from facts.call_charges").rows() == [(call("b"),)]


MACHINES = """
call     | account | fact     | at                  | says
told     | waba    | offered  | 2026-03-02 05:00:00 | direction=outgoing; contact=phone:+77010000001
told     | waba    | accepted | 2026-03-02 05:00:10 | direction=outgoing; contact=phone:+77010000001
told     | waba    | ended    | 2026-03-02 05:00:30 | disposition=completed; answered_by=machine; talk_seconds=0
detected | waba    | accepted | 2026-03-02 06:00:10 | direction=outgoing; contact=phone:+77010000001
detected | waba    | accepted | 2026-03-02 06:00:13 | answered_by=machine
detected | waba    | ended    | 2026-03-02 06:00:30 | disposition=completed
measured | waba    | accepted | 2026-03-02 07:00:13 | direction=outgoing; contact=phone:+77010000001; answered_by=machine
measured | waba    | ended    | 2026-03-02 07:00:30 | disposition=completed; talk_seconds=25
box      | waba    | ended    | 2026-03-02 08:00:30 | direction=outgoing; contact=phone:+77010000001; disposition=voicemail; answered_at=2026-03-02 08:00:29; talk_seconds=0
unknown  | waba    | ended    | 2026-03-02 09:00:30 | direction=outgoing; contact=phone:+77010000001; disposition=voicemail; talk_seconds=0
person   | waba    | accepted | 2026-03-02 10:00:10 | direction=outgoing; contact=phone:+77010000001
person   | waba    | ended    | 2026-03-02 10:00:30 | disposition=completed; talk_seconds=20; answered_by=human
nobody   | waba    | ended    | 2026-03-02 11:00:30 | direction=outgoing; contact=phone:+77010000001; disposition=no_answer
"""  # noqa: E501


def test_what_a_machine_answered_is_billed_and_is_no_talk() -> None:
    events = drawn_events(MACHINES)
    expected = """
    call_id  | talk_seconds | connected_seconds | pulses | minutes_before | cost
    told     |              | 20                | 4      | 0              | 2.4
    detected |              | 20                | 4      | 0.4            | 2.4
    measured |              | 25                | 5      | 0.8            | 3
    box      |              | 1                 | 1      | 1.3            | 0.6
    unknown  |              |                   |        |                |
    person   | 20           | 20                | 4      | 1.4            | 2.4
    nobody   |              | 0                 | 0      | 1.8            | 0
    """
    names = {call(row["call"]): row["call"] for row in rows(MACHINES)}
    for told in (events, [*reversed(events), *events]):
        built = warehouse(told, [COMPANY])
        assert tidy(expected) == draw(built.sql("from reports.call_costs"), like=expected, names=names)
        assert (pytest.approx(10.8), 6) == figure(built, "call_cost")
        assert (pytest.approx(10.8 * 3), 6) == figure(built, "cost_per_answered_minute")
        assert (20 / 60, 1) == figure(built, "talk_minutes")
        [same] = what_if(built, period=MARCH, company="acme", tariffs=("waba",))
        assert (10.8, 1, 1) == (same.call_cost, same.answered, same.unpriced)


# What became of the messages that asked, of which one stands as an erasure leaves it: one of them came at last.
MESSAGES = {name: message_id("twilio", "waba", f"wamid.{name}") for name in ("ж", "erased", "late")}
FATES = f"""
message | fact      | at       | says
i       | failed    | 11:00:01 | message_id={MESSAGES["ж"]}
j       | failed    | 12:00:01 | message_id={MESSAGES["erased"]}
c       | failed    | 06:00:01 | message_id={MESSAGES["late"]}
c       | delivered | 06:00:02 | message_id={MESSAGES["late"]}
"""
REQUESTS = f"""
permission | company | account | fact      | at                  | says
a          | acme    | waba    | requested | 2026-03-01 18:59:59 | contact=phone:+77010000001
b          | acme    | waba    | requested | 2026-03-01 19:00:00 | contact=phone:+77010000001
d          | acme    | waba    | requested | 07:00:00            | contact=phone:+77019999999
e          | acme    | waba    | granted   | 08:00:00            | contact=phone:+77010000001
f          | acme    | sip     | requested | 09:00:00            | contact=phone:+77010000001
g          | acme    | none    | requested | 10:00:00            | contact=phone:+77010000001
h          | acme    | waba    | requested | 2026-03-03 06:00:00 | contact=anonymous:anonymous
i          | acme    | waba    | requested | 11:00:00            | contact=phone:+77010000001; request_message_id=wamid.ж
j          | acme    | waba    | requested | 12:00:00            | contact=erased:KZ.1; request_message_id={MESSAGES["erased"]}
c          | acme    | waba    | requested | 06:00:00            | contact=whatsapp_user:BR.7; request_message_id=wamid.late
k          | acme    | waba    | requested | 13:00:00            | contact=phone:+77010000001; company_number=+77019999999
l          | acme    | waba    | requested | 14:00:00            | contact=phone:+77010000001; company_number=+77271111111
m          | other   | waba    | requested | 15:00:00            | contact=phone:+77010000001
"""  # noqa: E501


def _asked(*prices: RequestRate, currency: str = "USD") -> Scratch:
    """Ask for permission in days of which the second has a tariff with prices of a request, as another tariff has."""
    [waba, trunk, link] = COMPANY.tariffs
    second = date(2026, 3, 2)
    priced = msgspec.structs.replace(waba, since=second, currency=currency, request_rates=prices)
    tariffs = (msgspec.structs.replace(waba, until=second), priced, trunk, _dear(link))
    company = msgspec.structs.replace(COMPANY, tariffs=tariffs, test_numbers=("+77019999999",))
    company = msgspec.structs.replace(company, internal_numbers=("+77271111111",))
    other = msgspec.structs.replace(
        company, id="other", test_numbers=("+77010000001",), tariffs=tuple(_dear(tariff) for tariff in tariffs)
    )
    return warehouse([*drawn_events(REQUESTS), *drawn_events(FATES)], [company, other])


def _dear(tariff: Tariff) -> Tariff:
    """Let a request cost much by it."""
    prices = (RequestRate(price_per_request="9", countries=("KZ",)), RequestRate(price_per_request="9"))
    return msgspec.structs.replace(tariff, request_rates=prices)


def test_a_request_that_did_not_fail_is_billed_by_the_country_the_tariff_and_the_rate_of_the_day() -> None:
    built = _asked(RequestRate(price_per_request="0.01", countries=("KZ",)), RequestRate(price_per_request="0.04"))
    expected = """
    requested_at        | company | account | tariff_id | kind       | country | currency | cost | company_cost | is_left_out
    2026-03-01 18:59:59 | acme    | waba    | waba      | per_pulse  | KZ      | KZT      |      |              | no
    2026-03-01 19:00:00 | acme    | waba    | waba      | per_pulse  | KZ      | USD      | 0.01 | 5            | no
    06:00:00            | acme    | waba    | waba      | per_pulse  | BR      | USD      | 0.04 | 20           | no
    07:00:00            | acme    | waba    | waba      | per_pulse  | KZ      | USD      | 0.01 | 5            | yes
    09:00:00            | acme    | sip     | trunk     | per_minute | KZ      | USD      |      |              | no
    13:00:00            | acme    | waba    | waba      | per_pulse  | KZ      | USD      | 0.01 | 5            | yes
    14:00:00            | acme    | waba    | waba      | per_pulse  | KZ      | USD      | 0.01 | 5            | no
    15:00:00            | other   | waba    | waba      | per_pulse  | KZ      | USD      | 9    | 4500         | yes
    2026-03-03 06:00:00 | acme    | waba    | waba      | per_pulse  |         | USD      | 0.04 | 20.41        | no
    """  # noqa: E501
    assert tidy(expected) == draw(built.sql("from reports.request_costs"), like=expected)
    assert (50.41, 4) == figure(built, "request_cost")
    behind = rows_of(catalogue()["request_cost"], period=MARCH, scope=ACME).ask(built)
    assert [Decimal(5), Decimal(20), Decimal(5), Decimal("20.41")] == behind["numerator"].to_list()


def test_requests_without_a_price_are_no_sum_of_nothing() -> None:
    built = _asked(RequestRate(price_per_request="0.04", countries=("RU",)))

    explained = explain(built, "request_cost", period=MARCH, scope=ACME)

    assert (None, 0) == figure(built, "request_cost")
    assert (LeftOut("left_out_calls", 2), LeftOut("no_price", 6)) == explained.left_out


def test_requests_are_part_of_what_a_period_costs_and_not_of_a_minute() -> None:
    built = _asked(RequestRate(price_per_request="7.5", countries=("KZ",)), currency="KZT")

    asked = {"period": MARCH, "before": None, "scope": ACME, "metrics": ("call_cost",)}
    costs = costs_of(built, **asked).tariffs

    assert [
        ("link", "fixed", 0, None, 0, Decimal(25_000)),
        ("trunk", "per_minute", 1, None, 1, Decimal(0)),
        ("waba", "per_pulse", 7, Decimal(30), 3, Decimal(30)),
    ] == costs.select("tariff_id", "kind", "requests", "request_cost", "unpriced_requests", "cost").rows()
    assert [None, None, None] == costs["per_minute"].to_list()
    analyst = LimitedReader(built, rights=Rights(role="analyst"), salt="salt")
    assert costs.equals(costs_of(analyst, **asked).tariffs)
