-- One row a call: when it began. Sorted by the id, so that a call is found by it among millions, and then by its time.
-- key: call_id
-- events: call.*
-- entity: $.call_id
-- time: started_at
-- sorted: call_id
-- columns:
--   call_id varchar: call
--   company varchar: tenant
--   team_id varchar: team of its operator on that day, by which it is shown to who sees some teams only
--   started_at timestamptz: when it began, as facts.calls has it
select
    call_id,
    company,
    team_id,
    started_at
from facts.calls
