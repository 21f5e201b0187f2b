-- One row a call: one conversation attempt between a contact and the company, folded from all its facts.
-- The fold is free of their order and of repeats. What is said of the call as a whole outweighs what is said of a leg,
-- and then the earlier outweighs the later; but a call is internal only where no fact names somebody outside, for who
-- calls an operator first calls a contact next. A pickup alone, of which nothing else is told, is no call: machine
-- detection tells so of a leg, and not of which call. Talk is summed over the legs, or is the call's own: never both;
-- while two legs talk at once, as in a conference or where a transfer is agreed on, the call talks once.
-- key: call_id
-- events: call.*
-- entity: $.call_id
-- time: started_at
-- columns:
--   call_id varchar: id of the call
--   company varchar: tenant
--   source varchar: provider, such as twilio
--   account varchar: connected number or session
--   channel varchar: phone, whatsapp, … , other when nobody says
--   provider_call_id varchar: the provider's own id
--   direction varchar: incoming, outgoing, internal or unknown
--   device varchar: phone, computer or unknown: where the company's side talked
--   media varchar: audio or video
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   also_known_as varchar[]: further identities of the contact that its facts name, sorted; null where there are none
--   contact_name varchar: name of the contact as the provider knows it
--   contact_country varchar: country that the contact's phone or WhatsApp user id tells, or told before he was erased,
--     ISO 3166; null when unknown
--   company_number varchar: the company's number
--   operator_endpoint varchar: endpoint that talked last, else that rang last, as the provider writes it
--   operator_id varchar: operator whose endpoint it was on that day
--   team_id varchar: the operator's team on that day
--   started_at timestamptz: when the call began: said by the provider, else the earliest moment that its facts allow
--   rang_at timestamptz: when ringing began: at the first device, else when the call was offered
--   answered_at timestamptz: when somebody picked up, null when nobody did; where no fact says so, the end less the
--     talk, but not before it rang
--   ended_at timestamptz: when it was over, null while it is not, or where the source never tells
--   day date: local date of started_at in the company's zone
--   hour integer: local hour of started_at, 0 to 23
--   weekday integer: local weekday of started_at, 1 is Monday
--   is_business_hours boolean: whether it began in the company's hours; a company that states none is always open,
--     but for its holidays
--   answer_seconds double, seconds: ringing to pickup, of answered calls; null where nothing tells it
--   is_in_time boolean: whether it was answered within the time of the service level that held on that day; null where
--     it was answered, and nothing tells how long it rang, and of calls that nobody took where nothing would have told
--     it had somebody: else such a source would have the service level of those alone
--   ring_seconds double, seconds: ringing to pickup, by a machine too, or to the end when nothing picked up; without
--     the time in a menu before an answer. Null where nothing tells when it began to ring or was picked up, or the one
--     is told to be after the other
--   talk_seconds double, seconds: pickup to end of all that a person talked, null when nobody did, or where the source
--     tells pickups and no ends, or that somebody talked and not how long
--   machine_seconds double, seconds: pickup to end where a machine or voicemail alone picked up; null for all other
--     calls, and where nothing tells it
--   total_seconds double, seconds: beginning to end with ringing; null where nothing but the end is told, or the end is
--     told to be before the beginning
--   outcome varchar: answered, voicemail, machine, missed, abandoned, rejected, no_answer, busy, cancelled, failed,
--     not_permitted or in_progress
--   outcome_reason varchar: the rule that decided, with its figures
--   provider_status varchar: the provider's own word for how it ended
--   disposition varchar: how the provider says it ended, in our words
--   answered_by varchar: human, machine, voicemail, ivr or unknown, null when nothing picked up
--   ended_by varchar: company, contact or unknown
--   error_code varchar: the provider's error code
--   is_internal boolean: between people of the company: by direction, or by the company's list of numbers; or a part
--     of a call that its provider tells under another id
--   is_test boolean: a test: marked by the provider, or by the company's list of numbers
--   legs integer: distinct legs
--   transfers integer: times it was handed on
--   recording_id varchar: its recording: stored before not stored, the earliest first
--   recording_path varchar: path of that recording in our store
--   has_transcript boolean: whether that recording became text
--   transcript_language varchar: language of its transcript
--   transcript_model varchar: model of its transcript
--   is_demo_transcript boolean: whether that is the demo model
--   events integer: its facts, of which the log holds each once
with
-- The call's own word (leg_id is null) and its legs side by side.
joined as (
    select
        call_id,
        arg_min(company, place) as company,
        arg_min(source, place) as source,
        arg_min(account, place) as account,
        coalesce(arg_min(channel, place), 'other') as channel,
        arg_min(provider_call_id, place) as provider_call_id,
        coalesce(
            arg_min(direction, place) filter (where direction != 'internal'), max(direction), 'unknown'
        ) as direction,
        coalesce(arg_min(device, place), 'unknown') as device,
        coalesce(arg_min(media, place), 'audio') as media,
        arg_min(contact_key, if(starts_with(contact_key, 'phone:'), '0', '1') || place) as contact_key,
        list_concat(
            flatten(list(identities) filter (where identities is not null)),
            case when min(contact_key) != max(contact_key) then map_keys(histogram(contact_key)) end
        ) as identities,
        arg_min(contact_name, place) as contact_name,
        arg_min(company_number, place) as company_number,
        coalesce(min(said_start_at), min(latest_start_at), min(first_at)) as started_at,
        min(said_start_at) as said_start_at,
        min(rang_at) as rang_at,
        min(menu_at) as menu_at,
        min(machine_at) as machine_at,
        bool_or(is_test) as is_test,
        cast(sum(transfers) as integer) as transfers,
        cast(sum(events) as integer) as events,
        cast(count(leg_id) filter (where is_ring) as integer) as legs,
        coalesce(
            bool_or(is_over) filter (where leg_id is null)
            or (
                bool_and(is_over) filter (where is_ring and leg_id is not null)
                and not coalesce(
                    bool_or(picked_at is not null or picked_by != 'unknown') filter (where leg_id is null), false
                )
            ), false
        ) as is_over,
        coalesce(bool_and(is_over) filter (where is_ring and leg_id is not null), false) as are_legs_over,
        coalesce(max(ended_at) filter (where leg_id is null), max(ended_at)) as ended_at,
        coalesce(max(talk_ms) filter (where leg_id is null), 0) as own_talk_ms,
        cast(coalesce(sum(talk_ms) filter (where leg_id is not null), 0) as bigint) as all_legs_talk_ms,
        max(talk_ms) filter (where leg_id is not null) as longest_talk_ms,
        epoch_ms(max(ended_at) filter (where leg_id is not null and talk_ms > 0))
        - epoch_ms(min(picked_at) filter (where leg_id is not null and talk_ms > 0)) as legs_span_ms,
        coalesce(bool_or(picked_by = 'human') filter (where leg_id is null), false) as is_own_human,
        coalesce(
            min(picked_at) filter (where leg_id is not null and talk_ms > 0),
            min(picked_at) filter (where leg_id is null and talk_ms > 0)
        ) as answered_at,
        coalesce(
            arg_min(is_reckoned, (picked_at, is_reckoned)) filter (where leg_id is not null and talk_ms > 0),
            arg_min(is_reckoned, (picked_at, is_reckoned)) filter (where leg_id is null and talk_ms > 0)
        ) as is_reckoned,
        min(accepted_at) filter (where picked_by in ('human', 'unknown')) as accepted_at,
        bool_or(is_untimed) as is_untimed,
        bool_or(picked_by = 'human') as is_human,
        min(picked_by) filter (where picked_by in ('machine', 'voicemail')) as machine,
        coalesce(max(machine_ms) filter (where leg_id is null), max(machine_ms)) as machine_ms,
        bool_or(picked_by = 'ivr') as is_menu,
        bool_or(is_length_told) filter (where leg_id is null) as is_length_told,
        coalesce(
            max(nullif(disposition, 'completed')) filter (where leg_id is null),
            arg_min(
                disposition,
                case disposition
                    when 'not_permitted' then 1
                    when 'voicemail' then 2
                    when 'no_answer' then 3
                    when 'cancelled' then 4
                    when 'rejected' then 5
                    when 'busy' then 6
                    when 'failed' then 7
                    when 'completed' then 8
                end
            ),
            'unknown'
        ) as disposition,
        coalesce(
            arg_max(operator, last_place) filter (where leg_id is not null and talk_ms > 0),
            arg_max(to_operator, last_place),
            max(operator) filter (where leg_id is null and talk_ms > 0),
            arg_max(operator, operator_place)
        ) as operator_endpoint,
        coalesce(
            max(provider_status) filter (where leg_id is null),
            arg_max(provider_status, last_place) filter (where leg_id is not null)
        ) as provider_status,
        coalesce(
            max(ended_by) filter (where leg_id is null),
            arg_max(ended_by, last_place) filter (where leg_id is not null),
            'unknown'
        ) as ended_by,
        coalesce(
            max(error_code) filter (where leg_id is null),
            arg_max(error_code, last_place) filter (where leg_id is not null)
        ) as error_code
    from staging.call_legs
    group by call_id
    having not bool_and(is_bare)
),

