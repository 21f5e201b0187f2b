-- One row a call with more talk than time, by more than the second to which providers round.
-- key: call_id
-- severity: warn
-- columns:
--   call_id varchar: call
--   company varchar: tenant
--   source varchar: provider
--   talk_seconds double, seconds: talk
--   total_seconds double, seconds: beginning to end
select
    call_id,
    company,
    source,
    talk_seconds,
    total_seconds
from facts.calls
where talk_seconds > total_seconds + 1
