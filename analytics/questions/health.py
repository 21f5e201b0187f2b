# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What the page on the health of the data asks: what arrives and how late, what was refused, what the checks find."""

from datetime import datetime, timedelta

import polars as pl

from analytics.connection import Reader
from analytics.questions.asking import Period
from analytics.views import View, read_views

# So far back a source is looked for in the log; one that is silent for longer is told as silent.
SILENT_AFTER = timedelta(days=30)
LATELY = timedelta(hours=24)
# What arrives so long after its day was over has changed that day's figures behind people's backs.
LATE_GRACE_HOURS = 1
MAX_ROWS = 500


def sources(reader: Reader, *, company: str, now: datetime) -> pl.DataFrame:
    """Tell of every account what came of it, the longest silent first.

    Columns: source, account, channel, newest_at (received, None when nothing came for SILENT_AFTER), events_lately and
    lag_median_seconds, lag_p95_seconds (received after it occurred) and landed_median_seconds (in the warehouse after
    it was received) of LATELY.
    """
    text = """
        with heard as (
            select
                source, account, max(recorded_at) as newest_at,
                count(*) filter (where recorded_at >= $lately) as events_lately,
                -- One instant less another is an interval of the calendar, which takes twenty times as long.
                median(epoch_ms(recorded_at) - epoch_ms(time)) filter (where recorded_at >= $lately) / 1000
                    as lag_median_seconds,
                quantile_cont(epoch_ms(recorded_at) - epoch_ms(time), 0.95) filter (where recorded_at >= $lately)
                    / 1000 as lag_p95_seconds,
                median(epoch_ms(landed_at) - epoch_ms(recorded_at)) filter (where recorded_at >= $lately) / 1000
                    as landed_median_seconds
            from log.events where company = $company and recorded_at >= $since
            group by all
        ),
        known as (select source, account, channel from reference.accounts where company = $company)
        select
            coalesce(known.source, heard.source) as source, coalesce(known.account, heard.account) as account,
            known.channel, newest_at, coalesce(events_lately, 0) as events_lately, lag_median_seconds,
            lag_p95_seconds, landed_median_seconds
        from known full join heard on known.source = heard.source and known.account = heard.account
        order by newest_at nulls first, source, account limit $limit
    """
    parameters = {"company": company, "since": now - SILENT_AFTER, "lately": now - LATELY, "limit": MAX_ROWS}
    return reader.sql(text, parameters)


def dead_letters(reader: Reader, *, company: str, first: datetime) -> pl.DataFrame:
    """Count what was refused since `first`, and of nobody where the company is not known: the newest reason first.

    Columns: reason, stage, source, version, letters, first_at, last_at.
    """
    text = """
        select
            reason, stage, source, version, count(*) as letters, min(died_at) as first_at, max(died_at) as last_at
        from log.dead where company in ($company, '') and died_at >= $first
        group by all order by last_at desc, reason limit $limit
    """
    return reader.sql(text, {"company": company, "first": first, "limit": MAX_ROWS})


def late_days(reader: Reader, *, company: str, period: Period) -> pl.DataFrame:
    """Tell which local days of the period got facts after they were over: day, facts, calls, last_at; newest first."""
    text = f"""
        with facts as (
            select
                cast(timezone(companies.time_zone, events.time) as date) as day, events.entity, events.recorded_at,
                timezone(companies.time_zone, events.recorded_at) as received
            from log.events as events
            inner join reference.companies as companies on events.company = companies.company
            where
                events.company = $company and starts_with(events.type, 'call.')
                and events.recorded_at >= $from and events.time >= $from and events.time < $until
                -- Most come at once: their local time need not be found out.
                and epoch_ms(events.recorded_at) - epoch_ms(events.time) >= {LATE_GRACE_HOURS * 3_600_000}
        )
        select day, count(*) as facts, count(distinct entity) as calls, max(recorded_at) as last_at
        from facts where day between $first and $last and received >= day + interval {24 + LATE_GRACE_HOURS} hour
        group by day order by day desc
    """
    step = timedelta(days=1)
    parameters = {
        "company": company,
        "first": period.first,
        "last": period.last,
        "from": period.first - step,
        "until": period.last + 2 * step,
    }
    return reader.sql(text, parameters)


def checks(reader: Reader, *, company: str) -> pl.DataFrame:
    """Run every check: name, severity (fail or warn), meaning, rows (what should not exist); worst first.

    A check that tells companies apart counts the rows of this one.
    """
    found = [_check(reader, view, company=company) for view in read_views() if view.layer == "checks"]
    frame = pl.DataFrame(found, schema=["name", "severity", "meaning", "rows"], orient="row")
    return frame.sort(pl.col("rows") == 0, pl.col("severity"), "name")


def _check(reader: Reader, view: View, *, company: str) -> tuple[str, str, str, int]:
    is_of_company = any(column.name == "company" for column in view.columns)
    where, parameters = ("where company = $company", {"company": company}) if is_of_company else ("", {})
    rows = reader.sql(f"select count(*) from {view.relation} {where}", parameters).item()
    return view.name, view.severity, view.grain, rows


def conflicts(reader: Reader, *, company: str) -> pl.DataFrame:
    """Count events whose id the log had with other content (the first is kept): source, type, events, last_at."""
    text = """
        select source, type, count(*) as events, max(landed_at) as last_at from log.conflicts
        where company = $company group by all order by last_at desc limit $limit
    """
    return reader.sql(text, {"company": company, "limit": MAX_ROWS})


def versions(reader: Reader, *, company: str, now: datetime) -> pl.DataFrame:
    """Count the event types and versions that came of late (SILENT_AFTER): dataschema, events, newest_at."""
    text = """
        select dataschema, count(*) as events, max(recorded_at) as newest_at from log.events
        where company = $company and recorded_at >= $since group by all order by dataschema limit $limit
    """
    return reader.sql(text, {"company": company, "since": now - SILENT_AFTER, "limit": MAX_ROWS})


def built_at(reader: Reader) -> datetime | None:
    """Tell when all facts were last built from the log."""
    return reader.sql("select max(built_at) from log.builds", {}).item()
