-- One row a turn: a stretch of speech of one speaker in the recording of a call, from the recording's best transcript.
-- A transcript by WhisperX outweighs the provider's, and then the later the earlier.
-- key: call_id, recording_id, turn
-- events: call.*
-- entity: $.call_id
-- time: day
-- columns:
--   call_id varchar: call that was recorded
--   recording_id varchar: recording, of which a call may have several
--   turn integer: number of the turn in its recording, by its beginning, from 1
--   channel integer: audio channel, from 0
--   role varchar: operator, customer or unknown
--   start_seconds double, seconds: beginning, from the recording's start
--   end_seconds double, seconds: end, from the recording's start
--   text varchar: what was said
--   confidence double, share: how sure the model is, null when it does not say
--   words json: list of text, start_seconds, end_seconds, confidence; times null where no aligner placed the word
--   company varchar: tenant
--   day date: local date on which the call began
with
best as (
    select
        call_id,
        recording_id,
        arg_max(event_id, (origin = 'whisperx', time, event_id)) as event_id
    from staging.call_transcripts
    where recording_id is not null
    group by call_id, recording_id
),

-- The beginning as facts.calls knows it.
begun as (
    select
        call_id,
        arg_min(company, if(leg_id is null, '0', '1') || place) as company,
        coalesce(min(said_start_at), min(latest_start_at), min(time)) as started_at
    from staging.call_facts
    where call_id in (select call_transcripts.call_id from staging.call_transcripts)
    group by call_id
),

spoken as (
    select distinct on (call_transcripts.event_id)
        call_transcripts.call_id,
        call_transcripts.recording_id,
        call_transcripts.turns
    from staging.call_transcripts
    inner join best on call_transcripts.event_id = best.event_id
),

listed as (
    select
        call_id,
        recording_id,
        unnest(turns) as turn,
        generate_subscripts(turns, 1) as place
    from spoken
),

typed as (
    select
        call_id,
        recording_id,
        place,
        from_json(
            turn,
            '{
                "channel": "INTEGER", "role": "VARCHAR", "start_seconds": "DOUBLE", "end_seconds": "DOUBLE",
                "text": "VARCHAR", "confidence": "DOUBLE", "words": "JSON"
            }'
        ) as fact
    from listed
)

select
    typed.call_id,
    typed.recording_id,
    cast(
        row_number() over (
            partition by typed.call_id, typed.recording_id
            order by typed.fact.start_seconds, typed.fact.channel, typed.place
        ) as integer
    ) as turn,
    typed.fact.channel,
    typed.fact.role,
    typed.fact.start_seconds,
    typed.fact.end_seconds,
    typed.fact.text,
    typed.fact.confidence,
    typed.fact.words,
    begun.company,
    cast(timezone(coalesce(companies.time_zone, 'UTC'), begun.started_at) as date) as day
from typed
inner join begun on typed.call_id = begun.call_id
left join reference.companies on begun.company = companies.company
