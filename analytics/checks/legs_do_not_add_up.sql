-- One row a call whose talk is not the sum of its legs, nor less because several talk at once, or which counts for more
-- than one operator.
-- key: call_id
-- severity: fail
-- columns:
--   call_id varchar: call
--   company varchar: tenant
--   talk_ms bigint, milliseconds: its talk in facts.calls
--   legs_talk_ms bigint, milliseconds: talk of its legs
--   counted bigint: operators for whom it counts
with
-- A call of which no legs are told is its own leg, and has nothing else to add up to.
summed as (
    select
        call_id,
        cast(sum(coalesce(cast(round(talk_seconds * 1000) as bigint), 0)) as bigint) as talk_ms,
        max(cast(round(talk_seconds * 1000) as bigint)) as longest_ms
    from facts.told_legs
    group by call_id
),

counted as (
    select
        call_id,
        count_if(is_counted) as counted
    from facts.told_operators
    group by call_id
)

select
    calls.call_id,
    calls.company,
    coalesce(cast(round(calls.talk_seconds * 1000) as bigint), 0) as talk_ms,
    coalesce(summed.talk_ms, 0) as legs_talk_ms,
    cast(coalesce(counted.counted, 0) as bigint) as counted
from facts.calls
left join summed on calls.call_id = summed.call_id
left join counted on calls.call_id = counted.call_id
where
    (calls.legs > 0 or summed.call_id is not null or counted.call_id is not null)
    and (
        coalesce(cast(round(calls.talk_seconds * 1000) as bigint), 0)
        not between coalesce(summed.longest_ms, 0) and coalesce(summed.talk_ms, 0)
        or coalesce(counted.counted, 0) > 1
    )
