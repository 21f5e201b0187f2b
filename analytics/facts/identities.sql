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

named as (
    select
        company,
        fact,
        identity,
        substr(identity, strpos(identity, ':') + 1) as value
    from (
        select
            company,
            row_number() over () as fact,
            unnest(list_prepend(contact_key, coalesce(also_known_as, []))) as identity
        from heard
    ) as listed
),

known as (
    select
        *,
        not exists (
            select 1 from reference.numbers
            where numbers.company = named.company and numbers.number = named.value
        ) as joins
    from named
    where
        trim(value) != ''
        and lower(trim(value)) not in (
            'anonymous', 'restricted', 'blocked', 'unknown', 'unavailable', 'private', 'withheld', 'hidden', 'none',
            '+266696687', '+7378742833', '+2562533', '+8656696', '+86282452253'
        )
),

firsts as (
    select
        fact,
        min(identity) as least
    from known
    where joins
    group by fact
    having count(*) > 1
),

-- Of what is named together, each beside the least of all.
links as (
    select distinct
        known.company,
        known.identity as high,
        firsts.least as low
    from known
    inner join firsts on known.fact = firsts.fact
    where known.joins and known.identity != firsts.least
),

-- Links are moved down: where the low end of one is the least that the high end is linked with, from there to the least
-- that it is linked with itself, else between these two. With each round the way to the least of all is half as long:
-- ten thousand in a row take fifteen. Those who are linked with nobody but him are whole, and left out from then on.
moved as (
    select
        company,
        high,
        low,
        false as is_whole
    from links
    union all
    select
        company,
        if(is_open and low != high_least, low, high) as high,
        if(is_open and low != high_least, high_least, least(low, low_least)) as low,
        not is_open as is_whole
    from (
        with near as (
            select
                company,
                identity,
                min(beside) as least,
                max(beside) as greatest
            from (
                select
                    company,
                    unnest([high, low]) as identity,
                    unnest([low, high]) as beside
                from moved
                where not is_whole
            ) as ends
            group by company, identity
        )

        select
            moved.company,
            moved.high,
            moved.low,
            highs.least as high_least,
            lows.least as low_least,
            bool_or(lows.least < moved.low or highs.least != highs.greatest)
                over (partition by moved.company, moved.low) as is_open
        from moved
        inner join near as highs on moved.company = highs.company and moved.high = highs.identity
        inner join near as lows on moved.company = lows.company and moved.low = lows.identity
        where not moved.is_whole
    ) as beside
),

wholes as (
    select distinct
        company,
        high,
        low
    from moved
    where is_whole
),

everybody as (
    select distinct
        company,
        identity,
        value,
        substr(identity, 1, strpos(identity, ':') - 1) as kind
    from known
),

joined as (
    select
        everybody.*,
        coalesce(wholes.low, everybody.identity) as least
    from everybody
    left join wholes on everybody.company = wholes.company and everybody.identity = wholes.high
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
