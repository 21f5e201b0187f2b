-- One row a call that became text, or at least turns: how the conversation went, over all its recordings.
-- Counted in whole milliseconds of the recordings' turns. What a side said is told by role; a side's figures are null
-- where somebody of unknown role spoke and nobody of that side did, for then he may have been that side.
-- Overlap counts for both sides in their speech, and for none in a monologue.
-- key: call_id
-- events: call.*
-- needs: call.transcribed
-- entity: $.call_id
-- time: day
-- columns:
--   call_id varchar: call that was recorded
--   company varchar: tenant
--   day date: local date on which the call began
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
with
told as (
    select
        call_id,
        string_agg(event_id, ' ' order by recording_id) as transcripts,
        md5(string_agg(digest, ' ' order by recording_id)) as digest,
        cast(count(*) as integer) as recordings,
        arg_min(grade, list_position(['turns', 'segments', 'words'], grade)) as grade,
        bool_and(separation = 'channels') as has_separate_channels,
        bool_or(is_demo_model) as is_demo_model,
        sum(duration_ms) as duration_ms,
        sum(operator_ms) as operator_ms,
        sum(customer_ms) as customer_ms,
        sum(unknown_ms) as unknown_ms,
        sum(overlap_ms) as overlap_ms,
        sum(silence_ms) as silence_ms,
        sum(dead_air_ms) as dead_air_ms,
        sum(dead_airs) as dead_airs,
        max(operator_monologue_ms) as operator_monologue_ms,
        max(customer_monologue_ms) as customer_monologue_ms,
        flatten(list(pauses_ms) filter (where pauses_ms is not null)) as pauses_ms,
        cast(sum(turns) as integer) as turns,
        cast(sum(switches) as integer) as switches,
        bool_or(has_operator) or not bool_or(has_unknown) as is_operator_known,
        bool_or(has_customer) or not bool_or(has_unknown) as is_customer_known,
        bool_or(has_text) as has_text,
        sum(operator_interruptions) as operator_interruptions,
        sum(customer_interruptions) as customer_interruptions,
        sum(operator_questions) as operator_questions,
        sum(customer_questions) as customer_questions,
        sum(operator_words) as operator_words,
        sum(customer_words) as customer_words
    from staging.recording_talk
    group by call_id
)

select
    told.call_id,
    recorded_calls.company,
    cast(timezone(coalesce(companies.time_zone, 'UTC'), recorded_calls.started_at) as date) as day,
    concat_ws(' ', told.transcripts, told.digest) as transcripts,
    told.recordings,
    told.grade,
    told.has_separate_channels,
    told.is_demo_model,
    told.duration_ms / 1000 as duration_seconds,
    (told.operator_ms + told.customer_ms + told.unknown_ms) / 1000 as speech_seconds,
    if(told.is_operator_known, told.operator_ms / 1000, null) as operator_seconds,
    if(told.is_customer_known, told.customer_ms / 1000, null) as customer_seconds,
    told.unknown_ms / 1000 as unknown_seconds,
    told.overlap_ms / 1000 as overlap_seconds,
    told.silence_ms / 1000 as silence_seconds,
    told.dead_air_ms / 1000 as dead_air_seconds,
    cast(told.dead_airs as integer) as dead_airs,
    if(
        told.is_operator_known,
        told.operator_ms / nullif(told.operator_ms + told.customer_ms + told.unknown_ms, 0), null
    ) as talk_ratio,
    if(told.is_operator_known, told.operator_ms / nullif(told.duration_ms, 0), null) as talk_share,
    told.silence_ms / nullif(told.duration_ms, 0) as silence_share,
    told.overlap_ms / nullif(told.duration_ms, 0) as overlap_share,
    if(told.is_operator_known, told.operator_monologue_ms / 1000, null) as operator_monologue_seconds,
    if(told.is_customer_known, told.customer_monologue_ms / 1000, null) as customer_monologue_seconds,
    list_median(told.pauses_ms) / 1000 as patience_seconds,
    coalesce(cast(len(told.pauses_ms) as integer), 0) as pauses,
    if(told.is_operator_known, cast(told.operator_interruptions as integer), null) as operator_interruptions,
    if(told.is_customer_known, cast(told.customer_interruptions as integer), null) as customer_interruptions,
    told.turns,
    told.switches,
    if(told.has_text and told.is_operator_known, cast(told.operator_questions as integer), null) as operator_questions,
    if(told.has_text and told.is_customer_known, cast(told.customer_questions as integer), null) as customer_questions,
    if(told.has_text and told.is_operator_known, cast(told.operator_words as integer), null) as operator_words,
    if(told.has_text and told.is_customer_known, cast(told.customer_words as integer), null) as customer_words,
    if(told.has_text, told.operator_words * 60000 / nullif(told.operator_ms, 0), null) as operator_words_per_minute,
    if(told.has_text, told.customer_words * 60000 / nullif(told.customer_ms, 0), null) as customer_words_per_minute
from told
inner join staging.recorded_calls on told.call_id = recorded_calls.call_id
left join reference.companies on recorded_calls.company = companies.company
