"""Company data as the reference tables of the warehouse: who is who, when it is open, which bounds judge its calls."""

from collections.abc import Iterable
from datetime import date, time
from typing import Any

import polars as pl
from msgspec import structs

from analytics.company import listening, money
from analytics.company.dialling import dialling_codes, forms
from analytics.connection import Connection, handed_in, settle
from schemas.company import Company, Operator
from schemas.dated import WEEKDAYS, one_after_another, without_spacing
from schemas.hours import parse_span
from schemas.prices import ALWAYS, FOR_EVER

_TYPES: dict[str, Any] = {
    "varchar": pl.String,
    "integer": pl.Int32,
    "time": pl.Time,
    "date": pl.Date,
    "boolean": pl.Boolean,
    "decimal(18,6)": pl.Decimal(18, 6),
    "double": pl.Float64,
}

# Each table: what one row is, and its columns in their order, with type and meaning.
TABLES: dict[str, tuple[str, dict[str, tuple[str, str]]]] = {
    "companies": (
        "One row a company.",
        {
            "company": ("varchar", "id of the tenant"),
            "name": ("varchar", "name for people"),
            "time_zone": ("varchar", "zone in which its days and hours are counted"),
            "default_region": ("varchar", "country of numbers written without one"),
            "week_starts": ("varchar", "day on which its weeks begin: mon, sat or sun"),
            "currency": ("varchar", "currency in which it counts, ISO 4217; null where it states none"),
            "permission_policy": ("varchar", "name of the policy under which its WhatsApp Business calls are judged"),
        },
    ),
    "accounts": (
        "One row an account: a connected number or session at a source.",
        {
            "company": ("varchar", "id of the tenant"),
            "account": ("varchar", "id of the account"),
            "source": ("varchar", "provider"),
            "channel": ("varchar", "phone, whatsapp, …"),
            "address": ("varchar", "the company's own number or id there"),
            "time_zone": ("varchar", "zone in which the source writes local times"),
            "language": ("varchar", "language of its calls where nothing else tells"),
        },
    ),
    "teams": (
        "One row a team of operators.",
        {
            "company": ("varchar", "id of the tenant"),
            "team_id": ("varchar", "id of the team"),
            "name": ("varchar", "name for people"),
        },
    ),
    "operators": (
        "One row an operator: a person of the company who takes calls.",
        {
            "company": ("varchar", "id of the tenant"),
            "operator_id": ("varchar", "id of the operator"),
            "name": ("varchar", "name for people"),
            "team_id": ("varchar", "usual team of the operator"),
        },
    ),
    "endpoints": (
        "One row a time for which an endpoint, as sources write it, was one operator's in one team.",
        {
            "company": ("varchar", "id of the tenant"),
            "endpoint": ("varchar", "such as PJSIP/101"),
            "operator_id": ("varchar", "operator who sits there"),
            "team_id": ("varchar", "team of the operator then"),
            "valid_from": ("date", "first local day"),
            "valid_until": ("date", "local day on which it holds no longer"),
        },
    ),
    "memberships": (
        "One row a time for which an operator was in a team; for each operator they follow each other without a gap.",
        {
            "company": ("varchar", "id of the tenant"),
            "operator_id": ("varchar", "the operator"),
            "team_id": ("varchar", "the team"),
            "valid_from": ("date", "first local day"),
            "valid_until": ("date", "local day on which it holds no longer"),
        },
    ),
    "hours": (
        "One row a span of business hours on a weekday, two spans a day at most, and a time for which it held.",
        {
            "company": ("varchar", "id of the tenant"),
            "weekday": ("integer", "1 is Monday"),
            "opens": ("time", "local time of opening"),
            "closes": ("time", "local time of closing, itself no longer open"),
            "valid_from": ("date", "first local day"),
            "valid_until": ("date", "local day on which it holds no longer"),
        },
    ),
    "holidays": (
        "One row a day on which the company is closed.",
        {
            "company": ("varchar", "id of the tenant"),
            "day": ("date", "local date"),
        },
    ),
    "thresholds": (
        "One row a company and a time for which bounds judged its calls; the times follow each other without a gap.",
        {
            "company": ("varchar", "id of the tenant"),
            "short_abandon_seconds": ("integer", "a caller who hangs up sooner abandoned, seconds"),
            "service_level_seconds": ("integer", "an answer within this time is in time, seconds"),
            "callback_soon_seconds": ("integer", "who is called back within this time is called back soon, seconds"),
            "callback_lost_seconds": ("integer", "who is not called back within this time is lost, seconds"),
            "resolution_hours": ("integer", "who does not call again within this time was helped at once, hours"),
            "conversion_days": ("integer", "a deal is ascribed to calls answered at most so long before, days"),
            "attribution": ("varchar", "to which of them: last_call, first_call or any_call"),
            "valid_from": ("date", "first local day"),
            "valid_until": ("date", "local day on which it holds no longer"),
        },
    ),
    "tariffs": (
        "One row a time for which the calls of an account were billed by a tariff.",
        {
            "company": ("varchar", "id of the tenant"),
            "account": ("varchar", "account whose calls are billed"),
            "tariff_id": ("varchar", "id of the tariff"),
            "kind": ("varchar", "fixed, per_minute or per_pulse"),
            "currency": ("varchar", "currency of its prices, ISO 4217"),
            "direction": ("varchar", "which calls are billed: outgoing, incoming or both"),
            "monthly_fee": ("decimal(18,6)", "what a calendar month costs beside the calls, once for all its accounts"),
            "pulse_seconds": ("integer", "length of a pulse, of which each that has begun is billed; of per_minute 60"),
            "valid_from": ("date", "first local day"),
            "valid_until": ("date", "local day on which it holds no longer"),
        },
    ),
    "tariff_rates": (
        "One row a price of a tariff: of a minute to a country, from a volume of the month on.",
        {
            "company": ("varchar", "id of the tenant"),
            "tariff_id": ("varchar", "id of the tariff"),
            "valid_from": ("date", "first local day of the tariff"),
            "country": ("varchar", "country of the contact, ISO 3166; empty for all that have no price of their own"),
            "above_minutes": ("integer", "minutes billed in the month before to the same countries, minutes"),
            "until_minutes": ("integer", "where the next price begins; null for the last, minutes"),
            "price_per_minute": ("decimal(18,6)", "price of a minute in the currency of the tariff"),
        },
    ),
    "request_rates": (
        "One row a price of a tariff: of a call permission request to a country.",
        {
            "company": ("varchar", "id of the tenant"),
            "tariff_id": ("varchar", "id of the tariff"),
            "valid_from": ("date", "first local day of the tariff"),
            "country": ("varchar", "country of the contact, ISO 3166; empty for all that have no price of their own"),
            "price_per_request": ("decimal(18,6)", "price of a request in the currency of the tariff"),
        },
    ),
    "currency_rates": (
        "One row a time for which a currency had a worth in the company's own, which has a row with 1.",
        {
            "company": ("varchar", "id of the tenant"),
            "currency": ("varchar", "the currency, ISO 4217"),
            "rate": ("decimal(18,6)", "what one unit is worth in the company's currency"),
            "valid_from": ("date", "first local day"),
            "valid_until": ("date", "local day on which it holds no longer"),
        },
    ),
    "permission_policies": (
        "One row a time for which a policy asked what it asks before a contact may be called.",
        {
            "company": ("varchar", "id of the tenant"),
            "policy": ("varchar", "name of the policy"),
            "is_chosen": ("boolean", "whether the company judges its calls by it"),
            "is_required": ("boolean", "whether a permission is needed at all"),
            "permission_hours": ("integer", "how long a permission lasts, hours"),
            "trusts_provider": ("boolean", "whether it lasts as long as the provider says, where he says so"),
            "allows_permanent": ("boolean", "whether a permanent permission is one"),
            "requests_a_day": ("integer", "requests in 24 h, null without limit"),
            "requests_a_week": ("integer", "requests in 7 days, null without limit"),
            "connections_a_day": ("integer", "connected calls to a contact in 24 h, null without limit"),
            "unanswered_warn": ("integer", "unanswered calls in a row of which the contact is asked, null for none"),
            "unanswered_revoke": ("integer", "unanswered calls in a row that end the permission, null for none"),
            "valid_from": ("date", "first local day"),
            "valid_until": ("date", "local day on which it holds no longer"),
        },
    ),
    "dialling_codes": (
        "One row a beginning of international numbers, and the country whose numbers begin so.",
        {
            "prefix": ("varchar", "first digits after the plus; the longest that fits tells the country"),
            "country": ("varchar", "country of ISO 3166"),
        },
    ),
    "numbers": (
        "One row a number, and a time for which its calls are left out of metrics.",
        {
            "company": ("varchar", "id of the tenant"),
            "number": ("varchar", "number as it is dialled from abroad, or another value by which a contact is known"),
            "kind": ("varchar", "internal or test"),
            "valid_from": ("date", "first local day"),
            "valid_until": ("date", "local day on which it holds no longer"),
        },
    ),
    **listening.TABLES,
}