recorded as (
    select
        call_facts.call_id,
        call_facts.recording_id,
        arg_min(call_facts.recording_path, call_facts.place) as recording_path,
        min(call_facts.time) filter (where call_facts.type = 'call.recording_made_available') as available_at,
        arg_max(
            struct_pack(
                language := call_facts.transcript_language,
                model := call_facts.transcript_model,
                is_demo := coalesce(call_facts.is_demo_transcript, false)
            ),
            if(call_facts.transcript_origin = coalesce(listening.transcript, 'whisperx'), '1', '0') || call_facts.place
        ) filter (where call_facts.type = 'call.transcribed') as transcript
    from staging.call_facts
    left join reference.listening on call_facts.company = listening.company
    where
        call_facts.type in ('call.recording_made_available', 'call.recording_stored', 'call.transcribed')
        and call_facts.recording_id is not null
    group by call_facts.call_id, call_facts.recording_id
),

chosen as (
    select
        call_id,
        arg_min(
            struct_pack(recording_id := recording_id, path := recording_path, transcript := transcript),
            (
                recording_path is null, transcript is null,
                coalesce(available_at, timestamptz '9999-12-31 00:00:00+00'), recording_id
            )
        ) as recording
    from recorded
    group by call_id
),

-- Two spans a day at most, without overlap: their least and greatest bounds are the spans.
open_hours as (
    select
        company,
        weekday,
        valid_from,
        valid_until,
        min(opens) as first_opens,
        min(closes) as first_closes,
        max(opens) as last_opens,
        max(closes) as last_closes
    from reference.hours
    group by company, weekday, valid_from, valid_until
),

