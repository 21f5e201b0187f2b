-- One row a fact about a contact's consent to be called: requested, granted, denied or revoked.
-- key: event_id
-- events: permission.*
-- columns:
--   event_id varchar: id of the fact
--   type varchar: event type, such as permission.granted
--   source varchar: provider
--   account varchar: connected number
--   company varchar: tenant
--   time timestamptz: when it occurred, by the source's clock
--   channel varchar: channel of the calls that it is about
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   identities varchar[]: all identities of the contact, where the fact names more than one
--   company_number varchar: the company's number
--   request_message_id varchar: the provider's id of the message that asked
--   kind varchar: temporary or permanent, said by permission.granted
--   expires_at timestamptz: the provider's word on when it ends
--   given_by varchar: user_action, automatic or unknown, null for requests
with
parsed as (
    select
        id as event_id,
        type,
        source,
        account,
        company,
        time,
        try(from_json(
            data,
            '{
                "channel": "VARCHAR", "contact": [{"kind": "VARCHAR", "value": "VARCHAR"}],
                "company_number": "VARCHAR", "request_message_id": "VARCHAR", "kind": "VARCHAR",
                "expires_at": "VARCHAR", "given_by": "VARCHAR"
            }'
        )) as fact
    from log.events
    where starts_with(type, 'permission.')
)

select
    parsed.event_id,
    parsed.type,
    parsed.source,
    parsed.account,
    parsed.company,
    parsed.time,
    coalesce(fact.channel, 'waba') as channel,
    coalesce(
        'phone:' || list_filter(fact.contact, lambda identity: identity.kind = 'phone')[1].value,
        fact.contact[1].kind || ':' || fact.contact[1].value
    ) as contact_key,
    case
        when len(fact.contact) > 1
            then list_transform(fact.contact, lambda identity: identity.kind || ':' || identity.value)
    end as identities,
    fact.company_number,
    fact.request_message_id,
    case when parsed.type = 'permission.granted' then coalesce(fact.kind, 'temporary') end as kind,
    try_cast(fact.expires_at as timestamptz) as expires_at,
    case when parsed.type != 'permission.requested' then coalesce(fact.given_by, 'unknown') end as given_by
from parsed
