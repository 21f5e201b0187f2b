# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""Questions about risk: what may get a connected number blocked, and how fast leads are met."""

from collections.abc import Sequence

import polars as pl
from msgspec import Struct

from analytics.connection import Reader
from analytics.metrics import catalogue, fact_of, whole
from analytics.questions.asking import Period, Scope, within, within_any
from analytics.questions.counting import both_of, both_sql
from analytics.questions.narrowing import narrowed
from schemas.accounts import LOW_QUALITY

_OF_AN_ACCOUNT = (
    *("account", "channel", "calls", "cold", "rejected", "not_permitted", "longest_streak"),
    *("restrictions", "complaints", "per_100_calls"),
)


class Dialled(Struct, frozen=True):
    """What outgoing calls tell: metrics of a period, and of one before it, and the risk of the accounts they came from.

    `accounts` puts those of the period side by side, the riskiest first: one row an account.
    Columns: account, channel, calls (outgoing, over, neither internal nor test), cold, rejected, not_permitted,
    longest_streak (calls turned away one after the other), restrictions and complaints (what the provider told of the
    account in the period: it limited it, or found its quality low), per_100_calls (rejected calls, restrictions and
    complaints, by 100 calls; empty without calls).
    """

    accounts: pl.DataFrame
    now: pl.DataFrame
    before: pl.DataFrame | None


def dialled(reader: Reader, *, period: Period, before: Period | None, scope: Scope, metrics: Sequence[str]) -> Dialled:
    """Count metrics of outgoing calls, and put the accounts they came from side by side, in one statement.

    To find who was called for the first time takes most of it.
    """
    fact = fact_of(catalogue()[metrics[0]])
    periods = [period, before] if before else [period]
    where, wheres, parameters = within_any(periods, scope=scope, fact=fact)
    source, reach = narrowed(reader, fact, company=scope.company)
    text = f"""
        with outgoing as materialized (select * from {source} where {where}),
        {_accounts(is_now=wheres[0])}
        from (
            select 'figures' as part, * from ({both_sql(metrics, source="outgoing", wheres=wheres)})
            union all by name select 'accounts' as part, * from accounts
        ) order by
            place, list_position($metrics, metric), per_100_calls desc nulls last, restrictions desc, complaints desc,
            account
    """
    found = reader.sql(text, parameters | reach | {"metrics": list(metrics)})
    now, *earlier = both_of(found.filter(pl.col("part") == "figures"), metrics=metrics, periods=len(periods))
    accounts = found.filter(pl.col("part") == "accounts").select(_OF_AN_ACCOUNT)
    return Dialled(accounts, now, earlier[0] if earlier else None)


def _accounts(*, is_now: str) -> str:
    """Write what puts accounts side by side: of `outgoing` those of now, and what providers told of them then."""
    return f"""
        dialled as (
            select
                account, channel, is_cold, outcome, started_at, call_id,
                sum((outcome != 'rejected')::integer) over (
                    partition by account order by started_at, call_id
                ) as streak
            from outgoing
            where {is_now} and not is_internal and not is_test and outcome != 'in_progress'
        ),
        streaks as (
            select account, max(turned_away) as longest_streak from (
                select account, streak, count(*) filter (where outcome = 'rejected') as turned_away
                from dialled group by account, streak
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
                account, count(*) filter (where aspect = 'restriction' and state = 'restricted') as restrictions,
                count(*) filter (
                    where aspect = 'quality' and regexp_matches(lower(word), '{"|".join(LOW_QUALITY)}')
                ) as complaints
            from facts.account_states
            where company = $company and day between $first_0 and $last_0
            group by account
        ),
        accounts as (
            select
                account, channel, coalesce(calls, 0) as calls, coalesce(cold, 0) as cold,
                coalesce(rejected, 0) as rejected, coalesce(not_permitted, 0) as not_permitted,
                coalesce(longest_streak, 0) as longest_streak, coalesce(restrictions, 0) as restrictions,
                coalesce(complaints, 0) as complaints,
                (rejected + coalesce(restrictions, 0) + coalesce(complaints, 0)) * 100 / nullif(calls, 0)
                    as per_100_calls
            from counted full join told using (account) left join streaks using (account)
        )
    """


def lead_bands(reader: Reader, *, period: Period, scope: Scope) -> pl.DataFrame:
    """Count leads by how soon they were first attempted: kind, band (minutes; empty where not yet), leads."""
    fact = whole().facts["leads"]
    where, parameters = within(period, scope=scope, fact=fact)
    source, reach = narrowed(reader, fact, company=scope.company)
    text = f"""
        select kind, band, count(*) as leads from {source} where {where}
        group by kind, band order by kind, list_position(['0-5', '5-15', '15-60', '60+'], band) nulls last
    """
    return reader.sql(text, parameters | reach)
