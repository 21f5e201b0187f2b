-- One row a recording with turns whose call is not in facts.calls.
-- key: call_id, recording_id
-- severity: fail
-- columns:
--   call_id varchar: call that is missing
--   recording_id varchar: recording
--   turns bigint: turns of the recording
select
    turns.call_id,
    turns.recording_id,
    count(*) as turns
from facts.turns
where
    not exists (
        select 1
        from facts.calls
        where calls.call_id = turns.call_id
    )
group by turns.call_id, turns.recording_id