stated_hours as (
    select distinct
        company,
        valid_from,
        valid_until
    from reference.hours
),

-- Legs that talk one after the other talk no longer than from the first pickup to the last end.
spanned as (
    select
        *,
        least(all_legs_talk_ms, greatest(legs_span_ms, longest_talk_ms)) as legs_talk_ms
    from joined
),

weighed as (
    select
        *,
        nullif(list_sort(list_filter(
            list_distinct(identities), lambda identity: identity != contact_key
        )), []) as also_known_as,
        case
            when legs_talk_ms > 0 then legs_talk_ms
            -- FreeSWITCH tells of a call how long it was joined to another, of whom it may tell no leg.
            when legs = 0 or is_own_human or not are_legs_over or source = 'freeswitch' then own_talk_ms
            else 0
        end as talk_ms
    from spanned
),

measured as (
    select
        weighed.* exclude (is_reckoned, is_untimed),
        chosen.recording,
        case
            when weighed.talk_ms > 0 then weighed.answered_at
            when not weighed.is_over then weighed.accepted_at
            when weighed.is_untimed then coalesce(weighed.accepted_at, weighed.ended_at)
        end as picked_at,
        weighed.talk_ms = 0 and weighed.is_over and weighed.is_untimed as is_untimed,
        weighed.talk_ms > 0 and weighed.is_reckoned as is_reckoned,
        case when weighed.is_over then greatest(weighed.ended_at, weighed.started_at) end as over_at,
        timezone(coalesce(companies.time_zone, 'UTC'), weighed.started_at) as local_start,
        substr(weighed.contact_key, strpos(weighed.contact_key, ':') + 1) as contact_number,
        -- Bridges to a linked WhatsApp whose last word of a call that was taken is its pickup: no end will ever come.
        not weighed.is_over and weighed.is_human and weighed.accepted_at is not null
        and (weighed.source = 'waha' or (weighed.source = 'green_api' and weighed.direction = 'incoming'))
            as is_last_word,
        -- What was before Vonage moved the contact's leg into another conversation: it tells the whole call there.
        coalesce(weighed.source = 'vonage' and weighed.provider_status = 'transfer', false) as is_part
    from weighed
    left join chosen on weighed.call_id = chosen.call_id
    left join reference.companies on weighed.company = companies.company
),

