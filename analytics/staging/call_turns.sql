-- One row a turn: a stretch of speech of one speaker, from the transcript of its recording that reports use.
-- key: call_id, recording_id, turn
-- events: call.transcribed
-- apart: recording_id
-- columns:
--   call_id varchar: call that was recorded
--   recording_id varchar: recording, of which a call may have several
--   turn integer: number of the turn in its recording, by its beginning, from 1
--   channel integer: audio channel, from 0
--   speaker integer: voice within the channel, from 0, null where the channel has one or nobody knows
--   role varchar: operator, customer or unknown
--   start_seconds double, seconds: beginning, from the recording's start
--   end_seconds double, seconds: end, from the recording's start
--   text varchar: what was said
--   confidence double, share: how sure the model is, null when it does not say
--   words json: list of text, start_seconds, end_seconds, confidence; times null where no aligner placed the word
with
listed as (
    select
        call_id,
        recording_id,
        unnest(turns) as turn,
        generate_subscripts(turns, 1) as place
    from staging.best_transcripts
),

typed as (
    select
        call_id,
        recording_id,
        place,
        from_json(
            turn,
            '{
                "channel": "INTEGER", "speaker": "INTEGER", "role": "VARCHAR", "start_seconds": "DOUBLE",
                "end_seconds": "DOUBLE", "text": "VARCHAR", "confidence": "DOUBLE", "words": "JSON"
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
            order by typed.fact.start_seconds, typed.fact.channel, typed.fact.speaker, typed.place
        ) as integer
    ) as turn,
    typed.fact.channel,
    typed.fact.speaker,
    typed.fact.role,
    typed.fact.start_seconds,
    typed.fact.end_seconds,
    typed.fact.text,
    typed.fact.confidence,
    typed.fact.words
from typed
