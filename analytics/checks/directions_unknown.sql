-- One row a company and source of which more than 5 % of at least 20 calls have no known direction.
-- key: company, source
-- severity: warn
-- columns:
--   company varchar: tenant
--   source varchar: provider
--   calls bigint: all its calls
--   unknown bigint: calls without a known direction
select
    company,
    source,
    count(*) as calls,
    count(*) filter (where direction = 'unknown') as unknown
from facts.calls
group by company, source
having count(*) >= 20 and count(*) filter (where direction = 'unknown') > 0.05 * count(*)
