-- One row a company, day, source, channel, direction and business hours: the calls that began then, counted and summed.
-- Internal and test calls are left out of every number but their own two. All numbers are additive; medians, contacts,
-- hours, teams and operators come from facts.calls. These dimensions keep it below a tenth of the facts.
-- key: company, day, source, channel, direction, is_business_hours
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
--   answer_times bigint: answered calls of which that is known
--   transcripts bigint: calls whose recording became text
--   internal_calls bigint: calls left out because they are internal
--   test_calls bigint: calls left out because they are tests and not internal
with
counted as (
    select
        *,
        not is_internal and not is_test as is_counted
    from reports.calls_grouped
)

select
    company,
    day,
    source,
    channel,
    direction,
    is_business_hours,
    cast(coalesce(sum(calls) filter (where is_counted), 0) as bigint) as calls,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'answered'), 0) as bigint) as answered,
    cast(
        coalesce(sum(calls) filter (where is_counted and outcome = 'answered' and is_in_time), 0) as bigint
    ) as answered_in_time,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'voicemail'), 0) as bigint) as voicemail,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'machine'), 0) as bigint) as machine,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'missed'), 0) as bigint) as missed,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'abandoned'), 0) as bigint) as abandoned,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'rejected'), 0) as bigint) as rejected,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'no_answer'), 0) as bigint) as no_answer,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'busy'), 0) as bigint) as busy,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'cancelled'), 0) as bigint) as cancelled,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'failed'), 0) as bigint) as failed,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'not_permitted'), 0) as bigint) as not_permitted,
    cast(coalesce(sum(calls) filter (where is_counted and outcome = 'in_progress'), 0) as bigint) as in_progress,
    cast(coalesce(sum(all_talk_ms) filter (where is_counted and outcome = 'answered'), 0) as bigint) / 1000
        as talk_seconds,
    cast(coalesce(sum(all_answer_ms) filter (where is_counted and outcome = 'answered'), 0) as bigint) / 1000
        as answer_seconds,
    cast(coalesce(sum(len(answer_ms)) filter (where is_counted and outcome = 'answered'), 0) as bigint)
        as answer_times,
    cast(coalesce(sum(transcripts) filter (where is_counted), 0) as bigint) as transcripts,
    cast(coalesce(sum(calls) filter (where is_internal), 0) as bigint) as internal_calls,
    cast(coalesce(sum(calls) filter (where is_test and not is_internal), 0) as bigint) as test_calls
from counted
group by company, day, source, channel, direction, is_business_hours
