-- One row a call whose talk figures cannot be: alone, together and silence are not its length, or it has no call.
-- key: call_id, copies
-- severity: fail
-- columns:
--   call_id varchar: call
--   copies bigint: rows it has in facts.call_talk
--   duration_seconds double, seconds: length of its recordings
--   speech_seconds double, seconds: speech of all sides
--   silence_seconds double, seconds: nobody speaks
select
    call_talk.call_id,
    count(*) as copies,
    any_value(call_talk.duration_seconds) as duration_seconds,
    any_value(call_talk.speech_seconds) as speech_seconds,
    any_value(call_talk.silence_seconds) as silence_seconds
from facts.call_talk
group by call_talk.call_id
having
    count(*) > 1
    or bool_or(call_talk.silence_seconds + call_talk.speech_seconds < call_talk.duration_seconds - 0.001)
    or bool_or(call_talk.silence_seconds + call_talk.overlap_seconds > call_talk.duration_seconds + 0.001)
    or call_talk.call_id not in (
        select calls.call_id
        from facts.calls
        where calls.call_id in (select told.call_id from facts.call_talk as told)
    )
