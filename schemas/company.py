"""Company data: the form of `company.toml`, checked with sentences that name the line; no file is read here."""

import re
import tomllib
from collections.abc import Sequence
from datetime import date
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec
from msgspec import Meta, Struct

from schemas.alert_rules import Alerts, alert_problems
from schemas.allowed import mistake
from schemas.crm import Currency
from schemas.dated import (
    DatedHours,
    DatedNumber,
    DatedThresholds,
    Hours,
    Thresholds,
    WeekStart,
    dated_problems,
    hours_problems,
)
from schemas.envelope import Name
from schemas.errors import Misconfigured
from schemas.listening import Listening, Scorecard, Tracker, listening_problems
from schemas.people import Channel, Role
from schemas.prices import ALWAYS, FOR_EVER, Country, CurrencyRate, Money, PermissionPolicy, Tariff, doubled, problems
from schemas.retention import Retention
from schemas.secret_references import SecretReference

Region = Annotated[str, Meta(pattern=r"^[A-Z]{2}$", description="a country of ISO 3166 such as KZ")]
AreaCode = Annotated[str, Meta(pattern=r"^[1-9][0-9]{0,4}$", description="an area code such as 727 or 11, in quotes")]


class Account(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A connected number or session at a source.

    `address` is the company's own number or id there, `time_zone` that of a source which writes local times.
    `default_region` and `area_code` are of numbers that its source writes without them, if not the company's.
    Up to two `secrets` are valid at once, so that they can be rotated. `fetch_secret` opens its recordings, and is
    sent to `recording_hosts` (`host` or `host:port`) only; a host named there may have a private address.
    `tells_calls` is false where another account tells of the same calls, as a telephony does of those that a CRM logs:
    they would be counted twice. `language` is spoken in its calls where nothing else tells. `settings` holds what one
    source alone knows.
    """

    id: Name
    source: Name
    channel: Channel = "other"
    address: str = ""
    time_zone: str = ""
    default_region: Region | None = None
    area_code: AreaCode | None = None
    secrets: Annotated[tuple[SecretReference, ...], Meta(max_length=2)] = ()
    verify_secret: SecretReference | None = None
    fetch_secret: SecretReference | None = None
    fetch_auth: Literal["bearer", "basic"] = "bearer"
    recording_hosts: tuple[str, ...] = ()
    tells_calls: bool = True
    language: Annotated[str, Meta(pattern=r"^[a-z]{2,3}$")] | None = None
    channel_roles: tuple[Role, ...] = ()
    settings: dict[str, str | int | bool | list[str]] = {}

    def setting(self, name: str) -> str:
        """Text of one of the settings, empty when it is not set."""
        value = self.settings.get(name, "")
        return value if isinstance(value, str) else ""

    def listed(self, name: str) -> tuple[str, ...]:
        """Words of one of the settings, one alone or a list."""
        value = self.settings.get(name, [])
        return tuple(value) if isinstance(value, list) else (value,) if isinstance(value, str) and value else ()


class Team(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A team of operators."""

    id: Name
    name: str


class Seat(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """An endpoint that is one operator's for a time: from the local date `from` to before `until`."""

    endpoint: str
    since: date = ALWAYS
    until: date = FOR_EVER


class Membership(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, rename={"since": "from"}):
    """A time in a team other than the operator's usual one: from the local date `from` to before `until`."""

    team: Name
    since: date = ALWAYS
    until: date = FOR_EVER


class Operator(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A person of the company, and the endpoints (as sources write them) at which he or she takes calls.

    `endpoints` are always this operator's, `seats` for a time; `team` holds where no dated membership does.
    """

    id: Name
    name: str
    team: Name
    endpoints: tuple[str, ...] = ()
    seats: tuple[Seat, ...] = ()
    memberships: tuple[Membership, ...] = ()


class Company(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One tenant: its clock, hours, people and accounts, what calling costs it, and what it must ask before.

    `area_code` is of numbers written without one: where none is stated, such a number is kept as it is written, and is
    nobody's whose number is known.
    Its weeks begin on `week_starts`. What is `dated_…` holds on some local days in place of the usual hours or
    thresholds, or beside the usual numbers, by which alone sources tell internal calls. `currency` is its own,
    `permission_policy` names the policy under which its WhatsApp Business calls are judged.
    """

    id: Name
    name: str
    time_zone: str
    default_region: Region
    area_code: AreaCode | None = None
    week_starts: WeekStart = "mon"
    hours: Hours = {}
    dated_hours: tuple[DatedHours, ...] = ()
    holidays: tuple[date, ...] = ()
    internal_numbers: tuple[str, ...] = ()
    test_numbers: tuple[str, ...] = ()
    dated_numbers: tuple[DatedNumber, ...] = ()
    thresholds: Thresholds = Thresholds()
    dated_thresholds: tuple[DatedThresholds, ...] = ()
    teams: tuple[Team, ...] = ()
    operators: tuple[Operator, ...] = ()
    accounts: tuple[Account, ...] = ()
    listening: Listening = Listening()
    currency: Currency | None = None
    currency_rates: tuple[CurrencyRate, ...] = ()
    tariffs: tuple[Tariff, ...] = ()
    permission_policy: Name = "meta"
    permission_policies: tuple[PermissionPolicy, ...] = ()
    trackers: tuple[Tracker, ...] = ()
    scorecards: tuple[Scorecard, ...] = ()
    alerts: Alerts = Alerts()
    retention: Retention = Retention()

    def account(self, account_id: str) -> Account | None:
        """Find an account by its id."""
        return next((account for account in self.accounts if account.id == account_id), None)

    def hours_on(self, day: date) -> Hours:
        """Give the business hours of the week in which a local day lies; none where the company states none."""
        return next((dated.hours for dated in self.dated_hours if dated.since <= day < dated.until), self.hours)

    def zone_of(self, account: Account) -> str:
        """Name of the time zone in which an account's source writes local times."""
        return account.time_zone or self.time_zone

    @property
    def region(self) -> str:
        """Country of numbers written without one, and behind it the area code of shorter ones: `BR 11`."""
        return _region(self.default_region, self.area_code)

    def region_of(self, account: Account) -> str:
        """Country, and area code, of numbers that an account's source writes without them."""
        if account.default_region in {None, self.default_region} and account.area_code is None:
            return self.region
        return _region(account.default_region or self.default_region, account.area_code)


def _region(country: str, area: str | None) -> str:
    return f"{country} {area}" if area else country


def parse_company(text: str, *, file: str = "company.toml") -> Company:
    """Read and check `company.toml`.

    Raises Misconfigured with one sentence: file, line where it can be told, what is wrong and what is allowed.
    """
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise Misconfigured(f"{file}: {error}") from None
    try:
        company = msgspec.convert(fields, Company)
    except msgspec.ValidationError as error:
        raise Misconfigured(_with_line(str(error), text=text, file=file)) from None
    for path, problem in [*_problems(company), *_problems_of_money(company), *alert_problems(company.alerts)]:
        line = _line_of(path.split("."), text=text)
        raise Misconfigured(f"{file}{f', line {line}' if line else ''}: {problem}")
    return company


Problem = tuple[str, str]  # the path of what is wrong, and a sentence


def _problems(company: Company) -> list[Problem]:
    zones = [("time_zone", company.time_zone)]
    zones += [(f"accounts.{number}.time_zone", one.time_zone) for number, one in enumerate(company.accounts)]
    found = [
        (path, f"time_zone {zone!r} is not known; write it like Asia/Almaty")
        for path, zone in zones
        if zone and not _is_zone(zone)
    ]
    found += _repeated("account", [account.id for account in company.accounts])
    found += _repeated("team", [team.id for team in company.teams])
    found += _repeated("operator", [operator.id for operator in company.operators])
    found += _endpoint_problems(company)
    found += _team_problems(company)
    found += hours_problems(company.hours, path="hours")
    found += dated_problems(company.dated_thresholds, company.dated_hours, company.dated_numbers)
    return found + listening_problems(company.trackers, company.scorecards)


def _team_problems(company: Company) -> list[Problem]:
    teams = {team.id for team in company.teams}
    found: list[Problem] = []
    for number, operator in enumerate(company.operators):
        named = [("team", operator.team)]
        named += [(f"memberships.{place}.team", one.team) for place, one in enumerate(operator.memberships)]
        found += [
            (
                f"operators.{number}.{path}",
                f"operator {operator.id!r} is in team {team!r}, which is not listed under [[teams]]",
            )
            for path, team in named
            if team not in teams
        ]
        found += [
            (f"operators.{number}", f"operator {operator.id!r} is in two teams at once on {day}")
            for _, day in doubled([("", one.since, one.until) for one in operator.memberships])
        ]
    return found


def _problems_of_money(company: Company) -> list[tuple[str, str]]:
    accounts = {account.id for account in company.accounts}
    found = problems(company.tariffs, company.currency_rates, company.permission_policies)
    found += [
        (
            f"tariffs.{number}",
            f"tariff {tariff.id!r} bills the account {name!r}, which is not listed under [[accounts]]",
        )
        for number, tariff in enumerate(company.tariffs)
        for name in tariff.accounts
        if name not in accounts
    ]
    if company.tariffs and company.currency is None:
        found.append(("tariffs.0", 'tariffs need the company\'s own currency above, like currency = "KZT"'))
    known = {company.currency, *(rate.currency for rate in company.currency_rates)}
    found += [
        (f"tariffs.{number}", f"tariff {tariff.id!r} is in {tariff.currency}, which has no [[currency_rates]]")
        for number, tariff in enumerate(company.tariffs)
        if tariff.currency not in known
    ]
    return found


def _endpoint_problems(company: Company) -> list[Problem]:
    """An endpoint is one operator's at a time."""
    spans: list[tuple[str, date, date]] = []
    places: dict[str, str] = {}  # where an endpoint was named last
    found: list[Problem] = []
    for number, operator in enumerate(company.operators):
        for end in operator.endpoints:
            spans.append((end, ALWAYS, FOR_EVER))
            places[end] = f"operators.{number}.endpoints"
        for place, seat in enumerate(operator.seats):
            spans.append((seat.endpoint, seat.since, seat.until))
            places[seat.endpoint] = f"operators.{number}.seats.{place}"
            if seat.since >= seat.until:
                found.append((places[seat.endpoint], f"the seat at {seat.endpoint!r} ends before it begins"))
    return found + [
        (
            places[end],
            f"endpoint {end!r} stands twice" if day == ALWAYS else f"endpoint {end!r} is taken by two on {day}",
        )
        for end, day in doubled(spans)
    ]


def _repeated(noun: str, names: list[str]) -> list[Problem]:
    return [
        (f"{noun}s.{number}", f"{noun} {name!r} stands twice")
        for number, name in enumerate(names)
        if name in names[:number]
    ]


def _is_zone(name: str) -> bool:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return False
    return True


_FORMS: tuple[Meta, ...] = tuple(
    get_args(form)[1] for form in (Name, Region, AreaCode, SecretReference, Money, Currency, Country)
)


def _with_line(message: str, *, text: str, file: str) -> str:
    """Point at the line of the table and key that msgspec's path names (`$.accounts[1].source`)."""
    found = mistake(message, struct=Company)
    problem = found.problem
    for form in _FORMS:
        if form.pattern and form.pattern in problem.replace(r"\\", "\\"):
            problem = f"must be {form.description}"
    line = _line_of(found.place, text=text)
    return f"{file}{f', line {line}' if line else ''}: {problem}{found.where}"


def _line_of(parts: Sequence[str], *, text: str) -> int | None:
    """Find the line of a path such as accounts.1.time_zone; where it stands inside others, the line that holds it."""
    lines = text.splitlines()
    start, end = 0, len(lines)
    line: int | None = None
    for index, part in enumerate(parts):
        if part.isdigit():
            continue
        following = parts[index + 1] if index + 1 < len(parts) else ""
        wanted = int(following) if following.isdigit() else 0
        name = re.escape(part)
        pattern = re.compile(rf"^\s*(\[\[?\s*([\w.-]+\.)?{name}\s*\]\]?|{name}\s*=)")
        hits = [number for number in range(start, end) if pattern.match(lines[number])]
        if not hits:
            if any(_inside(part).match(lines[number]) for number in range(start, end)):
                continue  # a table of which only those inside it are written
            return line
        if len(hits) <= wanted:
            return hits[0] + 1
        start = hits[wanted]
        line = start + 1
        if not lines[start].lstrip().startswith("["):
            return line
        end = _end_of_table(lines, start=start, name=part)
    return line


def _end_of_table(lines: list[str], *, start: int, name: str) -> int:
    """Give the line before which a table ends: the next that is no table inside it."""
    inside = _inside(name)
    table = re.compile(r"^\s*\[\[?[\w. -]+\]\]?\s*(#.*)?$")
    following = (number for number in range(start + 1, len(lines)) if table.match(lines[number]))
    return next((number for number in following if not inside.match(lines[number])), len(lines))


def _inside(name: str) -> re.Pattern[str]:
    """Give what the header of a table inside another matches."""
    return re.compile(rf"^\s*\[\[?\s*([\w.-]+\.)?{re.escape(name)}\.")
