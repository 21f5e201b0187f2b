-- One row a deal of a CRM, folded from all its facts, free of their order and of repeats.
-- The latest fact says where it stands, so that a deal that moves on after it was lost is open again; of one moment,
-- what brings it further outweighs. That it was opened says nothing against it: a CRM into which a deal came when it
-- was over calls that its opening. Of what several facts say of its contact, its worth and who is responsible, the
-- latest outweighs, of whatever type it is. Who had the deal before is another person, and stands in
-- facts.deal_contacts; whoever was parted from it has it no longer, until a later fact names him.
-- It holds deals that were deleted or went into another, too; facts.deals shows those that count.
-- key: deal_id
-- events: deal.*
-- entity: $.deal_id
-- time: created_at
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
--   is_deleted boolean: whether it was deleted in the CRM, and not restored
--   into_deal_id varchar: the deal that it went into, null while it is one of its own
--   day date: local date of created_at in the company's zone
--   events integer: its facts, of which the log holds each once
with
states as (
    select
        deal_id,
        arg_max(type, place) filter (where type in ('deal.moved', 'deal.won', 'deal.lost')) as last_type,
        arg_max(stage, place) as stage,
        max(place) filter (where type in ('deal.moved', 'deal.lost')) as last_not_won,
        max(place) filter (where type in ('deal.moved', 'deal.won')) as last_not_lost,
        max(place) filter (where type = 'deal.restored') as restored
    from staging.deal_facts
    group by deal_id
),

-- What last told of another stage than where it stands, or that it was won or lost. CRMs tell the same stage again with
-- whatever else changes.
elsewhere as (
    select
        told.deal_id,
        max(told.place) as place
    from staging.deal_facts as told
    inner join states on told.deal_id = states.deal_id
    where
        told.type in ('deal.won', 'deal.lost')
        or (told.type in ('deal.created', 'deal.moved') and told.stage != states.stage)
    group by told.deal_id
),

folded as (
    select
        told.deal_id,
        arg_min(told.company, told.place) as company,
        arg_min(told.source, told.place) as source,
        arg_min(told.account, told.place) as account,
        arg_min(
            told.provider_deal_id, if(told.provider_deal_id = told.deal_id, '1', '0') || told.place
        ) as provider_deal_id,
        arg_max(told.contact_name, told.place) filter (where told.type != 'deal.parted') as contact_name,
        arg_max_null(told.pipeline, told.place) filter (
            where told.pipeline is not null or list_contains(told.emptied, 'pipeline')
        ) as pipeline,
        any_value(states.stage) as stage,
        case any_value(states.last_type) when 'deal.won' then 'won' when 'deal.lost' then 'lost' else 'open' end
            as status,
        if(
            bool_or(told.type = 'deal.created'),
            min(told.time) filter (where told.type in ('deal.created', 'deal.won', 'deal.lost')),
            min(told.time)
        ) as created_at,
        bool_or(told.type = 'deal.created') as is_created_known,
        min(told.time) filter (
            where told.type = 'deal.moved' and states.last_type = 'deal.moved'
            and told.place > coalesce(elsewhere.place, '')
        ) as last_moved_at,
        min(told.time) filter (
            where told.type = 'deal.won' and states.last_type = 'deal.won'
            and told.place > coalesce(states.last_not_won, '')
        ) as won_at,
        min(told.time) filter (
            where told.type = 'deal.lost' and states.last_type = 'deal.lost'
            and told.place > coalesce(states.last_not_lost, '')
        ) as lost_at,
        arg_max(told.reason, told.place) filter (where told.type = 'deal.lost') as reason,
        arg_max_null(told.operator, told.place) filter (
            where told.operator is not null or list_contains(told.emptied, 'operator')
        ) as operator_endpoint,
        arg_max_null(told.amount, told.place) filter (
            where told.amount is not null or list_contains(told.emptied, 'amount')
        ) as amount,
        arg_max(told.currency, told.place) as currency,
        bool_or(told.type = 'deal.deleted' and told.place > coalesce(states.restored, '')) as is_deleted,
        arg_max(told.into_deal_id, told.place) filter (
            where told.type = 'deal.merged' and told.into_deal_id != told.deal_id
            and told.place > coalesce(states.restored, '')
        ) as into_deal_id,
        count(*) as events
    from staging.deal_facts as told
    inner join states on told.deal_id = states.deal_id
    left join elsewhere on told.deal_id = elsewhere.deal_id
    group by told.deal_id
),

parted as (
    select
        deal_id,
        identity,
        max(place) as place
    from (
        select
            deal_id,
            unnest(coalesce(identities, [contact_key])) as identity,
            place
        from staging.deal_facts
        where type = 'deal.parted'
    ) as partings
    group by deal_id, identity
),

named as (
    select
        deal_id,
        place,
        contact_key,
        coalesce(identities, [contact_key]) as identities
    from staging.deal_facts
    where contact_key is not null and type != 'deal.parted'
),

outdated as (
    select distinct
        told.deal_id,
        told.place
    from (
        select
            deal_id,
            place,
            unnest(identities) as identity
        from named
    ) as told
    inner join parted on told.deal_id = parted.deal_id and told.identity = parted.identity
    where told.place < parted.place
),

-- Facts that name a contact who was not parted from the deal since.
naming as (
    select named.*
    from named
    anti join outdated on named.deal_id = outdated.deal_id and named.place = outdated.place
),

latest as (
    select
        deal_id,
        arg_max(identities, place) as identities
    from naming
    group by deal_id
),

-- Of the facts that name a contact, those that name the one whom the latest of them names.
held as (
    select
        naming.deal_id,
        arg_max(
            naming.contact_key, if(starts_with(naming.contact_key, 'phone:'), '1', '0') || naming.place
        ) as contact_key,
        list_distinct(flatten(list(naming.identities))) as identities
    from naming
    inner join latest on naming.deal_id = latest.deal_id
    where list_has_any(naming.identities, latest.identities)
    group by naming.deal_id
),

known as (
    select
        deal_id,
        contact_key,
        nullif(list_sort(list_filter(identities, lambda identity: identity != contact_key)), []) as also_known_as
    from held
),

placed as (
    select
        folded.*,
        known.contact_key,
        known.also_known_as,
        cast(timezone(coalesce(companies.time_zone, 'UTC'), folded.created_at) as date) as day
    from folded
    left join known on folded.deal_id = known.deal_id
    left join reference.companies on folded.company = companies.company
)

select
    placed.deal_id,
    placed.company,
    placed.source,
    placed.account,
    placed.provider_deal_id,
    placed.contact_key,
    placed.also_known_as,
    placed.contact_name,
    placed.pipeline,
    placed.stage,
    placed.status,
    placed.created_at,
    placed.is_created_known,
    coalesce(placed.won_at, placed.lost_at, placed.last_moved_at) as moved_at,
    placed.won_at,
    placed.lost_at,
    case when placed.status = 'lost' then placed.reason end as reason,
    placed.operator_endpoint,
    endpoints.operator_id,
    endpoints.team_id,
    placed.amount,
    case when placed.amount is not null then placed.currency end as currency,
    placed.is_deleted,
    placed.into_deal_id,
    placed.day,
    cast(placed.events as integer) as events
from placed
left join reference.endpoints
    on
        placed.company = endpoints.company and placed.operator_endpoint = endpoints.endpoint
        and placed.day >= endpoints.valid_from and placed.day < endpoints.valid_until
