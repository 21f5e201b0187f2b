-- One row a recording that became text, with the transcript that reports use.
-- The origin that the company prefers outweighs the other (WhisperX where it says nothing), the later the earlier.
-- Which that is, is told by what is short of each, so that of others nothing long is read.
-- key: call_id, recording_id
-- events: call.transcribed
-- apart: recording_id
-- columns:
--   call_id varchar: call that was recorded
--   recording_id varchar: recording, of which a call may have several
--   event_id varchar: id of the fact that holds the transcript
--   origin varchar: whisperx or provider
--   model varchar: model that wrote it
--   is_demo_model boolean: whether the model is the demo model
--   language varchar: language that was spoken
--   grade varchar: words, segments or turns: how fine its times are
--   duration_seconds double, seconds: length of the recording
--   channels bigint: audio channels of the recording
--   separation varchar: channels, voices, none or unknown: how speakers were told apart; by channels where it is not
--     said and there are several
--   turns json[]: stretches of speech, each of one speaker, as they were published
with
best as (
    select
        arg_max(
            call_facts.event_id,
            (
                call_facts.transcript_origin = coalesce(listening.transcript, 'whisperx'),
                call_facts.time,
                call_facts.event_id
            )
        ) as event_id
    from staging.call_facts
    left join reference.listening on call_facts.company = listening.company
    where call_facts.type = 'call.transcribed' and call_facts.recording_id is not null
    group by call_facts.call_id, call_facts.recording_id
),

parsed as (
    select distinct on (id)
        id as event_id,
        entity as call_id,
        try(from_json(
            data,
            '{
                "recording_id": "VARCHAR", "origin": "VARCHAR", "model": "VARCHAR", "is_demo_model": "BOOLEAN",
                "language": "VARCHAR", "grade": "VARCHAR", "duration_seconds": "DOUBLE", "channels": "BIGINT",
                "separation": "VARCHAR", "turns": ["JSON"]
            }'
        )) as fact
    from log.events
    where type = 'call.transcribed' and id in (select best.event_id from best)
)

select
    parsed.call_id,
    fact.recording_id,
    parsed.event_id,
    fact.origin,
    fact.model,
    coalesce(fact.is_demo_model, false) as is_demo_model,
    fact.language,
    fact.grade,
    fact.duration_seconds,
    fact.channels,
    coalesce(
        nullif(fact.separation, 'unknown'), if(fact.channels > 1, 'channels', 'unknown')
    ) as separation,
    fact.turns
from parsed
