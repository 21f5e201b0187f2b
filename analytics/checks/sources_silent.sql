-- One row an account that told of calls or messages before, and of nothing in the last three days of its company's log.
-- key: company, source, account
-- severity: warn
-- columns:
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   last_at timestamptz: when the last of its events was received
--   newest_at timestamptz: when the last event of the company was received
with
heard as (
    select
        company,
        source,
        account,
        max(recorded_at) as last_at
    from log.events
    where starts_with(type, 'call.') or starts_with(type, 'message.')
    group by company, source, account
),

compared as (
    select
        *,
        max(last_at) over (partition by company) as newest_at
    from heard
)

select
    company,
    source,
    account,
    last_at,
    newest_at
from compared
where last_at < newest_at - interval 3 days
