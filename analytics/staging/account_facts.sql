-- One row a fact about a connected number or session: linked, unlinked, online, offline, restricted, judged.
-- key: event_id
-- events: account.*
-- columns:
--   event_id varchar: id of the fact
--   type varchar: event type, such as account.linked
--   source varchar: provider
--   account varchar: connected number or session
--   company varchar: tenant
--   time timestamptz: when it occurred, by the source's clock
--   place varchar: sorts facts by time and then by id
--   company_number varchar: the company's number
--   provider_status varchar: the provider's own word
--   restriction varchar: what is limited, said by account.restricted
--   expires_at timestamptz: until when it is limited, where the provider says so
--   quality varchar: how good the provider finds it, said by account.quality_changed
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
                "company_number": "VARCHAR", "provider_status": "VARCHAR", "restriction": "VARCHAR",
                "expires_at": "VARCHAR", "quality": "VARCHAR"
            }'
        )) as fact
    from log.events
    where starts_with(type, 'account.')
)

select
    parsed.event_id,
    parsed.type,
    parsed.source,
    parsed.account,
    parsed.company,
    parsed.time,
    lpad(cast(epoch_ms(parsed.time) as varchar), 15, '0') || parsed.event_id as place,
    fact.company_number,
    fact.provider_status,
    fact.restriction,
    try_cast(fact.expires_at as timestamptz) as expires_at,
    fact.quality
from parsed