-- What rang after the pickup, rang for another; what a menu took had rung at nobody. A pickup that is reckoned tells of
-- the ringing where it lies behind its beginning alone: else somebody talked all the time that is known of.
rung as (
    select
        *,
        coalesce(
            case when picked_at is null or rang_at <= picked_at then rang_at end,
            case when picked_at is null or menu_at is null then said_start_at end,
            case when menu_at is null and is_length_told then started_at end
        ) as ringing_at
    from measured
),

timed as (
    select
        rung.* exclude (rang_at, picked_at),
        coalesce(rung.ringing_at, rung.rang_at, rung.started_at) as rang_at,
        case
            when rung.is_reckoned then greatest(rung.picked_at, rung.ringing_at, rung.started_at) else rung.picked_at
        end as picked_at,
        -- CRMs log how long a call rang that nobody took, and of one that was answered how long it was talked.
        rung.source in ('hubspot', 'kommo') and rung.rang_at is null as is_logged,
        coalesce(thresholds.short_abandon_seconds, 5) as threshold_seconds,
        coalesce(thresholds.service_level_seconds, 20) as service_level_seconds,
        case
            when rung.picked_at > rung.ringing_at or (rung.picked_at = rung.ringing_at and not rung.is_reckoned)
                then epoch_ms(rung.picked_at) - epoch_ms(rung.ringing_at)
            when rung.picked_at is null and rung.is_over and least(rung.machine_at, rung.ended_at) >= rung.ringing_at
                then epoch_ms(least(rung.machine_at, rung.ended_at)) - epoch_ms(rung.ringing_at)
        end as ring_ms,
        case
            when
                rung.is_over
                and (
                    rung.ended_at > rung.started_at
                    or (rung.ended_at = rung.started_at and rung.said_start_at is not null)
                )
                then epoch_ms(rung.ended_at) - epoch_ms(rung.started_at)
        end as total_ms,
        extract(isodow from rung.local_start) as weekday,
        cast(rung.local_start as date) as day,
        cast(rung.local_start as time) as time_of_day
    from rung
    left join reference.thresholds
        on
            rung.company = thresholds.company
            and cast(rung.local_start as date) >= thresholds.valid_from
            and cast(rung.local_start as date) < thresholds.valid_until
),

