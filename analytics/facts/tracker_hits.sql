-- One row a place in a turn where a tracker of the company finds one of its phrases, whatever the form of the words.
-- Words are compared by their stems; between two of them as many others may stand as the tracker allows.
-- key: call_id, recording_id, turn, tracker_id, word
-- events: call.*
-- needs: call.transcribed
-- apart: recording_id
-- entity: $.call_id
-- time: day
-- columns:
--   call_id varchar: call in which it was said
--   recording_id varchar: recording
--   turn integer: number of the turn in facts.turns
--   tracker_id varchar: tracker
--   word integer: number of the word in its turn with which the hit begins, from 1
--   tracker varchar: name of the tracker for people
--   phrase varchar: phrase that was found, as company data writes it
--   language varchar: language of the phrase
--   role varchar: who said it: operator, customer or unknown
--   said varchar: the words that were said
--   at_seconds double, seconds: when, from the recording's start; where words have no times, in proportion to the turn
--   company varchar: tenant
--   day date: local date on which the call began
with
spoken as (
    select
        call_turns.call_id,
        call_turns.recording_id,
        call_turns.turn,
        call_turns.role,
        call_turns.start_seconds,
        call_turns.end_seconds,
        call_turns.words,
        recorded_calls.company,
        cast(timezone(coalesce(companies.time_zone, 'UTC'), recorded_calls.started_at) as date) as day,
        regexp_extract_all(nfc_normalize(call_turns.text), '[\p{L}\p{N}]+') as said
    from staging.call_turns
    inner join staging.recorded_calls on call_turns.call_id = recorded_calls.call_id
    left join reference.companies on recorded_calls.company = companies.company
    where
        call_turns.text != ''
        and recorded_calls.company in (select tracker_phrases.company from reference.tracker_phrases)
),

languages as (
    select distinct
        company,
        language
    from reference.tracker_phrases
),

-- A turn as ' stem  stem  stem ', so that a pattern can take a stem with its spaces.
stemmed as (
    select
        spoken.call_id,
        spoken.recording_id,
        spoken.turn,
        spoken.role,
        spoken.start_seconds,
        spoken.end_seconds,
        spoken.company,
        spoken.day,
        len(spoken.said) as said_words,
        languages.language,
        ' ' || array_to_string(stem_words(spoken.said, languages.language), '  ') || ' ' as stems
    from spoken
    inner join languages on spoken.company = languages.company
),

sought as (
    select
        *,
        array_to_string(stem_words(string_split(words, ' '), language), ' ') as stems,
        if(language = 'kk', '\pL{0,6}', '') as more
    from reference.tracker_phrases
),

patterns as (
    select
        company,
        tracker_id,
        tracker,
        language,
        phrase,
        role,
        ' ' || string_split(stems, ' ')[1] as beginning,
        ' ' || replace(stems, ' ', more || ' (?: \S+ ){0,' || gap_words || '} ') || more || ' ' as pattern
    from sought
),

matched as (
    select
        stemmed.call_id,
        stemmed.recording_id,
        stemmed.turn,
        stemmed.role,
        stemmed.start_seconds,
        stemmed.end_seconds,
        stemmed.company,
        stemmed.day,
        stemmed.said_words,
        stemmed.language,
        patterns.tracker_id,
        patterns.tracker,
        patterns.phrase,
        regexp_extract_all(stemmed.stems, patterns.pattern) as hits,
        string_split_regex(stemmed.stems, patterns.pattern) as between_hits
    from stemmed
    inner join patterns
        on
            stemmed.company = patterns.company
            and stemmed.language = patterns.language
            and (patterns.role is null or stemmed.role = patterns.role)
            and contains(stemmed.stems, patterns.beginning)
),

sized as (
    select
        * exclude (hits, between_hits),
        row_number() over () as match,
        list_transform(hits, lambda hit: len(regexp_extract_all(hit, '\S+'))) as hit_sizes,
        list_transform(between_hits, lambda gap: len(regexp_extract_all(gap, '\S+'))) as gap_sizes
    from matched
),

-- No row of a hit carries its turn: who repeats a phrase for an hour would have it written out ten thousand times.
placed as (
    select
        * exclude (hit_sizes, gap_sizes),
        unnest(hit_sizes) as hit_words,
        unnest(gap_sizes[1:len(hit_sizes)]) as gap_words,
        generate_subscripts(hit_sizes, 1) as place
    from sized
),

counted as (
    select
        *,
        cast(
            sum(gap_words + hit_words) over (partition by match order by place rows unbounded preceding) as bigint
        ) - hit_words as words_before
    from placed
),

chosen as (
    select distinct on (call_id, recording_id, turn, tracker_id, words_before) *
    from counted
    order by call_id, recording_id, turn, tracker_id, words_before, hit_words, language, phrase
),

spelt as (
    select
        *,
        round(start_seconds + (end_seconds - start_seconds) * words_before / said_words, 3) as reckoned_at,
        unnest(range(words_before + 1, words_before + hit_words + 1)) as number
    from chosen
),

recalled as (
    select
        spoken.call_id,
        spoken.recording_id,
        spoken.turn,
        spoken.said,
        spoken.words
    from spoken
    semi join chosen
        on
            spoken.call_id = chosen.call_id
            and spoken.recording_id = chosen.recording_id
            and spoken.turn = chosen.turn
),

-- The words of turns with hits one by one, with the time of each where all have one.
worded as (
    select
        call_id,
        recording_id,
        turn,
        unnest(said) as word,
        unnest(
            case
                when json_array_length(words) = len(said)
                    then list_transform(
                        try(from_json(words, '[{"start_seconds":"DOUBLE"}]')),
                        lambda one: struct_extract(one, 'start_seconds')
                    )
            end
        ) as starts_at,
        generate_subscripts(said, 1) as number
    from recalled
)

select
    spelt.call_id,
    spelt.recording_id,
    spelt.turn,
    spelt.tracker_id,
    cast(spelt.words_before + 1 as integer) as word,
    spelt.tracker,
    spelt.phrase,
    spelt.language,
    spelt.role,
    string_agg(worded.word, ' ' order by worded.number) as said,
    coalesce(
        min(worded.starts_at) filter (where worded.number = spelt.words_before + 1), any_value(spelt.reckoned_at)
    ) as at_seconds,
    spelt.company,
    spelt.day
from spelt
inner join worded
    on
        spelt.call_id = worded.call_id
        and spelt.recording_id = worded.recording_id
        and spelt.turn = worded.turn
        and spelt.number = worded.number
group by all
