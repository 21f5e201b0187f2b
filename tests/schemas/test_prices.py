"""What calling costs and must ask is read whole, or refused with one sentence that names the line."""

from datetime import date

import pytest

from schemas.company import parse_company
from schemas.errors import Misconfigured

GOOD = """
id = "demo"
name = "Демо"
time_zone = "Asia/Almaty"
default_region = "KZ"
currency = "KZT"
permission_policy = "seed-2025"

[[teams]]
id = "south"
name = "Оңтүстік"

[[operators]]
id = "aigul"
name = "Айгүл"
team = "south"

[[operators.seats]]
endpoint = "PJSIP/101"
from = 2026-01-01

[[accounts]]
id = "main"
source = "twilio"

[[currency_rates]]
currency = "USD"
rate = "510.25"

[[tariffs]]
id = "trunk"
accounts = ["main"]
kind = "per_pulse"
currency = "USD"
from = 2026-01-01

[[tariffs.rates]]
price_per_minute = "5.97"
countries = ["KZ"]

[[tariffs.request_rates]]
price_per_request = "9.5"

[[permission_policies]]
name = "ours"
permission_hours = 48
"""


def test_tariffs_rates_and_policies_are_read() -> None:
    company = parse_company(GOOD)

    assert company.tariffs[0].rates[0].price_per_minute == "5.97"
    assert [("9.5", ())] == [(one.price_per_request, one.countries) for one in company.tariffs[0].request_rates]
    assert (company.tariffs[0].since, company.tariffs[0].until) == (date(2026, 1, 1), date(9999, 12, 31))
    assert company.currency_rates[0].rate == "510.25"
    assert company.permission_policies[0].permission_hours == 48
    assert company.operators[0].seats[0].since == date(2026, 1, 1)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ('"5.97"', "5.97", "line 38"),
        ('"5.97"', '"5,97"', 'must be decimal text in quotes like "5.97" (tariffs.0.rates.0.price_per_minute)'),
        ('kind = "per_pulse"', 'kind = "hourly"', "line 33"),
        ('accounts = ["main"]', 'accounts = ["other"]', "line 30: tariff 'trunk' bills the account 'other', which is"),
        ('currency = "KZT"\n', "", "line 29: tariffs need the company's own currency above"),
        (
            '[[currency_rates]]\ncurrency = "USD"',
            '[[currency_rates]]\ncurrency = "EUR"',
            "which has no [[currency_rates]]",
        ),
        ('kind = "per_pulse"', 'kind = "fixed"', "line 30: tariff 'trunk' is fixed: it has a monthly_fee and no rates"),
        (
            'countries = ["KZ"]',
            'countries = ["KZ"]\nabove_minutes = 5',
            "line 30: tariff 'trunk' lacks a price above_minutes = 0",
        ),
        (
            'countries = ["KZ"]',
            'countries = ["KZ", "KZ"]',
            "line 30: tariff 'trunk' has two prices for one country and volume",
        ),
        (
            'price_per_request = "9.5"',
            'price_per_request = "9.5"\n[[tariffs.request_rates]]\nprice_per_request = "1"',
            "line 30: tariff 'trunk' has two prices of a request to one country",
        ),
        ('price_per_request = "9.5"', 'price = "9.5"', "line 42: unknown name (tariffs.0.request_rates.0.price)"),
        (
            'rate = "510.25"',
            'rate = "510.25"\n[[currency_rates]]\ncurrency = "USD"\nrate = "1"',
            "USD has two rates on 1900-01-01",
        ),
        ("from = 2026-01-01\n\n[[accounts]]", "until = 1800-01-01\n\n[[accounts]]", "ends before it begins"),
        ("from = 2026-01-01\n\n[[tariffs.rates]]", "until = 1800-01-01\n\n[[tariffs.rates]]", "is empty"),
        ("permission_hours = 48", "permission_hours = 0", "line 46"),
    ],
)
def test_each_mistake_gets_one_sentence(old: str, new: str, sentence: str) -> None:
    assert old in GOOD
    with pytest.raises(Misconfigured) as refusal:
        parse_company(GOOD.replace(old, new), file="company.toml")

    assert sentence in refusal.value.reason
    assert "\n" not in refusal.value.reason
