# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What every question is asked with: a reader, a period, a scope; and their conditions as SQL with bound parameters."""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

from msgspec import Struct

from analytics.connection import Reader
from analytics.metrics.catalogue import Dimension, Fact, whole

COUNTED = "not (is_internal or is_test)"
DAYS_OF_A_WEEK = 7

_KNOWN = """(
    select identities.identity, contacts.name
    from facts.identities as identities
    inner join facts.contacts as contacts
        on identities.company = contacts.company and identities.contact_id = contacts.contact_id
    where identities.company = $company and contacts.name is not null
)"""


class Period(Struct, frozen=True):
    """Local days of the company, both included; `until` cuts a day that is not over, so that like meets like."""

    first: date
    last: date
    until: datetime | None = None

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def each(self) -> "list[Day]":
        """Give each of the days; where the last is cut, so it is here."""
        days = [Day(self.first + timedelta(days=number)) for number in range(self.days)]
        return [*days[:-1], Day(self.last, self.until)]

    def before(self) -> "Period":
        """Give the latest period before it of the same length and weekdays, cut at the same moment of its last day.

        A Monday is set beside the Monday before, for a Sunday is no measure of it.
        """
        step = timedelta(weeks=-(-self.days // DAYS_OF_A_WEEK))
        return Period(self.first - step, self.last - step, self.until - step if self.until else None)


class Day(Struct, frozen=True):
    """A local day of a company: whole, or as far as `until`."""

    day: date
    until: datetime | None = None


class Scope(Struct, frozen=True, kw_only=True):
    """Whose calls are meant: one company, and in it teams, operators, channels, directions and hours (empty: all)."""

    company: str
    teams: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    operators: tuple[str, ...] = ()
    is_business_hours: bool | None = None

    def narrowed(self) -> dict[Dimension, tuple[str, ...] | bool]:
        """Give what is wanted of each dimension that is narrowed."""
        wanted: dict[Dimension, tuple[str, ...] | bool] = {
            "team": self.teams,
            "channel": self.channels,
            "direction": self.directions,
            "operator": self.operators,
        }
        if self.is_business_hours is not None:
            wanted["business_hours"] = self.is_business_hours
        return {dimension: values for dimension, values in wanted.items() if values != ()}


def can_narrow(fact: Fact, scope: Scope) -> bool:
    """Tell whether the rows of a fact have all the dimensions by which a scope is narrowed."""
    return set(scope.narrowed()) <= set(fact.dimensions)


def when_begun(reader: Reader, *, company: str, call_id: str) -> datetime | None:
    """Give when a call began, by which its row is found in one of many files; None where the company has none."""
    number = "md5_number_lower($call_id)"
    text = f"select started_at from facts.call_starts where company = $company and call_number = {number}"
    found = reader.sql(text, {"company": company, "call_id": call_id})["started_at"].to_list()
    return found[0] if found else None


def keys_of(contact: str) -> str:
    """Write all keys by which facts of a company know the contact who has the one that a parameter holds."""
    return f"""(
        select identity from facts.identities
        where company = $company and contact_id in (
            select contact_id from facts.identities where company = $company and identity = ${contact}
        )
        union all
        select ${contact}
    )"""  # the name of a parameter of ours


def within(period: Period, *, scope: Scope, suffix: str = "", fact: Fact | None = None) -> tuple[str, dict[str, Any]]:
    """Write the condition of a period and a scope on a fact (calls), and its parameters.

    `suffix` keeps two periods' names apart.
    """
    counted = fact or whole().facts["calls"]
    first, last, until = (f"{name}{suffix}" for name in ("first", "last", "until"))
    clauses = ["company = $company", f"day between ${first} and ${last}"]
    parameters: dict[str, Any] = {"company": scope.company, first: period.first, last: period.last}
    if period.until is not None:
        clauses.append(f"{counted.time} < ${until}")
        parameters[until] = period.until
    for dimension, wanted in scope.narrowed().items():
        column, name = counted.dimensions[dimension], f"scope_{dimension}"
        clauses.append(f"{column} = ${name}" if isinstance(wanted, bool) else f"list_contains(${name}, {column})")
        parameters[name] = wanted if isinstance(wanted, bool) else list(wanted)
    return f"({' and '.join(clauses)})", parameters


def within_any(
    periods: Sequence[Period], *, scope: Scope, fact: Fact | None = None
) -> tuple[str, list[str], dict[str, Any]]:
    """Write the condition of any of some periods, that of each by itself, and their parameters.

    $first and $last span them all: by days from here to there files are left aside, and by an `or` none.
    """
    wheres: list[str] = []
    parameters: dict[str, Any] = {}
    for place, period in enumerate(periods):
        where, bound = within(period, scope=scope, suffix=f"_{place}", fact=fact)
        wheres.append(where)
        parameters |= bound
    parameters |= {"first": min(one.first for one in periods), "last": max(one.last for one in periods)}
    return f"company = $company and day between $first and $last and ({' or '.join(wheres)})", wheres, parameters


def named(calls: str) -> str:
    """Give rows of calls of $company with the name by which a contact is known elsewhere, where they tell none."""
    return f"""(
        select calls.* replace (coalesce(calls.contact_name, known.name) as contact_name)
        from {calls} as calls
        left join {_KNOWN} as known on calls.contact_name is null and calls.contact_key = known.identity
    )"""
