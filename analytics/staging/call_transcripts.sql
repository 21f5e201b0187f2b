-- One row a transcript of a recording, by any model or provider, with its turns as they were published.
-- key: event_id
-- events: call.transcribed
-- columns:
--   event_id varchar: id of the fact
--   call_id varchar: call whose recording it is
--   company varchar: tenant
--   time timestamptz: when the transcript was made
--   recording_id varchar: recording that became text
--   origin varchar: whisperx or provider
--   model varchar: model that wrote it
--   is_demo_model boolean: whether the model is the demo model
--   language varchar: language that was spoken
--   grade varchar: words, segments or turns: how fine its times are
--   duration_seconds double, seconds: length of the recording
--   channels bigint: audio channels of the recording
--   separation varchar: channels, voices, none or unknown: how speakers were told apart; by channels where it is not
--     said and there are several
--   beeps json[]: stretches of the recording in which a secret is heard
--   turns json[]: stretches of speech, each of one speaker, as they were published
with
parsed as (
    select
        id as event_id,
        entity as call_id,
        company,
        time,
        try(from_json(
            data,
            '{
                "recording_id": "VARCHAR", "origin": "VARCHAR", "model": "VARCHAR", "is_demo_model": "BOOLEAN",
                "language": "VARCHAR", "grade": "VARCHAR", "duration_seconds": "DOUBLE", "channels": "BIGINT",
                "separation": "VARCHAR", "beeps": ["JSON"], "turns": ["JSON"]
            }'
        )) as fact
    from log.events
    where type = 'call.transcribed'
)

select
    parsed.event_id,
    parsed.call_id,
    parsed.company,
    parsed.time,
    fact.recording_id,
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
    fact.beeps,
    fact.turns
from parsed
