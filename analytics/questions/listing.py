# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""Questions about single calls: the list of calls, one call with its facts and turns, a contact's history."""

from datetime import date, datetime, timedelta
from typing import Any, Literal

import polars as pl
from msgspec import Struct

from analytics.connection import Reader
from analytics.metrics.catalogue import Metric, catalogue, fact_of
from analytics.metrics.sql import behind_sql
from analytics.questions.asking import COUNTED, Period, Scope, keys_of, named, when_begun, within
from analytics.questions.narrowing import episodes, narrowed

Order = Literal["started_at", "talk_seconds", "answer_seconds", "contact", "operator", "outcome"]

MAX_ROWS_OF_A_FILE = 100_000
MAX_ROWS_OF_A_PAGE = 200
MAX_ROWS_OF_A_HISTORY = 100
MAX_TURNS = 20_000
MAX_FACTS = 2_000
# Nearly all facts of a call are received in this time around its beginning; the others are searched for everywhere.
NEAR_BEFORE = timedelta(hours=1)
NEAR_AFTER = timedelta(days=1)

_CONTACT = "coalesce(contact_name, contact_key)"
_ORDERS: dict[Order, str] = {
    "started_at": "started_at",
    "talk_seconds": "talk_seconds",
    "answer_seconds": "answer_seconds",
    "contact": _CONTACT,
    "operator": "operator",
    "outcome": "outcome",
}


class CallFilter(Struct, frozen=True, kw_only=True):
    """What the list of calls shows of a scope; `hours` and `weekdays` (1 is Monday) are local, empty means all.

    `search` is looked for in the contact by whatever name he is known, the numbers, the ids and the operator; `contact`
    is one key of the contact whose calls are listed, by whatever he is known in them; `missed` is how a missed episode
    stands, of which only the first call is listed. `behind` is a metric, each row of which is a call: those behind its
    figure are listed, by its own condition. Without one internal and test calls are left out, as our metrics leave them
    out, unless `with_left_out`.
    """

    outcomes: tuple[str, ...] = ()
    hours: tuple[int, ...] = ()
    weekdays: tuple[int, ...] = ()
    operator: str = ""
    missed: str = ""
    search: str = ""
    contact: str = ""
    behind: str = ""
    with_left_out: bool = False


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
    """Give one page of the list of calls, one row a call, with names of operator and team beside their ids.

    A contact whom the call does not name has the name by which he is known elsewhere. Behind a share, `is_counted` says
    which calls are above the line; all are below it.
    """
    where, parameters = _matching(reader, period, scope=scope, filters=filters)
    told = _LISTED
    if filters.behind and (metric := catalogue()[filters.behind]).kind == "share":
        counted, _ = _behind(reader, metric, period=period, company=scope.company, only=metric.numerator)
        told = f"{_LISTED}, coalesce({counted}, false) as is_counted"
    is_named_first = order == "contact" or bool(filters.search.strip())
    ordered = f"order by {_ORDERS[order]} {'desc' if is_descending else 'asc'} nulls last, call_id"
    listed = f"""(
        select {told} from {named(_CALLS) if is_named_first else _CALLS} where {where}
        {ordered} limit $limit offset $offset
    )"""
    text = f"select * replace ({_CONTACT} as contact) from {named(listed)} as listed {ordered}"
    return reader.sql(text, parameters | {"limit": min(limit, MAX_ROWS_OF_A_FILE), "offset": offset})


def count_calls(reader: Reader, *, period: Period, scope: Scope, filters: CallFilter) -> dict[str, Any]:
    """Count what the whole list holds: calls, answered, talk_minutes."""
    where, parameters = _matching(reader, period, scope=scope, filters=filters)
    text = f"""
        select
            count(*) as calls, count(*) filter (where outcome = 'answered') as answered,
            coalesce(sum(talk_seconds) filter (where outcome = 'answered'), 0) / 60 as talk_minutes
        from {named(_CALLS) if filters.search.strip() else _CALLS} where {where}
    """
    return reader.sql(text, parameters).to_dicts()[0]


def call(reader: Reader, *, company: str, call_id: str) -> dict[str, Any] | None:
    """Give everything that is known of one call, None where the company has no such call."""
    begun = when_begun(reader, company=company, call_id=call_id)
    if begun is None:
        return None
    one = f"(select * from {_CALLS} where company = $company and started_at = $begun and call_id = $call_id)"
    text = f"select * replace ({_CONTACT} as contact) from {named(one)}"
    found = reader.sql(text, {"company": company, "begun": begun, "call_id": call_id}).to_dicts()
    return found[0] if found else None


