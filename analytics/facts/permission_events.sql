-- One row a fact about a contact's consent to be called by an account: requested, granted, denied or revoked.
-- What follows from them under the company's policy stands in facts.permissions and facts.permission_requests.
-- key: event_id
-- events: permission.*
-- entity: $.event_id
-- time: told_at
-- columns:
--   event_id varchar: id of the fact
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number
--   channel varchar: channel of the calls that it is about
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   also_known_as varchar[]: further identities of the contact that it names, sorted; null where there are none
--   company_number varchar: the company's number
--   word varchar: requested, granted, denied or revoked
--   told_at timestamptz: when it occurred, by the source's clock
--   kind varchar: temporary or permanent, of grants
--   expires_at timestamptz: the provider's word on when a grant ends
--   given_by varchar: user_action, automatic or unknown, null for requests
--   request_message_id varchar: the provider's id of the message that asked
--   day date: local date of told_at in the company's zone
with
told as (
    select distinct
        * exclude (identities),
        nullif(list_sort(list_filter(
            list_distinct(identities), lambda identity: identity != contact_key
        )), []) as also_known_as
    from staging.permission_facts
)

select
    told.event_id,
    told.company,
    told.source,
    told.account,
    told.channel,
    told.contact_key,
    told.also_known_as,
    told.company_number,
    substr(told.type, 12) as word,
    told.time as told_at,
    told.kind,
    told.expires_at,
    told.given_by,
    told.request_message_id,
    cast(timezone(coalesce(companies.time_zone, 'UTC'), told.time) as date) as day
from told
left join reference.companies on told.company = companies.company
