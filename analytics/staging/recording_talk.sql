-- One row a recording that became text, or at least turns: how the conversation went, counted in whole milliseconds.
-- key: call_id, recording_id
-- events: call.transcribed
-- apart: recording_id
-- columns:
--   call_id varchar: call that was recorded
--   recording_id varchar: recording, of which a call may have several
--   event_id varchar: id of the fact that holds its transcript
--   grade varchar: words, segments or turns: how fine its times are
--   separation varchar: channels, voices, none or unknown: how speakers were told apart
--   is_demo_model boolean: whether the demo model wrote it
--   duration_ms bigint, milliseconds: length of the recording
--   digest varchar: digest of its words, null where it has no turns
--   turns bigint: turns of all sides
--   switches bigint: times another side's turn is the next
--   has_operator boolean: whether the operator has a turn
--   has_customer boolean: whether the customer has one
--   has_unknown boolean: whether somebody of unknown role has one
--   has_text boolean: whether any turn has words
--   operator_interruptions hugeint: see facts.call_talk
--   customer_interruptions hugeint: the same of the customer's turns
--   operator_questions hugeint: question marks in what the operator said
--   customer_questions hugeint: question marks in what the customer said
--   operator_words hugeint: words of the operator
--   customer_words hugeint: words of the customer
--   operator_ms hugeint, milliseconds: speech of the operator
--   customer_ms hugeint, milliseconds: speech of the customer
--   unknown_ms hugeint, milliseconds: speech of unknown role
--   overlap_ms hugeint, milliseconds: at least two sides speak
--   silence_ms hugeint, milliseconds: nobody speaks
--   dead_air_ms hugeint, milliseconds: silence in stretches of 3 s and more
--   dead_airs hugeint: stretches of silence of 3 s and more
--   operator_monologue_ms bigint, milliseconds: longest stretch in which only the operator speaks
--   customer_monologue_ms bigint, milliseconds: longest stretch in which only the customer speaks
--   pauses_ms bigint[], milliseconds: pauses before the operator speaks after the customer stopped
with
heard as (
    select
        call_id,
        recording_id,
        coalesce(text, '') as text,
        if(role in ('operator', 'customer'), role, concat_ws(' ', 'unknown', channel, speaker)) as side,
        cast(round(start_seconds * 1000) as bigint) as start_ms,
        cast(round(greatest(start_seconds, end_seconds) * 1000) as bigint) as end_ms,
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
        recording_id,
        count(*) as turns,
        count(*) filter (where side != side_before) as switches,
        bool_or(side = 'operator') as has_operator,
        bool_or(side = 'customer') as has_customer,
        bool_or(starts_with(side, 'unknown')) as has_unknown,
        bool_or(text != '') as has_text,
        md5(string_agg(text, ' ' order by start_ms, end_ms, side, text)) as digest,
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
    group by call_id, recording_id
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
        recording_id,
        sum(ms * operators) as operator_ms,
        sum(ms * customers) as customer_ms,
        sum(ms * unknowns) as unknown_ms,
        coalesce(sum(ms) filter (where sides > 1), 0) as overlap_ms,
        coalesce(sum(ms) filter (where sides = 0), 0) as silence_ms,
        coalesce(sum(ms) filter (where sides = 0 and ms >= 3000), 0) as dead_air_ms,
        count_if(sides = 0 and ms >= 3000) as dead_airs,
        coalesce(max(ms) filter (where sides = 1 and operators = 1), 0) as operator_monologue_ms,
        coalesce(max(ms) filter (where sides = 1 and customers = 1), 0) as customer_monologue_ms,
        list(if(sides = 0, ms, 0) order by stretch) filter (
            where is_after_customer and (
                (sides = 0 and is_before_operator) or (operators > 0 and customers = 0)
            )
        ) as pauses_ms
    from followed
    group by call_id, recording_id
)

select
    lasting.call_id,
    lasting.recording_id,
    lasting.event_id,
    lasting.grade,
    lasting.separation,
    lasting.is_demo_model,
    lasting.duration_ms,
    said.digest,
    coalesce(said.turns, 0) as turns,
    coalesce(said.switches, 0) as switches,
    coalesce(said.has_operator, false) as has_operator,
    coalesce(said.has_customer, false) as has_customer,
    coalesce(said.has_unknown, false) as has_unknown,
    coalesce(said.has_text, false) as has_text,
    coalesce(said.operator_interruptions, 0) as operator_interruptions,
    coalesce(said.customer_interruptions, 0) as customer_interruptions,
    coalesce(said.operator_questions, 0) as operator_questions,
    coalesce(said.customer_questions, 0) as customer_questions,
    coalesce(said.operator_words, 0) as operator_words,
    coalesce(said.customer_words, 0) as customer_words,
    coalesce(counted.operator_ms, 0) as operator_ms,
    coalesce(counted.customer_ms, 0) as customer_ms,
    coalesce(counted.unknown_ms, 0) as unknown_ms,
    coalesce(counted.overlap_ms, 0) as overlap_ms,
    coalesce(counted.silence_ms, 0) as silence_ms,
    coalesce(counted.dead_air_ms, 0) as dead_air_ms,
    coalesce(counted.dead_airs, 0) as dead_airs,
    coalesce(counted.operator_monologue_ms, 0) as operator_monologue_ms,
    coalesce(counted.customer_monologue_ms, 0) as customer_monologue_ms,
    counted.pauses_ms
from lasting
left join counted on lasting.call_id = counted.call_id and lasting.recording_id = counted.recording_id
left join said on lasting.call_id = said.call_id and lasting.recording_id = said.recording_id
