-- One row a call that a tariff bills, with what it cost, in the tariff's currency and in the company's.
-- The price is that of the volume billed before the call in its calendar month, by the same tariff, whatever its prices
-- then were, and to the same countries. Sums are exact decimals, rounded half up to the sixth place, call by call.
-- Fixed fees are not in it: they are monthly_fee of reference.tariffs.
-- key: call_id
-- columns:
--   call_id varchar: the call
--   company varchar: tenant
--   account varchar: connected number or session
--   tariff_id varchar: tariff of the account on that day
--   kind varchar: fixed, per_minute or per_pulse
--   country varchar: country of the contact, ISO 3166; null when unknown
--   started_at timestamptz: when the call began
--   day date: local date of started_at in the company's zone
--   month date: first day of that month
--   talk_seconds double, seconds: talk, null when there was none
--   connected_seconds double, seconds: talk, or how long a machine or voicemail was listened to; null where nothing
--     tells it: then there is no cost either
--   pulses integer: pulses or minutes billed
--   billed_seconds integer, seconds: their length
--   minutes_before double, minutes: billed before it in the month, by the same tariff to the same countries
--   price_per_minute decimal(18,6): price of a minute that holds for it, in currency; null where the tariff has none
--   currency varchar: currency of the tariff, ISO 4217
--   cost decimal(18,6): what it cost, in currency; null where the tariff has no price for it
--   company_currency varchar: the company's currency, ISO 4217
--   company_cost decimal(18,6): the same in the company's currency, null where that has no rate on the day
--   is_left_out boolean: whether the call is internal or a test: billed, but left out of metrics
with
counted as (
    select
        *,
        sum(billed_seconds) over (
            partition by company, tariff_id, price_country, month order by started_at, call_id
            rows unbounded preceding
        ) - billed_seconds as seconds_before
    from facts.call_charges
),

priced as (
    select
        counted.*,
        prices.price_per_minute,
        cast(prices.price_per_minute * 1000000 as hugeint) as micro_price
    from counted
    left join reference.tariff_rates as prices
        on
            counted.company = prices.company and counted.tariff_id = prices.tariff_id
            and counted.tariff_from = prices.valid_from and counted.price_country = prices.country
            and counted.seconds_before >= prices.above_minutes * 60
            and (prices.until_minutes is null or counted.seconds_before < prices.until_minutes * 60)
),

summed as (
    select
        *,
        cast(
            cast(
                case when kind = 'fixed' then 0 else (micro_price * billed_seconds * 2 + 60) // 120 end
                as decimal(18, 0)
            ) * cast(0.000001 as decimal(7, 6)) as decimal(18, 6)
        ) as cost
    from priced
)

select
    summed.call_id,
    summed.company,
    summed.account,
    summed.tariff_id,
    summed.kind,
    summed.country,
    summed.started_at,
    summed.day,
    summed.month,
    summed.talk_seconds,
    summed.connected_seconds,
    summed.pulses,
    summed.billed_seconds,
    summed.seconds_before / 60 as minutes_before,
    summed.price_per_minute,
    summed.currency,
    summed.cost,
    companies.currency as company_currency,
    cast(summed.cost * currency_rates.rate as decimal(18, 6)) as company_cost,
    summed.is_left_out
from summed
left join reference.companies on summed.company = companies.company
left join reference.currency_rates
    on
        summed.company = currency_rates.company and summed.currency = currency_rates.currency
        and summed.day >= currency_rates.valid_from and summed.day < currency_rates.valid_until
