# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What the page of conversion asks beside the catalogue's metrics: steps between call and deal, and what deals brought.

Which calls a won deal is ascribed to, and how long after them, is settled in reports.calls_before_wins.
"""

import polars as pl

from analytics.metrics import whole
from analytics.questions.asking import COUNTED, Period, Reader, Scope, within
from analytics.questions.narrowing import narrowed


def steps(reader: Reader, *, period: Period, scope: Scope) -> dict[str, int]:
    """Count contacts: called (with any call), talked (with an answered one), with_deal (one opened or won in time)."""
    fact = whole().facts["calls_before_wins"]
    where, parameters = within(period, scope=scope)
    source, reach = narrowed(reader, fact, company=scope.company)
    text = f"""
        with talked as (
            select contact_id, started_at, day, won_at from {source} where {where} and not (is_internal or is_test)
        ),
        dealt as (
            select distinct talked.contact_id from talked
            inner join facts.identities as identities
                on identities.company = $company and talked.contact_id = identities.contact_id
            inner join facts.deals as deals
                on deals.company = $company and identities.identity = deals.contact_key
            left join reference.thresholds as bounds
                on
                    bounds.company = $company
                    and talked.day >= bounds.valid_from and talked.day < bounds.valid_until
            where
                deals.created_at between talked.started_at
                and talked.started_at + to_days(coalesce(bounds.conversion_days, $conversion_days::integer))
            union
            select distinct contact_id from talked where won_at is not null
        )
        select
            (
                select count(distinct identities.contact_id)
                from (select contact_key from facts.calls where {where} and {COUNTED}) as calls
                inner join facts.identities as identities
                    on identities.company = $company and calls.contact_key = identities.identity
            ) as called,
            (select count(distinct contact_id) from talked) as talked,
            (select count(*) from dealt) as with_deal
    """
    asked = parameters | reach | {"conversion_days": whole().bounds["conversion_days"]}
    return reader.sql(text, asked).to_dicts()[0]


def worth(reader: Reader, *, period: Period, scope: Scope) -> pl.DataFrame:
    """Sum what the deals won after calls were worth: currency (None where none was said), deals, amount."""
    fact = whole().facts["calls_before_wins"]
    where, parameters = within(period, scope=scope)
    source, reach = narrowed(reader, fact, company=scope.company)
    text = f"""
        with wins as (
            select distinct contact_id, unnest(won_at) as won_at from {source}
            where {where} and not (is_internal or is_test) and won_at is not null
        ),
        won as (
            select distinct deals.deal_id, deals.currency, deals.amount from wins
            inner join facts.identities as identities
                on identities.company = $company and wins.contact_id = identities.contact_id
            inner join facts.deals as deals
                on
                    deals.company = $company and identities.identity = deals.contact_key and wins.won_at = deals.won_at
        )
        select currency, count(*) as deals, cast(sum(amount) as double) as amount
        from won group by currency order by deals desc, currency
    """
    return reader.sql(text, parameters | reach)
