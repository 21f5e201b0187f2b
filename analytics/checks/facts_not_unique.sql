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
union all
select
    'facts.told_legs' as relation,
    concat_ws('/', call_id, leg_id) as id,
    count(*) as copies
from facts.told_legs
group by call_id, leg_id
having count(*) > 1
union all
select
    'facts.told_operators' as relation,
    concat_ws('/', call_id, operator_id) as id,
    count(*) as copies
from facts.told_operators
group by call_id, operator_id
having count(*) > 1
union all
select
    'facts.recordings' as relation,
    concat_ws('/', call_id, recording_id) as id,
    count(*) as copies
from facts.recordings
group by call_id, recording_id
having count(*) > 1
union all
select
    'facts.told_deals' as relation,
    deal_id as id,
    count(*) as copies
from facts.told_deals
group by deal_id
having count(*) > 1
union all
select
    'facts.identities' as relation,
    concat_ws('/', company, identity) as id,
    count(*) as copies
from facts.identities
group by company, identity
having count(*) > 1
union all
select
    'facts.contacts' as relation,
    contact_id as id,
    count(*) as copies
from facts.contacts
group by contact_id
having count(*) > 1
union all
select
    'facts.missed_episodes' as relation,
    episode_id as id,
    count(*) as copies
from facts.missed_episodes
group by episode_id
having count(*) > 1
union all
select
    'facts.permissions' as relation,
    permission_id as id,
    count(*) as copies
from facts.permissions
group by permission_id
having count(*) > 1
union all
select
    'facts.permission_requests' as relation,
    request_id as id,
    count(*) as copies
from facts.permission_requests
group by request_id
having count(*) > 1
union all
select
    'facts.call_permissions' as relation,
    call_id as id,
    count(*) as copies
from facts.call_permissions
group by call_id
having count(*) > 1
union all
select
    'facts.call_starts' as relation,
    cast(call_number as varchar) as id,
    count(*) as copies
from facts.call_starts
group by call_number
having count(*) > 1
union all
select
    'facts.call_charges' as relation,
    call_id as id,
    count(*) as copies
from facts.call_charges
group by call_id
having count(*) > 1
