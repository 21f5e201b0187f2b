# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""Questions about risk: what may get a connected number blocked, and how fast leads are met."""

from collections.abc import Sequence

import polars as pl
from msgspec import Struct

from analytics.connection import Reader
from analytics.questions.asking import Period, Scope
from analytics.questions.counting import both
from analytics.questions.listing import MAX_ROWS_OF_A_FILE

MAX_SIGNS = 500
_OF_AN_ACCOUNT = (
    *("account", "channel", "calls", "cold", "rejected", "not_permitted", "longest_streak"),
    *("blocks", "restrictions", "low_quality", "complaints", "rejection_streaks", "signs", "per_100_calls"),
)


class Dialled(Struct, frozen=True):
    """What outgoing calls tell: metrics of a period, and of one before it, and the risk of the accounts they came from.

    `accounts` puts those of the period side by side, the riskiest first: one row an account.
    Columns: account, channel, calls (outgoing, over, neither internal nor test), cold, rejected, not_permitted,
    longest_streak (calls turned away one after the other on one day), blocks, restrictions, low_quality, complaints and
    rejection_streaks (signs of reports.risk_signs, by kind), signs (all of them), per_100_calls (signs by 100 calls;
    empty without calls).
    """

    accounts: pl.DataFrame
    now: pl.DataFrame
    before: pl.DataFrame | None


def dialled(reader: Reader, *, period: Period, before: Period | None, scope: Scope, metrics: Sequence[str]) -> Dialled:
    """Count metrics of outgoing calls, and put the accounts they came from side by side, in one statement.

    To find who was called for the first time takes most of it.
    """
    counted = both(reader, period=period, before=before, scope=scope, metrics=metrics)
    text = f"""
        with outgoing as materialized (select * from {counted.source} where {counted.where}),
        {_accounts(is_now=counted.wheres[0])}
        from (
            {counted.sql("outgoing")}
            union all by name select 'accounts' as part, * from accounts
        ) order by
            place, list_position($metrics, metric), per_100_calls desc nulls last, signs desc, rejected desc, account
    """
    found = reader.sql(text, counted.parameters)
    now, earlier = counted.told(found)
    accounts = found.filter(pl.col("part") == "accounts").select(_OF_AN_ACCOUNT)
    return Dialled(accounts, now, earlier)


def _accounts(*, is_now: str) -> str:
    """Write what puts accounts side by side: of `outgoing` those of now, and what providers told of them then."""
    return f"""
        dialled as (
            select
                account, channel, is_cold, outcome, started_at, call_id, day,
                sum((outcome != 'rejected')::integer) over (
                    partition by account, day order by started_at, call_id
                ) as streak
            from outgoing
            where {is_now} and not is_internal and not is_test and outcome != 'in_progress'
        ),
        streaks as (
            select account, max(turned_away) as longest_streak from (
                select account, day, streak, count(*) filter (where outcome = 'rejected') as turned_away
                from dialled group by account, day, streak
            ) group by account
        ),
        counted as (
            select
                account, any_value(channel order by started_at desc, call_id) as channel, count(*) as calls,
                count(*) filter (where is_cold) as cold, count(*) filter (where outcome = 'rejected') as rejected,
                count(*) filter (where outcome = 'not_permitted') as not_permitted
            from dialled group by account
        ),
        told as (
            select
                account, count(*) as signs, count(*) filter (where sign = 'block') as blocks,
                count(*) filter (where sign = 'restriction') as restrictions,
                count(*) filter (where sign = 'low_quality') as low_quality,
                count(*) filter (where sign = 'complaint') as complaints,
                count(*) filter (where sign = 'rejection_streak') as rejection_streaks
            from reports.risk_signs
            where company = $company and day between $first_0 and $last_0
            group by account
        ),
        accounts as (
            select
                account, channel, coalesce(calls, 0) as calls, coalesce(cold, 0) as cold,
                coalesce(rejected, 0) as rejected, coalesce(not_permitted, 0) as not_permitted,
                coalesce(longest_streak, 0) as longest_streak, coalesce(blocks, 0) as blocks,
                coalesce(restrictions, 0) as restrictions, coalesce(low_quality, 0) as low_quality,
                coalesce(complaints, 0) as complaints, coalesce(rejection_streaks, 0) as rejection_streaks,
                coalesce(signs, 0) as signs, coalesce(signs, 0) * 100 / nullif(calls, 0) as per_100_calls
            from counted full join told using (account) left join streaks using (account)
        )
    """


def signs(reader: Reader, *, period: Period, scope: Scope, limit: int = MAX_SIGNS) -> pl.DataFrame:
    """Give the signs of risk of a period, the newest first.

    Columns: seen_at, account, sign, word (the provider's), calls (of a rejection streak), call_id (the third of its
    calls), signs (how many there are in all).
    """
    text = """
        select seen_at, account, sign, word, calls, call_id, count(*) over () as signs from reports.risk_signs
        where company = $company and day between $first and $last
        order by seen_at desc, sign_id, sign limit $limit
    """
    parameters = {"company": scope.company, "first": period.first, "last": period.last}
    return reader.sql(text, parameters | {"limit": min(limit, MAX_ROWS_OF_A_FILE)})


class Leads(Struct, frozen=True):
    """Metrics of leads of a period, and of one before it, and how many came in it by how soon they were attempted.

    Columns of `bands`: kind, band (minutes; empty where not yet), leads.
    """

    bands: pl.DataFrame
    now: pl.DataFrame
    before: pl.DataFrame | None


def leads(reader: Reader, *, period: Period, before: Period | None, scope: Scope, metrics: Sequence[str]) -> Leads:
    """Count metrics of leads, and leads by how soon they were first attempted, in one statement.

    To find what was said to each of them takes most of it.
    """
    counted = both(reader, period=period, before=before, scope=scope, metrics=metrics)
    text = f"""
        with came as materialized (select * from {counted.source} where {counted.where}),
        bands as (select kind, band, count(*) as leads from came where {counted.wheres[0]} group by kind, band)
        from (
            {counted.sql("came")}
            union all by name select 'bands' as part, * from bands
        ) order by
            place, list_position($metrics, metric),
            kind, list_position(['0-5', '5-15', '15-60', '60+'], band) nulls last
    """
    found = reader.sql(text, counted.parameters)
    now, earlier = counted.told(found)
    bands = found.filter(pl.col("part") == "bands").select("kind", "band", "leads")
    return Leads(bands, now, earlier)
