-- One row a call whose facts say that it was picked up or over before it began, which tells of a provider's clock.
-- key: call_id
-- severity: warn
-- columns:
--   call_id varchar: call
--   company varchar: tenant
--   source varchar: provider
--   started_at timestamptz: when it began
--   answered_at timestamptz: when it was picked up
--   ended_at timestamptz: when its last leg, or the call itself, was over by the provider's word
with
-- Not as folded: there no call ends before it begins.
ended as (
    select
        entity as call_id,
        max(time) as ended_at
    from log.events
    where type in ('call.ended', 'call.rejected')
    group by call_id
)

select
    calls.call_id,
    calls.company,
    calls.source,
    calls.started_at,
    calls.answered_at,
    ended.ended_at
from facts.calls
left join ended on calls.call_id = ended.call_id
where
    calls.answered_at < calls.started_at
    or ended.ended_at < calls.started_at
    or ended.ended_at < calls.answered_at
