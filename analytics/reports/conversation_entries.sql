-- One row an entry of a conversation: a call or a message of a contact, in one history.
-- key: kind, id
-- columns:
--   contact_id varchar: the contact
--   company varchar: tenant
--   moment timestamptz: when the call began or the message was written
--   kind varchar: call or message
--   id varchar: its call_id or message_id
--   direction varchar: incoming, outgoing or unknown
--   outcome varchar: outcome of the call, status of the message
--   account varchar: connected number or session
--   channel varchar: phone, whatsapp, …
--   operator_id varchar: operator who talked or wrote, null when not known
--   talk_seconds double, seconds: talk of an answered call
--   text varchar: text or caption of a message
--   day date: local date of moment
select
    identities.contact_id,
    calls.company,
    calls.started_at as moment,
    'call' as kind,
    calls.call_id as id,
    calls.direction,
    calls.outcome,
    calls.account,
    calls.channel,
    calls.operator_id,
    calls.talk_seconds,
    null as text,
    calls.day
from facts.calls
inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
where not calls.is_internal and not calls.is_test
union all
select
    identities.contact_id,
    messages.company,
    messages.first_at as moment,
    'message' as kind,
    messages.message_id as id,
    messages.direction,
    messages.status as outcome,
    messages.account,
    messages.channel,
    messages.operator_id,
    null as talk_seconds,
    messages.text,
    messages.day
from facts.messages
inner join facts.identities on messages.company = identities.company and messages.contact_key = identities.identity
