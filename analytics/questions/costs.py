# only texts of our own are pasted; whatever comes from outside is bound
"""What the page of costs asks: what calls cost by tariff, and what a minute of talk comes to."""

from typing import Any

import polars as pl

from analytics.questions.asking import Period, Reader, Scope


def by_tariff(reader: Reader, *, period: Period, scope: Scope) -> pl.DataFrame:
    """Sum what the period cost, by tariff and currency, the dearest first.

    Columns: tariff_id, kind, channels (list), currency, calls (billed), answered, talk_minutes, billed_minutes, metered
    (what calls cost), fee (the monthly fee for these days), cost (both), per_minute (cost of a minute of talk, empty
    without talk), unpriced (calls for which the tariff has no price).
    """
    text = """
        with days as (
            select cast(day as date) as day
            from (select unnest(generate_series($first, $last, interval 1 day)) as day)
        ),
        fees as (
            select tariff_id, min(kind) as kind, currency, sum(fee) as fee
            from (
                select distinct
                    days.day, tariffs.tariff_id, tariffs.kind, tariffs.currency,
                    tariffs.monthly_fee / extract(day from last_day(days.day)) as fee
                from reference.tariffs as tariffs
                inner join days on days.day >= tariffs.valid_from and days.day < tariffs.valid_until
                where tariffs.company = $company
            )
            group by tariff_id, currency
        ),
        metered as (
            select
                costs.tariff_id, min(costs.kind) as kind, costs.currency,
                list_sort(list_distinct(list(calls.channel))) as channels, count(*) as calls,
                count(*) filter (where calls.outcome = 'answered') as answered,
                coalesce(sum(costs.talk_seconds), 0) / 60 as talk_minutes,
                coalesce(sum(costs.billed_seconds), 0) / 60 as billed_minutes,
                cast(coalesce(sum(costs.cost), 0) as double) as metered,
                count(*) filter (where costs.cost is null) as unpriced
            from reports.call_costs as costs
            inner join facts.calls as calls on costs.call_id = calls.call_id
            where costs.company = $company and calls.company = $company and costs.day between $first and $last
            group by costs.tariff_id, costs.currency
        )
        select
            coalesce(metered.tariff_id, fees.tariff_id) as tariff_id, coalesce(metered.kind, fees.kind) as kind,
            coalesce(channels, []) as channels, coalesce(metered.currency, fees.currency) as currency,
            coalesce(calls, 0) as calls, coalesce(answered, 0) as answered,
            coalesce(talk_minutes, 0) as talk_minutes, coalesce(billed_minutes, 0) as billed_minutes,
            coalesce(metered, 0) as metered, cast(coalesce(fee, 0) as double) as fee,
            coalesce(metered, 0) + cast(coalesce(fee, 0) as double) as cost,
            (coalesce(metered, 0) + cast(coalesce(fee, 0) as double)) / nullif(talk_minutes, 0) as per_minute,
            coalesce(unpriced, 0) as unpriced
        from metered
        full join fees on metered.tariff_id = fees.tariff_id and metered.currency = fees.currency
        order by cost desc, tariff_id
    """
    return reader.sql(text, {"company": scope.company, "first": period.first, "last": period.last})


def what_if(reader: Reader, *, period: Period, scope: Scope) -> dict[str, Any]:
    """Give what the comparison begins with, from the company's own data, each empty where there is none.

    `currency` of the company, `fee` (the dearest monthly fee of a fixed tariff), `price` (what a billed minute cost in
    the period), `minutes` (talk of outgoing calls, for 30 days).
    """
    text = """
        select
            (select currency from reference.companies where company = $company) as currency,
            (
                select cast(max(monthly_fee) as double) from reference.tariffs
                where company = $company and kind = 'fixed' and valid_until > $last
            ) as fee,
            (
                select cast(sum(cost) as double) / nullif(sum(billed_seconds) / 60, 0) from reports.call_costs
                where company = $company and day between $first and $last and cost > 0
            ) as price,
            (
                select sum(talk_seconds) / 60 * 30 / $days from facts.calls
                where
                    company = $company and day between $first and $last and direction = 'outgoing'
                    and outcome = 'answered' and not (is_internal or is_test)
            ) as minutes
    """
    parameters = {"company": scope.company, "first": period.first, "last": period.last, "days": period.days}
    return reader.sql(text, parameters).to_dicts()[0]
