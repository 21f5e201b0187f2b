-- One row a company whose conversations do not add up to its calls and messages with a known contact.
-- key: company
-- severity: fail
-- columns:
--   company varchar: tenant
--   entries bigint: calls and messages of known contacts, without internal and test calls
--   entries_summed bigint: the same in facts.conversations, without those of unknown direction
with
listed as (
    select
        calls.company,
        calls.direction
    from facts.calls
    inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
    where not calls.is_internal and not calls.is_test
    union all
    select
        messages.company,
        messages.direction
    from facts.messages
    inner join facts.identities
        on messages.company = identities.company and messages.contact_key = identities.identity
),

counted as (
    select
        company,
        count_if(direction in ('incoming', 'outgoing')) as entries
    from listed
    group by company
),

summed as (
    select
        company,
        sum(incoming_calls + outgoing_calls + incoming_messages + outgoing_messages) as entries
    from facts.conversations
    group by company
)

select
    coalesce(counted.company, summed.company) as company,
    cast(coalesce(counted.entries, 0) as bigint) as entries,
    cast(coalesce(summed.entries, 0) as bigint) as entries_summed
from counted
full outer join summed on counted.company = summed.company
where coalesce(counted.entries, 0) != coalesce(summed.entries, 0)
