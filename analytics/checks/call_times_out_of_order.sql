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
-- As folded no call ends before it begins: one that seems to end at once may have ended before.
doubtful as (
    select
        call_id,
        company,
        source,
        started_at,
        answered_at
    from facts.calls
    where ended_at is null or ended_at <= greatest(started_at, answered_at) or answered_at < started_at
),

ended as (
    select
        entity as call_id,
        max(time) as ended_at
    from log.events
    where type in ('call.ended', 'call.rejected') and entity in (select doubtful.call_id from doubtful)
    group by call_id
)

select
    calls.call_id,
    calls.company,
    calls.source,
    calls.started_at,
    calls.answered_at,
    ended.ended_at
from doubtful as calls
left join ended on calls.call_id = ended.call_id
where
    calls.answered_at < calls.started_at
    or ended.ended_at < calls.started_at
    or ended.ended_at < calls.answered_at
