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
        call_legs.call_id,
        calls.company,
        endpoints.operator_id,
        call_legs.picked_at as answered_at,
        call_legs.picked_at + to_milliseconds(call_legs.talk_ms) as talked_until
    from staging.call_legs
    inner join facts.calls on call_legs.call_id = calls.call_id
    inner join reference.endpoints
        on calls.company = endpoints.company and call_legs.operator = endpoints.endpoint
    where
        call_legs.talk_ms > 0
        and calls.outcome = 'answered'
        and (call_legs.leg_id is not null or calls.legs = 0)
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
