# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What the page of conversion asks: how many of the contacts we talked with became deals that were won."""

from typing import Literal

import polars as pl

from analytics.questions.asking import COUNTED, Period, Reader, Scope, within

# A win counts for the last answered call before it, where that call was at most so long ago.
ATTRIBUTED_DAYS = 30
By = Literal["channel", "team", "operator"]

_COLUMNS: dict[By, str] = {"channel": "channel", "team": "team_id", "operator": "operator_id"}


def funnel(reader: Reader, *, period: Period, scope: Scope) -> dict[str, int | float | None]:
    """Count contacts from call to win: called (all with a call), talked, with_deal, won; won_share of the talked.

    A deal counts when it was opened, or won, within ATTRIBUTED_DAYS after an answered call of the period.
    """
    where, parameters = within(period, scope=scope)
    text = f"""
        with calls as (
            select contact_key, started_at, outcome from facts.calls
            where {where} and {COUNTED} and contact_key is not null
        ),
        deals as (
            select
                deals.contact_key,
                bool_or(deals.created_at between calls.started_at and {_until("calls")}) as is_opened,
                bool_or(deals.won_at between calls.started_at and {_until("calls")}) as is_won
            from facts.deals as deals
            inner join calls on deals.contact_key = calls.contact_key and calls.outcome = 'answered'
            where deals.company = $company
            group by deals.contact_key
        )
        select
            count(distinct contact_key) as called,
            count(distinct contact_key) filter (where outcome = 'answered') as talked,
            (select count(*) from deals where is_opened or is_won) as with_deal,
            (select count(*) from deals where is_won) as won,
            (select count(*) from deals where is_won)
            / nullif(count(distinct contact_key) filter (where outcome = 'answered'), 0) as won_share
        from calls
    """
    return reader.sql(text, parameters).to_dicts()[0]


def conversion(reader: Reader, *, period: Period, scope: Scope, by: By) -> pl.DataFrame:
    """Count conversion by group: key, contacts (talked with), won_contacts, won_deals, share; the most contacts first.

    A win belongs to the group of the last answered call before it.
    """
    where, parameters = within(period, scope=scope)
    text = f"""
        with calls as (
            select {_COLUMNS[by]} as key, contact_key, started_at from facts.calls
            where {where} and {COUNTED} and contact_key is not null and outcome = 'answered'
        ),
        won as (
            select calls.key, deals.contact_key, deals.deal_id
            from (select * from facts.deals where company = $company and won_at is not null) as deals
            asof join calls on deals.contact_key = calls.contact_key and deals.won_at >= calls.started_at
            where deals.won_at <= {_until("calls")}
        ),
        wins as (
            select key, count(distinct contact_key) as won_contacts, count(*) as won_deals from won group by key
        ),
        talked as (select key, count(distinct contact_key) as contacts from calls group by key)
        select
            talked.key, contacts, coalesce(won_contacts, 0) as won_contacts, coalesce(won_deals, 0) as won_deals,
            coalesce(won_contacts, 0) / contacts as share
        from talked left join wins on talked.key is not distinct from wins.key
        order by contacts desc, talked.key
    """
    return reader.sql(text, parameters)


def worth(reader: Reader, *, period: Period, scope: Scope) -> pl.DataFrame:
    """Sum what the won deals were worth, by currency: currency (None where none was said), deals, amount."""
    where, parameters = within(period, scope=scope)
    text = f"""
        with calls as (
            select contact_key, started_at from facts.calls
            where {where} and {COUNTED} and contact_key is not null and outcome = 'answered'
        )
        select deals.currency, count(*) as deals, cast(sum(deals.amount) as double) as amount
        from (select * from facts.deals where company = $company and won_at is not null) as deals
        asof join calls on deals.contact_key = calls.contact_key and deals.won_at >= calls.started_at
        where deals.won_at <= {_until("calls")}
        group by deals.currency order by deals desc, deals.currency
    """
    return reader.sql(text, parameters)


def _until(calls: str) -> str:
    return f"{calls}.started_at + interval {ATTRIBUTED_DAYS} day"
