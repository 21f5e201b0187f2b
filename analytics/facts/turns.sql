-- One row a turn: a stretch of speech of one speaker in the recording of a call, from the recording's best transcript.
-- The origin that the company prefers outweighs the other (WhisperX where it says nothing), the later the earlier.
-- key: call_id, recording_id, turn
-- events: call.*
-- needs: call.transcribed
-- apart: recording_id
-- entity: $.call_id
-- time: day
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
--   company varchar: tenant
--   day date: local date on which the call began
select
    call_turns.call_id,
    call_turns.recording_id,
    call_turns.turn,
    call_turns.channel,
    call_turns.speaker,
    call_turns.role,
    call_turns.start_seconds,
    call_turns.end_seconds,
    call_turns.text,
    call_turns.confidence,
    call_turns.words,
    recorded_calls.company,
    cast(timezone(coalesce(companies.time_zone, 'UTC'), recorded_calls.started_at) as date) as day
from staging.call_turns
inner join staging.recorded_calls on call_turns.call_id = recorded_calls.call_id
left join reference.companies on recorded_calls.company = companies.company
