-- One row a company and source that sent events of one id with different contents; the first of each was kept.
-- key: company, source
-- severity: warn
-- columns:
--   company varchar: tenant
--   source varchar: provider
--   conflicts bigint: events that were not kept
--   last_at timestamptz: when the last of them was received
select
    company,
    source,
    count(*) as conflicts,
    max(recorded_at) as last_at
from log.conflicts
group by company, source
