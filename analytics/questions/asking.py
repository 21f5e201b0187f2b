"""What every question is asked with: a reader, a period, a scope; and their conditions as SQL with bound parameters."""

from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

import polars as pl
from msgspec import Struct

Dimension = Literal["day", "hour", "weekday", "channel", "team", "operator", "direction"]

COUNTED = "not (is_internal or is_test)"

COLUMNS: dict[Dimension, str] = {
    "day": "day",
    "hour": "hour",
    "weekday": "weekday",
    "channel": "channel",
    "team": "team_id",
    "operator": "operator_id",
    "direction": "direction",
}


class Reader(Protocol):
    """A door to the warehouse that only reads; texts name tables as `layer.table`, parameters as `$name`."""

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement."""
        ...

    def snapshot_id(self) -> int:
        """Give what changes whenever the warehouse does: answers are kept under it."""
        ...


class Period(Struct, frozen=True):
    """Local days of the company, both included; `until` cuts a day that is not over, so that like meets like."""

    first: date
    last: date
    until: datetime | None = None

    @property
    def days(self) -> int:
        """How many days."""
        return (self.last - self.first).days + 1

    def before(self) -> "Period":
        """Give the period of the same length right before, cut at the same moment of its last day."""
        step = timedelta(days=self.days)
        return Period(self.first - step, self.last - step, self.until - step if self.until else None)


class Scope(Struct, frozen=True, kw_only=True):
    """Whose calls are meant: one company, and within it teams, channels, directions and hours (empty: all)."""

    company: str
    teams: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    directions: tuple[str, ...] = ()
    is_business_hours: bool | None = None


def within(period: Period, *, scope: Scope, suffix: str = "") -> tuple[str, dict[str, Any]]:
    """Write the condition of a period and a scope, and its parameters; `suffix` keeps two periods' names apart."""
    first, last, until = (f"{name}{suffix}" for name in ("first", "last", "until"))
    clauses = ["company = $company", f"day between ${first} and ${last}"]
    parameters: dict[str, Any] = {"company": scope.company, first: period.first, last: period.last}
    if period.until is not None:
        clauses.append(f"started_at < ${until}")
        parameters[until] = period.until
    for column, wanted in (("team_id", scope.teams), ("channel", scope.channels), ("direction", scope.directions)):
        if wanted:
            clauses.append(f"list_contains(${column}s, {column})")
            parameters[f"{column}s"] = list(wanted)
    if scope.is_business_hours is not None:
        clauses.append("is_business_hours = $is_business_hours")
        parameters["is_business_hours"] = scope.is_business_hours
    return f"({' and '.join(clauses)})", parameters
