-- One row a company, day, source, channel, direction and business hours: the calls that began then, counted and summed.
-- Internal and test calls are left out of every number but their own two. All numbers are additive; medians, contacts,
-- hours, teams and operators come from facts.calls. These dimensions keep it below a tenth of the facts.
-- key: company, day, source, channel, direction, is_business_hours
-- by: company, day
-- columns:
--   company varchar: tenant
--   day date: local date on which the calls began
--   source varchar: provider
--   channel varchar: phone, whatsapp, …
--   direction varchar: incoming, outgoing, internal or unknown
--   is_business_hours boolean: whether they began in the company's hours
--   calls bigint: calls, without internal and test calls
--   answered bigint: a person talked
--   answered_in_time bigint: answered within the company's service level
--   voicemail bigint: only a voicemail picked up
--   machine bigint: only a machine picked up
--   missed bigint: incoming, rang long enough, nobody answered
--   abandoned bigint: incoming, the caller hung up sooner than the threshold
--   rejected bigint: the called side declined
--   no_answer bigint: outgoing, nobody answered
--   busy bigint: the line was busy
--   cancelled bigint: outgoing, hung up by us before an answer
--   failed bigint: technical failures
--   not_permitted bigint: refused for want of permission or by a limit
--   in_progress bigint: not over by any fact yet
--   talk_seconds double, seconds: talk of the answered calls, summed
--   answer_seconds double, seconds: ringing to pickup of the answered calls, summed
--   transcripts bigint: calls whose recording became text
--   internal_calls bigint: calls left out because they are internal
--   test_calls bigint: calls left out because they are tests and not internal
with
counted as (
    select
        calls.company,
        calls.day,
        calls.source,
        calls.channel,
        calls.direction,
        calls.is_business_hours,
        calls.outcome,
        calls.has_transcript,
        calls.is_internal,
        calls.is_test,
        not calls.is_internal and not calls.is_test as is_counted,
        calls.is_in_time,
        cast(round(calls.talk_seconds * 1000) as bigint) as talk_ms,
        cast(round(calls.answer_seconds * 1000) as bigint) as answer_ms
    from facts.calls
)

select
    company,
    day,
    source,
    channel,
    direction,
    is_business_hours,
    count(*) filter (where is_counted) as calls,
    count(*) filter (where is_counted and outcome = 'answered') as answered,
    count(*) filter (where is_counted and outcome = 'answered' and is_in_time) as answered_in_time,
    count(*) filter (where is_counted and outcome = 'voicemail') as voicemail,
    count(*) filter (where is_counted and outcome = 'machine') as machine,
    count(*) filter (where is_counted and outcome = 'missed') as missed,
    count(*) filter (where is_counted and outcome = 'abandoned') as abandoned,
    count(*) filter (where is_counted and outcome = 'rejected') as rejected,
    count(*) filter (where is_counted and outcome = 'no_answer') as no_answer,
    count(*) filter (where is_counted and outcome = 'busy') as busy,
    count(*) filter (where is_counted and outcome = 'cancelled') as cancelled,
    count(*) filter (where is_counted and outcome = 'failed') as failed,
    count(*) filter (where is_counted and outcome = 'not_permitted') as not_permitted,
    count(*) filter (where is_counted and outcome = 'in_progress') as in_progress,
    cast(coalesce(sum(talk_ms) filter (where is_counted and outcome = 'answered'), 0) as bigint) / 1000 as talk_seconds,
    cast(coalesce(sum(answer_ms) filter (where is_counted and outcome = 'answered'), 0) as bigint) / 1000
        as answer_seconds,
    count(*) filter (where is_counted and has_transcript) as transcripts,
    count(*) filter (where is_internal) as internal_calls,
    count(*) filter (where is_test and not is_internal) as test_calls
from counted
group by company, day, source, channel, direction, is_business_hours
