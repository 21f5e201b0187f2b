# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What calls are counted from: groups of calls that are alike, of whole days; and the calls of days that are cut.

A page that counts the same days again and again holds their groups in memory, so that the lake is asked once.
"""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import date, datetime
from functools import cache
from typing import Any

import polars as pl
from msgspec import structs

from analytics.connection import Reader
from analytics.metrics.catalogue import Dimension, Fact, whole
from analytics.questions.asking import Day, Period, Scope, within_any
from analytics.reading.held import Held
from analytics.views import read_views, with_inputs

GROUPED = "reports.calls_grouped"
# Groups of so many days are held at once; more are read where they lie.
MAX_HELD_DAYS = 70
# A measure of each call, by which its median is counted, is most of what a group takes: that of talk is not held.
NOT_HELD = "talk_ms"
# In what the calls of a group are alike.
ALIKE = (
    *("company", "day", "weekday", "source", "channel", "team_id", "direction", "is_business_hours", "outcome"),
    *("is_in_time", "is_internal", "is_test"),
)
# By what calls can be grouped and narrowed without looking at each of them.
DIMENSIONS: tuple[Dimension, ...] = ("hour", "weekday", "channel", "team", "direction", "business_hours")


class Holding:
    """A reader that answers what is counted of a company's calls in some periods from memory, and all else as before.

    `held` gives what holds the groups that `groups_of` gives of days. It is asked each time that they are needed, and
    what it gave is not kept: a file that a page offers keeps its reader for hours, and would keep the groups with it.
    """

    def __init__(self, reader: Reader, *, company: str, periods: Sequence[Period], held: Callable[[], Held]) -> None:
        self._reader = reader
        self._company = company
        self._periods = periods
        self._days = [day for period in periods for day in period.each()]
        self._held = held

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement."""
        if Held.NAME in text:
            return self._held().sql(text, parameters, parts=self._days)
        return self._reader.sql(text, parameters)

    def snapshot_id(self) -> int:
        """Name the state of the warehouse."""
        return self._reader.snapshot_id()

    def holds(self, *, scope: Scope, periods: Sequence[Period]) -> bool:
        """Tell whether the groups of all these periods are held, for a scope."""
        is_of = scope.company == self._company and not scope.operators
        return is_of and all(period in self._periods for period in periods)


def are_held(reader: Reader, *, scope: Scope, periods: Sequence[Period]) -> bool:
    """Tell whether a reader counts these periods of a scope from groups that are held in memory."""
    return isinstance(reader, Holding) and reader.holds(scope=scope, periods=periods)


def can_hold(periods: Sequence[Period]) -> bool:
    """Tell whether the groups of these periods are few enough to be held."""
    return sum(period.days for period in periods) <= MAX_HELD_DAYS


def can_group(scope: Scope, *, by: Sequence[str] = ()) -> bool:
    """Tell whether calls of a scope are counted from groups that are kept: not those of single operators."""
    return {*scope.narrowed(), *by} <= {"day", *DIMENSIONS}


def within_groups(periods: Sequence[Period], *, scope: Scope) -> tuple[str, list[str], dict[str, Any]]:
    """Write the condition of periods and a scope on `groups` of them, that of each by itself, and their parameters."""
    # What groups are of ends at `until` already, and is of the scope's operators alone.
    uncut = [structs.replace(period, until=None) for period in periods]
    return within_any(uncut, scope=structs.replace(scope, operators=()), fact=grouped_fact())


def grouped_fact() -> Fact:
    """Give the fact of calls as its groups are narrowed and counted: by fewer dimensions."""
    fact = whole().facts["calls"]
    return structs.replace(fact, relation=GROUPED, dimensions={name: fact.dimensions[name] for name in DIMENSIONS})


