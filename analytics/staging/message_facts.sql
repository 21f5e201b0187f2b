-- One row a fact about a message, of every type, with columns for all that any of them says.
-- key: event_id
-- events: message.*
-- columns:
--   event_id varchar: id of the fact
--   message_id varchar: message it is about
--   type varchar: event type, such as message.sent
--   source varchar: provider
--   account varchar: connected number or session
--   company varchar: tenant
--   time timestamptz: when it occurred, by the source's clock
--   place varchar: sorts facts by time and then by id
--   conversation_id varchar: names all that is written with one identity of the contact, or in one group
--   channel varchar: whatsapp, telegram, … , null when not said
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   identities varchar[]: all identities of the contact, where the fact names more than one
--   contact_name varchar: name of the contact
--   company_number varchar: the company's number
--   operator varchar: who wrote it, as the provider writes him
--   kind varchar: text, image, … , said by message.received and message.sent, null where that is a status alone
--   text varchar: text, or caption of what it carries
--   part integer: which part of a long short message the text is, counted from 1; null where it is all of it
--   error_code varchar: the provider's error code, said by message.failed
--   emoji varchar: reaction, empty when it was taken away
--   reacted_by varchar: contact or company
with
parsed as (
    select
        id as event_id,
        entity as message_id,
        type,
        source,
        account,
        company,
        time,
        try(from_json(
            data,
            '{
                "conversation_id": "VARCHAR", "channel": "VARCHAR",
                "contact": [{"kind": "VARCHAR", "value": "VARCHAR"}], "contact_name": "VARCHAR",
                "company_number": "VARCHAR", "operator": "VARCHAR", "kind": "VARCHAR", "text": "VARCHAR",
                "media_id": "VARCHAR", "error_code": "VARCHAR", "provider_status": "VARCHAR",
                "emoji": "VARCHAR", "reacted_by": "VARCHAR"
            }'
        )) as fact
    from log.events
    where starts_with(type, 'message.')
)

select
    parsed.event_id,
    parsed.message_id,
    parsed.type,
    parsed.source,
    parsed.account,
    parsed.company,
    parsed.time,
    lpad(cast(epoch_ms(parsed.time) as varchar), 15, '0') || parsed.event_id as place,
    fact.conversation_id,
    nullif(fact.channel, 'other') as channel,
    coalesce(
        'phone:' || list_filter(fact.contact, lambda identity: identity.kind = 'phone')[1].value,
        fact.contact[1].kind || ':' || fact.contact[1].value
    ) as contact_key,
    case
        when len(fact.contact) > 1
            then list_transform(fact.contact, lambda identity: identity.kind || ':' || identity.value)
    end as identities,
    fact.contact_name,
    fact.company_number,
    fact.operator,
    case
        when parsed.type = 'message.sent' and fact.kind = 'unsupported' and coalesce(fact.text, fact.media_id) is null
            then null
        when parsed.type in ('message.received', 'message.sent') then coalesce(fact.kind, 'text')
    end as kind,
    fact.text,
    case
        when parsed.type = 'message.received'
            then try_cast(regexp_extract(fact.provider_status, '^part-(\d{1,3})-of-\d{1,3}$', 1) as integer)
    end as part,
    fact.error_code,
    case when parsed.type = 'message.reacted_to' then coalesce(fact.emoji, '') end as emoji,
    case when parsed.type = 'message.reacted_to' then coalesce(fact.reacted_by, 'contact') end as reacted_by
from parsed
