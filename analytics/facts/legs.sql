-- One row a leg: one ring of one endpoint inside a call, and the operator who sat there on that day.
-- Where a provider tells of no legs, or talk is known of the call alone, the call itself is a leg with an empty leg_id,
-- if an endpoint is known or somebody talked: so the talk of a call is the sum of its legs, but for the time in which
-- several of them talk at once. A leg of an outgoing call that names no endpoint rang at the contact's: who talked in
-- it is the operator who called.
-- It shows the rows of facts.told_legs, and calls of which no legs are told as they stand in facts.calls.
-- key: call_id, leg_id
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
select *
from facts.told_legs
union all
select
    call_id,
    '' as leg_id,
    company,
    source,
    account,
    channel,
    direction,
    operator_endpoint as endpoint,
    operator_id,
    team_id,
    rang_at,
    answered_at,
    ended_at,
    ring_seconds,
    talk_seconds,
    case when outcome in ('missed', 'abandoned') then 'no_answer' else outcome end as outcome,
    operator_endpoint is not null as is_last_talker,
    is_business_hours,
    is_internal or is_test as is_left_out,
    day
from (
    select * replace (case when outcome = 'answered' then answered_at end as answered_at)
    from facts.calls
    where legs = 0 and (operator_endpoint is not null or talk_seconds is not null)
) as whole
