-- One row a fact that some identities are one and the same contact, told by itself, outside of any call or message.
-- key: event_id
-- events: contact.*
-- entity: $.event_id
-- time: told_at
-- columns:
--   event_id varchar: id of the fact
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number, session or CRM
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   also_known_as varchar[]: further identities of the contact, sorted; null where there are none
--   contact_name varchar: name of the contact
--   told_at timestamptz: when it occurred, by the source's clock
with
told as (
    select distinct * from staging.contact_facts
)

select
    event_id,
    company,
    source,
    account,
    contact_key,
    nullif(list_sort(list_filter(
        list_distinct(identities), lambda identity: identity != contact_key
    )), []) as also_known_as,
    contact_name,
    time as told_at
from told
