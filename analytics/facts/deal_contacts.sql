-- One row a contact whom facts of a deal name, by the key that they give him.
-- A deal has one contact at a time, and may pass from one to another, who is another person: only identities that one
-- fact names together are one's.
-- key: deal_id, contact_key
-- events: deal.*
-- entity: $.deal_id
-- time: created_at
-- columns:
--   deal_id varchar: the deal
--   company varchar: tenant
--   account varchar: connected CRM
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   also_known_as varchar[]: further identities that are named with this key, sorted; null where there are none
--   contact_name varchar: name of the contact
--   created_at timestamptz: when the deal was opened; where no fact says so, its earliest fact
--   is_deleted boolean: whether the deal was deleted in the CRM, and not restored
with
named as (
    select
        deal_id,
        contact_key,
        nullif(list_sort(list_filter(
            list_distinct(flatten(list(identities) filter (where identities is not null))),
            lambda identity: identity != contact_key
        )), []) as also_known_as,
        arg_max(contact_name, place) as contact_name
    from staging.deal_facts
    where contact_key is not null
    group by deal_id, contact_key
)

select
    named.deal_id,
    deals.company,
    deals.account,
    named.contact_key,
    named.also_known_as,
    case
        when named.contact_key = deals.contact_key then deals.contact_name else named.contact_name
    end as contact_name,
    deals.created_at,
    deals.is_deleted
from named
inner join facts.told_deals as deals on named.deal_id = deals.deal_id
