-- One row an incoming call, with the contact's other calls around it: was it his first in a while, did he call again.
-- The while is resolution_hours of the company, 168 h where it states none.
-- A call without a known contact (blank, anonymous) is never grouped with another. Internal and test calls are looked
-- at among themselves. What counts as the first call is an answered one without another answered one before it.
-- key: call_id
-- columns:
--   call_id varchar: the call
--   company varchar: tenant
--   channel varchar: phone, whatsapp, …
--   operator_id varchar: operator who talked last, else was rung last
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
--   is_repeat boolean: whether an answered call of the contact began within that time before it
--   called_again_at timestamptz: when the contact's next call within that time began, null when there is none
--   is_settled boolean: whether the company has calls of a day after that time, up to today: no next call is still
--     to come then
with
newest as (
    select
        calls_grouped.company,
        max(calls_grouped.day) as day
    from reports.calls_grouped
    left join reference.companies on calls_grouped.company = companies.company
    where calls_grouped.day <= cast(timezone(coalesce(companies.time_zone, 'UTC'), now()) as date)
    group by calls_grouped.company
),

incoming as (
    select
        calls.*,
        identities.contact_id,
        coalesce(companies.time_zone, 'UTC') as time_zone,
        to_hours(coalesce(thresholds.resolution_hours, 168)) as resolution_time
    from facts.calls
    left join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
    left join reference.companies on calls.company = companies.company
    left join reference.thresholds
        on
            calls.company = thresholds.company
            and calls.day >= thresholds.valid_from and calls.day < thresholds.valid_until
    where calls.direction = 'incoming'
),

placed as (
    select
        *,
        max(started_at) filter (where outcome = 'answered') over before_it as answered_before_at,
        lead(started_at) over in_order as next_at
    from incoming
    window
        in_order as (partition by company, contact_id, is_internal or is_test order by started_at, call_id),
        before_it as (
            partition by company, contact_id, is_internal or is_test
            order by started_at, call_id
            rows between unbounded preceding and 1 preceding
        )
)

select
    placed.call_id,
    placed.company,
    placed.channel,
    placed.operator_id,
    placed.team_id,
    placed.contact_id,
    placed.started_at,
    placed.day,
    placed.hour,
    placed.weekday,
    placed.is_business_hours,
    placed.outcome,
    placed.is_internal,
    placed.is_test,
    placed.contact_id is not null
    and coalesce(placed.answered_before_at >= placed.started_at - placed.resolution_time, false) as is_repeat,
    case
        when placed.contact_id is not null and placed.next_at <= placed.started_at + placed.resolution_time
            then placed.next_at
    end as called_again_at,
    coalesce(
        newest.day > cast(timezone(placed.time_zone, placed.started_at + placed.resolution_time) as date), false
    ) as is_settled
from placed
left join newest on placed.company = newest.company
