-- One row an endpoint that talked in calls and belongs to no operator of the company's data.
-- key: company, operator_endpoint
-- severity: warn
-- columns:
--   company varchar: tenant
--   operator_endpoint varchar: endpoint, as the provider writes it
--   calls bigint: answered calls without an operator
select
    company,
    operator_endpoint,
    count(*) as calls
from facts.calls
where outcome = 'answered' and operator_endpoint is not null and operator_id is null
group by company, operator_endpoint
