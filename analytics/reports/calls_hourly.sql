-- One row a company, local day, hour and direction: the calls that began then, without internal and test calls.
-- All numbers are additive. It is a view: narrowed to days, it reads the calls of these days.
-- key: company, day, hour, direction
-- columns:
--   company varchar: tenant
--   day date: local date on which the calls began
--   hour integer: local hour in which they began, 0 to 23
--   direction varchar: incoming, outgoing, internal or unknown
--   weekday integer: local weekday, 1 is Monday
--   calls bigint: calls that are over
--   answered bigint: a person talked
--   missed bigint: incoming, rang long enough, nobody answered
--   abandoned bigint: incoming, the caller hung up sooner than the threshold
--   talk_seconds double, seconds: talk of the answered calls, summed
select
    company,
    day,
    hour,
    direction,
    any_value(weekday) as weekday,
    count(*) as calls,
    count(*) filter (where outcome = 'answered') as answered,
    count(*) filter (where outcome = 'missed') as missed,
    count(*) filter (where outcome = 'abandoned') as abandoned,
    cast(coalesce(sum(cast(round(talk_seconds * 1000) as bigint)) filter (where outcome = 'answered'), 0) as bigint)
    / 1000 as talk_seconds
from facts.calls
where not is_internal and not is_test and outcome != 'in_progress'
group by company, day, hour, direction
