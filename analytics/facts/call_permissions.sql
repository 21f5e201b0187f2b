-- One row an outgoing call on the WhatsApp Business API: whether the contact had agreed, and how much of the limits was
-- used, under the company's policy. Internal and test calls are left out.
-- key: call_id
-- made of: facts.calls where channel = 'waba' and direction = 'outgoing'
-- entity: contact_id
-- time: started_at
-- columns:
--   call_id varchar: the call
--   contact_id varchar: the contact
--   company varchar: tenant
--   account varchar: connected number
--   policy varchar: name of the company's policy, null where none holds on that day
--   permission_id varchar: the permission that held when it began, null where none did
--   is_permitted boolean: whether one held, or none was needed
--   reason varchar: permitted, not_needed, never_granted, expired, revoked or unanswered: why it was or was not
--   started_at timestamptz: when the call began
--   outcome varchar: outcome of the call
--   connections_before integer: our calls in which he talked in the 24 hours before
--   is_over_limit boolean: whether these were already as many as the policy allows, null where it knows no limit
--   unanswered_before integer: unanswered calls in a row before it, since somebody last talked
--   day date: local date on which the call began
with
named as (
    select
        identities.contact_id,
        calls.call_id,
        calls.company,
        calls.account,
        calls.channel,
        calls.direction,
        calls.outcome,
        calls.started_at,
        calls.day,
        calls.is_internal or calls.is_test as is_left_out
    from facts.calls
    inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
),

counted as (
    select
        *,
        count_if(direction = 'outgoing' and outcome = 'answered') over (
            partition by contact_id, account order by started_at
            range between interval 86399999 milliseconds preceding and current row
        ) as connections,
        count(*) filter (where outcome = 'answered') over (
            partition by contact_id, account order by started_at, call_id
            rows between unbounded preceding and 1 preceding
        ) as talks_before
    from named
),

followed as (
    select
        *,
        count(*) filter (
            where direction = 'outgoing' and outcome in ('no_answer', 'rejected', 'busy', 'voicemail', 'machine')
        ) over (
            partition by contact_id, account, talks_before order by started_at, call_id
            rows between unbounded preceding and 1 preceding
        ) as unanswered_before
    from counted
),

asked as (
    select
        *,
        connections - if(direction = 'outgoing' and outcome = 'answered', 1, 0) as connections_before
    from followed
    where channel = 'waba' and direction = 'outgoing' and not is_left_out
),

held as (
    select
        call_id,
        -- As a whole: by itself an end that is null, for good, would be passed over for that of an earlier permission.
        last_value(granted ignore nulls) over (
            partition by contact_id, account order by moment, granted nulls last
            rows unbounded preceding
        ) as latest
    from (
        select
            call_id,
            contact_id,
            account,
            started_at as moment,
            null as granted
        from asked
        union all
        select
            null as call_id,
            contact_id,
            account,
            granted_at as moment,
            struct_pack(permission_id := permission_id, ended_at := ended_at, ended_by := ended_by) as granted
        from facts.permissions
    ) as told
),

judged as (
    select
        asked.*,
        policies.policy,
        policies.connections_a_day,
        held.latest.permission_id,
        case
            when not policies.is_required then 'not_needed'
            when held.latest is null then 'never_granted'
            when held.latest.ended_at is null or held.latest.ended_at > asked.started_at then 'permitted'
            else held.latest.ended_by
        end as reason
    from asked
    left join held on asked.call_id = held.call_id
    left join reference.permission_policies as policies
        on
            asked.company = policies.company and policies.is_chosen
            and asked.day >= policies.valid_from and asked.day < policies.valid_until
)

select
    call_id,
    contact_id,
    company,
    account,
    policy,
    case when reason in ('permitted', 'not_needed') then permission_id end as permission_id,
    reason in ('permitted', 'not_needed') as is_permitted,
    reason,
    started_at,
    outcome,
    cast(connections_before as integer) as connections_before,
    connections_before >= connections_a_day as is_over_limit,
    cast(unanswered_before as integer) as unanswered_before,
    day
from judged
