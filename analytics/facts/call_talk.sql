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
heard as (
    select
        call_id,
        recording_id,
        coalesce(text, '') as text,
        if(role in ('operator', 'customer'), role, concat_ws(' ', 'unknown', channel, speaker)) as side,
        cast(round(greatest(start_seconds, 0) * 1000) as bigint) as start_ms,
        cast(round(greatest(start_seconds, end_seconds, 0) * 1000) as bigint) as end_ms,
        coalesce(json_array_length(words), 0) as listed_words,
        regexp_extract_all(lower(nfc_normalize(coalesce(text, ''))), '[\p{L}\p{N}]+') as parts,
        len(regexp_extract_all(coalesce(text, ''), '[\p{L}\p{M}\p{N}]+(?:-[\p{L}\p{M}\p{N}]+)*')) as read_words
    from staging.call_turns
),

turned as (
    select
        *,
        lag(side) over (partition by call_id, recording_id order by start_ms, end_ms, side) as side_before,
        max(end_ms) filter (where side != 'operator') over begun as end_beside_operator,
        max(end_ms) filter (where side != 'customer') over begun as end_beside_customer,
        end_ms - start_ms > 700 and (
            len(parts) = 0
            or not list_has_all(
                [
                    'yes', 'yeah', 'yep', 'yup', 'ok', 'okay', 'uh', 'huh', 'mm', 'mhm', 'hm', 'hmm', 'aha',
                    'ah', 'oh', 'right', 'sure', 'i', 'see', 'got', 'it', 'of', 'course', 'exactly',
                    'да', 'ага', 'угу', 'мм', 'мхм', 'хм', 'так', 'хорошо', 'ясно', 'понятно', 'понял', 'поняла',
                    'конечно', 'ладно', 'ок', 'окей', 'ну', 'верно', 'точно', 'ой', 'а', 'э',
                    'иә', 'ия', 'йә', 'аһа', 'жақсы', 'жарайды', 'әрине', 'түсінікті', 'түсіндім', 'солай', 'дұрыс',
                    'мақұл', 'ә',
                    'sim', 'é', 'tá', 'está', 'bom', 'certo', 'claro', 'entendi', 'isso', 'mesmo', 'aham', 'uhum',
                    'pois', 'beleza', 'perfeito', 'exato'
                ], parts
            )
        ) as may_interrupt
    from heard
    window begun as (
        partition by call_id, recording_id order by start_ms range between unbounded preceding and 301 preceding
    )
),

said as (
    select
        call_id,
        cast(count(*) as integer) as turns,
        cast(count(*) filter (where side != side_before) as integer) as switches,
        count_if(side = 'operator') > 0 or count_if(starts_with(side, 'unknown')) = 0 as is_operator_known,
        count_if(side = 'customer') > 0 or count_if(starts_with(side, 'unknown')) = 0 as is_customer_known,
        bool_or(text != '') as has_text,
        md5(string_agg(text, ' ' order by recording_id, start_ms, end_ms, side, text)) as digest,
        count_if(
            side = 'operator' and may_interrupt and coalesce(end_beside_operator > start_ms + 200, false)
        ) as operator_interruptions,
        count_if(
            side = 'customer' and may_interrupt and coalesce(end_beside_customer > start_ms + 200, false)
        ) as customer_interruptions,
        sum(if(side = 'operator', len(regexp_extract_all(text, '[?？]+')), 0)) as operator_questions,
        sum(if(side = 'customer', len(regexp_extract_all(text, '[?？]+')), 0)) as customer_questions,
        sum(if(side = 'operator', if(listed_words > 0, listed_words, read_words), 0)) as operator_words,
        sum(if(side = 'customer', if(listed_words > 0, listed_words, read_words), 0)) as customer_words
    from turned
    group by call_id
),

-- Turns of one side that touch or overlap are one run of its speech.
marked as (
    select
        call_id,
        recording_id,
        side,
        start_ms,
        end_ms,
        coalesce(start_ms > max(end_ms) over (
            partition by call_id, recording_id, side
            order by start_ms, end_ms rows between unbounded preceding and 1 preceding
        ), true) as is_new
    from heard
),

numbered as (
    select
        *,
        count_if(is_new) over (
            partition by call_id, recording_id, side order by start_ms, end_ms rows unbounded preceding
        ) as run
    from marked
),

runs as (
    select
        call_id,
        recording_id,
        side,
        min(start_ms) as start_ms,
        max(end_ms) as end_ms
    from numbered
    group by call_id, recording_id, side, run
),

lasting as (
    select
        best_transcripts.call_id,
        best_transcripts.recording_id,
        any_value(best_transcripts.event_id) as event_id,
        any_value(best_transcripts.grade) as grade,
        any_value(best_transcripts.separation) as separation,
        any_value(best_transcripts.is_demo_model) as is_demo_model,
        greatest(
            cast(round(any_value(best_transcripts.duration_seconds) * 1000) as bigint), coalesce(max(runs.end_ms), 0)
        ) as duration_ms
    from staging.best_transcripts
    left join runs
        on best_transcripts.call_id = runs.call_id and best_transcripts.recording_id = runs.recording_id
    group by best_transcripts.call_id, best_transcripts.recording_id
),

