-- One row a call and operator who took part: all rings of his or her endpoints in the call taken together.
-- Sum talk and rings over all rows; count calls where is_counted, which holds for one operator of a call: the last
-- talker, or whoever rang last when nobody talked.
-- It shows the rows of facts.told_operators, and calls of which no legs are told as they stand in facts.calls.
-- key: call_id, operator_id
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
select *
from facts.told_operators
union all
select
    call_id,
    operator_id,
    team_id,
    company,
    source,
    account,
    channel,
    direction,
    outcome,
    cast(1 as integer) as rings,
    outcome = 'answered' as is_answered,
    true as is_counted,
    rang_at,
    answered_at,
    ring_seconds,
    talk_seconds,
    is_business_hours,
    is_internal or is_test as is_left_out,
    day
from (
    select * replace (case when outcome = 'answered' then answered_at end as answered_at)
    from facts.calls
    where legs = 0 and operator_id is not null
) as whole
