-- One row a call that has been in progress for a day of its company's log: the fact of its end was never sent.
-- key: call_id
-- severity: warn
-- columns:
--   call_id varchar: call
--   company varchar: tenant
--   source varchar: provider
--   started_at timestamptz: when it began
with
newest as (
    select
        company,
        max(started_at) as started_at
    from facts.calls
    where started_at <= now()
    group by company
)

select
    calls.call_id,
    calls.company,
    calls.source,
    calls.started_at
from facts.calls
inner join newest on calls.company = newest.company
where calls.outcome = 'in_progress' and calls.started_at < newest.started_at - interval 1 day
