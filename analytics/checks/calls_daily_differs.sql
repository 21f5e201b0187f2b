-- One row a company and day whose roll-ups do not add up to its calls.
-- key: company, day
-- severity: fail
-- columns:
--   company varchar: tenant
--   day date: local date
--   calls bigint: calls in facts.calls
--   calls_summed bigint: calls, internal calls and test calls in reports.calls_daily
--   talk_ms bigint, milliseconds: talk of answered calls in facts.calls, without internal and test calls
--   talk_ms_summed bigint, milliseconds: the same in reports.calls_daily
--   calls_grouped bigint: calls in reports.calls_grouped
--   talk_ms_grouped bigint, milliseconds: the same talk in reports.calls_grouped
with
counted as (
    select
        company,
        day,
        count(*) as calls,
        cast(coalesce(sum(cast(round(talk_seconds * 1000) as bigint)) filter (
            where outcome = 'answered' and not is_internal and not is_test
        ), 0) as bigint) as talk_ms
    from facts.calls
    group by company, day
),

summed as (
    select
        company,
        day,
        cast(sum(calls + internal_calls + test_calls) as bigint) as calls,
        cast(sum(cast(round(talk_seconds * 1000) as bigint)) as bigint) as talk_ms
    from reports.calls_daily
    group by company, day
),

grouped as (
    select
        company,
        day,
        cast(sum(calls) as bigint) as calls,
        cast(coalesce(sum(all_talk_ms) filter (
            where outcome = 'answered' and not is_internal and not is_test
        ), 0) as bigint) as talk_ms
    from reports.calls_grouped
    group by company, day
)

select
    coalesce(counted.company, summed.company, grouped.company) as company,
    coalesce(counted.day, summed.day, grouped.day) as day,
    counted.calls,
    summed.calls as calls_summed,
    counted.talk_ms,
    summed.talk_ms as talk_ms_summed,
    grouped.calls as calls_grouped,
    grouped.talk_ms as talk_ms_grouped
from counted
full outer join summed on counted.company = summed.company and counted.day = summed.day
full outer join grouped on counted.company = grouped.company and counted.day = grouped.day
where
    counted.calls is distinct from summed.calls
    or counted.talk_ms is distinct from summed.talk_ms
    or counted.calls is distinct from grouped.calls
    or counted.talk_ms is distinct from grouped.talk_ms
