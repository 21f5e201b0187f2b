-- One row a conversation: all calls and messages of a contact with the company in one history, summed up.
-- Internal and test calls are left out. Its entries are rows of facts.calls and facts.messages, found by the contact's
-- identities; reports.conversation_entries lists them in their order, and reports.waiting_contacts who waits for us.
-- It follows from these facts, and is not stored.
-- key: contact_id
-- columns:
--   contact_id varchar: the contact
--   company varchar: tenant
--   first_at timestamptz: beginning of the first call or message
--   last_at timestamptz: beginning of the last; of one moment, what came from us is the later
--   last_kind varchar: call or message
--   last_id varchar: its call_id or message_id
--   last_direction varchar: its direction
--   last_outcome varchar: outcome of the call, status of the message
--   last_account varchar: its account
--   last_channel varchar: its channel
--   channels varchar[]: channels of all, sorted
--   incoming_calls integer: calls from the contact
--   outgoing_calls integer: calls to the contact
--   answered_calls integer: calls of either direction in which a person talked
--   missed_calls integer: incoming calls that were missed or abandoned
--   talk_seconds double, seconds: talk of all calls
--   incoming_messages integer: messages from the contact
--   outgoing_messages integer: messages to the contact
--   day date: local date of last_at in the company's zone
with
entries as (
    select
        identities.contact_id,
        calls.company,
        'call' as kind,
        calls.call_id as id,
        calls.started_at as moment,
        calls.direction,
        calls.outcome,
        calls.account,
        calls.channel,
        coalesce(cast(round(calls.talk_seconds * 1000) as bigint), 0) as talk_ms
    from facts.calls
    inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
    where not calls.is_internal and not calls.is_test
    union all
    select
        identities.contact_id,
        messages.company,
        'message' as kind,
        messages.message_id as id,
        messages.first_at as moment,
        messages.direction,
        messages.status as outcome,
        messages.account,
        messages.channel,
        0 as talk_ms
    from facts.messages
    inner join facts.identities
        on messages.company = identities.company and messages.contact_key = identities.identity
),

folded as (
    select
        contact_id,
        any_value(company) as company,
        min(moment) as first_at,
        max(moment) as last_at,
        arg_max(
            struct_pack(
                kind := kind, id := id, direction := direction, outcome := outcome, account := account,
                channel := channel
            ),
            (moment, direction, id)
        ) as latest,
        list_sort(list_distinct(list(channel))) as channels,
        count(*) filter (where kind = 'call' and direction = 'incoming') as incoming_calls,
        count(*) filter (where kind = 'call' and direction = 'outgoing') as outgoing_calls,
        count(*) filter (where kind = 'call' and outcome = 'answered') as answered_calls,
        count(*) filter (where kind = 'call' and outcome in ('missed', 'abandoned')) as missed_calls,
        sum(talk_ms) as talk_ms,
        count(*) filter (where kind = 'message' and direction = 'incoming') as incoming_messages,
        count(*) filter (where kind = 'message' and direction = 'outgoing') as outgoing_messages
    from entries
    group by contact_id
)

select
    folded.contact_id,
    folded.company,
    folded.first_at,
    folded.last_at,
    folded.latest.kind as last_kind,
    folded.latest.id as last_id,
    folded.latest.direction as last_direction,
    folded.latest.outcome as last_outcome,
    folded.latest.account as last_account,
    folded.latest.channel as last_channel,
    folded.channels,
    cast(folded.incoming_calls as integer) as incoming_calls,
    cast(folded.outgoing_calls as integer) as outgoing_calls,
    cast(folded.answered_calls as integer) as answered_calls,
    cast(folded.missed_calls as integer) as missed_calls,
    cast(folded.talk_ms as bigint) / 1000 as talk_seconds,
    cast(folded.incoming_messages as integer) as incoming_messages,
    cast(folded.outgoing_messages as integer) as outgoing_messages,
    cast(timezone(coalesce(companies.time_zone, 'UTC'), folded.last_at) as date) as day
from folded
left join reference.companies on folded.company = companies.company
