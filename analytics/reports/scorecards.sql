-- One row a criterion of a scorecard and a call that became text or turns: whether it is met, and by which words.
-- The whole card's points stand beside each of its criteria; what could not be measured is left out of them.
-- key: call_id, scorecard_id, criterion_id
-- columns:
--   call_id varchar: call
--   company varchar: tenant
--   day date: local date on which the call began
--   scorecard_id varchar: scorecard
--   scorecard varchar: its name for people
--   criterion_id varchar: criterion
--   criterion varchar: its name for people
--   points integer: points that can be earned with it
--   measured double: hits of the tracker, or the talk figure; null where the call has no text or no such figure
--   is_met boolean: whether it is within the bounds, null where nothing was measured
--   earned integer: points that were earned, null where nothing was measured
--   card_earned integer: points of the whole card that were earned
--   card_points integer: points of the whole card that could be measured
--   card_share double, share: earned of these, null where nothing was measured
--   explanation varchar: the words that were found, who said them and when; or the figure
with
hits as (
    select
        criteria.company,
        criteria.scorecard_id,
        criteria.criterion_id,
        tracker_hits.call_id,
        count(*) as hits,
        string_agg(
            format(
                '“{}” {}:{:02d} ({})', tracker_hits.said, cast(tracker_hits.at_seconds // 60 as integer),
                cast(tracker_hits.at_seconds % 60 // 1 as integer), tracker_hits.role
            ), ', '
            order by tracker_hits.recording_id, tracker_hits.at_seconds, tracker_hits.turn, tracker_hits.word
        ) as words
    from reference.criteria
    inner join facts.tracker_hits
        on
            criteria.company = tracker_hits.company
            and criteria.tracker_id = tracker_hits.tracker_id
            and (criteria.first_seconds is null or criteria.first_seconds > tracker_hits.at_seconds)
    group by criteria.company, criteria.scorecard_id, criteria.criterion_id, tracker_hits.call_id
),

measured as (
    select
        call_talk.call_id,
        call_talk.company,
        call_talk.day,
        criteria.scorecard_id,
        criteria.scorecard,
        criteria.criterion_id,
        criteria.criterion,
        criteria.points,
        criteria.at_least,
        criteria.at_most,
        criteria.figure,
        hits.words,
        case
            when criteria.tracker_id is not null
                then if(call_talk.grade = 'turns', null, cast(coalesce(hits.hits, 0) as double))
            when criteria.figure = 'talk_ratio' then call_talk.talk_ratio
            when criteria.figure = 'talk_share' then call_talk.talk_share
            when criteria.figure = 'silence_share' then call_talk.silence_share
            when criteria.figure = 'overlap_share' then call_talk.overlap_share
            when criteria.figure = 'patience_seconds' then call_talk.patience_seconds
            when criteria.figure = 'dead_airs' then call_talk.dead_airs
            when criteria.figure = 'switches' then call_talk.switches
            when criteria.figure = 'operator_monologue_seconds' then call_talk.operator_monologue_seconds
            when criteria.figure = 'customer_monologue_seconds' then call_talk.customer_monologue_seconds
            when criteria.figure = 'operator_interruptions' then call_talk.operator_interruptions
            when criteria.figure = 'customer_interruptions' then call_talk.customer_interruptions
            when criteria.figure = 'operator_questions' then call_talk.operator_questions
            when criteria.figure = 'customer_questions' then call_talk.customer_questions
            when criteria.figure = 'operator_words_per_minute' then call_talk.operator_words_per_minute
        end as measured
    from facts.call_talk
    inner join reference.criteria on call_talk.company = criteria.company
    left join hits
        on
            criteria.company = hits.company
            and criteria.scorecard_id = hits.scorecard_id
            and criteria.criterion_id = hits.criterion_id
            and call_talk.call_id = hits.call_id
),

judged as (
    select
        *,
        measured >= coalesce(at_least, measured) and measured <= coalesce(at_most, measured) as is_met
    from measured
)

select
    call_id,
    company,
    day,
    scorecard_id,
    scorecard,
    criterion_id,
    criterion,
    points,
    measured,
    is_met,
    if(is_met is null, null, if(is_met, points, 0)) as earned,
    cast(coalesce(sum(points) filter (where is_met) over card, 0) as integer) as card_earned,
    cast(coalesce(sum(points) filter (where is_met is not null) over card, 0) as integer) as card_points,
    sum(if(is_met, points, 0)) filter (where is_met is not null) over card
    / nullif(sum(points) filter (where is_met is not null) over card, 0) as card_share,
    coalesce(words, if(figure is null, null, figure || ' ' || round(measured, 2)), '') as explanation
from judged
window card as (partition by call_id, scorecard_id)
