-- One row a call that is over and that a tariff bills, with how much of it is billed; what that costs stands in
-- reports.call_costs, for the price may depend on the other calls of the month. Billed is from pickup to the end,
-- whether a person or a machine picked up; a fixed tariff bills none of it. It follows from facts.calls and the tariffs
-- of the day, and is not stored.
-- key: call_id
-- columns:
--   call_id varchar: the call
--   company varchar: tenant
--   account varchar: connected number or session
--   tariff_id varchar: tariff of the account on that day
--   kind varchar: fixed, per_minute or per_pulse
--   currency varchar: currency of the tariff, ISO 4217
--   country varchar: country of the contact, ISO 3166; null when unknown
--   price_country varchar: country by whose price it is billed, empty for the price of all others
--   tariff_from date: first local day of the tariff
--   started_at timestamptz: when the call began
--   day date: local date of started_at in the company's zone
--   month date: first day of that month
--   talk_seconds double, seconds: talk, null when there was none
--   connected_seconds double, seconds: talk, or how long a machine or voicemail was listened to; 0 where nothing picked
--     up, null where something did and nothing tells how long
--   pulses integer: pulses or minutes billed, of which each that has begun counts whole; null where
--     connected_seconds is
--   billed_seconds integer, seconds: their length
--   is_left_out boolean: whether the call is internal or a test: billed, but left out of metrics
with
connected as (
    select
        *,
        case
            when outcome in ('answered', 'machine', 'voicemail') then coalesce(talk_seconds, machine_seconds)
            else 0
        end as connected_seconds
    from facts.calls
    where outcome != 'in_progress'
),

billed as (
    select
        calls.call_id,
        calls.company,
        calls.account,
        tariffs.tariff_id,
        tariffs.kind,
        tariffs.currency,
        tariffs.pulse_seconds,
        tariffs.valid_from as tariff_from,
        calls.contact_country as country,
        calls.started_at,
        calls.day,
        calls.talk_seconds,
        calls.connected_seconds,
        calls.is_internal or calls.is_test as is_left_out,
        case
            when tariffs.kind = 'fixed' then 0
            else cast(
                (cast(round(calls.connected_seconds * 1000) as bigint) + tariffs.pulse_seconds * 1000 - 1)
                // (tariffs.pulse_seconds * 1000) as integer
            )
        end as pulses
    from connected as calls
    inner join reference.tariffs
        on
            calls.company = tariffs.company and calls.account = tariffs.account
            and calls.direction in ('incoming', 'outgoing') and tariffs.direction in (calls.direction, 'both')
            and calls.day >= tariffs.valid_from and calls.day < tariffs.valid_until
)

select
    billed.call_id,
    billed.company,
    billed.account,
    billed.tariff_id,
    billed.kind,
    billed.currency,
    billed.country,
    coalesce(prices.country, '') as price_country,
    billed.tariff_from,
    billed.started_at,
    billed.day,
    cast(date_trunc('month', billed.day) as date) as month,
    billed.talk_seconds,
    billed.connected_seconds,
    billed.pulses,
    cast(billed.pulses * billed.pulse_seconds as integer) as billed_seconds,
    billed.is_left_out
from billed
left join reference.tariff_rates as prices
    on
        billed.company = prices.company and billed.tariff_id = prices.tariff_id
        and billed.tariff_from = prices.valid_from and billed.country = prices.country and prices.above_minutes = 0