def groups(  # noqa: PLR0913  # whose, when, of what kind, and with what else they are asked for
    reader: Reader,
    *,
    scope: Scope,
    periods: Sequence[Period],
    by_hour: bool = False,
    measures: Collection[str] = (),
    are_alone: bool = True,
) -> tuple[str, dict[str, Any]]:
    """Give what to read the groups of calls in some periods from, and its parameters beside $company.

    Columns are those of reports.calls_grouped, of measures at least those that are asked for; `by_hour` each group is
    one of a single `hour`, without measures and sums. Of the scope only company and operators narrow them. What is held
    in memory stands there alone: a statement that asks for anything else beside reads them where they lie.
    """
    if are_alone and are_held(reader, scope=scope, periods=periods) and NOT_HELD not in measures:
        source, parameters = _of_held(periods)
    else:
        source, parameters = _source(scope, periods)
    if not by_hour:
        return f"(select * from {source}) as groups", parameters
    by_hour_select = f"""
        select {", ".join(ALIKE)}, hour, hour_calls as calls
        from (select *, unnest(calls_by_hour) as hour_calls, unnest(range(24))::integer as hour from {source})
        where hour_calls > 0
    """
    return f"({by_hour_select}) as groups", parameters


def groups_of(reader: Reader, *, company: str, days: Sequence[Day]) -> pl.DataFrame:
    """Give the groups of a company's calls on some days, to be held: `cut_at` is where the day is cut, or empty."""
    whole = [one.day for one in days if one.until is None]
    parameters: dict[str, Any] = {"company": company}
    parts: list[str] = []
    held = f"* exclude ({NOT_HELD})"
    if whole:
        parameters |= {"days": whole, "first": min(whole), "last": max(whole)}
        of_days = "company = $company and day between $first and $last and list_contains($days, day)"
        parts.append(f"select {held}, cast(null as timestamptz) as cut_at from {GROUPED} where {of_days}")
    for place, (day, until) in enumerate((one.day, one.until) for one in days if one.until):
        parameters |= {f"cut_{place}": day, f"until_{place}": until}
        of_day = f"company = $company and day = $cut_{place} and started_at < $until_{place}"
        parts.append(f"select {held}, $until_{place}::timestamptz as cut_at from ({_made([of_day])})")
    return reader.sql(" union all by name ".join(parts), parameters)


def _of_held(periods: Sequence[Period]) -> tuple[str, dict[str, Any]]:
    """Write what to read groups of periods from among those that are held, of these and of other days."""
    cut, parameters = _cut(periods)
    whole = " and ".join(["cut_at is null", *(f"day != $cut_{place}" for place in range(len(cut)))])
    of_cut = [f"day = $cut_{place} and cut_at = $until_{place}" for place in range(len(cut))]
    where = " or ".join(f"({one})" for one in [whole, *of_cut])
    return f"(select * exclude (cut_at) from {Held.NAME} where {where})", parameters


def _source(scope: Scope, periods: Sequence[Period]) -> tuple[str, dict[str, Any]]:
    """Write what to read groups from: of whole days those that are kept, else what the calls make."""
    cut, parameters = _cut(periods)
    parameters |= {
        "groups_first": min(period.first for period in periods),
        "groups_last": max(period.last for period in periods),
    }
    of_days = "company = $company and day between $groups_first and $groups_last"
    of_cut = [f"{of_days} and day = $cut_{place} and started_at < $until_{place}" for place in range(len(cut))]
    not_cut = " and ".join([of_days, *(f"day != $cut_{place}" for place in range(len(cut)))])
    if scope.operators:
        parameters["groups_operators"] = list(scope.operators)
        theirs = "list_contains($groups_operators, operator_id)"
        return f"({_made(f'{where} and {theirs}' for where in [not_cut, *of_cut])})", parameters
    kept = f"select * from {GROUPED} where {not_cut}"
    return f"({kept} union all by name from ({_made(of_cut)}))" if cut else f"({kept})", parameters


def _cut(periods: Sequence[Period]) -> tuple[dict[date, datetime], dict[str, Any]]:
    """Give the days that are cut and where, and both as parameters: $cut_0, $until_0 and so on."""
    cut = {period.last: period.until for period in periods if period.until}
    parameters: dict[str, Any] = {}
    for place, (day, until) in enumerate(cut.items()):
        parameters |= {f"cut_{place}": day, f"until_{place}": until}
    return cut, parameters


def _made(wheres: Iterable[str]) -> str:
    """Write the groups that calls under any of some conditions make."""
    calls = " union all ".join(f"select * from facts.calls where {where}" for where in wheres)
    return with_inputs(_select(), inputs=[("facts.calls", calls)])


@cache
def _select() -> str:
    [select] = [view.select for view in read_views() if view.relation == GROUPED]
    return select
