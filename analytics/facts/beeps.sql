-- One row a stretch of a recording in which a secret is heard, which whoever plays the recording must not hear.
-- Of all transcripts of the recording, not only the best: what one of them understood is a secret in each.
-- key: call_id, recording_id, channel, start_seconds, end_seconds, kind
-- events: call.*
-- needs: call.transcribed
-- entity: $.call_id
-- time: day
-- columns:
--   call_id varchar: call that was recorded
--   recording_id varchar: recording, of which a call may have several
--   channel integer: audio channel, from 0
--   start_seconds double, seconds: beginning, from the recording's start
--   end_seconds double, seconds: end, from the recording's start
--   kind varchar: card, iban, iin, cpf, passport, snils, email or phone
--   company varchar: tenant
--   day date: local date on which the call began
with
listed as (
    select
        call_id,
        recording_id,
        unnest(from_json(
            beeps,
            '[{"channel": "INTEGER", "start_seconds": "DOUBLE", "end_seconds": "DOUBLE", "kind": "VARCHAR"}]'
        )) as fact
    from staging.call_facts
    where type = 'call.transcribed' and recording_id is not null
)

select distinct
    listed.call_id,
    listed.recording_id,
    listed.fact.channel,
    listed.fact.start_seconds,
    listed.fact.end_seconds,
    listed.fact.kind,
    recorded_calls.company,
    cast(timezone(coalesce(companies.time_zone, 'UTC'), recorded_calls.started_at) as date) as day
from listed
inner join staging.recorded_calls on listed.call_id = recorded_calls.call_id
left join reference.companies on recorded_calls.company = companies.company
