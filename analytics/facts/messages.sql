-- One row a message, folded from its body, its statuses and the reactions to it.
-- The fold is free of the order of its facts and of repeats; of what several facts say, the earliest outweighs. A long
-- short message, whose parts come one by one, has the text of all parts that came, in their order.
-- key: message_id
-- events: message.*
-- entity: $.message_id
-- time: first_at
-- columns:
--   message_id varchar: id of the message
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   channel varchar: whatsapp, telegram, … , other when nobody says
--   conversation_id varchar: names all that is written with one identity of the contact, or in one group: of a contact
--     with several identities there may be several
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   also_known_as varchar[]: further identities of the contact that its facts name, sorted; null where there are none
--   contact_name varchar: name of the contact
--   company_number varchar: the company's number
--   operator_endpoint varchar: who wrote it, as the provider writes him
--   operator_id varchar: operator whose endpoint that was on that day
--   team_id varchar: the operator's team on that day
--   direction varchar: incoming, outgoing, or unknown where only a reaction to it is known
--   kind varchar: text, image, … , null when its body is not known: a status alone tells nothing of it
--   text varchar: text or caption
--   first_at timestamptz: when it was written, else when its first fact occurred
--   sent_at timestamptz: when it was written, else when a status says that it was sent
--   delivered_at timestamptz: when the contact's device first had it
--   read_at timestamptz: when the contact first saw it
--   failed_at timestamptz: when it could not be delivered
--   error_code varchar: the provider's error code of the failure
--   reaction varchar: emoji that now stands on it, the contact's before the company's
--   status varchar: received; or sent, failed, delivered, read: how far it got, a delivery outweighs a failure
--   day date: local date of first_at in the company's zone
--   hour integer: local hour of first_at, 0 to 23
--   weekday integer: local weekday of first_at, 1 is Monday
--   events integer: its facts, of which the log holds each once
with
ranked as (
    select
        *,
        case when kind is not null then '0' when type = 'message.sent' then '1' else '2' end || place as nth
    from staging.message_facts
),

folded as (
    select
        message_id,
        arg_min(company, nth) as company,
        arg_min(source, nth) as source,
        arg_min(account, nth) as account,
        coalesce(arg_min(channel, nth), 'other') as channel,
        arg_min(conversation_id, nth) as conversation_id,
        coalesce(
            arg_min(contact_key, nth) filter (where starts_with(contact_key, 'phone:')),
            arg_min(contact_key, nth)
        ) as contact_key,
        list_concat(
            flatten(list(identities) filter (where identities is not null)),
            case when min(contact_key) != max(contact_key) then map_keys(histogram(contact_key)) end
        ) as identities,
        arg_min(contact_name, nth) as contact_name,
        arg_min(company_number, nth) as company_number,
        arg_min(operator, nth) as operator_endpoint,
        case arg_min(type, nth)
            when 'message.received' then 'incoming'
            when 'message.sent' then 'outgoing'
            else if(bool_and(type = 'message.reacted_to'), 'unknown', 'outgoing')
        end as direction,
        arg_min(kind, nth) as kind,
        coalesce(
            nullif(array_to_string(
                list_transform(
                    list_sort(list(distinct struct_pack(part := part, text := text)) filter (where part is not null)),
                    lambda one: one['text']
                ), ''
            ), ''),
            arg_min(text, nth)
        ) as text,
        coalesce(
            min(time) filter (where kind is not null), min(time) filter (where type = 'message.sent')
        ) as sent_at,
        min(time) as known_at,
        min(time) filter (where type = 'message.delivered') as delivered_at,
        min(time) filter (where type = 'message.read') as read_at,
        min(time) filter (where type = 'message.failed') as failed_at,
        arg_min(error_code, nth) filter (where type = 'message.failed') as error_code,
        coalesce(
            nullif(arg_max(emoji, nth) filter (where reacted_by = 'contact'), ''),
            nullif(arg_max(emoji, nth) filter (where reacted_by = 'company'), '')
        ) as reaction,
        count(*) as events
    from ranked
    group by message_id
),

known as (
    select
        *,
        nullif(list_sort(list_filter(
            list_distinct(identities), lambda identity: identity != contact_key
        )), []) as also_known_as,
        coalesce(sent_at, known_at) as first_at
    from folded
),

placed as (
    select
        known.*,
        timezone(coalesce(companies.time_zone, 'UTC'), known.first_at) as local_first
    from known
    left join reference.companies on known.company = companies.company
)

select
    placed.message_id,
    placed.company,
    placed.source,
    placed.account,
    placed.channel,
    placed.conversation_id,
    placed.contact_key,
    placed.also_known_as,
    placed.contact_name,
    placed.company_number,
    placed.operator_endpoint,
    endpoints.operator_id,
    endpoints.team_id,
    placed.direction,
    placed.kind,
    placed.text,
    placed.first_at,
    placed.sent_at,
    placed.delivered_at,
    placed.read_at,
    placed.failed_at,
    placed.error_code,
    placed.reaction,
    case
        when placed.direction = 'incoming' then 'received'
        when placed.read_at is not null then 'read'
        when placed.delivered_at is not null then 'delivered'
        when placed.failed_at is not null then 'failed'
        when placed.direction = 'outgoing' then 'sent'
        else 'unknown'
    end as status,
    cast(placed.local_first as date) as day,
    cast(extract(hour from placed.local_first) as integer) as hour,
    cast(extract(isodow from placed.local_first) as integer) as weekday,
    cast(placed.events as integer) as events
from placed
left join reference.endpoints
    on
        placed.company = endpoints.company and placed.operator_endpoint = endpoints.endpoint
        and cast(placed.local_first as date) >= endpoints.valid_from
        and cast(placed.local_first as date) < endpoints.valid_until
