-- One row a lead: a deal when it was opened, or the first message of a contact with whom we had nothing before.
-- An attempt is our next call or message to the contact, or to a group in which he wrote, but for those that were not
-- permitted or failed, or that we took a call of his; a contact is the next pickup of a call in which somebody talked
-- with him, whoever called. What comes while we talk with him, as a deal that is opened during the call, has both.
-- Internal and test calls are neither.
-- key: lead_id
-- columns:
--   lead_id varchar: id of the deal or of the message
--   company varchar: tenant
--   kind varchar: deal or message
--   channel varchar: channel of the message, null for a deal
--   team_id varchar: team of whoever is responsible for the deal
--   operator_id varchar: operator who is responsible for the deal
--   contact_id varchar: the contact, null when nobody knows
--   came_at timestamptz: when it came
--   day date: local date of came_at in the company's zone
--   hour integer: local hour of came_at, 0 to 23
--   weekday integer: local weekday of came_at, 1 is Monday
--   attempted_at timestamptz: our first attempt after it, null while there is none
--   contacted_at timestamptz: first contact after it, null while there is none
--   attempt_seconds double, seconds: came_at to attempted_at
--   contact_seconds double, seconds: came_at to contacted_at
--   band varchar: minutes to the first attempt: 0-5, 5-15, 15-60 or 60+; null without an attempt
with
calls as (
    select
        calls.company,
        calls.direction,
        calls.outcome,
        calls.started_at,
        calls.answered_at,
        calls.ended_at,
        identities.contact_id
    from facts.calls
    inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
    where not calls.is_internal and not calls.is_test
),

messages as (
    select
        messages.message_id,
        messages.company,
        messages.direction,
        messages.channel,
        messages.status,
        messages.first_at,
        identities.contact_id
    from facts.messages
    inner join facts.identities on messages.company = identities.company and messages.contact_key = identities.identity
),

deals as (
    select
        deals.*,
        identities.contact_id
    from facts.deals
    left join facts.identities on deals.company = identities.company and deals.contact_key = identities.identity
),

contacts as (
    select
        company,
        contact_id,
        answered_at as contacted_at,
        ended_at
    from calls
    where outcome = 'answered'
),

attempts as (
    select
        company,
        contact_id,
        started_at as attempted_at
    from calls
    where direction = 'outgoing' and outcome != 'not_permitted'
    union all
    select
        company,
        contact_id,
        contacted_at as attempted_at
    from contacts
    union all
    select
        company,
        contact_id,
        first_at as attempted_at
    from messages
    where direction = 'outgoing' and status != 'failed'
    union all
    select
        company,
        contact_id,
        first_at as attempted_at
    from reports.words_in_groups
    where status != 'failed'
),

-- The first that is known of each contact, of any kind.
met as (
    select
        company,
        contact_id,
        min(met_at) as met_at
    from (
        select
            company,
            contact_id,
            started_at as met_at
        from calls
        union all
        select
            company,
            contact_id,
            first_at as met_at
        from messages
        union all
        select
            company,
            contact_id,
            created_at as met_at
        from deals
    ) as everything
    group by company, contact_id
),

first_messages as (
    select
        company,
        contact_id,
        min(first_at) as came_at,
        arg_min(message_id, (first_at, message_id)) as message_id,
        arg_min(channel, (first_at, message_id)) as channel
    from messages
    where direction = 'incoming'
    group by company, contact_id
),

came as (
    select
        deal_id as lead_id,
        company,
        'deal' as kind,
        cast(null as varchar) as channel,
        team_id,
        operator_id,
        contact_id,
        created_at as came_at
    from deals
    where is_created_known
    union all
    select
        first_messages.message_id as lead_id,
        first_messages.company,
        'message' as kind,
        first_messages.channel,
        cast(null as varchar) as team_id,
        cast(null as varchar) as operator_id,
        first_messages.contact_id,
        first_messages.came_at
    from first_messages
    inner join met
        on
            first_messages.company = met.company
            and first_messages.contact_id = met.contact_id
            and first_messages.came_at = met.met_at
),

-- Whether somebody talked with the contact when it came.
heard as (
    select
        came.*,
        coalesce(contacts.ended_at >= came.came_at, false) as is_in_talk
    from came
    asof left join contacts
        on
            came.company = contacts.company
            and came.contact_id = contacts.contact_id
            and came.came_at >= contacts.contacted_at
),

attempted as (
    select
        heard.*,
        if(heard.is_in_talk, heard.came_at, attempts.attempted_at) as attempted_at
    from heard
    asof left join attempts
        on
            heard.company = attempts.company
            and heard.contact_id = attempts.contact_id
            and heard.came_at <= attempts.attempted_at
),

contacted as (
    select
        attempted.*,
        if(attempted.is_in_talk, attempted.came_at, contacts.contacted_at) as contacted_at
    from attempted
    asof left join contacts
        on
            attempted.company = contacts.company
            and attempted.contact_id = contacts.contact_id
            and attempted.came_at <= contacts.contacted_at
),

timed as (
    select
        contacted.*,
        timezone(coalesce(companies.time_zone, 'UTC'), contacted.came_at) as local_came,
        epoch_ms(contacted.attempted_at) - epoch_ms(contacted.came_at) as attempt_ms,
        epoch_ms(contacted.contacted_at) - epoch_ms(contacted.came_at) as contact_ms
    from contacted
    left join reference.companies on contacted.company = companies.company
)

select
    lead_id,
    company,
    kind,
    channel,
    team_id,
    operator_id,
    contact_id,
    came_at,
    cast(local_came as date) as day,
    cast(extract(hour from local_came) as integer) as hour,
    cast(extract(isodow from local_came) as integer) as weekday,
    attempted_at,
    contacted_at,
    attempt_ms / 1000 as attempt_seconds,
    contact_ms / 1000 as contact_seconds,
    case
        when attempt_ms <= 300000 then '0-5'
        when attempt_ms <= 900000 then '5-15'
        when attempt_ms <= 3600000 then '15-60'
        when attempt_ms > 3600000 then '60+'
    end as band
from timed
