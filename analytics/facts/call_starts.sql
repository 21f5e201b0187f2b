-- One row a call: when it began. Sorted by a number made of its id, so that a call is found by it among millions, and
-- then by its time.
-- key: call_number
-- events: call.*
-- entity: $.call_number
-- time: started_at
-- sorted: call_number
-- columns:
--   company varchar: tenant
--   team_id varchar: team of its operator on that day, by which it is shown to who sees some teams only
--   started_at timestamptz: when it began, as facts.calls has it
--   call_number ubigint: md5_number_lower(call_id), in half the room of the id
select
    company,
    team_id,
    started_at,
    md5_number_lower(call_id) as call_number
from facts.calls
