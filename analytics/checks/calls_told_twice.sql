-- One row a call that another source tells of too: of the same contact, direction and channel, begun at about the same
-- time, and talked about as long. A CRM logs calls that a telephony tells of; each is counted, until the account of the
-- one has `tells_calls = false` in company.toml.
-- key: call_id
-- severity: warn
-- columns:
--   call_id varchar: the later call
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   started_at timestamptz: when it began
--   other_call_id varchar: the call before it
--   other_source varchar: its provider
--   other_account varchar: its connected number or session
with
-- Whoever only one source tells of is left out: hardly anybody needs to be put in order then.
contacts as (
    select
        company,
        contact_key
    from facts.calls
    group by company, contact_key
    having min(source) != max(source)
),

followed as (
    select
        calls.call_id,
        calls.company,
        calls.source,
        calls.account,
        calls.started_at,
        coalesce(calls.talk_seconds, 0) as talk_seconds,
        lag(calls.call_id) over in_order as other_call_id,
        lag(calls.source) over in_order as other_source,
        lag(calls.account) over in_order as other_account,
        lag(calls.started_at) over in_order as other_started_at,
        coalesce(lag(calls.talk_seconds) over in_order, 0) as other_talk_seconds
    from facts.calls
    inner join contacts on calls.company = contacts.company and calls.contact_key = contacts.contact_key
    where calls.outcome != 'in_progress'
    window in_order as (
        partition by calls.company, calls.contact_key, calls.direction, calls.channel
        order by calls.started_at, calls.call_id
    )
)

select
    call_id,
    company,
    source,
    account,
    started_at,
    other_call_id,
    other_source,
    other_account
from followed
where
    source != other_source
    and abs(talk_seconds - other_talk_seconds) <= 2
    and started_at <= other_started_at + interval 1 minute + to_seconds(talk_seconds)
