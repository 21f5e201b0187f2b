-- One row a leg, and one more a call (leg_id null) for what is said of it as a whole: all its facts taken together.
-- The fold is free of their order and of repeats, and counts in milliseconds, so that sums are exact. Of several facts
-- that one leg ended, the one that knows most leads, field by field. A duration alone does not prove that a person
-- talked where the provider says that nobody picked up: then a fact must name the pickup.
-- key: call_id, leg_id
-- events: call.*
-- columns:
--   call_id varchar: call of the leg
--   leg_id varchar: leg, null for the call as a whole
--   place varchar: sorts what is said of a call before what is said of its legs, and these by their first fact
--   last_place varchar: sorts legs by their last fact, but for those about recordings; null where there is no other
--   is_ring boolean: whether it is known by more than facts about recordings
--   is_bare boolean: whether it is known by nothing but that somebody or something picked up, of whom nothing is said
--   is_over boolean: whether it ended or was declined
--   ended_at timestamptz: when it was over
--   picked_at timestamptz: when it was picked up, by whomever, where that is known
--   is_reckoned boolean: whether no fact says so, and it is reckoned from the end and the talk
--   accepted_at timestamptz: when a person, or somebody unknown, picked up by a fact of its own
--   picked_by varchar: human, machine, voicemail, ivr or unknown, also where nobody picked up
--   talk_ms bigint, milliseconds: talk with a person; 0 where nobody or a machine picked up, null when not known yet
--   machine_ms bigint, milliseconds: pickup to end where a machine or voicemail picked up, null where nothing tells it
--   is_untimed boolean: whether a person picked up, it is over, and nothing tells how long was talked
--   is_length_told boolean: whether the provider tells its own length with ringing
--   disposition varchar: how the provider says it ended, rejected where a fact says so, null when not said
--   provider_status varchar: the provider's own word for how it ended
--   ended_by varchar: company or contact, null when not said
--   error_code varchar: the provider's error code
--   operator varchar: endpoint of the company's side, by its last fact that names one
--   operator_place varchar: sorts legs by that fact
--   to_operator varchar: endpoint to which it was last handed on
--   rang_at timestamptz: when ringing began: said by call.rang, or where an operator's leg began; what rang before a
--     menu picked up rang at nobody
--   menu_at timestamptz: when a menu picked up, where a fact of its own says so
--   machine_at timestamptz: when a machine or voicemail picked up, where that is known
--   said_start_at timestamptz: when the call began, where a fact says so
--   latest_start_at timestamptz: the latest moment at which the call can have begun
--   first_at timestamptz: time of its first fact
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   provider_call_id varchar: the provider's own id of the call
--   direction varchar: incoming, outgoing or internal, null when not said
--   channel varchar: phone, whatsapp, … , null when not said
--   device varchar: phone or computer, null when not said
--   media varchar: audio or video, null when not said
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   identities varchar[]: identities of the contact that its facts name; null where that is one, and always alone
--   contact_name varchar: name of the contact
--   company_number varchar: the company's number
--   is_test boolean: whether the provider marks the call as a test
--   transfers bigint: times it was handed on
--   events bigint: its facts, of which the log holds each once
with
-- `doubt` grows with what an ended fact leaves unsaid, then with its place in time; other facts have none.
doubted as (
    select
        *,
        type not in ('call.recording_made_available', 'call.recording_stored', 'call.transcribed') as is_of_course,
        case
            when type = 'call.ended'
                then
                    if(talk_seconds is null, '1', '0') || (
                        if(answered_at is null, 1, 0)
                        + if(answered_by = 'unknown', 1, 0)
                        + if(disposition is null, 1, 0)
                        + if(total_seconds is null, 1, 0)
                        + if(ended_by is null, 1, 0)
                        + if(error_code is null, 1, 0)
                    ) || place
        end as doubt
    from staging.call_facts
),

