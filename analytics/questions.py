# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""The questions that pages ask of the warehouse: each takes a period and a scope and gives a Polars frame.

Parameters are bound, never pasted. Every question names one company, and none answers across companies: what a
person may see is settled here and not on a page.
"""

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any, Literal, Protocol

import polars as pl
from msgspec import Struct

from analytics.metrics import catalogue, figures_sql
from schemas.errors import Misconfigured, NotYet

__all__ = ["CallFilter", "Misconfigured", "NotYet", "Period", "Reader", "Scope"]

Dimension = Literal["day", "hour", "weekday", "channel", "team", "operator", "direction"]
Order = Literal["started_at", "talk_seconds", "answer_seconds", "contact", "operator", "outcome"]
Rank = Literal["excess", "lost"]

COUNTED = "not (is_internal or is_test)"
MAX_ROWS_OF_A_FILE = 100_000
MAX_ROWS_OF_A_PAGE = 200
MAX_ROWS_OF_A_HISTORY = 100
MAX_TURNS = 20_000
MAX_FACTS = 2_000

_COLUMNS: dict[Dimension, str] = {
    "day": "day",
    "hour": "hour",
    "weekday": "weekday",
    "channel": "channel",
    "team": "team_id",
    "operator": "operator_id",
    "direction": "direction",
}
_ORDERS: dict[Order, str] = {
    "started_at": "started_at",
    "talk_seconds": "talk_seconds",
    "answer_seconds": "answer_seconds",
    "contact": "contact",
    "operator": "operator",
    "outcome": "outcome",
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


class CallFilter(Struct, frozen=True, kw_only=True):
    """What the list of calls shows of a scope; `hours` and `weekdays` (1 is Monday) are local, empty means all.

    `search` is looked for in the contact, the numbers, the ids and the operator. Internal and test calls are left
    out, as metrics leave them out, unless `with_left_out`.
    """

    outcomes: tuple[str, ...] = ()
    hours: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    operator: str = ""
    search: str = ""
    with_left_out: bool = False


def companies(reader: Reader) -> pl.DataFrame:
    """Give the companies: company, name, time_zone."""
    return reader.sql("select company, name, time_zone from reference.companies order by name, company", {})


def thresholds(reader: Reader, *, company: str) -> dict[str, int]:
    """Give the bounds that judge a company's calls, in seconds; where company data states none, ours."""
    text = "select short_abandon_seconds, service_level_seconds from reference.thresholds where company = $company"
    found = reader.sql(text, {"company": company}).to_dicts()
    return found[0] if found else {"short_abandon_seconds": 5, "service_level_seconds": 20}


def teams(reader: Reader, *, company: str) -> pl.DataFrame:
    """Give a company's teams: team_id, name."""
    text = "select team_id, name from reference.teams where company = $company order by name, team_id"
    return reader.sql(text, {"company": company})


def operators(reader: Reader, *, company: str) -> pl.DataFrame:
    """Give a company's operators: operator_id, name, team_id."""
    text = "select operator_id, name, team_id from reference.operators where company = $company order by name"
    return reader.sql(text, {"company": company})


def channels(reader: Reader, *, company: str) -> pl.DataFrame:
    """Give the channels on which a company had calls, the busiest first: channel, calls."""
    text = """
        select channel, count(*) as calls from facts.calls where company = $company
        group by all order by calls desc, channel
    """
    return reader.sql(text, {"company": company})


def extent(reader: Reader, *, company: str) -> dict[str, Any]:
    """Tell how far a company's calls reach (first_day, last_day: local dates or None) and how many there are."""
    text = """
        select min(day) as first_day, max(day) as last_day, count(*) as calls
        from facts.calls where company = $company
    """
    return reader.sql(text, {"company": company}).to_dicts()[0]


def as_of(reader: Reader, *, company: str) -> datetime | None:
    """Tell when we received the company's newest fact, by our clock; None while there is none."""
    text = "select max(recorded_at) as as_of from log.events where company = $company"
    return reader.sql(text, {"company": company}).item()


def figures(
    reader: Reader, *, period: Period, scope: Scope, metrics: Sequence[str], by: Sequence[Dimension] = ()
) -> pl.DataFrame:
    """Count metrics of the catalogue: one row a metric and a group (`by`), with metric, value, numerator, sample.

    `value` is empty where `sample`, the number of calls behind it, is 0.
    """
    keys = "".join(f"{_COLUMNS[dimension]} as {dimension}, " for dimension in by)
    names = "".join(f"{dimension}, " for dimension in by)
    where, parameters = _within(period, scope=scope)
    parameters |= _bounds(reader, metrics=metrics, company=scope.company)
    text = f"""
        select {names} unnest(figures, recursive := true)
        from (
            select {keys} {figures_sql(metrics)} as figures from facts.calls where {where}
            {"group by all" if by else ""}
        )
        {f"order by {names[:-2]}" if by else ""}
    """
    return reader.sql(text, parameters)