def frames(companies: Iterable[Company]) -> dict[str, pl.DataFrame]:
    """Give the reference tables of `companies` by name, every table there, sorted, no row twice."""
    listed = tuple(companies)
    rows: dict[str, list[tuple[Any, ...]]] = {
        "companies": [
            (
                company.id,
                company.name,
                company.time_zone,
                company.default_region,
                company.week_starts,
                company.currency,
                company.permission_policy,
            )
            for company in listed
        ],
        "accounts": [
            (
                company.id,
                account.id,
                account.source,
                account.channel,
                account.address,
                company.zone_of(account),
                account.language,
            )
            for company in listed
            for account in company.accounts
        ],
        "teams": [(company.id, team.id, team.name) for company in listed for team in company.teams],
        "operators": [
            (company.id, operator.id, operator.name, operator.team)
            for company in listed
            for operator in company.operators
        ],
        "endpoints": [
            (company.id, endpoint, operator.id, team, max(since, member_since), min(until, member_until))
            for company in listed
            for operator in company.operators
            for endpoint, since, until in _seats(operator)
            for team, member_since, member_until in _memberships(operator)
            if max(since, member_since) < min(until, member_until)
        ],
        "memberships": [
            (company.id, operator.id, *membership)
            for company in listed
            for operator in company.operators
            for membership in _memberships(operator)
        ],
        "hours": [row for company in listed for row in _hours(company)],
        "holidays": [(company.id, day) for company in listed for day in company.holidays],
        "thresholds": [row for company in listed for row in _thresholds(company)],
        **money.rows(listed),
        "dialling_codes": list(dialling_codes()),
        "numbers": [row for company in listed for row in _numbers(company)],
        **listening.rows(listed),
    }
    return {name: _frame(name, rows=rows[name]) for name in TABLES}


