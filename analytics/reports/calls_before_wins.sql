-- One row an answered call with a known contact, with the deals that are ascribed to it.
-- A deal that was won is ascribed to the last answered call before it, whoever called, or by the company's attribution
-- to the first, or to any; of calls at most conversion_days before it.
-- key: call_id
-- columns:
--   call_id varchar: the call
--   company varchar: tenant
--   channel varchar: phone, whatsapp, …
--   direction varchar: incoming, outgoing or unknown
--   operator_id varchar: operator who talked last
--   team_id varchar: the operator's team
--   contact_id varchar: the contact
--   started_at timestamptz: when the call began
--   day date: local date of started_at in the company's zone
--   hour integer: local hour of started_at, 0 to 23
--   weekday integer: local weekday of started_at, 1 is Monday
--   is_business_hours boolean: whether it began in the company's hours
--   is_internal boolean: between people of the company
--   is_test boolean: a test
--   deal_ids varchar[]: the deals, sorted, null when there is none
--   has_deals boolean: whether any deal of the company is known, and whose it is
with
answered as (
    select
        calls.*,
        identities.contact_id,
        coalesce(thresholds.attribution, 'last_call') as attribution,
        to_days(coalesce(thresholds.conversion_days, 30)) as conversion_time
    from facts.calls
    inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
    left join reference.thresholds
        on
            calls.company = thresholds.company
            and calls.day >= thresholds.valid_from and calls.day < thresholds.valid_until
    where calls.outcome = 'answered'
),

-- Each won deal beside the answered calls from which it was won in time, in their order.
won as (
    select
        answered.call_id,
        answered.attribution,
        deals.deal_id,
        row_number() over (
            partition by deals.deal_id order by answered.started_at, answered.call_id
        ) as nth,
        count(*) over (partition by deals.deal_id) as calls
    from facts.deals
    inner join facts.identities on deals.company = identities.company and deals.contact_key = identities.identity
    inner join answered on deals.company = answered.company and identities.contact_id = answered.contact_id
    where
        deals.won_at >= answered.started_at
        and deals.won_at <= answered.started_at + answered.conversion_time
        and not answered.is_internal
        and not answered.is_test
),

given as (
    select
        call_id,
        list(deal_id order by deal_id) as deal_ids
    from won
    where attribution = 'any_call' or nth = if(attribution = 'first_call', 1, calls)
    group by call_id
),

dealing as (
    select distinct company
    from facts.deal_contacts
)

select
    answered.call_id,
    answered.company,
    answered.channel,
    answered.direction,
    answered.operator_id,
    answered.team_id,
    answered.contact_id,
    answered.started_at,
    answered.day,
    answered.hour,
    answered.weekday,
    answered.is_business_hours,
    answered.is_internal,
    answered.is_test,
    given.deal_ids,
    dealing.company is not null as has_deals
from answered
left join given on answered.call_id = given.call_id
left join dealing on answered.company = dealing.company
