-- One row a connected number or session of which a fact was told: its last state, folded free of order and repeats.
-- key: company, source, account
-- events: account.*
-- entity: $.account
-- time: last_at
-- columns:
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   company_number varchar: the company's number
--   is_linked boolean: whether it is connected, null when no fact says so
--   is_online boolean: whether the linked phone can be reached, null when no fact says so
--   restriction varchar: what the provider limits, null when nothing; look at restricted_until too
--   restricted_at timestamptz: when the restriction began
--   restricted_until timestamptz: when it ends, null when the provider names no end
--   quality varchar: how good the provider finds it, in the provider's word
--   quality_at timestamptz: when it was last judged
--   provider_status varchar: the provider's own word, of the last fact
--   first_at timestamptz: its first fact
--   last_at timestamptz: its last fact
--   restrictions integer: times it was restricted
--   disconnections integer: times it was unlinked or went offline
--   events integer: its facts, of which the log holds each once
with
told as (
    select distinct * from staging.account_facts
),

folded as (
    select
        company,
        source,
        account,
        arg_max(company_number, place) as company_number,
        arg_max(type, place) filter (where type in ('account.linked', 'account.unlinked')) as last_link,
        arg_max(type, place) filter (where type in ('account.came_online', 'account.went_offline')) as last_reach,
        max(place) filter (where type in ('account.linked', 'account.came_online')) as lifted_place,
        max(place) filter (where type = 'account.restricted') as restricted_place,
        arg_max(
            struct_pack(word := coalesce(restriction, provider_status, 'restricted'), at := time, until := expires_at),
            place
        ) filter (where type = 'account.restricted') as restricted,
        arg_max(struct_pack(word := quality, at := time), place) filter (where type = 'account.quality_changed')
            as assessed,
        arg_max(provider_status, place) as provider_status,
        min(time) as first_at,
        max(time) as last_at,
        cast(count(*) filter (where type = 'account.restricted') as integer) as restrictions,
        cast(count(*) filter (where type in ('account.unlinked', 'account.went_offline')) as integer)
            as disconnections,
        cast(count(*) as integer) as events
    from told
    group by company, source, account
),

judged as (
    select
        *,
        restricted_place > coalesce(lifted_place, '') as is_restricted
    from folded
)

select
    judged.company,
    judged.source,
    judged.account,
    judged.company_number,
    judged.last_link = 'account.linked' as is_linked,
    judged.last_reach = 'account.came_online' as is_online,
    case when judged.is_restricted then judged.restricted.word end as restriction,
    case when judged.is_restricted then judged.restricted.at end as restricted_at,
    case when judged.is_restricted then judged.restricted.until end as restricted_until,
    judged.assessed.word as quality,
    judged.assessed.at as quality_at,
    judged.provider_status,
    judged.first_at,
    judged.last_at,
    judged.restrictions,
    judged.disconnections,
    judged.events
from judged