def load(connection: Connection, companies: Iterable[Company]) -> bool:
    """Bring the reference tables up to `companies`, and say whether anything changed.

    Works inside a transaction of the connection's. Facts that were folded with other company data stay as they are:
    after a change they must be folded again.
    """
    changed = False
    existing = connection.tables()
    for name, frame in frames(companies).items():
        relation = f"reference.{name}"
        held = connection.frame(f"from {relation}") if relation in existing else None
        if held is None or held.schema != frame.schema:
            # There was none, or an earlier version of Angime made it, with other columns.
            listed = ", ".join(f'"{column}" {type_}' for column, (type_, _) in TABLES[name][1].items())
            connection.execute(f"drop table if exists {relation}; create table {relation} ({listed})")
            settle(connection, relation)
        elif _sorted(held).equals(frame):
            continue
        with handed_in(connection, "handed_in", frame):
            connection.execute(f"delete from {relation}; insert into {relation} from handed_in")  # noqa: S608  # ours
        changed = True
    return changed


def make(connection: Connection, companies: Iterable[Company]) -> None:
    """Make the reference tables of a warehouse in memory, which has none."""
    _make(connection, companies, table="table reference.")


def hold(connection: Connection, companies: Iterable[Company]) -> None:
    """Put the reference tables into temporary tables `held_…` too, for the statements that are run again and again.

    To plan a statement over a table of the lake costs tens of milliseconds, each time, however small it is.
    """
    _make(connection, companies, table="temp table held_")