-- What is looked up of a call, beside few of its columns: a step of a plan costs as much as it has columns.
looked_up as (
    select
        timed.call_id,
        case
            when starts_with(timed.contact_key, 'phone:+')
                then coalesce(fours.country, threes.country, twos.country, ones.country)
            when starts_with(timed.contact_key, 'whatsapp_') or starts_with(timed.contact_key, 'erased:')
                then nullif(regexp_extract(timed.contact_key, '^[a-z_]+:([A-Z]{2})\.', 1), '')
        end as contact_country,
        endpoints.operator_id,
        endpoints.team_id,
        holidays.day is null and (
            stated_hours.company is null
            or coalesce(
                (timed.time_of_day >= open_hours.first_opens and timed.time_of_day < open_hours.first_closes)
                or (timed.time_of_day >= open_hours.last_opens and timed.time_of_day < open_hours.last_closes),
                false
            )
        ) as is_business_hours,
        internal_contacts.number is not null as is_with_internal,
        test_contacts.number is not null or test_lines.number is not null as is_with_test
    from timed
    left join reference.endpoints
        on
            timed.company = endpoints.company and timed.operator_endpoint = endpoints.endpoint
            and timed.day >= endpoints.valid_from and timed.day < endpoints.valid_until
    left join stated_hours
        on
            timed.company = stated_hours.company
            and timed.day >= stated_hours.valid_from and timed.day < stated_hours.valid_until
    left join open_hours
        on
            timed.company = open_hours.company and timed.weekday = open_hours.weekday
            and timed.day >= open_hours.valid_from and timed.day < open_hours.valid_until
    left join reference.holidays on timed.company = holidays.company and timed.day = holidays.day
    left join reference.numbers as internal_contacts
        on
            timed.company = internal_contacts.company
            and timed.contact_number = internal_contacts.number
            and internal_contacts.kind = 'internal'
            and timed.day >= internal_contacts.valid_from and timed.day < internal_contacts.valid_until
    left join reference.numbers as test_contacts
        on
            timed.company = test_contacts.company
            and timed.contact_number = test_contacts.number
            and test_contacts.kind = 'test'
            and timed.day >= test_contacts.valid_from and timed.day < test_contacts.valid_until
    left join reference.numbers as test_lines
        on
            timed.company = test_lines.company
            and timed.company_number = test_lines.number
            and test_lines.kind = 'test'
            and timed.day >= test_lines.valid_from and timed.day < test_lines.valid_until
    left join reference.dialling_codes as fours on substr(timed.contact_key, 8, 4) = fours.prefix
    left join reference.dialling_codes as threes on substr(timed.contact_key, 8, 3) = threes.prefix
    left join reference.dialling_codes as twos on substr(timed.contact_key, 8, 2) = twos.prefix
    left join reference.dialling_codes as ones on substr(timed.contact_key, 8, 1) = ones.prefix
),

decided as (
    select
        *,
        case
            when is_last_word or is_untimed then 'answered'
            when not is_over then 'in_progress'
            when talk_ms > 0 then 'answered'
            when disposition = 'not_permitted' then 'not_permitted'
            when machine is not null then machine
            when disposition in ('rejected', 'busy', 'failed') then disposition
            when disposition = 'unknown' and error_code is not null then 'failed'
            when direction = 'incoming' and ring_ms < threshold_seconds * 1000 and ended_by != 'company'
                then 'abandoned'
            when direction = 'incoming' then 'missed'
            when
                direction = 'outgoing' and (disposition = 'cancelled' or ended_by = 'company')
                and disposition != 'no_answer'
                then 'cancelled'
            else 'no_answer'
        end as outcome,
        case
            when talk_ms = 0 and regexp_full_match(error_code, '[A-Za-z0-9 _-]{1,8}')
                then '; the provider''s error is ' || error_code
            else ''
        end as error,
        format('{:.1f} s', ring_ms / 1000) as ring,
        if(ring_ms is null, '; how long it rang is not known', '') as unknown_ring,
        format('{:.1f} s', talk_ms / 1000) as talk,
        threshold_seconds || ' s' as threshold,
        if(is_menu, 'only a menu picked up: ', '') as although,
        case
            when talk_ms = 0 and regexp_full_match(provider_status, '[A-Za-z][A-Za-z _-]{0,31}')
                then '; the provider''s word is ' || provider_status
            else ''
        end as word
    from timed
)

