-- One row a leg of a call of which the provider tells legs, as facts.legs shows it.
-- Where talk is known of the call alone, the call itself is one of them, with an empty leg_id. A leg of an outgoing
-- call that names no endpoint rang at the contact's: who talked in it is the operator who called. A leg that somebody
-- picked up, and of which no fact tells the end, was answered where its call was.
-- key: call_id, leg_id
-- events: call.*
-- made of: staging.call_legs where leg_id is not null
-- entity: $.call_id
-- time: rang_at
-- columns:
--   call_id varchar: call of the leg
--   leg_id varchar: the provider's own name of the leg, empty for the call itself
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   channel varchar: phone, whatsapp, …
--   direction varchar: direction of the call
--   endpoint varchar: endpoint that rang, as the provider writes it
--   operator_id varchar: operator whose endpoint it was on that day
--   team_id varchar: the operator's team on that day
--   rang_at timestamptz: when it began to ring; where no fact says so, when the call did
--   answered_at timestamptz: when a person picked up, null when nobody did, or nothing tells when
--   ended_at timestamptz: when it was over, null while it is not
--   ring_seconds double, seconds: ringing to pickup, by a machine too, or to the end when nothing picked up, null where
--     nothing tells it
--   talk_seconds double, seconds: talk with a person, null when there was none
--   outcome varchar: answered, voicemail, machine, rejected, busy, cancelled, failed, not_permitted, no_answer or
--     in_progress
--   is_last_talker boolean: whether its endpoint is the one that talked last in the call, or else rang last
--   is_business_hours boolean: whether the call began in the company's hours
--   is_left_out boolean: whether the call is internal or a test, and left out of metrics
--   day date: local date on which the call began
with
rings as (
    select
        legs.*,
        calls.direction as call_direction,
        calls.operator_endpoint,
        calls.rang_at as call_rang_at,
        calls.ring_seconds,
        calls.outcome = 'in_progress' as is_call_on,
        legs.talk_ms > 0 or legs.is_untimed or (
            not legs.is_over and legs.accepted_at is not null and legs.picked_by in ('human', 'unknown')
            and calls.outcome = 'answered'
        ) as is_answered
    from staging.call_legs as legs
    inner join facts.calls on legs.call_id = calls.call_id
    where legs.leg_id is not null and legs.is_ring
),

summed as (
    select
        call_id,
        sum(coalesce(talk_ms, 0)) as talk_ms
    from rings
    group by call_id
),

listed as (
    select
        call_id,
        leg_id,
        coalesce(operator, case when call_direction = 'outgoing' then operator_endpoint end) as endpoint,
        coalesce(rang_at, call_rang_at) as rang_at,
        rang_at is not null or ring_seconds is not null as is_ring_known,
        is_reckoned,
        case when is_answered then picked_at end as picked_at,
        case when is_answered then picked_at else coalesce(machine_at, ended_at) end as rung_until,
        ended_at,
        coalesce(talk_ms, 0) as talk_ms,
        case
            when is_answered then 'answered'
            when picked_by in ('machine', 'voicemail') then picked_by
            when disposition in ('rejected', 'busy', 'cancelled', 'failed', 'not_permitted') then disposition
            when not is_over and is_call_on then 'in_progress'
            else 'no_answer'
        end as outcome
    from rings
    union all
    select
        calls.call_id,
        '' as leg_id,
        calls.operator_endpoint as endpoint,
        calls.rang_at,
        calls.ring_seconds is not null as is_ring_known,
        false as is_reckoned,
        calls.answered_at as picked_at,
        calls.answered_at as rung_until,
        calls.ended_at,
        cast(round(calls.talk_seconds * 1000) as bigint) as talk_ms,
        calls.outcome
    from facts.calls
    inner join summed on calls.call_id = summed.call_id
    where calls.talk_seconds is not null and summed.talk_ms = 0
)

select
    listed.call_id,
    listed.leg_id,
    calls.company,
    calls.source,
    calls.account,
    calls.channel,
    calls.direction,
    listed.endpoint,
    endpoints.operator_id,
    endpoints.team_id,
    listed.rang_at,
    case when listed.is_reckoned then greatest(listed.picked_at, listed.rang_at) else listed.picked_at end
        as answered_at,
    listed.ended_at,
    case
        when not listed.is_ring_known then null
        when listed.rung_until > listed.rang_at or (listed.rung_until = listed.rang_at and not listed.is_reckoned)
            then (epoch_ms(listed.rung_until) - epoch_ms(listed.rang_at)) / 1000
    end as ring_seconds,
    case when listed.talk_ms > 0 then listed.talk_ms / 1000 end as talk_seconds,
    listed.outcome,
    coalesce(listed.endpoint = calls.operator_endpoint, false) as is_last_talker,
    calls.is_business_hours,
    calls.is_internal or calls.is_test as is_left_out,
    calls.day
from listed
inner join facts.calls on listed.call_id = calls.call_id
left join reference.endpoints
    on
        calls.company = endpoints.company and listed.endpoint = endpoints.endpoint
        and calls.day >= endpoints.valid_from and calls.day < endpoints.valid_until
