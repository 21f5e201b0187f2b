-- One row a fact that some identities are one and the same contact.
-- key: event_id
-- events: contact.*
-- columns:
--   event_id varchar: id of the fact
--   source varchar: provider
--   account varchar: connected number, session or CRM
--   company varchar: tenant
--   time timestamptz: when it occurred, by the source's clock
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   identities varchar[]: all identities of the contact, where the fact names more than one
--   contact_name varchar: name of the contact
with
parsed as (
    select
        id as event_id,
        source,
        account,
        company,
        time,
        try(from_json(
            data, '{"contact": [{"kind": "VARCHAR", "value": "VARCHAR"}], "contact_name": "VARCHAR"}'
        )) as fact
    from log.events
    where starts_with(type, 'contact.')
)

select
    parsed.event_id,
    parsed.source,
    parsed.account,
    parsed.company,
    parsed.time,
    coalesce(
        'phone:' || list_filter(fact.contact, lambda identity: identity.kind = 'phone')[1].value,
        fact.contact[1].kind || ':' || fact.contact[1].value
    ) as contact_key,
    case
        when len(fact.contact) > 1
            then list_transform(fact.contact, lambda identity: identity.kind || ':' || identity.value)
    end as identities,
    fact.contact_name
from parsed