select
    decided.call_id,
    decided.company,
    decided.source,
    decided.account,
    decided.channel,
    decided.provider_call_id,
    decided.direction,
    decided.device,
    decided.media,
    decided.contact_key,
    decided.also_known_as,
    decided.contact_name,
    looked_up.contact_country,
    decided.company_number,
    decided.operator_endpoint,
    looked_up.operator_id,
    looked_up.team_id,
    decided.started_at,
    decided.rang_at,
    decided.picked_at as answered_at,
    decided.over_at as ended_at,
    decided.day,
    cast(extract(hour from decided.local_start) as integer) as hour,
    cast(decided.weekday as integer) as weekday,
    looked_up.is_business_hours,
    case when decided.outcome = 'answered' then decided.ring_ms / 1000 end as answer_seconds,
    case
        when decided.outcome = 'answered' then decided.ring_ms <= decided.service_level_seconds * 1000
        when
            decided.outcome in ('missed', 'abandoned', 'rejected')
            and not decided.is_menu and (decided.is_logged or decided.ring_ms is null)
            then null
        else false
    end as is_in_time,
    decided.ring_ms / 1000 as ring_seconds,
    case when decided.talk_ms > 0 then decided.talk_ms / 1000 end as talk_seconds,
    case when decided.outcome in ('machine', 'voicemail') then decided.machine_ms / 1000 end as machine_seconds,
    decided.total_ms / 1000 as total_seconds,
    decided.outcome,
    case decided.outcome
        when 'in_progress'
            then
                'no fact says yet that the call is over'
                || case
                    when decided.picked_at is null then ''
                    when decided.ring_ms is null then '; it was picked up'
                    else '; it was picked up after ' || decided.ring
                end
        when 'answered'
            then
                case
                    when decided.is_last_word or decided.is_untimed then 'a person picked up'
                    when decided.is_human then 'a person talked for ' || decided.talk
                    else 'somebody talked for ' || decided.talk
                end
                || coalesce(' after ' || decided.ring || ' of ringing', decided.unknown_ring)
                || case
                    when decided.is_last_word then '; the source never tells how long such a call lasts'
                    when decided.is_untimed then '; nothing tells how long they talked'
                    when decided.is_human then ''
                    else '; no fact says that it was a machine'
                end
        when 'not_permitted' then 'refused for want of permission or by a limit'
        when 'voicemail' then 'only a voicemail picked up, nobody talked'
        when 'machine' then 'only a machine picked up, nobody talked'
        when 'rejected'
            then
                'the called side declined'
                || coalesce(' after ' || decided.ring || ' of ringing', decided.unknown_ring)
        when 'busy' then 'the line was busy'
        when 'failed' then 'a technical failure, nobody talked'
        when 'missed'
            then
                decided.although || coalesce(
                    'incoming, rang ' || decided.ring || ', nobody answered (threshold ' || decided.threshold || ')',
                    'incoming, nobody answered' || decided.unknown_ring
                )
        when 'abandoned'
            then
                decided.although || 'incoming, the caller hung up after ' || decided.ring
                || ', sooner than the threshold of ' || decided.threshold
        when 'cancelled'
            then
                'outgoing, hung up by us ' || coalesce('after ' || decided.ring || ', ', '')
                || 'before anybody answered' || decided.unknown_ring
        when 'no_answer'
            then
                decided.although || if(decided.direction = 'unknown', 'direction unknown', decided.direction)
                || coalesce(', rang ' || decided.ring, '') || ', nobody answered' || decided.unknown_ring
    end || decided.error || decided.word as outcome_reason,
    decided.provider_status,
    decided.disposition,
    case
        when decided.talk_ms > 0 or decided.picked_at is not null
            then case when decided.is_human then 'human' else 'unknown' end
        when decided.machine is not null then decided.machine
        when decided.is_menu then 'ivr'
    end as answered_by,
    decided.ended_by,
    decided.error_code,
    decided.direction = 'internal' or looked_up.is_with_internal or decided.is_part as is_internal,
    decided.is_test or looked_up.is_with_test as is_test,
    decided.legs,
    decided.transfers,
    decided.recording.recording_id,
    decided.recording.path as recording_path,
    decided.recording.transcript is not null as has_transcript,
    decided.recording.transcript.language as transcript_language,
    decided.recording.transcript.model as transcript_model,
    decided.recording.transcript.is_demo as is_demo_transcript,
    decided.events
from decided
inner join looked_up on decided.call_id = looked_up.call_id