-- Where a side begins or ends to speak; a recording begins and ends with nobody's step.
steps as (
    select
        call_id,
        recording_id,
        start_ms as at_ms,
        side,
        1 as step
    from runs
    union all
    select
        call_id,
        recording_id,
        end_ms as at_ms,
        side,
        -1 as step
    from runs
    union all
    select
        call_id,
        recording_id,
        unnest([0, duration_ms]) as at_ms,
        '' as side,
        0 as step
    from lasting
),

borders as (
    select
        call_id,
        recording_id,
        at_ms,
        sum(if(side = 'operator', step, 0)) as operator_step,
        sum(if(side = 'customer', step, 0)) as customer_step,
        sum(if(starts_with(side, 'unknown'), step, 0)) as unknown_step
    from steps
    group by call_id, recording_id, at_ms
),

pieces as (
    select
        call_id,
        recording_id,
        at_ms,
        sum(operator_step) over so_far as operators,
        sum(customer_step) over so_far as customers,
        sum(unknown_step) over so_far as unknowns,
        lead(at_ms) over (partition by call_id, recording_id order by at_ms) as until_ms
    from borders
    window so_far as (partition by call_id, recording_id order by at_ms rows unbounded preceding)
),

bounded as (
    select
        *,
        coalesce(
            (operators, customers, unknowns) != lag((operators, customers, unknowns)) over in_order, true
        ) as is_new
    from pieces
    where until_ms > at_ms
    window in_order as (partition by call_id, recording_id order by at_ms)
),

grouped as (
    select
        *,
        count_if(is_new) over (
            partition by call_id, recording_id order by at_ms rows unbounded preceding
        ) as stretch
    from bounded
),

-- The recording as stretches in which the same sides speak.
stretches as (
    select
        call_id,
        recording_id,
        stretch,
        any_value(operators) as operators,
        any_value(customers) as customers,
        any_value(unknowns) as unknowns,
        max(until_ms) - min(at_ms) as ms
    from grouped
    group by call_id, recording_id, stretch
),

-- What follows the customer's last word: the operator at once, or a silence and then the operator.
followed as (
    select
        *,
        operators + customers + unknowns as sides,
        lag(customers > 0 and operators = 0) over in_order as is_after_customer,
        lead(operators > 0) over in_order as is_before_operator
    from stretches
    window in_order as (partition by call_id, recording_id order by stretch)
),

counted as (
    select
        call_id,
        sum(ms * operators) as operator_ms,
        sum(ms * customers) as customer_ms,
        sum(ms * unknowns) as unknown_ms,
        coalesce(sum(ms) filter (where sides > 1), 0) as overlap_ms,
        coalesce(sum(ms) filter (where sides = 0), 0) as silence_ms,
        coalesce(sum(ms) filter (where sides = 0 and ms >= 3000), 0) as dead_air_ms,
        count_if(sides = 0 and ms >= 3000) as dead_airs,
        coalesce(max(ms) filter (where sides = 1 and operators = 1), 0) as operator_monologue_ms,
        coalesce(max(ms) filter (where sides = 1 and customers = 1), 0) as customer_monologue_ms,
        median(if(sides = 0, ms, 0)) filter (
            where is_after_customer and (
                (sides = 0 and is_before_operator) or (operators > 0 and customers = 0)
            )
        ) as patience_ms,
        count(*) filter (
            where is_after_customer and (
                (sides = 0 and is_before_operator) or (operators > 0 and customers = 0)
            )
        ) as pauses
    from followed
    group by call_id
),

whole as (
    select
        call_id,
        string_agg(event_id, ' ' order by recording_id) as transcripts,
        cast(count(*) as integer) as recordings,
        arg_min(grade, list_position(['turns', 'segments', 'words'], grade)) as grade,
        bool_and(separation = 'channels') as has_separate_channels,
        bool_or(is_demo_model) as is_demo_model,
        sum(duration_ms) as duration_ms
    from lasting
    group by call_id
),

told as (
    select
        whole.*,
        coalesce(counted.operator_ms, 0) as operator_ms,
        coalesce(counted.customer_ms, 0) as customer_ms,
        coalesce(counted.unknown_ms, 0) as unknown_ms,
        coalesce(counted.overlap_ms, 0) as overlap_ms,
        coalesce(counted.silence_ms, 0) as silence_ms,
        coalesce(counted.dead_air_ms, 0) as dead_air_ms,
        coalesce(counted.dead_airs, 0) as dead_airs,
        coalesce(counted.operator_monologue_ms, 0) as operator_monologue_ms,
        coalesce(counted.customer_monologue_ms, 0) as customer_monologue_ms,
        counted.patience_ms,
        coalesce(counted.pauses, 0) as pauses,
        coalesce(said.turns, 0) as turns,
        coalesce(said.switches, 0) as switches,
        coalesce(said.is_operator_known, true) as is_operator_known,
        coalesce(said.is_customer_known, true) as is_customer_known,
        coalesce(said.has_text, false) as has_text,
        said.digest,
        coalesce(said.operator_interruptions, 0) as operator_interruptions,
        coalesce(said.customer_interruptions, 0) as customer_interruptions,
        coalesce(said.operator_questions, 0) as operator_questions,
        coalesce(said.customer_questions, 0) as customer_questions,
        coalesce(said.operator_words, 0) as operator_words,
        coalesce(said.customer_words, 0) as customer_words
    from whole
    left join counted on whole.call_id = counted.call_id
    left join said on whole.call_id = said.call_id
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
    told.patience_ms / 1000 as patience_seconds,
    cast(told.pauses as integer) as pauses,
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
