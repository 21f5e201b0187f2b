# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""Questions about what calling costs: by tariff, what another tariff would have cost, and where two of them cross."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import polars as pl
from msgspec import Struct

from analytics.connection import Reader
from analytics.questions.asking import Period, Scope
from analytics.questions.counting import both, each_of, each_sql
from analytics.views import read_views, with_inputs

_OF_PERIOD = "day between $period_first and $period_last"
_OF_A_TARIFF = (
    *("tariff_id", "kind", "calls", "answered", "talk_minutes", "billed_minutes", "call_cost", "unpriced"),
    *("requests", "request_cost", "unpriced_requests", "fee", "cost", "per_minute"),
)

_SUMS = """
    count(*) as calls, count(*) filter (where talk_seconds > 0) as answered,
    coalesce(cast(sum(cast(round(talk_seconds * 1000) as bigint)) as bigint), 0) / 60000 as talk_minutes,
    coalesce(sum(billed_seconds), 0) / 60 as billed_minutes,
    cast(coalesce(sum(company_cost), 0) as decimal(18, 6)) as call_cost,
    count(*) filter (where company_cost is null) as unpriced,
    coalesce(cast(sum(cast(round(talk_seconds * 1000) as bigint)) filter (
        where company_cost is not null
    ) as bigint), 0) / 60000 as priced_minutes
"""

# A monthly fee counts for each of the period's days by its part of the month, at that day's rate.
_FEES = """
    select
        kept.tariff_id, any_value(kept.kind) as kind,
        cast(sum(kept.monthly_fee * rates.rate / day(last_day(days.day))) as decimal(18, 6)) as fee
    from (
        select cast(unnest(
            generate_series($period_first::timestamp, $period_last::timestamp, interval 1 day)
        ) as date) as day
    ) as days
    inner join (
        select distinct company, tariff_id, kind, currency, monthly_fee, valid_from, valid_until
        from reference.tariffs where company = $company
    ) as kept on days.day >= kept.valid_from and days.day < kept.valid_until
    inner join reference.currency_rates as rates
        on
            kept.company = rates.company and kept.currency = rates.currency
            and days.day >= rates.valid_from and days.day < rates.valid_until
    group by kept.tariff_id
"""

# The calls that are billed today, as each of some tariffs would bill them.
_REPRICED = """
    select
        charges.call_id, charges.company, charges.account, tariffs.tariff_id, tariffs.kind, tariffs.currency,
        charges.country, coalesce(prices.country, '') as price_country, tariffs.valid_from as tariff_from,
        charges.started_at, charges.day, charges.month, charges.talk_seconds, charges.connected_seconds,
        charges.is_left_out,
        begun.pulses, begun.pulses * tariffs.pulse_seconds as billed_seconds
    from facts.call_charges as charges
    inner join (
        select distinct company, tariff_id, kind, currency, coalesce(pulse_seconds, 60) as pulse_seconds, valid_from,
            valid_until
        from reference.tariffs where list_contains($tariffs, tariff_id)
    ) as tariffs
        on
            charges.company = tariffs.company
            and charges.day >= tariffs.valid_from and charges.day < tariffs.valid_until
    cross join lateral (
        select if(tariffs.kind = 'fixed', 0, (
            cast(round(charges.connected_seconds * 1000) as bigint) + tariffs.pulse_seconds * 1000 - 1
        ) // (tariffs.pulse_seconds * 1000)) as pulses
    ) as begun
    left join reference.tariff_rates as prices
        on
            tariffs.company = prices.company and tariffs.tariff_id = prices.tariff_id
            and tariffs.valid_from = prices.valid_from and charges.country = prices.country and prices.above_minutes = 0
    where charges.company = $company and charges.month >= date_trunc('month', $period_first)
        and charges.day <= $period_last
"""


class Costed(Struct, frozen=True, kw_only=True):
    """What the traffic of a period costs by one tariff, in the company's currency.

    `per_minute` divides calls and fee by the minutes talked; it is empty where nobody talked. `unpriced` counts calls
    for which the tariff has no price, or its currency no rate, or whose length nobody tells: they are not in the cost,
    nor their talk in what is divided by, `priced_minutes`.
    """

    tariff: str
    calls: int
    answered: int
    talk_minutes: float
    billed_minutes: float
    call_cost: float
    fee: float
    unpriced: int
    priced_minutes: float

    @property
    def cost(self) -> float:
        """Calls and fee together."""
        return self.call_cost + self.fee

    @property
    def per_minute(self) -> float | None:
        """What a minute of talk costs."""
        return self.cost / self.priced_minutes if self.priced_minutes else None

    @property
    def price(self) -> float:
        """What a minute of talk costs without the fee, 0 where nobody talked."""
        return self.call_cost / self.priced_minutes if self.priced_minutes else 0.0


class Crossing(Struct, frozen=True, kw_only=True):
    """A tariff with a fee beside a metered one on the same traffic; above `break_even_minutes` the fee is cheaper."""

    fixed: Costed
    metered: Costed
    break_even_minutes: float | None


class Costs(Struct, frozen=True):
    """What calling cost: by tariff; metrics of costs of a period and of one before it, and of the period by account.

    `tariffs` are in the company's currency; internal and test calls are billed too. A tariff that billed no call is
    there too, for its fee is owed. Columns: tariff_id, kind, calls, answered, talk_minutes, billed_minutes, call_cost,
    unpriced, requests (for permission to call), request_cost (empty where none has a price), unpriced_requests, fee,
    cost (calls, requests and fee), per_minute (calls that have a price, and fee, by their talk; empty where nobody
    talked). See `figures` for the columns of the others.
    """

    tariffs: pl.DataFrame
    now: pl.DataFrame
    before: pl.DataFrame | None
    accounts: pl.DataFrame


