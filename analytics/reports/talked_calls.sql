-- One row a call that became text, or at least turns: how the conversation went, with what it is grouped by.
-- key: call_id
-- columns:
--   call_id varchar: the call
--   company varchar: tenant
--   channel varchar: phone, whatsapp, …
--   direction varchar: incoming, outgoing, internal or unknown
--   operator_id varchar: operator who talked last
--   team_id varchar: the operator's team
--   started_at timestamptz: when the call began
--   day date: local date of started_at in the company's zone
--   hour integer: local hour of started_at, 0 to 23
--   weekday integer: local weekday of started_at, 1 is Monday
--   is_business_hours boolean: whether it began in the company's hours
--   is_internal boolean: between people of the company
--   is_test boolean: a test
--   has_separate_channels boolean: whether each side had a channel of its own; where not, who spoke when is unreliable
--   duration_seconds double, seconds: length of the recordings
--   speech_seconds double, seconds: speech of all sides, overlap counted for each
--   operator_seconds double, seconds: speech of the operator, null where nobody knows
--   overlap_seconds double, seconds: at least two sides speak
--   silence_seconds double, seconds: nobody speaks
--   dead_air_seconds double, seconds: silence in stretches of 3 s and more
--   operator_monologue_seconds double, seconds: longest stretch in which only the operator speaks
--   customer_monologue_seconds double, seconds: longest stretch in which only the customer speaks
--   patience_seconds double, seconds: pause before the operator speaks after the customer stopped, median
--   operator_interruptions integer: times the operator broke in
--   customer_interruptions integer: times the customer broke in
--   switches integer: times another side's turn is the next
--   operator_questions integer: questions of the operator, null without text
--   customer_questions integer: questions of the customer, null without text
--   operator_words integer: words of the operator, null without text
--   customer_words integer: words of the customer, null without text
select
    calls.call_id,
    calls.company,
    calls.channel,
    calls.direction,
    calls.operator_id,
    calls.team_id,
    calls.started_at,
    calls.day,
    calls.hour,
    calls.weekday,
    calls.is_business_hours,
    calls.is_internal,
    calls.is_test,
    call_talk.has_separate_channels,
    call_talk.duration_seconds,
    call_talk.speech_seconds,
    call_talk.operator_seconds,
    call_talk.overlap_seconds,
    call_talk.silence_seconds,
    call_talk.dead_air_seconds,
    call_talk.operator_monologue_seconds,
    call_talk.customer_monologue_seconds,
    call_talk.patience_seconds,
    call_talk.operator_interruptions,
    call_talk.customer_interruptions,
    call_talk.switches,
    call_talk.operator_questions,
    call_talk.customer_questions,
    call_talk.operator_words,
    call_talk.customer_words
from facts.call_talk
inner join facts.calls on call_talk.call_id = calls.call_id and call_talk.day = calls.day
