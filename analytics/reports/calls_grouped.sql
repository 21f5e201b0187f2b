-- One row a company, local day and group of calls that are alike in all by which figures tell calls apart but their
-- hour: what pages count calls from. The conditions of the catalogue hold on it as they do on facts.calls.
-- key: company, day, source, channel, team_id, direction, is_business_hours, outcome, is_in_time, is_internal, is_test
-- by: company, day
-- sorted: day
-- columns:
--   company varchar: tenant
--   day date: local date on which the calls began
--   weekday integer: local weekday, 1 is Monday
--   source varchar: provider
--   channel varchar: phone, whatsapp, …
--   team_id varchar: the operator's team on that day, null where nobody's
--   direction varchar: incoming, outgoing, internal or unknown
--   is_business_hours boolean: whether they began in the company's hours
--   outcome varchar: answered, voicemail, machine, missed, abandoned, rejected, no_answer, busy, cancelled, failed,
--     not_permitted or in_progress
--   is_in_time boolean: whether they were answered within the company's service level, null where nothing tells it
--   is_internal boolean: between people of the company
--   is_test boolean: tests
--   calls bigint: how many
--   calls_by_hour bigint[]: how many of them began in each local hour, the first is that of midnight
--   talks bigint: how many have any talk
--   all_talk_ms bigint, milliseconds: their talk together, null where none has any
--   all_answer_ms bigint, milliseconds: ringing to pickup of all together, null where none was picked up
--   transcripts bigint: how many whose recording became text
--   talk_ms bigint[], milliseconds: talk of each that has any, in rising order
--   answer_ms bigint[], milliseconds: ringing to pickup of each that was picked up, in rising order
with
measured as (
    select
        *,
        cast(round(talk_seconds * 1000) as bigint) as talk_ms,
        cast(round(answer_seconds * 1000) as bigint) as answer_ms
    from facts.calls
)

select
    company,
    day,
    weekday,
    source,
    channel,
    team_id,
    direction,
    is_business_hours,
    outcome,
    is_in_time,
    is_internal,
    is_test,
    count(*) as calls,
    [
        count(*) filter (where hour = 0),
        count(*) filter (where hour = 1),
        count(*) filter (where hour = 2),
        count(*) filter (where hour = 3),
        count(*) filter (where hour = 4),
        count(*) filter (where hour = 5),
        count(*) filter (where hour = 6),
        count(*) filter (where hour = 7),
        count(*) filter (where hour = 8),
        count(*) filter (where hour = 9),
        count(*) filter (where hour = 10),
        count(*) filter (where hour = 11),
        count(*) filter (where hour = 12),
        count(*) filter (where hour = 13),
        count(*) filter (where hour = 14),
        count(*) filter (where hour = 15),
        count(*) filter (where hour = 16),
        count(*) filter (where hour = 17),
        count(*) filter (where hour = 18),
        count(*) filter (where hour = 19),
        count(*) filter (where hour = 20),
        count(*) filter (where hour = 21),
        count(*) filter (where hour = 22),
        count(*) filter (where hour = 23)
    ] as calls_by_hour,
    count(talk_ms) as talks,
    cast(sum(talk_ms) as bigint) as all_talk_ms,
    cast(sum(answer_ms) as bigint) as all_answer_ms,
    count(*) filter (where has_transcript) as transcripts,
    coalesce(list_sort(list(talk_ms) filter (where talk_ms is not null)), []) as talk_ms,
    coalesce(list_sort(list(answer_ms) filter (where answer_ms is not null)), []) as answer_ms
from measured
group by
    company,
    day,
    weekday,
    source,
    channel,
    team_id,
    direction,
    is_business_hours,
    outcome,
    is_in_time,
    is_internal,
    is_test
