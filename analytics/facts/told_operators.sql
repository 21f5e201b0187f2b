-- One row an operator who took part in a call of which the provider tells legs, as facts.call_operators shows it.
-- key: call_id, operator_id
-- events: call.*
-- made of: facts.told_legs where operator_id is not null
-- entity: $.call_id
-- time: rang_at
-- columns:
--   call_id varchar: the call
--   operator_id varchar: the operator
--   team_id varchar: the operator's team on that day
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   channel varchar: phone, whatsapp, …
--   direction varchar: direction of the call
--   outcome varchar: outcome of the call
--   rings integer: rings of the operator's endpoints
--   is_answered boolean: whether the operator talked
--   is_counted boolean: whether the call counts for this operator
--   rang_at timestamptz: first ring
--   answered_at timestamptz: first pickup, null when the operator did not talk, or nothing tells when
--   ring_seconds double, seconds: first ring to first pickup, or to the end of the last ring without one, null where
--     nothing tells it
--   talk_seconds double, seconds: talk, summed over the rings; null when there was none
--   is_business_hours boolean: whether the call began in the company's hours
--   is_left_out boolean: whether the call is internal or a test, and left out of metrics
--   day date: local date on which the call began
with
folded as (
    select
        call_id,
        operator_id,
        min(team_id) as team_id,
        cast(count(*) as integer) as rings,
        min(rang_at) as rang_at,
        min(answered_at) as answered_at,
        max(rang_at + to_milliseconds(cast(round(ring_seconds * 1000) as bigint))) as rung_until,
        bool_and(ring_seconds is not null) as is_ring_known,
        bool_or(outcome = 'answered') as is_answered,
        sum(coalesce(cast(round(talk_seconds * 1000) as bigint), 0)) as talk_ms
    from facts.told_legs
    where operator_id is not null
    group by call_id, operator_id
)

select
    folded.call_id,
    folded.operator_id,
    folded.team_id,
    calls.company,
    calls.source,
    calls.account,
    calls.channel,
    calls.direction,
    calls.outcome,
    folded.rings,
    folded.is_answered,
    coalesce(folded.operator_id = calls.operator_id, false) as is_counted,
    folded.rang_at,
    folded.answered_at,
    case
        when folded.is_ring_known
            then (epoch_ms(coalesce(folded.answered_at, folded.rung_until)) - epoch_ms(folded.rang_at)) / 1000
    end as ring_seconds,
    case when folded.talk_ms > 0 then cast(folded.talk_ms as bigint) / 1000 end as talk_seconds,
    calls.is_business_hours,
    calls.is_internal or calls.is_test as is_left_out,
    calls.day
from folded
inner join facts.calls on folded.call_id = calls.call_id
