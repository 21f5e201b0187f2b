-- One row a contact who waits for our word: he wrote, rang in vain or left a voicemail after it.
-- Our word is a message to him that did not fail, or to a group in which he had written, or a call in which somebody
-- talked. Internal and test calls are left out.
-- key: contact_id
-- columns:
--   contact_id varchar: the contact
--   company varchar: tenant
--   waiting_since timestamptz: his first message, voicemail or missed call after our last word
--   day date: local date of waiting_since
with
entries as (
    select
        identities.contact_id,
        calls.company,
        calls.started_at as moment,
        calls.outcome = 'answered' as is_our_word,
        calls.outcome in ('missed', 'abandoned') or (calls.direction = 'incoming' and calls.outcome = 'voicemail')
            as is_turn
    from facts.calls
    inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
    where not calls.is_internal and not calls.is_test
    union all
    select
        identities.contact_id,
        messages.company,
        messages.first_at as moment,
        messages.direction = 'outgoing' and messages.status != 'failed' as is_our_word,
        messages.direction = 'incoming' as is_turn
    from facts.messages
    inner join facts.identities
        on messages.company = identities.company and messages.contact_key = identities.identity
    union all
    select
        contact_id,
        company,
        first_at as moment,
        status != 'failed' as is_our_word,
        false as is_turn
    from reports.words_in_groups
),

heard as (
    select
        contact_id,
        max(moment) filter (where is_our_word) as heard_at
    from entries
    group by contact_id
),

waiting as (
    select
        entries.contact_id,
        any_value(entries.company) as company,
        min(entries.moment) as waiting_since
    from entries
    inner join heard on entries.contact_id = heard.contact_id
    where entries.is_turn and entries.moment > coalesce(heard.heard_at, timestamptz '-infinity')
    group by entries.contact_id
)

select
    waiting.contact_id,
    waiting.company,
    waiting.waiting_since,
    cast(timezone(coalesce(companies.time_zone, 'UTC'), waiting.waiting_since) as date) as day
from waiting
left join reference.companies on waiting.company = companies.company
