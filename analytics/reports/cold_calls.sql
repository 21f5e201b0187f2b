-- One row an outgoing call, with whether the contact had ever turned to us before, and whether we had called before.
-- Internal and test calls are looked at among themselves.
-- key: call_id
-- columns:
--   call_id varchar: the call
--   company varchar: tenant
--   account varchar: connected number or session
--   channel varchar: phone, whatsapp, …
--   operator_id varchar: operator who called
--   team_id varchar: the operator's team
--   contact_id varchar: the contact, null when nobody knows
--   started_at timestamptz: when the call began
--   day date: local date of started_at in the company's zone
--   hour integer: local hour of started_at, 0 to 23
--   weekday integer: local weekday of started_at, 1 is Monday
--   is_business_hours boolean: whether it began in the company's hours
--   outcome varchar: how it ended
--   is_internal boolean: between people of the company
--   is_test boolean: a test
--   is_first boolean: whether it is our first call to the contact
--   turned_to_us_at timestamptz: the contact's first message, call or deal, null when there is none
--   is_cold boolean: our first call, to a contact who had sent no message, made no call and had no deal before it
with
turned as (
    select
        company,
        contact_id,
        least(first_incoming_at, first_deal_at) as turned_to_us_at
    from facts.contacts
),

outgoing as (
    select
        calls.*,
        identities.contact_id,
        row_number() over (
            partition by calls.company, identities.contact_id, calls.is_internal or calls.is_test
            order by calls.started_at, calls.call_id
        ) as nth
    from facts.calls
    left join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
    where calls.direction = 'outgoing'
)

select
    outgoing.call_id,
    outgoing.company,
    outgoing.account,
    outgoing.channel,
    outgoing.operator_id,
    outgoing.team_id,
    outgoing.contact_id,
    outgoing.started_at,
    outgoing.day,
    outgoing.hour,
    outgoing.weekday,
    outgoing.is_business_hours,
    outgoing.outcome,
    outgoing.is_internal,
    outgoing.is_test,
    outgoing.contact_id is not null and outgoing.nth = 1 as is_first,
    turned.turned_to_us_at,
    outgoing.contact_id is not null
    and outgoing.nth = 1
    and coalesce(turned.turned_to_us_at >= outgoing.started_at, true) as is_cold
from outgoing
left join turned on outgoing.company = turned.company and outgoing.contact_id = turned.contact_id
