-- One row a call that is over and that a tariff bills, with how much of it is billed; what that costs stands in
-- reports.call_costs, for the price may depend on the other calls of the month. Only talk is billed; a fixed tariff
-- bills none of it.
-- key: call_id
-- events: call.*
-- entity: $.call_id
-- time: started_at
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
--   pulses integer: pulses or minutes billed, of which each that has begun counts whole
--   billed_seconds integer, seconds: their length
--   is_left_out boolean: whether the call is internal or a test: billed, but left out of metrics
with
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
        calls.contact_key,
        calls.started_at,
        calls.day,
        calls.talk_seconds,
        calls.is_internal or calls.is_test as is_left_out,
        case
            when tariffs.kind = 'fixed' then 0
            else cast(
                (coalesce(cast(round(calls.talk_seconds * 1000) as bigint), 0) + tariffs.pulse_seconds * 1000 - 1)
                // (tariffs.pulse_seconds * 1000) as integer
            )
        end as pulses
    from facts.calls
    inner join reference.tariffs
        on
            calls.company = tariffs.company and calls.account = tariffs.account
            and calls.direction in ('incoming', 'outgoing') and tariffs.direction in (calls.direction, 'both')
            and calls.day >= tariffs.valid_from and calls.day < tariffs.valid_until
    where calls.outcome != 'in_progress'
),

placed as (
    select
        billed.*,
        case
            when starts_with(billed.contact_key, 'phone:+')
                then coalesce(fours.country, threes.country, twos.country, ones.country)
            when starts_with(billed.contact_key, 'whatsapp_')
                then nullif(regexp_extract(billed.contact_key, '^whatsapp_[a-z_]+:([A-Z]{2})\.', 1), '')
        end as country
    from billed
    left join reference.dialling_codes as fours on substr(billed.contact_key, 8, 4) = fours.prefix
    left join reference.dialling_codes as threes on substr(billed.contact_key, 8, 3) = threes.prefix
    left join reference.dialling_codes as twos on substr(billed.contact_key, 8, 2) = twos.prefix
    left join reference.dialling_codes as ones on substr(billed.contact_key, 8, 1) = ones.prefix
)

select
    placed.call_id,
    placed.company,
    placed.account,
    placed.tariff_id,
    placed.kind,
    placed.currency,
    placed.country,
    coalesce(prices.country, '') as price_country,
    placed.tariff_from,
    placed.started_at,
    placed.day,
    cast(date_trunc('month', placed.day) as date) as month,
    placed.talk_seconds,
    placed.pulses,
    cast(placed.pulses * placed.pulse_seconds as integer) as billed_seconds,
    placed.is_left_out
from placed
left join reference.tariff_rates as prices
    on
        placed.company = prices.company and placed.tariff_id = prices.tariff_id
        and placed.tariff_from = prices.valid_from and placed.country = prices.country and prices.above_minutes = 0
