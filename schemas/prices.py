"""What calling costs and what it may do: tariffs, currencies and permission policies of `company.toml`, all dated."""

from datetime import date
from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.crm import Currency
from schemas.envelope import Name

# What stands for no bound in dated data.
ALWAYS, FOR_EVER = date(1900, 1, 1), date(9999, 12, 31)

Money = Annotated[str, Meta(pattern=r"^[0-9]{1,12}(\.[0-9]{1,6})?$", description='decimal text in quotes like "5.97"')]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$", description="a country of ISO 3166 such as KZ")]
TariffKind = Literal["fixed", "per_minute", "per_pulse"]


class Rate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price of a minute to some countries, from a volume of the month on; no countries means all others.

    `above_minutes` counts the minutes billed before in the calendar month, to the same country by the same tariff: a
    call is billed at the price that holds when it begins.
    """

    price_per_minute: Money
    countries: tuple[Country, ...] = ()
    above_minutes: Annotated[int, Meta(ge=0)] = 0


class RequestRate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The price of a call permission request to some countries: each is billed as a message; none means all others."""

    price_per_request: Money
    countries: tuple[Country, ...] = ()


class Tariff(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """What calls of some accounts cost, from the local date `from` to before `until`.

    `fixed` costs `monthly_fee` and nothing a call; `per_minute` bills every started minute, `per_pulse` every started
    pulse, at the price of the minute's share. `direction` is which calls are billed. `request_rates` are what it costs
    to ask for permission to call; without them such requests have no price.
    """

    id: Name
    accounts: Annotated[tuple[Name, ...], Meta(min_length=1)]
    kind: TariffKind
    currency: Currency
    since: date = ALWAYS
    until: date = FOR_EVER
    direction: Literal["outgoing", "incoming", "both"] = "outgoing"
    monthly_fee: Money = "0"
    pulse_seconds: Annotated[int, Meta(ge=1, le=3600)] = 6
    rates: tuple[Rate, ...] = ()
    request_rates: tuple[RequestRate, ...] = ()


class CurrencyRate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """What one unit of a currency is worth in the company's own, from the local date `from` to before `until`."""

    currency: Currency
    rate: Money
    since: date = ALWAYS
    until: date = FOR_EVER


class PermissionPolicy(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """What a named policy asks before we may call, from the local date `from` to before `until`.

    A permission lasts `permission_hours`, or as long as the provider says where `trusts_provider`, or for ever where it
    is permanent and `allows_permanent`. Limits are for one account and contact; none where they are left out.
    """

    name: Name
    since: date = ALWAYS
    until: date = FOR_EVER
    is_required: bool = True
    permission_hours: Annotated[int, Meta(ge=1, le=87_600)] = 168
    trusts_provider: bool = True
    allows_permanent: bool = True
    requests_a_day: Annotated[int, Meta(ge=1)] | None = None
    requests_a_week: Annotated[int, Meta(ge=1)] | None = None
    connections_a_day: Annotated[int, Meta(ge=1)] | None = None
    unanswered_warn: Annotated[int, Meta(ge=1)] | None = None
    unanswered_revoke: Annotated[int, Meta(ge=1)] | None = None


def problems(
    tariffs: tuple[Tariff, ...], rates: tuple[CurrencyRate, ...], policies: tuple[PermissionPolicy, ...]
) -> list[tuple[str, str]]:
    """List what is wrong, each with the path of the table it stands in."""
    found: list[tuple[str, str]] = []
    for number, tariff in enumerate(tariffs):
        where = f"tariffs.{number}"
        if tariff.kind == "fixed" and tariff.rates:
            found.append((where, f"tariff {tariff.id!r} is fixed: it has a monthly_fee and no rates"))
        if tariff.kind != "fixed" and not tariff.rates:
            found.append((where, f"tariff {tariff.id!r} needs [[tariffs.rates]] with a price_per_minute"))
        steps = [(country, rate.above_minutes) for rate in tariff.rates for country in rate.countries or ("",)]
        if len(set(steps)) < len(steps):
            found.append((where, f"tariff {tariff.id!r} has two prices for one country and volume"))
        starts = {country for country, above in steps if above == 0}
        if starts != {country for country, _ in steps}:
            found.append((where, f"tariff {tariff.id!r} lacks a price above_minutes = 0"))
        asked = [country for rate in tariff.request_rates for country in rate.countries or ("",)]
        if len(set(asked)) < len(asked):
            found.append((where, f"tariff {tariff.id!r} has two prices of a request to one country"))
    named = [(account, one.since, one.until) for one in tariffs for account in one.accounts]
    found += [
        (_last("tariffs", [name in one.accounts for one in tariffs]), f"account {name!r} has two tariffs on {day}")
        for name, day in doubled(named)
    ]
    dated = [(one.currency, one.since, one.until) for one in rates]
    found += [
        (_last("currency_rates", [one.currency == name for one in rates]), f"{name} has two rates on {day}")
        for name, day in doubled(dated)
    ]
    dated = [(one.name, one.since, one.until) for one in policies]
    for name, day in doubled(dated):
        where = _last("permission_policies", [one.name == name for one in policies])
        found.append((where, f"policy {name!r} is there twice on {day}"))
    tables = (("tariffs", tariffs), ("currency_rates", rates), ("permission_policies", policies))
    found += [
        (f"{table}.{number}", f"a time from {one.since} until {one.until} is empty")
        for table, listed in tables
        for number, one in enumerate(listed)
        if one.since >= one.until
    ]
    return found


def _last(table: str, are_meant: list[bool]) -> str:
    """Give the path of the last of a table's entries that are meant."""
    return f"{table}.{max(number for number, is_meant in enumerate(are_meant) if is_meant)}"


def doubled(spans: list[tuple[str, date, date]]) -> list[tuple[str, date]]:
    """Give what holds twice on one day, each once, with the first such day."""
    found: dict[str, date] = {}
    ends: dict[str, date] = {}
    for name, since, until in sorted(spans):
        if name in ends and ends[name] > since:
            found.setdefault(name, since)
        ends[name] = max(until, ends.get(name, until))
    return list(found.items())
