-- One row a contact with more than 20 identities: something that is nobody's, such as a shared number, joined many.
-- key: contact_id
-- severity: warn
-- columns:
--   contact_id varchar: contact
--   company varchar: tenant
--   identities bigint: identities that it has
select
    contact_id,
    company,
    count(*) as identities
from facts.identities
group by contact_id, company
having count(*) > 20
