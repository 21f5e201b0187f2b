-- One row a call with talk figures, beside what its call is: whose, of which direction, channel, operator and outcome.
-- key: call_id
-- columns:
--   call_id varchar: id of the call
--   company varchar: tenant
--   day date: local date on which the call began
--   started_at timestamptz: when the call began
--   hour integer: local hour of started_at, 0 to 23
--   weekday integer: local weekday of started_at, 1 is Monday
--   is_business_hours boolean: whether it began in the company's hours
--   channel varchar: phone, whatsapp, …
--   direction varchar: incoming, outgoing, internal or unknown
--   operator_id varchar: operator of the call
--   team_id varchar: the operator's team
--   outcome varchar: our judgement of the call
--   is_internal boolean: between people of the company
--   is_test boolean: a test
--   transcripts varchar: ids of the facts that hold its transcripts, and a digest of their words
--   recordings integer: its recordings that became text
--   grade varchar: words, segments or turns: how fine the times are, of the coarsest recording
--   has_separate_channels boolean: whether every recording has a channel for each side; where not, interruptions,
--     overlap and who spoke are unreliable
--   is_demo_model boolean: whether the demo model wrote any of its words
--   duration_seconds double, seconds: length of the recordings
--   speech_seconds double, seconds: speech of all sides, overlap counted for each
--   operator_seconds double, seconds: speech of the operator
--   customer_seconds double, seconds: speech of the customer
--   unknown_seconds double, seconds: speech of unknown role
--   overlap_seconds double, seconds: at least two sides speak
--   silence_seconds double, seconds: nobody speaks
--   dead_air_seconds double, seconds: silence in stretches of 3 s and more
--   dead_airs integer: stretches of silence of 3 s and more
--   talk_ratio double, share: the operator's speech of all speech, null when nobody speaks
--   talk_share double, share: the operator's speech of the length of the recordings
--   silence_share double, share: silence of the length of the recordings
--   overlap_share double, share: overlap of the length of the recordings
--   operator_monologue_seconds double, seconds: longest stretch in which only the operator speaks
--   customer_monologue_seconds double, seconds: longest stretch in which only the customer speaks
--   patience_seconds double, seconds: pause before the operator speaks after the customer stopped, median
--   pauses integer: pauses behind that median
--   operator_interruptions integer: turns of the operator longer than 0.7 s that begin more than 0.3 s after another's
--     turn began and more than 0.2 s before it ends, but for those of back-channel words alone
--   customer_interruptions integer: the same of the customer's turns
--   turns integer: turns of all sides
--   switches integer: times another side's turn is the next
--   operator_questions integer: question marks in what the operator said, null without text
--   customer_questions integer: question marks in what the customer said, null without text
--   operator_words integer: words of the operator, null without text
--   customer_words integer: words of the customer, null without text
--   operator_words_per_minute double, words a minute: of the operator's speech
--   customer_words_per_minute double, words a minute: of the customer's speech
select
    calls.call_id,
    calls.company,
    calls.day,
    calls.started_at,
    calls.hour,
    calls.weekday,
    calls.is_business_hours,
    calls.channel,
    calls.direction,
    calls.operator_id,
    calls.team_id,
    calls.outcome,
    calls.is_internal,
    calls.is_test,
    call_talk.transcripts,
    call_talk.recordings,
    call_talk.grade,
    call_talk.has_separate_channels,
    call_talk.is_demo_model,
    call_talk.duration_seconds,
    call_talk.speech_seconds,
    call_talk.operator_seconds,
    call_talk.customer_seconds,
    call_talk.unknown_seconds,
    call_talk.overlap_seconds,
    call_talk.silence_seconds,
    call_talk.dead_air_seconds,
    call_talk.dead_airs,
    call_talk.talk_ratio,
    call_talk.talk_share,
    call_talk.silence_share,
    call_talk.overlap_share,
    call_talk.operator_monologue_seconds,
    call_talk.customer_monologue_seconds,
    call_talk.patience_seconds,
    call_talk.pauses,
    call_talk.operator_interruptions,
    call_talk.customer_interruptions,
    call_talk.turns,
    call_talk.switches,
    call_talk.operator_questions,
    call_talk.customer_questions,
    call_talk.operator_words,
    call_talk.customer_words,
    call_talk.operator_words_per_minute,
    call_talk.customer_words_per_minute
from facts.call_talk
inner join facts.calls on call_talk.call_id = calls.call_id and call_talk.company = calls.company