def losses(  # noqa: PLR0913  # what is compared with what, whose, and by what
    reader: Reader, *, period: Period, before: Period | None, scope: Scope, by: Dimension, rank: Rank
) -> pl.DataFrame:
    """Tell where incoming calls were lost (not answered): key, lost, incoming, lost_before, incoming_before, excess.

    By hour, `key` is the first of two hours and neighbours overlap. `excess` is what was lost beyond the same share
    as before (of that group, or of all where the group had no calls). The heaviest is first, calls without a key out.
    """
    answered = catalogue()["answer_rate"]
    where, parameters = _within(period, scope=scope)
    if before:
        where_before, parameters_before = _within(before, scope=scope, suffix="_before")
        parameters |= parameters_before
    else:
        where_before = "false"
    source = "facts.calls, unnest([hour - 1, hour]) as windows(window_start)" if by == "hour" else "facts.calls"
    key = "window_start" if by == "hour" else _COLUMNS[by]
    text = f"""
        with cells as (
            select
                {key} as key, {where} as is_now, {answered.denominator} as incoming,
                {answered.denominator} - {answered.numerator} as lost
            from {source} where ({where} or {where_before}) and not ({answered.leave_out})
            group by all
        ),
        keys as (
            select
                key, coalesce(sum(incoming) filter (where is_now), 0)::bigint as incoming,
                coalesce(sum(lost) filter (where is_now), 0)::bigint as lost,
                coalesce(sum(incoming) filter (where not is_now), 0)::bigint as incoming_before,
                coalesce(sum(lost) filter (where not is_now), 0)::bigint as lost_before
            from cells group by key
        )
        select
            key, lost, incoming, lost_before, incoming_before,
            lost - incoming * coalesce(
                lost_before / nullif(incoming_before, 0),
                sum(lost_before) over () / nullif(sum(incoming_before) over (), 0),
                0
            ) as excess
        from keys where key is not null {"and key between 0 and 22" if by == "hour" else ""}
        order by {"excess" if rank == "excess" else "lost"} desc, lost desc, key
    """
    return reader.sql(text, parameters)


def outcomes(reader: Reader, *, period: Period, scope: Scope) -> pl.DataFrame:
    """Count calls by how they ended: channel, direction, outcome, calls; internal and test calls are left out."""
    where, parameters = _within(period, scope=scope)
    text = f"""
        select channel, direction, outcome, count(*) as calls from facts.calls where {where} and {COUNTED}
        group by all order by all
    """
    return reader.sql(text, parameters)


def left_out(reader: Reader, *, period: Period, scope: Scope) -> dict[str, int]:
    """Count what metrics leave out of a scope: internal, test, in_progress; and `calls`, all there are."""
    where, parameters = _within(period, scope=scope)
    text = f"""
        select
            count(*) as calls, count(*) filter (where is_internal) as internal,
            count(*) filter (where is_test and not is_internal) as test,
            count(*) filter (where outcome = 'in_progress' and {COUNTED}) as in_progress
        from facts.calls where {where}
    """
    return reader.sql(text, parameters).to_dicts()[0]


def calls(  # noqa: PLR0913  # a page of a list is asked for in this many words
    reader: Reader,
    *,
    period: Period,
    scope: Scope,
    filters: CallFilter,
    order: Order = "started_at",
    is_descending: bool = True,
    limit: int = MAX_ROWS_OF_A_PAGE,
    offset: int = 0,
) -> pl.DataFrame:
    """Give one page of the list of calls, one row a call, with names of operator and team beside their ids."""
    where, parameters = _matching(period, scope=scope, filters=filters)
    text = f"""
        select {_LISTED} from {_CALLS} where {where}
        order by {_ORDERS[order]} {"desc" if is_descending else "asc"} nulls last, call_id
        limit $limit offset $offset
    """
    return reader.sql(text, parameters | {"limit": min(limit, MAX_ROWS_OF_A_FILE), "offset": offset})


