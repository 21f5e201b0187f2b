# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What the page of conversion asks beside the catalogue's metrics: steps between call and deal, and what deals brought.

Which calls a won deal is ascribed to, and how long after them, is settled in reports.calls_before_wins.
"""

from collections.abc import Sequence
from typing import Generic

import polars as pl
from msgspec import Struct

from analytics.connection import Reader
from analytics.metrics.catalogue import catalogue, fact_of, whole
from analytics.questions.asking import COUNTED, Period, Scope, within
from analytics.questions.counting import Each, Some, each_of, each_sql
from analytics.questions.narrowing import narrowed


class Way(Struct, Generic[Some], frozen=True):
    """The way from calls to deals: figures of it, its steps in contacts, and what the won deals were worth.

    `called` had any call, `talked` an answered one, `with_deal` one that was opened or won in time. Columns of `worth`:
    currency (None where none was said), deals, amount.
    """

    figures: Each[Some]
    called: int
    talked: int
    with_deal: int
    worth: pl.DataFrame


def way(reader: Reader, *, period: Period, scope: Scope, metrics: Sequence[str], by: Sequence[Some]) -> Way[Some]:
    """Tell the way from calls to deals, with metrics of it as a whole and by each of some dimensions.

    It is one statement: to find who was talked with before a deal takes most of it.
    """
    fact = fact_of(catalogue()[metrics[0]])
    where, parameters = within(period, scope=scope)
    source, reach = narrowed(reader, fact, company=scope.company)
    text = f"""
        with told as materialized (select * from {source} where {where}),
        deals as materialized (
            select deal_id, contact_key, created_at, currency, amount from facts.deals where company = $company
        ),
        talked as (select contact_id, started_at, day, deal_ids from told where not (is_internal or is_test)),
        dealt as (
            select distinct talked.contact_id from talked
            inner join facts.identities as identities
                on identities.company = $company and talked.contact_id = identities.contact_id
            inner join deals on identities.identity = deals.contact_key
            left join reference.thresholds as bounds
                on
                    bounds.company = $company
                    and talked.day >= bounds.valid_from and talked.day < bounds.valid_until
            where
                deals.created_at between talked.started_at
                and talked.started_at + to_days(coalesce(bounds.conversion_days, $conversion_days::integer))
            union
            select distinct contact_id from talked where deal_ids is not null
        ),
        steps as (
            select
                (
                    select count(distinct identities.contact_id)
                    from (select contact_key from facts.calls where {where} and {COUNTED}) as calls
                    inner join facts.identities as identities
                        on identities.company = $company and calls.contact_key = identities.identity
                ) as called,
                (select count(distinct contact_id) from talked) as talked,
                (select count(*) from dealt) as with_deal
        ),
        won as (
            select currency, amount from deals where deal_id in (select unnest(deal_ids) from talked)
        ),
        worth as (
            select currency, count(*) as deals, cast(sum(amount) as double) as amount from won group by currency
        )
        from (
            select 'figures' as part, * from ({each_sql(metrics, source="told", by=by)})
            union all by name select 'steps' as part, * from steps
            union all by name select 'worth' as part, * from worth
        ) order by {", ".join(by)}, list_position($metrics, metric), deals desc, currency
    """
    asked = parameters | reach | {"metrics": list(metrics), "conversion_days": whole().bounds["conversion_days"]}
    found = reader.sql(text, asked)
    figures, steps, worth = (found.filter(pl.col("part") == part) for part in ("figures", "steps", "worth"))
    [counted] = steps.select("called", "talked", "with_deal").to_dicts()
    return Way(
        figures=each_of(figures, metrics=metrics, by=by), worth=worth.select("currency", "deals", "amount"), **counted
    )
