-- One row a contact: somebody who called, was called, wrote, was written to, has or had a deal or was told of.
-- key: contact_id
-- entity: contact_id
-- time: first_at
-- columns:
--   contact_id varchar: id of the contact, made from the least of his identities
--   company varchar: tenant
--   name varchar: his name as it was last told
--   phone varchar: his phone in E.164, of several the longest, which lacks no digit, and of these the least; null where
--     none is known
--   country varchar: country of that phone, else of another identity
--   identities varchar[]: all his identities, kind:value, sorted
--   channels varchar[]: channels of his calls and messages, sorted
--   first_at timestamptz: first call, message, deal or other fact
--   last_at timestamptz: last of these
--   first_kind varchar: call, message, deal or other: what came first
--   first_direction varchar: incoming, outgoing, internal or unknown, of a call or message that came first, null where
--     something else did
--   first_account varchar: account of what came first
--   first_incoming_at timestamptz: first call or message from him, internal and test calls aside, null where there is
--     none
--   first_outgoing_at timestamptz: first call or message to him, likewise
--   first_deal_at timestamptz: when the first deal was opened that he has or had and was not deleted, null where there
--     is none
--   is_left_out boolean: whether he is known from internal and test calls alone
--   day date: local date of first_at in the company's zone
with
told as (
    select
        company,
        contact_key,
        'call' as kind,
        call_id as id,
        channel,
        account,
        direction,
        contact_name,
        started_at as moment,
        is_internal or is_test as is_left_out
    from facts.calls
    union all
    select
        company,
        contact_key,
        'message' as kind,
        message_id as id,
        channel,
        account,
        direction,
        contact_name,
        first_at as moment,
        false as is_left_out
    from facts.messages
    union all
    select
        company,
        contact_key,
        if(is_deleted, 'other', 'deal') as kind,
        deal_id || contact_key as id,
        null as channel,
        account,
        null as direction,
        contact_name,
        created_at as moment,
        false as is_left_out
    from facts.deal_contacts
    union all
    select
        company,
        contact_key,
        'other' as kind,
        event_id as id,
        null as channel,
        account,
        null as direction,
        null as contact_name,
        told_at as moment,
        false as is_left_out
    from facts.permission_events
    union all
    select
        company,
        contact_key,
        'other' as kind,
        event_id as id,
        null as channel,
        account,
        null as direction,
        contact_name,
        told_at as moment,
        false as is_left_out
    from facts.contact_events
),

folded as (
    select
        identities.contact_id,
        arg_max(told.contact_name, (told.moment, told.id)) as name,
        list_sort(list_distinct(list(told.channel) filter (where told.channel is not null))) as channels,
        min(told.moment) as first_at,
        max(told.moment) as last_at,
        arg_min(
            struct_pack(kind := told.kind, direction := told.direction, account := told.account),
            (told.moment, told.id)
        ) as earliest,
        min(told.moment) filter (where told.direction = 'incoming' and not told.is_left_out) as first_incoming_at,
        min(told.moment) filter (where told.direction = 'outgoing' and not told.is_left_out) as first_outgoing_at,
        min(told.moment) filter (where told.kind = 'deal') as first_deal_at,
        bool_and(told.is_left_out) as is_left_out
    from told
    inner join facts.identities on told.company = identities.company and told.contact_key = identities.identity
    group by identities.contact_id
),

people as (
    select
        contact_id,
        any_value(company) as company,
        arg_min(value, (-length(value), value)) filter (where kind = 'phone') as phone,
        coalesce(
            arg_min(country, (-length(value), value)) filter (where kind = 'phone'), arg_min(country, identity)
        ) as country,
        list_sort(list(identity)) as identities
    from facts.identities
    group by contact_id
)

select
    people.contact_id,
    people.company,
    folded.name,
    people.phone,
    people.country,
    people.identities,
    folded.channels,
    folded.first_at,
    folded.last_at,
    folded.earliest.kind as first_kind,
    folded.earliest.direction as first_direction,
    folded.earliest.account as first_account,
    folded.first_incoming_at,
    folded.first_outgoing_at,
    folded.first_deal_at,
    folded.is_left_out,
    cast(timezone(coalesce(companies.time_zone, 'UTC'), folded.first_at) as date) as day
from people
inner join folded on people.contact_id = folded.contact_id
left join reference.companies on people.company = companies.company
