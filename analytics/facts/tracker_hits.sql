-- One row a place in a turn where a tracker of the company finds one of its phrases, whatever the form of the words.
-- Words are compared by their stems; between two of them as many others may stand as the tracker allows.
-- key: call_id, recording_id, turn, tracker_id, word
-- events: call.*
-- needs: call.transcribed
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
        spoken.*,
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
        stemmed.*,
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

placed as (
    select
        *,
        unnest(hits) as hit,
        generate_subscripts(hits, 1) as place
    from matched
),

counted as (
    select
        *,
        len(regexp_extract_all(hit, '\S+')) as hit_words,
        len(regexp_extract_all(
            array_to_string(between_hits[1:place], '') || array_to_string(hits[1:place - 1], ''), '\S+'
        )) as words_before
    from placed
)

select distinct on (call_id, recording_id, turn, tracker_id, words_before)
    call_id,
    recording_id,
    turn,
    tracker_id,
    cast(words_before + 1 as integer) as word,
    tracker,
    phrase,
    language,
    role,
    array_to_string(said[words_before + 1:words_before + hit_words], ' ') as said,
    coalesce(
        if(
            json_array_length(words) = len(said),
            try_cast(json_extract(words, '$[' || words_before || '].start_seconds') as double), null
        ),
        round(start_seconds + (end_seconds - start_seconds) * words_before / len(said), 3)
    ) as at_seconds,
    company,
    day
from counted
order by call_id, recording_id, turn, tracker_id, words_before, hit_words, language, phrase
