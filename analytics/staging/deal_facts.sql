-- One row a fact about a deal, of every type, with columns for all that any of them says.
-- key: event_id
-- events: deal.*
-- columns:
--   event_id varchar: id of the fact
--   deal_id varchar: deal it is about
--   type varchar: event type, such as deal.won
--   source varchar: CRM
--   account varchar: connected CRM
--   company varchar: tenant
--   time timestamptz: when it occurred, by the source's clock
--   place varchar: sorts facts by time, then by how far the deal got, then by id
--   provider_deal_id varchar: the CRM's own id of the deal
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   identities varchar[]: all identities of the contact, where the fact names more than one
--   contact_name varchar: name of the contact
--   pipeline varchar: the CRM's own id or name of the funnel
--   stage varchar: the CRM's own id or name of the stage
--   operator varchar: who is responsible, as the CRM writes him
--   amount decimal(21,6): what the deal is worth
--   currency varchar: currency of what the deal is worth, ISO 4217
--   emptied varchar[]: columns that hold nothing since then, null where the fact names none
--   provider_status varchar: the CRM's own word
--   reason varchar: the CRM's own word for why it was lost
--   into_deal_id varchar: the deal that it went into
with
parsed as (
    select
        id as event_id,
        entity as deal_id,
        type,
        source,
        account,
        company,
        time,
        try(from_json(
            data,
            '{
                "provider_deal_id": "VARCHAR", "contact": [{"kind": "VARCHAR", "value": "VARCHAR"}],
                "contact_name": "VARCHAR", "pipeline": "VARCHAR", "stage": "VARCHAR", "operator": "VARCHAR",
                "amount": "VARCHAR", "currency": "VARCHAR", "provider_status": "VARCHAR", "reason": "VARCHAR",
                "emptied": ["VARCHAR"], "into_deal_id": "VARCHAR"
            }'
        )) as fact
    from log.events
    where starts_with(type, 'deal.')
)

select
    parsed.event_id,
    parsed.deal_id,
    parsed.type,
    parsed.source,
    parsed.account,
    parsed.company,
    parsed.time,
    lpad(cast(epoch_ms(parsed.time) as varchar), 15, '0')
    || case
        when parsed.type in ('deal.created', 'deal.linked') then '0'
        when parsed.type in ('deal.moved', 'deal.changed', 'deal.parted') then '1'
        when parsed.type = 'deal.lost' then '2'
        when parsed.type = 'deal.won' then '3'
        when parsed.type = 'deal.deleted' then '4'
        else '5'
    end
    || parsed.event_id as place,
    fact.provider_deal_id,
    coalesce(
        'phone:' || list_filter(fact.contact, lambda identity: identity.kind = 'phone')[1].value,
        fact.contact[1].kind || ':' || fact.contact[1].value
    ) as contact_key,
    case
        when len(fact.contact) > 1
            then list_transform(fact.contact, lambda identity: identity.kind || ':' || identity.value)
    end as identities,
    fact.contact_name,
    fact.pipeline,
    fact.stage,
    fact.operator,
    try_cast(fact.amount as decimal(21, 6)) as amount,
    case when fact.amount is null or try_cast(fact.amount as decimal(21, 6)) is not null then fact.currency end
        as currency,
    nullif(fact.emptied, []) as emptied,
    fact.provider_status,
    fact.reason,
    fact.into_deal_id
from parsed