def _make(connection: Connection, companies: Iterable[Company], *, table: str) -> None:
    for name, frame in frames(companies).items():
        columns = ", ".join(f"{column}::{type_} as {column}" for column, (type_, _) in TABLES[name][1].items())
        with handed_in(connection, "handed_in", frame):
            connection.execute(f"create or replace {table}{name} as select {columns} from handed_in")  # noqa: S608


def held() -> list[tuple[str, str]]:
    """Give, for `views.with_inputs`, each reference table with the select of what is held of it."""
    return [(f"reference.{table}", f"select * from held_{table}") for table in TABLES]  # noqa: S608  # our own names


def _seats(operator: Operator) -> list[tuple[str, date, date]]:
    lasting = [(endpoint, ALWAYS, FOR_EVER) for endpoint in operator.endpoints]
    return lasting + [(seat.endpoint, seat.since, seat.until) for seat in operator.seats]


def _memberships(operator: Operator) -> list[tuple[str, date, date]]:
    """Give an operator's teams one after the other: the usual one wherever no dated membership holds."""
    return [
        (membership.team if membership else operator.team, since, until)
        for membership, since, until in one_after_another(operator.memberships)
    ]


def _hours(company: Company) -> list[tuple[str, int, time, time, date, date]]:
    return [
        (company.id, WEEKDAYS.index(weekday) + 1, *parse_span(span), since, until)
        for dated, since, until in one_after_another(company.dated_hours)
        for weekday, spans in (dated.hours if dated else company.hours).items()
        for span in spans
    ]


def _thresholds(company: Company) -> list[tuple[Any, ...]]:
    usual = company.thresholds
    return [
        (company.id, *structs.astuple(dated.over(usual) if dated else usual), since, until)
        for dated, since, until in one_after_another(company.dated_thresholds)
    ]


def _numbers(company: Company) -> list[tuple[str, str, str, date, date]]:
    usual = {
        (form, kind)
        for kind, numbers in (("internal", company.internal_numbers), ("test", company.test_numbers))
        for number in numbers
        for form in forms(without_spacing(number), region=company.region)
    }
    listed = [(company.id, *one, ALWAYS, FOR_EVER) for one in usual]
    dated = {
        (form, one.kind, one.since, one.until)
        for one in company.dated_numbers
        for form in forms(without_spacing(one.number), region=company.region)
    }
    ends: dict[tuple[str, str], date] = {}
    for form, kind, since, until in sorted(dated):
        # Written in two ways, a number may hold twice on one day: two rows of a day would double its calls.
        begins = max(since, ends.get((form, kind), since))
        if (form, kind) not in usual and begins < until:
            listed.append((company.id, form, kind, begins, until))
            ends[form, kind] = until
    return listed


def _frame(name: str, *, rows: list[tuple[Any, ...]]) -> pl.DataFrame:
    schema = {column: _TYPES[type_] for column, (type_, _) in TABLES[name][1].items()}
    return _sorted(pl.DataFrame(rows, schema=schema, orient="row").unique())


def _sorted(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.sort(pl.all(), nulls_last=False)
