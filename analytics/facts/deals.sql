-- One row a deal that counts: it was not deleted in its CRM, and what went into another counts as that one.
-- It shows the rows of facts.told_deals. A deal into which others went was opened when the first of them was. What its
-- own facts do not say of contact, course, worth and who is responsible, those say that went into it, first the one
-- that moved last. Deals that are said to have gone into each other stay what they are.
-- key: deal_id
-- columns:
--   deal_id varchar: id of the deal
--   company varchar: tenant
--   source varchar: CRM
--   account varchar: connected CRM
--   provider_deal_id varchar: the CRM's own id; ours where only an erased person's facts told it
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   also_known_as varchar[]: further identities that its facts name with one of his, sorted; null where there are none
--   contact_name varchar: name of the contact
--   pipeline varchar: the CRM's own id or name of the funnel
--   stage varchar: the CRM's own id or name of the stage it is in
--   status varchar: open, won or lost
--   created_at timestamptz: when it was opened, at latest when won or lost; where no fact says so, its earliest fact
--   is_created_known boolean: whether a fact says when it was opened
--   moved_at timestamptz: since when it is in its stage, or won or lost; null where no fact says that it moved
--   won_at timestamptz: when it was won, null while it is not
--   lost_at timestamptz: when it was lost, null while it is not
--   reason varchar: the CRM's own word for why it was lost
--   operator_endpoint varchar: who is responsible, as the CRM writes him
--   operator_id varchar: operator whose endpoint that was on the day it was opened
--   team_id varchar: the operator's team on that day
--   amount decimal(21,6): what it is worth
--   currency varchar: currency of the amount, ISO 4217
--   day date: local date of created_at in the company's zone
--   events integer: its facts, of which the log holds each once
with recursive
merged as materialized (
    select
        company,
        deal_id,
        into_deal_id
    from facts.told_deals
    where into_deal_id is not null
),

-- Where each leads, twice as far in each round: a thousand in a row take ten. Those that lead round in a circle take
-- twenty.
went as (
    select
        company,
        deal_id,
        into_deal_id,
        1 as nth
    from merged
    union all
    select
        company,
        deal_id,
        into_deal_id,
        nth
    from (
        select
            went.company,
            went.deal_id,
            coalesce(further.into_deal_id, went.into_deal_id) as into_deal_id,
            went.nth + 1 as nth,
            bool_or(further.deal_id is not null) over () as leads_on
        from went
        left join went as further on went.company = further.company and went.into_deal_id = further.deal_id
    ) as led
    where leads_on and nth <= 20
),

-- Where each deal that went into another is at last, and where those others are themselves.
homes as (
    select
        company,
        deal_id,
        into_deal_id as home
    from went
    where
        not exists (
            select 1 from merged as onward
            where went.company = onward.company and went.into_deal_id = onward.deal_id
        )
),

places as (
    select
        company,
        deal_id,
        home
    from homes
    union
    select
        company,
        home as deal_id,
        home
    from homes
),

parts as (
    select
        told.*,
        places.home,
        -- Its own facts before those of others, of which the one that moved last.
        (told.deal_id != places.home, -epoch_us(coalesce(told.moved_at, told.created_at)), told.deal_id) as nth
    from places
    inner join facts.told_deals as told on places.company = told.company and places.deal_id = told.deal_id
),

joined as (
    select
        home as deal_id,
        company,
        arg_min(source, nth) as source,
        arg_min(account, nth) as account,
        arg_min(provider_deal_id, nth) as provider_deal_id,
        arg_min(
            struct_pack(key := contact_key, others := also_known_as), nth
        ) filter (where contact_key is not null) as contact,
        arg_min(contact_name, nth) as contact_name,
        arg_min(pipeline, nth) as pipeline,
        arg_min(stage, nth) as stage,
        arg_min(
            struct_pack(status := status, won_at := won_at, lost_at := lost_at, reason := reason), nth
        ) filter (
            where moved_at is not null or stage is not null
        ) as course,
        arg_min(struct_pack(at := created_at, day := day), (not is_created_known, created_at, deal_id)) as opened,
        bool_or(is_created_known) as is_created_known,
        arg_min(moved_at, nth) as moved_at,
        arg_min(
            struct_pack(endpoint := operator_endpoint, id := operator_id, team_id := team_id), nth
        ) filter (
            where operator_endpoint is not null
        ) as operator,
        arg_min(struct_pack(amount := amount, currency := currency), nth) filter (where amount is not null) as worth,
        bool_or(is_deleted and deal_id = home) as is_deleted,
        cast(sum(events) as integer) as events
    from parts
    group by home, company
)

select * exclude (is_deleted, into_deal_id)
from facts.told_deals
where
    not is_deleted
    and not exists (
        select 1 from places
        where told_deals.company = places.company and told_deals.deal_id = places.deal_id
    )
union all by name
select
    deal_id,
    company,
    source,
    account,
    provider_deal_id,
    contact.key as contact_key,
    contact.others as also_known_as,
    contact_name,
    pipeline,
    stage,
    coalesce(course.status, 'open') as status,
    opened.at as created_at,
    is_created_known,
    moved_at,
    course.won_at,
    course.lost_at,
    course.reason,
    operator.endpoint as operator_endpoint,
    operator.id as operator_id,
    operator.team_id,
    worth.amount,
    worth.currency,
    opened.day,
    events
from joined
where not is_deleted
