-- One row a call with a transcript: whose it is and when it began, as facts.calls knows it.
-- key: call_id
-- events: call.*
-- needs: call.transcribed
-- columns:
--   call_id varchar: call
--   company varchar: tenant
--   started_at timestamptz: when the call began
select
    call_id,
    arg_min(company, place) as company,
    coalesce(min(said_start_at), min(latest_start_at), min(first_at)) as started_at
from staging.call_legs
where
    call_id in (
        select call_facts.call_id from staging.call_facts
        where call_facts.type = 'call.transcribed'
    )
group by call_id
