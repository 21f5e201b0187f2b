-- One row a key that stands more than once in a table of facts.
-- key: relation, id
-- severity: fail
-- columns:
--   relation varchar: table
--   id varchar: key that stands more than once
--   copies bigint: how often it stands there
select
    'facts.calls' as relation,
    call_id as id,
    count(*) as copies
from facts.calls
group by call_id
having count(*) > 1
union all
select
    'facts.messages' as relation,
    message_id as id,
    count(*) as copies
from facts.messages
group by message_id
having count(*) > 1
union all
select
    'facts.turns' as relation,
    concat_ws('/', call_id, recording_id, turn) as id,
    count(*) as copies
from facts.turns
group by call_id, recording_id, turn
having count(*) > 1
