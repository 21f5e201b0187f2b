-- One row a permission: the time for which a contact had agreed to be called by an account, under the company's policy.
-- It ends, in event time, when the policy or the provider says so, when it is revoked, when the next one takes its
-- place, or with the call that the policy counts as one unanswered too many. Nothing tells that one has run out, so the
-- end may lie ahead of all that is known.
-- key: permission_id
-- needs: facts.permission_events
-- entity: contact_id
-- time: granted_at
-- columns:
--   permission_id varchar: event_id of the grant
--   contact_id varchar: the contact
--   company varchar: tenant
--   account varchar: connected number
--   channel varchar: channel of the calls that it is about
--   policy varchar: name of the company's policy, null where none holds on that day
--   kind varchar: temporary or permanent, as the policy takes it
--   given_by varchar: user_action, automatic or unknown
--   granted_at timestamptz: when it began
--   expires_at timestamptz: when it runs out by itself, null for permanent ones
--   ended_at timestamptz: when it ended or will end, null where nothing ends it
--   ended_by varchar: expired, revoked, renewed (the next one took its place) or unanswered, null where nothing ends it
--   calls integer: our calls while it held
--   answered_calls integer: calls among them in which a person talked
--   unanswered integer: our calls in a row while it held that he left unanswered, up to the newest
--   is_warned boolean: whether these are as many as the policy warns of, null where it warns of none
--   day date: local date of granted_at in the company's zone
with
told as (
    select
        identities.contact_id,
        events.company,
        events.account,
        events.event_id,
        events.word,
        events.channel,
        events.kind,
        events.given_by,
        events.told_at,
        events.expires_at,
        events.day,
        min(events.told_at) filter (where events.word = 'revoked') over (
            partition by identities.contact_id, events.account order by events.told_at
            range between current row and unbounded following
        ) as revoked_at
    from facts.permission_events as events
    inner join facts.identities on events.company = identities.company and events.contact_key = identities.identity
),

grants as (
    select
        told.contact_id,
        told.company,
        told.account,
        told.event_id,
        told.channel,
        told.given_by,
        told.told_at,
        told.revoked_at,
        told.day,
        policies.policy,
        policies.unanswered_warn,
        policies.unanswered_revoke,
        if(told.kind = 'permanent' and coalesce(policies.allows_permanent, true), 'permanent', 'temporary') as kind,
        case
            when told.kind = 'permanent' and coalesce(policies.allows_permanent, true) then null
            when coalesce(policies.trusts_provider, true) and told.expires_at is not null then told.expires_at
            else told.told_at + to_hours(policies.permission_hours)
        end as expires_at,
        lead(told.told_at) over (
            partition by told.contact_id, told.account order by told.told_at, told.event_id
        ) as renewed_at
    from told
    left join reference.permission_policies as policies
        on
            told.company = policies.company and policies.is_chosen
            and told.day >= policies.valid_from and told.day < policies.valid_until
    where told.word = 'granted'
),

calls as (
    select
        identities.contact_id,
        calls.account,
        calls.call_id,
        calls.direction,
        calls.started_at,
        calls.ended_at,
        calls.outcome = 'answered' as is_answered,
        calls.direction = 'outgoing' and calls.outcome in ('no_answer', 'rejected', 'busy', 'voicemail', 'machine')
            as is_unanswered
    from facts.calls
    inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
    where calls.outcome != 'in_progress'
),

permitted as (
    select
        *,
        last_value(granted ignore nulls) over (
            partition by contact_id, account order by started_at, granted nulls last rows unbounded preceding
        ) as event_id
    from (
        select
            *,
            null as granted
        from calls
        union all
        select
            contact_id,
            account,
            null as call_id,
            null as direction,
            told_at as started_at,
            null as ended_at,
            null as is_answered,
            null as is_unanswered,
            event_id as granted
        from grants
    ) as told
),

-- Unanswered calls in a row since the permission began or somebody last talked, until the next one took its place.
tried as (
    select
        event_id,
        call_id,
        direction,
        is_answered,
        is_unanswered,
        started_at,
        ended_at,
        count_if(is_answered) over (
            partition by event_id order by started_at, call_id rows unbounded preceding
        ) as talks_before
    from permitted
    where granted is null and event_id is not null
),

counted as (
    select
        *,
        count_if(is_unanswered) over (
            partition by event_id, talks_before order by started_at, call_id rows unbounded preceding
        ) as in_a_row
    from tried
),

given_up as (
    select
        grants.event_id,
        min(counted.ended_at) as ended_at
    from grants
    inner join counted on grants.event_id = counted.event_id
    where counted.is_unanswered and counted.in_a_row >= grants.unanswered_revoke
    group by grants.event_id
),

ended as (
    select
        grants.*,
        least(grants.expires_at, grants.revoked_at, grants.renewed_at, given_up.ended_at) as ended_at,
        case least(grants.expires_at, grants.revoked_at, grants.renewed_at, given_up.ended_at)
            when grants.revoked_at then 'revoked'
            when given_up.ended_at then 'unanswered'
            when grants.renewed_at then 'renewed'
            when grants.expires_at then 'expired'
        end as ended_by
    from grants
    left join given_up on grants.event_id = given_up.event_id
),

used as (
    select
        ended.event_id,
        count_if(counted.direction = 'outgoing') as calls,
        count_if(counted.direction = 'outgoing' and counted.is_answered) as answered_calls,
        arg_max(counted.in_a_row, (counted.started_at, counted.call_id)) as unanswered
    from ended
    inner join counted
        on
            ended.event_id = counted.event_id
            and (ended.ended_at is null or ended.ended_at > counted.started_at)
    group by ended.event_id
)

select
    ended.event_id as permission_id,
    ended.contact_id,
    ended.company,
    ended.account,
    ended.channel,
    ended.policy,
    ended.kind,
    ended.given_by,
    ended.told_at as granted_at,
    ended.expires_at,
    ended.ended_at,
    ended.ended_by,
    cast(coalesce(used.calls, 0) as integer) as calls,
    cast(coalesce(used.answered_calls, 0) as integer) as answered_calls,
    cast(coalesce(used.unanswered, 0) as integer) as unanswered,
    coalesce(used.unanswered, 0) >= ended.unanswered_warn as is_warned,
    ended.day
from ended
left join used on ended.event_id = used.event_id
