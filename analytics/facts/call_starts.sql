-- One row a call: when it began. Sorted by a number made of its id, so that a call is found by it among millions, and
-- then by its time. It holds nothing else that changes while the call goes on: most rows are written once, into files.
-- key: call_number
-- events: call.*
-- entity: $.call_number
-- time: started_at
-- sorted: call_number
-- columns:
--   company varchar: tenant
--   started_at timestamptz: when it began, as facts.calls has it
--   call_number ubigint: md5_number_lower(call_id), in half the room of the id
select
    company,
    started_at,
    md5_number_lower(call_id) as call_number
from facts.calls
