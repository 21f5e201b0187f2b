-- One row a recording that became text, with the transcript that reports use.
-- The origin that the company prefers outweighs the other (WhisperX where it says nothing), the later the earlier.
-- key: call_id, recording_id
-- events: call.transcribed
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
--   separation varchar: channels, voices, none or unknown: how speakers were told apart
--   beeps json[]: stretches of the recording in which a secret is heard
--   turns json[]: stretches of speech, each of one speaker, as they were published
with
best as (
    select
        arg_max(
            call_transcripts.event_id,
            (
                call_transcripts.origin = coalesce(listening.transcript, 'whisperx'),
                call_transcripts.time,
                call_transcripts.event_id
            )
        ) as event_id
    from staging.call_transcripts
    left join reference.listening on call_transcripts.company = listening.company
    where call_transcripts.recording_id is not null
    group by call_transcripts.call_id, call_transcripts.recording_id
)

select distinct on (call_transcripts.event_id)
    call_transcripts.call_id,
    call_transcripts.recording_id,
    call_transcripts.event_id,
    call_transcripts.origin,
    call_transcripts.model,
    call_transcripts.is_demo_model,
    call_transcripts.language,
    call_transcripts.grade,
    call_transcripts.duration_seconds,
    call_transcripts.channels,
    call_transcripts.separation,
    call_transcripts.beeps,
    call_transcripts.turns
from staging.call_transcripts
inner join best on call_transcripts.event_id = best.event_id