def facts_of_call(
    reader: Reader, *, company: str, call_id: str, begun: datetime | None = None, events: int | None = None
) -> pl.DataFrame:
    """Give the facts of a call by when they occurred: type, time, recorded_at, lag_seconds, source, account, data.

    With `begun` and `events`, which the call's row tells (when it started, and how many facts it was folded from), they
    are looked for around that time, and in the whole log only where fewer are found there.
    """
    asked: dict[str, Any] = {"company": company, "call_id": call_id, "limit": MAX_FACTS}
    if begun is not None:
        near = {"first": begun - NEAR_BEFORE, "last": begun + NEAR_AFTER}
        found = reader.sql(_FACTS.format(around="recorded_at between $first and $last"), asked | near)
        if found.height >= min(events or MAX_FACTS, MAX_FACTS):
            return found
    return reader.sql(_FACTS.format(around="true"), asked)


def turns(reader: Reader, *, company: str, call_id: str, day: date) -> pl.DataFrame:
    """Give what was said in a call of this day, in order: turn, role, start_seconds, end_seconds, text, confidence."""
    text = """
        select turn, role, channel, start_seconds, end_seconds, text, confidence
        from facts.turns where company = $company and day = $day and call_id = $call_id
        order by start_seconds, turn limit $limit
    """
    return reader.sql(text, {"company": company, "call_id": call_id, "day": day, "limit": MAX_TURNS})


def history(reader: Reader, *, company: str, contact_key: str) -> pl.DataFrame:
    """Give a contact's calls and messages, by whatever he is known there, the newest first.

    Columns: happened_at, kind (call or message), direction, channel, outcome, media (the kind of a message) and text,
    talk_seconds, call_id.
    """
    text = f"""
        select
            started_at as happened_at, 'call' as kind, direction, channel, outcome, null as media, null as text,
            talk_seconds, call_id
        from facts.calls where company = $company and contact_key in {keys_of("contact_key")}
        union all
        select first_at, 'message', direction, channel, status, kind, text, null, null
        from facts.messages where company = $company and contact_key in {keys_of("contact_key")}
        order by happened_at desc, call_id limit $limit
    """
    return reader.sql(text, {"company": company, "contact_key": contact_key, "limit": MAX_ROWS_OF_A_HISTORY})


_FACTS = """
    select type, time, recorded_at, epoch_ms(recorded_at - time) / 1000 as lag_seconds, source, account, data
    from log.events
    where company = $company and entity = $call_id and starts_with(type, 'call.') and {around}
    order by time, recorded_at, id limit $limit
"""
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


def _matching(reader: Reader, period: Period, *, scope: Scope, filters: CallFilter) -> tuple[str, dict[str, Any]]:
    where, parameters = within(period, scope=scope)
    clauses = [where]
    if filters.behind:
        condition, reach = _behind(reader, catalogue()[filters.behind], period=period, company=scope.company)
        clauses.append(condition)
        parameters |= reach
    elif not filters.with_left_out:
        clauses.append(COUNTED)
    for column, wanted in (("outcome", filters.outcomes), ("hour", filters.hours), ("weekday", filters.weekdays)):
        if wanted:
            clauses.append(f"list_contains(${column}s, {column})")
            parameters[f"{column}s"] = list(wanted)
    if filters.operator:
        clauses.append("operator_id = $operator")
        parameters["operator"] = filters.operator
    if filters.contact:
        clauses.append(f"contact_key in {keys_of('contact')}")
        parameters["contact"] = filters.contact
    if filters.missed:
        source, newest = episodes(reader, company=scope.company)
        clauses.append(f"""call_id in (
            select episode_id from {source}
            where company = $company and day between $first and $last and state = $missed
        )""")
        parameters |= newest | {"missed": filters.missed}
    if filters.search.strip():
        clauses.append(_SEARCHED)
        parameters["search"] = filters.search.strip()
    return " and ".join(clauses), parameters


def _behind(
    reader: Reader, metric: Metric, *, period: Period, company: str, only: str = "true"
) -> tuple[str, dict[str, Any]]:
    """Write the condition of the calls behind a figure, and of these only some, and its parameters beside the period's.

    What a call is narrowed by stands in a fact of calls as it stands in the call.
    """
    fact = fact_of(metric)
    if fact.name == "calls":
        return f"({behind_sql(metric)} and ({only}))", {}
    source, reach = narrowed(reader, fact, company=company)
    where, _ = within(period, scope=Scope(company=company), fact=fact)
    return f"call_id in (select {fact.key} from {source} where {where} and {behind_sql(metric)} and ({only}))", reach


_SEARCHED = """contains(
    lower(concat_ws(' ', contact_name, contact_key, company_number, operator, call_id, provider_call_id)),
    lower($search)
)"""
