# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""Questions about a company itself: its people, channels and bounds, how far its calls reach and how new they are."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import polars as pl

from analytics.company.reference import TABLES
from analytics.connection import Reader
from analytics.metrics.catalogue import whole
from analytics.questions.asking import Period, Scope
from analytics.questions.grouping import GROUPED, are_held, groups

JUST_NOW = timedelta(seconds=10)
LATELY = timedelta(days=2)
BEGINNING = datetime(1, 1, 1, tzinfo=UTC)


def companies(reader: Reader) -> pl.DataFrame:
    """Give the companies: company, name, time_zone, week_starts (mon, sat or sun), currency (empty where none is)."""
    text = "select company, name, time_zone, week_starts, currency from reference.companies order by name, company"
    return reader.sql(text, {})


def thresholds(reader: Reader, *, company: str, day: date) -> dict[str, int]:
    """Give the bounds that judge a company's calls of a local day; where company data states none, ours."""
    return _bounds(reader, "arg_max({0}, valid_from)", company=company, last=day)


def widest(reader: Reader, *, company: str) -> dict[str, int]:
    """Give the greatest that each bound of a company ever is."""
    return _bounds(reader, "max({0})", company=company, last=date.max)


def _bounds(reader: Reader, one: str, *, company: str, last: date) -> dict[str, int]:
    names = [name for name in whole().bounds if name in TABLES["thresholds"][1]]
    listed = ", ".join(f"{one.format(name)} as {name}" for name in names)
    text = f"select {listed} from reference.thresholds where company = $company and valid_from <= $last"
    [stated] = reader.sql(text, {"company": company, "last": last}).to_dicts()
    return {name: bound if stated.get(name) is None else stated[name] for name, bound in whole().bounds.items()}


def teams(reader: Reader, *, company: str) -> pl.DataFrame:
    """Give a company's teams: team_id, name."""
    text = "select team_id, name from reference.teams where company = $company order by name, team_id"
    return reader.sql(text, {"company": company})


def operators(reader: Reader, *, company: str) -> pl.DataFrame:
    """Give a company's operators: operator_id, name, team_id."""
    text = "select operator_id, name, team_id from reference.operators where company = $company order by name"
    return reader.sql(text, {"company": company})


def accounts(reader: Reader, *, company: str) -> pl.DataFrame:
    """Give a company's accounts: account, channel."""
    text = "select account, channel from reference.accounts where company = $company order by account"
    return reader.sql(text, {"company": company})


def channels(reader: Reader, *, company: str, period: Period) -> pl.DataFrame:
    """Give the channels on which a company had calls in a period, the busiest first: channel.

    Where groups are not held, a day that is cut counts as a whole: to make groups of its calls, or to count them one by
    one, would take a page longer than much that it shows.
    """
    scope, parameters = Scope(company=company), {"company": company, "first": period.first, "last": period.last}
    source, more = GROUPED, {}
    if are_held(reader, scope=scope, periods=[period]):
        source, more = groups(reader, scope=scope, periods=[period])
    text = f"""
        select channel from {source} where company = $company and day between $first and $last
        group by channel order by sum(calls) desc, channel
    """
    return reader.sql(text, parameters | more)


def extent(reader: Reader, *, company: str, today: date) -> dict[str, Any]:
    """Tell how far a company's calls up to `today` reach (first_day, last_day: local dates or None), and their number.

    A clock that is ahead dates calls on days that no page shows yet.
    """
    text = """
        select min(day) as first_day, max(day) as last_day, coalesce(sum(calls), 0)::bigint as calls
        from reports.calls_grouped where company = $company and day <= $today
    """
    return reader.sql(text, {"company": company, "today": today}).to_dicts()[0]


def as_of(reader: Reader, *, company: str, now: datetime) -> datetime | None:
    """Tell when we received the company's newest fact, by our clock; None while there is none.

    It is looked for in the seconds before `now` first, then in the days, each of which lies in fewer files than what is
    before it; the whole log is read only where nothing came of late.
    """
    text = "select max(recorded_at) as as_of from log.events where company = $company and recorded_at >= $since"
    for since in (now - JUST_NOW, now - LATELY, BEGINNING):
        found = reader.sql(text, {"company": company, "since": since}).item()
        if found is not None:
            return found
    return None
