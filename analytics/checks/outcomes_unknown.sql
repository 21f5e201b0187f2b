-- One row a company and source of which more than 5 % of at least 20 calls ended in a way that nobody told.
-- key: company, source
-- severity: warn
-- columns:
--   company varchar: tenant
--   source varchar: provider
--   calls bigint: its calls that are over
--   unknown bigint: calls without talk of which the provider does not say how they ended
select
    company,
    source,
    count(*) as calls,
    count(*) filter (where disposition = 'unknown' and outcome != 'answered') as unknown
from facts.calls
where outcome != 'in_progress'
group by company, source
having count(*) >= 20 and count(*) filter (where disposition = 'unknown' and outcome != 'answered') > 0.05 * count(*)
