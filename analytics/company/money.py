"""Rows of reference tables on what calling costs and what it may do: tariffs, currencies, permission policies."""

import tomllib
from collections.abc import Sequence
from decimal import Decimal
from functools import cache
from itertools import groupby
from pathlib import Path
from typing import Any

import msgspec

from schemas.company import Company
from schemas.prices import ALWAYS, FOR_EVER, PermissionPolicy, Tariff

POLICIES_FILE = Path(__file__).with_name("policies.toml")
MINUTE_SECONDS = 60


@cache
def known_policies() -> tuple[PermissionPolicy, ...]:
    """Read the policies that everybody may choose from."""
    tables = tomllib.loads(POLICIES_FILE.read_text(encoding="utf-8"))
    return msgspec.convert(tables["policies"], tuple[PermissionPolicy, ...])


def rows(companies: Sequence[Company]) -> dict[str, list[tuple[Any, ...]]]:
    """Give the rows of five reference tables by the table's name."""
    return {
        "tariffs": [row for company in companies for tariff in company.tariffs for row in _tariff(company, tariff)],
        "tariff_rates": [row for company in companies for tariff in company.tariffs for row in _rates(company, tariff)],
        "request_rates": [
            (company.id, tariff.id, tariff.since, country, Decimal(rate.price_per_request))
            for company in companies
            for tariff in company.tariffs
            for rate in tariff.request_rates
            for country in rate.countries or ("",)
        ],
        "currency_rates": [row for company in companies for row in _currencies(company)],
        "permission_policies": [row for company in companies for row in _policies(company)],
    }


def _tariff(company: Company, tariff: Tariff) -> list[tuple[Any, ...]]:
    pulse = tariff.pulse_seconds if tariff.kind == "per_pulse" else MINUTE_SECONDS
    return [
        (
            company.id,
            account,
            tariff.id,
            tariff.kind,
            tariff.currency,
            tariff.direction,
            Decimal(tariff.monthly_fee),
            pulse,
            tariff.since,
            tariff.until,
        )
        for account in tariff.accounts
    ]


def _rates(company: Company, tariff: Tariff) -> list[tuple[Any, ...]]:
    """Give each price with the volume at which the next one of its country begins."""
    steps = sorted(
        (country, rate.above_minutes, rate.price_per_minute)
        for rate in tariff.rates
        for country in rate.countries or ("",)
    )
    listed: list[tuple[Any, ...]] = []
    for country, prices in groupby(steps, key=lambda step: step[0]):
        of_country = list(prices)
        ends = [above for _, above, _ in of_country[1:]] + [None]
        listed += [
            (company.id, tariff.id, tariff.since, country, above, until, Decimal(price))
            for (_, above, price), until in zip(of_country, ends, strict=True)
        ]
    return listed


def _currencies(company: Company) -> list[tuple[Any, ...]]:
    own = [(company.id, company.currency, Decimal(1), ALWAYS, FOR_EVER)] if company.currency else []
    return own + [
        (company.id, one.currency, Decimal(one.rate), one.since, one.until)
        for one in company.currency_rates
        if one.currency != company.currency
    ]


def _policies(company: Company) -> list[tuple[Any, ...]]:
    """Give every policy: a company's own stand in place of known ones of the same name."""
    own = {policy.name for policy in company.permission_policies}
    listed = [policy for policy in known_policies() if policy.name not in own] + list(company.permission_policies)
    return [
        (
            company.id,
            policy.name,
            policy.name == company.permission_policy,
            policy.is_required,
            policy.permission_hours,
            policy.trusts_provider,
            policy.allows_permanent,
            policy.requests_a_day,
            policy.requests_a_week,
            policy.connections_a_day,
            policy.unanswered_warn,
            policy.unanswered_revoke,
            policy.since,
            policy.until,
        )
        for policy in listed
    ]
