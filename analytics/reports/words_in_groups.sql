-- One row a message of ours in a group and a contact who had written there before it: he heard it.
-- Whoever writes to a group is a contact by himself; what we write there names nobody.
-- key: message_id, contact_id
-- columns:
--   message_id varchar: the message
--   contact_id varchar: the contact
--   company varchar: tenant
--   account varchar: connected number or session
--   channel varchar: whatsapp, telegram, …
--   conversation_id varchar: the group
--   operator_id varchar: operator who wrote it, null when not known
--   team_id varchar: the operator's team
--   first_at timestamptz: when it was written
--   status varchar: sent, failed, delivered or read
--   kind varchar: text, image, … , null when not known
--   text varchar: text or caption
--   reaction varchar: emoji that now stands on it
--   day date: local date of first_at
with
ours as (
    select *
    from facts.messages
    where direction = 'outgoing' and contact_key is null
),

members as (
    select
        messages.company,
        messages.conversation_id,
        identities.contact_id,
        min(messages.first_at) as wrote_at
    from facts.messages
    semi join ours on messages.company = ours.company and messages.conversation_id = ours.conversation_id
    inner join facts.identities
        on messages.company = identities.company and messages.contact_key = identities.identity
    where messages.direction = 'incoming'
    group by messages.company, messages.conversation_id, identities.contact_id
)

select
    ours.message_id,
    members.contact_id,
    ours.company,
    ours.account,
    ours.channel,
    ours.conversation_id,
    ours.operator_id,
    ours.team_id,
    ours.first_at,
    ours.status,
    ours.kind,
    ours.text,
    ours.reaction,
    ours.day
from ours
inner join members
    on
        ours.company = members.company and ours.conversation_id = members.conversation_id
        and ours.first_at >= members.wrote_at
