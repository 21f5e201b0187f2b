-- One row a request for permission to call a contact, with what he answered and how much of the limits it used.
-- The limits of the company's policy count requests to the same contact by the same account in the 24 hours and the
-- seven days up to this one, itself included, since the last call in which somebody talked.
-- key: request_id
-- needs: facts.permission_events
-- entity: contact_id
-- time: requested_at
-- columns:
--   request_id varchar: event_id of the request
--   contact_id varchar: the contact
--   company varchar: tenant
--   account varchar: connected number
--   channel varchar: channel of the calls that it is about
--   policy varchar: name of the company's policy, null where none holds on that day
--   requested_at timestamptz: when we asked
--   answer varchar: granted or denied, null while he has not answered, or answered another request
--   answered_at timestamptz: when he did
--   requests_in_day integer: requests in 24 hours, this one included
--   requests_in_week integer: requests in 7 days, this one included
--   is_over_limit boolean: whether it was one too many, null where the policy knows no limit
--   day date: local date of requested_at in the company's zone
with
told as (
    select
        identities.contact_id,
        events.company,
        events.account,
        events.event_id,
        events.word,
        events.channel,
        events.told_at,
        events.day
    from facts.permission_events as events
    inner join facts.identities on events.company = identities.company and events.contact_key = identities.identity
    where events.word in ('requested', 'granted', 'denied') and coalesce(events.given_by, '') != 'automatic'
),

-- What follows a request before the next one is its answer.
followed as (
    select
        *,
        lead(word) over in_order as next_word,
        lead(told_at) over in_order as next_at
    from told
    window in_order as (
        partition by contact_id, account order by told_at, word != 'requested', event_id
    )
),

asked as (
    select
        *,
        max(talk_at) over (
            partition by contact_id, account order by told_at range between unbounded preceding and current row
        ) as talked_at
    from (
        select
            contact_id,
            account,
            event_id,
            told_at,
            null as talk_at
        from followed
        where word = 'requested'
        union all
        select
            identities.contact_id,
            calls.account,
            null as event_id,
            calls.started_at as told_at,
            calls.started_at as talk_at
        from facts.calls
        inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
        where calls.outcome = 'answered'
    ) as told
),

placed as (
    select
        event_id,
        count(*) over (
            partition by contact_id, account, talked_at order by told_at, event_id rows unbounded preceding
        ) as nth,
        count(*) over (
            partition by contact_id, account, talked_at order by told_at
            range between unbounded preceding and interval 24 hours preceding
        ) as before_day,
        count(*) over (
            partition by contact_id, account, talked_at order by told_at
            range between unbounded preceding and interval 168 hours preceding
        ) as before_week
    from asked
    where event_id is not null
),

counted as (
    select
        event_id,
        nth - before_day as requests_in_day,
        nth - before_week as requests_in_week
    from placed
)

select
    followed.event_id as request_id,
    followed.contact_id,
    followed.company,
    followed.account,
    followed.channel,
    policies.policy,
    followed.told_at as requested_at,
    nullif(followed.next_word, 'requested') as answer,
    case when followed.next_word != 'requested' then followed.next_at end as answered_at,
    cast(counted.requests_in_day as integer) as requests_in_day,
    cast(counted.requests_in_week as integer) as requests_in_week,
    case
        when coalesce(policies.requests_a_day, policies.requests_a_week) is not null
            then
                coalesce(counted.requests_in_day > policies.requests_a_day, false)
                or coalesce(counted.requests_in_week > policies.requests_a_week, false)
    end as is_over_limit,
    followed.day
from followed
inner join counted on followed.event_id = counted.event_id
left join reference.permission_policies as policies
    on
        followed.company = policies.company and policies.is_chosen
        and followed.day >= policies.valid_from and followed.day < policies.valid_until