said as (
    select
        call_id,
        leg_id,
        min(place) as first_place,
        max(place) filter (where is_of_course) as last_place,
        bool_or(is_of_course) as is_ring,
        bool_and(
            type = 'call.accepted' and direction is null and contact_key is null and company_number is null
            and operator is null
        ) as is_bare,
        bool_or(type in ('call.ended', 'call.rejected')) as is_over,
        coalesce(arg_min(time, doubt), min(time) filter (where type = 'call.rejected')) as ended_at,
        arg_min(cast(round(talk_seconds * 1000) as bigint), doubt) as said_talk_ms,
        bool_or(total_seconds is not null) as is_length_told,
        arg_min(answered_at, doubt) as answered_at,
        min(time) filter (where type = 'call.accepted' and answered_by in ('human', 'unknown')) as accepted_at,
        bool_or(answered_by = 'human') as is_human,
        arg_min(nullif(answered_by, 'unknown'), doubt) as ended_answered_by,
        arg_max(nullif(answered_by, 'unknown'), place) filter (where type = 'call.accepted') as accepted_by,
        coalesce(
            max(time) filter (where type = 'call.accepted' and answered_by = 'unknown')
            >= max(time) filter (where type = 'call.accepted' and answered_by = 'ivr'), false
        ) as is_past_menu,
        arg_min(disposition, doubt) as said_disposition,
        bool_or(type = 'call.rejected') as is_rejected,
        arg_min(provider_status, doubt) as provider_status,
        coalesce(arg_min(ended_by, doubt), arg_min(rejected_by, place)) as ended_by,
        arg_min(error_code, doubt) as error_code,
        arg_max(operator, place) as operator,
        max(place) filter (where operator is not null) as operator_place,
        arg_max(to_operator, place) as to_operator,
        coalesce(
            min(time) filter (where type = 'call.rang'),
            min(started_at) filter (where leg_id is not null and operator is not null)
        ) as rang_at,
        min(time) filter (where type = 'call.accepted' and answered_by = 'ivr') as menu_at,
        min(time) filter (where type = 'call.accepted' and answered_by != 'ivr') as taken_at,
        min(said_start_at) as said_start_at,
        min(latest_start_at) as latest_start_at,
        min(time) as first_at,
        arg_min(company, place) as company,
        arg_min(source, place) as source,
        arg_min(account, place) as account,
        arg_min(provider_call_id, place) as provider_call_id,
        arg_min(direction, place) as direction,
        arg_min(channel, place) as channel,
        arg_min(device, place) as device,
        arg_min(media, place) as media,
        arg_min(contact_key, if(starts_with(contact_key, 'phone:'), '0', '1') || place) as contact_key,
        list_concat(
            flatten(list(identities) filter (where identities is not null)),
            case when min(contact_key) != max(contact_key) then map_keys(histogram(contact_key)) end
        ) as identities,
        arg_min(contact_name, place) as contact_name,
        arg_min(company_number, place) as company_number,
        bool_or(is_test) as is_test,
        coalesce(len(list_distinct(list(event_id) filter (where type = 'call.transferred'))), 0) as transfers,
        count(*) as events
    from doubted
    group by call_id, leg_id
),

picked as (
    select
        *,
        coalesce(answered_at, accepted_at) as picked_at,
        case
            when is_human then 'human'
            when ended_answered_by is not null then ended_answered_by
            when said_disposition = 'voicemail' then 'voicemail'
            when accepted_by = 'ivr' and is_past_menu then 'unknown'
            else coalesce(accepted_by, 'unknown')
        end as picked_by,
        coalesce(
            said_disposition in ('no_answer', 'busy', 'rejected', 'cancelled', 'failed', 'not_permitted')
            and not is_human and accepted_at is null, false
        ) as is_denied,
        case
            when is_rejected and coalesce(said_disposition not in ('not_permitted', 'voicemail'), true) then 'rejected'
            else said_disposition
        end as disposition
    from said
),

talked as (
    select
        *,
        coalesce(
            is_human and is_over and said_talk_ms is null and ended_at <= coalesce(picked_at, ended_at)
            and coalesce(disposition, 'completed') = 'completed', false
        ) as is_untimed,
        case
            when picked_by in ('machine', 'voicemail', 'ivr') or is_denied then 0
            when said_talk_ms is not null then said_talk_ms
            when is_over then greatest(epoch_ms(ended_at) - epoch_ms(coalesce(picked_at, ended_at)), 0)
        end as talk_ms,
        -- What a provider calls talk is here the time that the machine was listened to.
        case
            when picked_by in ('machine', 'voicemail') and is_over
                then coalesce(
                    nullif(said_talk_ms, 0),
                    epoch_ms(greatest(ended_at, coalesce(answered_at, taken_at)))
                    - epoch_ms(coalesce(answered_at, taken_at))
                )
        end as machine_ms
    from picked
)

select
    call_id,
    leg_id,
    if(leg_id is null, '0', '1') || first_place as place,
    last_place,
    is_ring,
    is_bare,
    is_over,
    ended_at,
    case when talk_ms > 0 then coalesce(picked_at, ended_at - to_milliseconds(talk_ms)) else picked_at end as picked_at,
    talk_ms > 0 and picked_at is null as is_reckoned,
    accepted_at,
    picked_by,
    talk_ms,
    machine_ms,
    is_untimed,
    is_length_told,
    disposition,
    provider_status,
    ended_by,
    error_code,
    operator,
    operator_place,
    to_operator,
    case when menu_at is null or rang_at > menu_at then rang_at end as rang_at,
    menu_at,
    case when picked_by in ('machine', 'voicemail') then coalesce(taken_at, answered_at) end as machine_at,
    said_start_at,
    latest_start_at,
    first_at,
    company,
    source,
    account,
    provider_call_id,
    direction,
    channel,
    device,
    media,
    contact_key,
    identities,
    contact_name,
    company_number,
    is_test,
    transfers,
    events
from talked
