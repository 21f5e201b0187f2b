-- One row a call that an operator picked up while talking in another, by more than the second to which providers round.
-- key: call_id, answered_at
-- severity: warn
-- columns:
--   call_id varchar: the later call
--   company varchar: tenant
--   operator_id varchar: operator
--   answered_at timestamptz: when the operator picked up the later call
--   busy_until timestamptz: when the operator's earlier talk was over
with
talks as (
    select
        call_id,
        company,
        operator_id,
        answered_at,
        answered_at + to_milliseconds(cast(round(talk_seconds * 1000) as bigint)) as talked_until
    from facts.legs
    where talk_seconds is not null and operator_id is not null
),

followed as (
    select
        *,
        max(talked_until) over (
            partition by company, operator_id
            order by answered_at, call_id
            rows between unbounded preceding and 1 preceding
        ) as busy_until
    from talks
)

select
    call_id,
    company,
    operator_id,
    answered_at,
    busy_until
from followed
where busy_until > answered_at + interval 1 second