def count_calls(reader: Reader, *, period: Period, scope: Scope, filters: CallFilter) -> dict[str, Any]:
    """Count what the whole list holds: calls, answered, talk_minutes."""
    where, parameters = _matching(period, scope=scope, filters=filters)
    text = f"""
        select
            count(*) as calls, count(*) filter (where outcome = 'answered') as answered,
            coalesce(sum(talk_seconds) filter (where outcome = 'answered'), 0) / 60 as talk_minutes
        from {_CALLS} where {where}
    """
    return reader.sql(text, parameters).to_dicts()[0]


def call(reader: Reader, *, company: str, call_id: str) -> dict[str, Any] | None:
    """Give everything that is known of one call, None where the company has no such call."""
    text = f"select * from {_CALLS} where company = $company and call_id = $call_id"
    found = reader.sql(text, {"company": company, "call_id": call_id}).to_dicts()
    return found[0] if found else None


def facts_of_call(reader: Reader, *, company: str, call_id: str) -> pl.DataFrame:
    """Give the facts of a call by when they occurred: type, time, recorded_at, lag_seconds, source, account, data."""
    text = """
        select type, time, recorded_at, epoch_ms(recorded_at - time) / 1000 as lag_seconds, source, account, data
        from log.events where company = $company and entity = $call_id and starts_with(type, 'call.')
        order by time, recorded_at, id limit $limit
    """
    return reader.sql(text, {"company": company, "call_id": call_id, "limit": MAX_FACTS})


def turns(reader: Reader, *, company: str, call_id: str) -> pl.DataFrame:
    """Give what was said in a call, in order: turn, role, start_seconds, end_seconds, text, confidence."""
    text = """
        select turn, role, channel, start_seconds, end_seconds, text, confidence
        from facts.turns where company = $company and call_id = $call_id order by start_seconds, turn limit $limit
    """
    return reader.sql(text, {"company": company, "call_id": call_id, "limit": MAX_TURNS})


def history(reader: Reader, *, company: str, contact_key: str) -> pl.DataFrame:
    """Give a contact's calls and messages, the newest first.

    Columns: happened_at, kind (call or message), direction, channel, outcome, text, talk_seconds, call_id.
    """
    text = """
        select
            started_at as happened_at, 'call' as kind, direction, channel, outcome, null as text, talk_seconds, call_id
        from facts.calls where company = $company and contact_key = $contact_key
        union all
        select sent_at, 'message', direction, channel, status, text, null, null
        from facts.messages where company = $company and contact_key = $contact_key
        order by happened_at desc, call_id limit $limit
    """
    return reader.sql(text, {"company": company, "contact_key": contact_key, "limit": MAX_ROWS_OF_A_HISTORY})


_CALLS = """(
    select calls.*, operators.name as operator, teams.name as team, coalesce(contact_name, contact_key) as contact
    from facts.calls as calls
    left join reference.operators as operators
        on calls.company = operators.company and calls.operator_id = operators.operator_id
    left join reference.teams as teams on calls.company = teams.company and calls.team_id = teams.team_id
)"""
_LISTED = """
    call_id, started_at, day, hour, direction, channel, contact_name, contact_key, contact, company_number, operator,
    operator_id, team, team_id, outcome, outcome_reason, provider_status, answer_seconds, ring_seconds, talk_seconds,
    total_seconds, is_business_hours, has_transcript, is_demo_transcript, recording_path is not null as has_recording,
    source, account, provider_call_id
"""


def _within(period: Period, *, scope: Scope, suffix: str = "") -> tuple[str, dict[str, Any]]:
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


def _matching(period: Period, *, scope: Scope, filters: CallFilter) -> tuple[str, dict[str, Any]]:
    where, parameters = _within(period, scope=scope)
    clauses = [where] if filters.with_left_out else [where, COUNTED]
    for column, wanted in (("outcome", filters.outcomes), ("hour", filters.hours), ("weekday", filters.weekdays)):
        if wanted:
            clauses.append(f"list_contains(${column}s, {column})")
            parameters[f"{column}s"] = list(wanted)
    if filters.operator:
        clauses.append("operator_id = $operator")
        parameters["operator"] = filters.operator
    if filters.search.strip():
        clauses.append(_SEARCHED)
        parameters["search"] = filters.search.strip()
    return " and ".join(clauses), parameters


_SEARCHED = """contains(
    lower(concat_ws(' ', contact_name, contact_key, company_number, operator, call_id, provider_call_id)),
    lower($search)
)"""


def _bounds(reader: Reader, *, metrics: Sequence[str], company: str) -> dict[str, int]:
    """Give the company's bounds that the metrics' SQL asks for; the engine refuses those it does not."""
    asked = "".join(catalogue()[name].numerator for name in metrics)
    return {name: bound for name, bound in thresholds(reader, company=company).items() if f"${name}" in asked}