def costs(reader: Reader, *, period: Period, before: Period | None, scope: Scope, metrics: Sequence[str]) -> Costs:
    """Sum what calling cost, with metrics of it, in one statement: to price each call takes most of it."""
    counted = both(reader, period=period, before=before, scope=scope, metrics=metrics)
    wheres = counted.wheres
    of_both, of_now = (f"(select * from billed where {one})" for one in (" or ".join(wheres), wheres[0]))
    by_account = each_sql(metrics, source=of_now, by=("account",))
    text = f"""
        with billed as materialized (
            select * from {counted.source} where ({counted.where}) or (company = $company and {_OF_PERIOD})
        ),
        called as (
            select tariff_id, any_value(kind) as kind, {_SUMS} from billed where {_OF_PERIOD} group by tariff_id
        ),
        asked as (
            select
                tariff_id, any_value(kind) as kind, count(*) as requests, sum(company_cost) as request_cost,
                count(*) filter (where company_cost is null) as unpriced_requests
            from reports.request_costs
            where company = $company and {_OF_PERIOD} group by tariff_id
        ),
        summed as (
            select
                tariff_id, coalesce(called.kind, asked.kind, fees.kind) as kind, coalesce(calls, 0) as calls,
                coalesce(answered, 0) as answered, coalesce(talk_minutes, 0) as talk_minutes,
                coalesce(billed_minutes, 0) as billed_minutes,
                cast(coalesce(call_cost, 0) as decimal(18, 6)) as call_cost, coalesce(unpriced, 0) as unpriced,
                coalesce(requests, 0) as requests, cast(request_cost as decimal(18, 6)) as request_cost,
                coalesce(unpriced_requests, 0) as unpriced_requests,
                cast(coalesce(fee, 0) as decimal(18, 6)) as fee, priced_minutes
            from called full join asked using (tariff_id) full join ({_FEES}) as fees using (tariff_id)
        ),
        tariffs as (
            select
                * exclude (priced_minutes), call_cost + coalesce(request_cost, 0) + fee as cost,
                (call_cost + fee) / nullif(priced_minutes, 0) as per_minute
            from summed
        )
        from (
            {counted.sql(of_both)}
            union all by name select 'accounts' as part, * from ({by_account})
            union all by name select 'tariffs' as part, * from tariffs
        ) order by place, account, list_position($metrics, metric), tariff_id
    """
    found = reader.sql(text, _parameters(period, company=scope.company) | counted.parameters)
    now, earlier = counted.told(found)
    parts = {part: found.filter(pl.col("part") == part) for part in ("accounts", "tariffs")}
    return Costs(
        tariffs=parts["tariffs"].select(_OF_A_TARIFF),
        now=now,
        before=earlier,
        accounts=each_of(parts["accounts"], metrics=metrics, by=("account",)).by["account"],
    )


def what_if(
    reader: Reader, *, period: Period, company: str, tariffs: Sequence[str], accounts: Sequence[str] = ()
) -> list[Costed]:
    """Price the calls that were billed in a period as if each of some tariffs had billed all, by the text that prices.

    Volume counts from the first of the month on, as the tariff counts it. `accounts` empty means all.
    """
    among = " and list_contains($accounts, charges.account)" if accounts else ""
    chosen: dict[str, Any] = {"accounts": list(accounts)} if accounts else {}
    repriced = with_inputs(_costs(), inputs=[("facts.call_charges", f"{_REPRICED}{among}")])
    text = f"""
        with summed as (
            select tariff_id, {_SUMS} from ({repriced}) where {_OF_PERIOD} group by tariff_id
        )
        select
            asked.tariff, coalesce(calls, 0) as calls, coalesce(answered, 0) as answered,
            coalesce(talk_minutes, 0) as talk_minutes, coalesce(billed_minutes, 0) as billed_minutes,
            coalesce(call_cost, 0) as call_cost, coalesce(unpriced, 0) as unpriced, coalesce(fees.fee, 0) as fee,
            coalesce(priced_minutes, 0) as priced_minutes
        from (select unnest($tariffs) as tariff) as asked
        left join summed on asked.tariff = summed.tariff_id
        left join ({_FEES}) as fees on asked.tariff = fees.tariff_id
        order by list_position($tariffs, asked.tariff)
    """
    parameters = _parameters(period, company=company) | {"tariffs": list(tariffs)} | chosen
    return [
        Costed(call_cost=float(row.pop("call_cost")), fee=float(row.pop("fee")), **row)
        for row in reader.sql(text, parameters).to_dicts()
    ]


def break_even(*, fixed: Costed, metered: Costed) -> Crossing:
    """Tell from how many minutes of talk on a fee is cheaper than a metered price, on the real traffic of a period.

    `break_even_minutes` are those of the period; empty where nobody talked, or a metered minute costs nothing.
    """
    spared = fixed.fee - metered.fee
    return Crossing(fixed=fixed, metered=metered, break_even_minutes=spared / metered.price if metered.price else None)


def _parameters(period: Period, *, company: str) -> dict[str, Any]:
    return {"company": company, "period_first": period.first, "period_last": period.last}


@cache
def _costs() -> str:
    [select] = [view.select for view in read_views() if view.relation == "reports.call_costs"]
    return select
