-- One row an identity by which a company knows somebody, and the contact that it belongs to.
-- Identities that a call, a message, one fact of a deal, a permission or a fact of its own names together belong to one
-- contact, whatever the order in which that was told; a link that comes late gives all of them the id of the merged
-- contact, the one made from the least of its identities. Blank and anonymous ones belong to nobody and have no row;
-- the company's own numbers join nobody with anybody.
-- key: company, identity
-- entity: contact_id
-- columns:
--   company varchar: tenant
--   identity varchar: the identity, kind:value, as contact_key and also_known_as of other facts name it
--   kind varchar: phone, whatsapp_user, telegram, …
--   value varchar: its value, of a phone in E.164
--   country varchar: country that the phone's prefix or the WhatsApp user id tells, or told before he was erased, ISO
--     3166; null when unknown
--   contact_id varchar: id of the contact
with recursive
heard as (
    select
        company,
        contact_key,
        also_known_as
    from facts.calls
    where contact_key is not null
    union
    select
        company,
        contact_key,
        also_known_as
    from facts.messages
    where contact_key is not null
    union
    select
        company,
        contact_key,
        also_known_as
    from facts.deal_contacts
    where contact_key is not null
    union
    select
        company,
        contact_key,
        also_known_as
    from facts.permission_events
    where contact_key is not null
    union
    select
        company,
        contact_key,
        also_known_as
    from facts.contact_events
    where contact_key is not null
),

-- Every identity beside itself and beside each that it was named with.
named as (
    select
        company,
        contact_key as identity,
        contact_key as linked
    from heard
    union
    select
        company,
        contact_key as identity,
        unnest(also_known_as) as linked
    from heard
    union
    select
        company,
        unnest(also_known_as) as identity,
        contact_key as linked
    from heard
    union
    select
        company,
        unnest(also_known_as) as identity,
        unnest(also_known_as) as linked
    from heard
),

split as (
    select
        *,
        substr(identity, strpos(identity, ':') + 1) as value,
        substr(linked, strpos(linked, ':') + 1) as linked_value
    from named
),

known as (
    select
        company,
        identity,
        linked
    from split
    where
        trim(value) != '' and trim(linked_value) != ''
        and lower(trim(value)) not in (
            'anonymous', 'restricted', 'blocked', 'unknown', 'unavailable', 'private', 'withheld', 'hidden', 'none',
            '+266696687', '+7378742833', '+2562533', '+8656696', '+86282452253'
        )
        and lower(trim(linked_value)) not in (
            'anonymous', 'restricted', 'blocked', 'unknown', 'unavailable', 'private', 'withheld', 'hidden', 'none',
            '+266696687', '+7378742833', '+2562533', '+8656696', '+86282452253'
        )
        and (
            identity = linked
            or not exists (
                select 1 from reference.numbers
                where numbers.company = split.company and numbers.number in (split.value, split.linked_value)
            )
        )
),

-- From every identity that is less than all it is named with, outwards: each learns the least that it can be reached
-- from.
reached as (
    select
        company,
        identity,
        identity as least
    from known
    group by company, identity
    having min(linked) >= identity
    union
    select
        reached.company,
        known.linked as identity,
        reached.least
    from reached
    inner join known
        on reached.company = known.company and reached.identity = known.identity and reached.least < known.linked
),

joined as (
    select
        company,
        identity,
        substr(identity, 1, strpos(identity, ':') - 1) as kind,
        substr(identity, strpos(identity, ':') + 1) as value,
        min(least) as least
    from reached
    group by company, identity
)

select
    joined.company,
    joined.identity,
    joined.kind,
    joined.value,
    case
        when joined.kind = 'phone' then coalesce(fours.country, threes.country, twos.country, ones.country)
        when joined.kind in ('whatsapp_user', 'whatsapp_parent_user', 'erased')
            then nullif(regexp_extract(joined.value, '^([A-Z]{2})\.', 1), '')
    end as country,
    cast(cast(md5(joined.company || ' ' || joined.least) as uuid) as varchar) as contact_id
from joined
left join reference.dialling_codes as fours on substr(joined.value, 2, 4) = fours.prefix
left join reference.dialling_codes as threes on substr(joined.value, 2, 3) = threes.prefix
left join reference.dialling_codes as twos on substr(joined.value, 2, 2) = twos.prefix
left join reference.dialling_codes as ones on substr(joined.value, 2, 1) = ones.prefix
