-- One row a call permission request of an account that a tariff bills, with what it cost, in the tariff's currency and
-- in the company's: it is billed as a message. Requests that no source tells of are not there, nor those of which it
-- tells that they could not be delivered.
-- key: request_id
-- columns:
--   request_id varchar: event_id of the request
--   company varchar: tenant
--   account varchar: connected number
--   tariff_id varchar: tariff of the account on that day
--   kind varchar: fixed, per_minute or per_pulse: how the tariff bills calls
--   country varchar: country of the contact, ISO 3166; null when unknown
--   requested_at timestamptz: when we asked
--   day date: local date of requested_at in the company's zone
--   currency varchar: currency of the tariff, ISO 4217
--   cost decimal(18,6): what it cost, in currency; null where the tariff has no price for it
--   company_currency varchar: the company's currency, ISO 4217
--   company_cost decimal(18,6): the same in the company's currency, null where that has no rate on the day
--   is_left_out boolean: whether the contact or our number is internal or a test: billed, but left out of metrics
with
-- The id of the message that asked is made as schemas.ids.message_id makes it.
asked as (
    select
        *,
        sha1(
            unhex('8f0b1c5e27ce5f0a9a2f61d1a4c3b7e1') || encode(concat(
                '7:message', length(source), ':', source, length(account), ':', account,
                length(request_message_id), ':', request_message_id
            ))
        ) as digest
    from facts.permission_events
    where word = 'requested'
),

-- Of an erased person it is the id itself that is kept.
asked_by as (
    select
        event_id,
        company,
        unnest([
            request_message_id,
            concat(
                substr(digest, 1, 8), '-', substr(digest, 9, 4), '-5', substr(digest, 14, 3), '-',
                substr('89ab', cast('0x' || substr(digest, 17, 1) as integer) % 4 + 1, 1),
                substr(digest, 18, 3), '-', substr(digest, 21, 12)
            )
        ]) as message_id
    from asked
),

failed as (
    select asked_by.event_id
    from asked_by
    inner join facts.messages
        on asked_by.company = messages.company and asked_by.message_id = messages.message_id
    where messages.status = 'failed'
),

billed as (
    select
        events.event_id,
        events.company,
        events.account,
        events.told_at,
        events.day,
        events.company_number,
        substr(events.contact_key, strpos(events.contact_key, ':') + 1) as contact_number,
        identities.country,
        tariffs.tariff_id,
        tariffs.kind,
        tariffs.currency,
        tariffs.valid_from as tariff_from
    from asked as events
    left join failed on events.event_id = failed.event_id
    inner join reference.tariffs
        on
            events.company = tariffs.company and events.account = tariffs.account
            and events.day >= tariffs.valid_from and events.day < tariffs.valid_until
    left join facts.identities
        on events.company = identities.company and events.contact_key = identities.identity
    where failed.event_id is null
),

left_out as (
    select distinct billed.event_id
    from billed
    inner join reference.numbers
        on
            billed.company = numbers.company
            and (
                billed.contact_number = numbers.number
                or (billed.company_number = numbers.number and numbers.kind = 'test')
            )
            and billed.day >= numbers.valid_from and billed.day < numbers.valid_until
),

priced as (
    select
        billed.*,
        coalesce(own.price_per_request, others.price_per_request) as cost
    from billed
    left join reference.request_rates as own
        on
            billed.company = own.company and billed.tariff_id = own.tariff_id
            and billed.tariff_from = own.valid_from and billed.country = own.country
    left join reference.request_rates as others
        on
            billed.company = others.company and billed.tariff_id = others.tariff_id
            and billed.tariff_from = others.valid_from and others.country = ''
)

select
    priced.event_id as request_id,
    priced.company,
    priced.account,
    priced.tariff_id,
    priced.kind,
    priced.country,
    priced.told_at as requested_at,
    priced.day,
    priced.currency,
    priced.cost,
    companies.currency as company_currency,
    cast(priced.cost * currency_rates.rate as decimal(18, 6)) as company_cost,
    left_out.event_id is not null as is_left_out
from priced
left join left_out on priced.event_id = left_out.event_id
left join reference.companies on priced.company = companies.company
left join reference.currency_rates
    on
        priced.company = currency_rates.company and priced.currency = currency_rates.currency
        and priced.day >= currency_rates.valid_from and priced.day < currency_rates.valid_until
