-- One row a state of a connected number or session, from the fact that told of it to the next of the same aspect.
-- Aspects: link (linked, unlinked), reach (online, offline), restriction (restricted, lifted), quality (its word). A
-- restriction is lifted when it says so by its end, or when the account comes online or is linked after it. Where the
-- facts of an account name several numbers, each number has states of its own.
-- key: event_id, aspect
-- events: account.*
-- entity: $.account
-- time: began_at
-- columns:
--   event_id varchar: id of the fact that told of it
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   company_number varchar: the company's number, null where the fact names none
--   aspect varchar: link, reach, restriction or quality
--   state varchar: linked, unlinked, online, offline, restricted, lifted, or judged
--   word varchar: what is limited, or how good the provider finds the account
--   began_at timestamptz: when it began
--   ended_at timestamptz: when it ended, null while it lasts; of a restriction that says its end, no later than that
--   provider_status varchar: the provider's own word
--   day date: local date of began_at in the company's zone
with
told as (
    select
        *,
        count(distinct company_number) over (partition by company, source, account) > 1 as has_several
    from (select distinct * from staging.account_facts) as facts
),

states as (
    select
        event_id,
        company,
        source,
        account,
        company_number,
        if(has_several, company_number, null) as of_number,
        place,
        time,
        expires_at,
        provider_status,
        coalesce(restriction, quality) as word,
        unnest(case type
            when 'account.linked'
                then [{ 'aspect': 'link', 'state': 'linked' }, { 'aspect': 'restriction', 'state': 'lifted' }]
            when 'account.unlinked' then [{ 'aspect': 'link', 'state': 'unlinked' }]
            when 'account.came_online'
                then [{ 'aspect': 'reach', 'state': 'online' }, { 'aspect': 'restriction', 'state': 'lifted' }]
            when 'account.went_offline' then [{ 'aspect': 'reach', 'state': 'offline' }]
            when 'account.restricted' then [{ 'aspect': 'restriction', 'state': 'restricted' }]
            when 'account.quality_changed' then [{ 'aspect': 'quality', 'state': 'judged' }]
        end, recursive := true) as told
    from told
),

followed as (
    select
        *,
        lag(state) over aspects as state_before,
        lead(time) over aspects as next_at
    from states
    window aspects as (partition by company, source, account, of_number, aspect order by place)
)

select
    followed.event_id,
    followed.company,
    followed.source,
    followed.account,
    followed.company_number,
    followed.aspect,
    followed.state,
    followed.word,
    followed.time as began_at,
    least(followed.next_at, case when followed.state = 'restricted' then followed.expires_at end) as ended_at,
    followed.provider_status,
    cast(timezone(coalesce(companies.time_zone, 'UTC'), followed.time) as date) as day
from followed
left join reference.companies on followed.company = companies.company
where followed.state != 'lifted' or followed.state_before = 'restricted'
