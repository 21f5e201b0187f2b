-- One row a fact about a call, of every type and every published version, with columns for all that any of them says.
-- key: event_id
-- events: call.*
-- columns:
--   event_id varchar: id of the fact
--   call_id varchar: call it is about
--   type varchar: event type, such as call.ended
--   source varchar: provider, such as twilio
--   account varchar: connected number or session
--   company varchar: tenant
--   time timestamptz: when it occurred, by the source's clock
--   place varchar: sorts facts by time and then by id
--   provider_call_id varchar: the provider's own id of the call
--   leg_id varchar: ring of one endpoint that it is about, null for the call as a whole
--   direction varchar: incoming, outgoing or internal, null when not said
--   channel varchar: phone, whatsapp, … , null when not said
--   contact_key varchar: how the contact is known, kind:value, by phone where there is one
--   identities varchar[]: all identities of the contact, where the fact names more than one
--   contact_name varchar: name of the contact
--   company_number varchar: the company's number
--   operator varchar: endpoint of the company's side, as the provider writes it
--   device varchar: phone or computer, null when not said
--   provider_status varchar: the provider's own word
--   is_test boolean: whether the provider marks the call as a test
--   media varchar: audio or video, said by call.offered
--   answered_by varchar: human, machine, voicemail, ivr or unknown, said by call.accepted and call.ended
--   rejected_by varchar: company or contact, null when not said
--   to_operator varchar: endpoint to which the call was handed on
--   started_at timestamptz: when the call or leg began, said by call.ended
--   answered_at timestamptz: when it was picked up, said by call.ended
--   talk_seconds double, seconds: pickup to end, said by call.ended
--   total_seconds double, seconds: the provider's own length with ringing, said by call.ended
--   disposition varchar: how the provider says it ended, in our words, null when not said
--   ended_by varchar: company or contact, null when not said
--   error_code varchar: the provider's error code
--   recording_id varchar: recording it is about
--   recording_path varchar: path of the recording in our store
--   media_type varchar: what kind of file the recording is
--   size_bytes bigint, bytes: size of the recording, said by call.recording_stored
--   channels integer: audio channels of the recording
--   recording_seconds double, seconds: length of the recording
--   consent varchar: given, refused or unknown, said by call.recording_made_available
--   expires_at timestamptz: when the provider deletes the recording, or its address
--   transcript_origin varchar: whisperx or provider
--   transcript_model varchar: model that wrote the transcript
--   transcript_language varchar: language of the transcript
--   is_demo_transcript boolean: whether the model is the demo model
--   beeps json: list of the stretches of the recording in which a secret is heard
--   said_start_at timestamptz: when the call began, where this fact says so
--   latest_start_at timestamptz: the latest moment at which the call can have begun after this fact
with
parsed as (
    select
        id as event_id,
        entity as call_id,
        type,
        source,
        account,
        company,
        time,
        dataschema,
        try(from_json(
            data,
            '{
                "provider_call_id": "VARCHAR", "leg_id": "VARCHAR", "direction": "VARCHAR", "channel": "VARCHAR",
                "contact": [{"kind": "VARCHAR", "value": "VARCHAR"}], "contact_name": "VARCHAR",
                "company_number": "VARCHAR", "operator": "VARCHAR", "device": "VARCHAR", "provider_status": "VARCHAR",
                "is_test": "BOOLEAN", "media": "VARCHAR", "answered_by": "VARCHAR", "rejected_by": "VARCHAR",
                "to_operator": "VARCHAR", "started_at": "VARCHAR", "answered_at": "VARCHAR",
                "talk_seconds": "DOUBLE", "duration_seconds": "DOUBLE", "total_seconds": "DOUBLE",
                "disposition": "VARCHAR", "status": "VARCHAR", "ended_by": "VARCHAR", "error_code": "VARCHAR",
                "recording_id": "VARCHAR", "path": "VARCHAR", "origin": "VARCHAR", "model": "VARCHAR",
                "language": "VARCHAR", "is_demo_model": "BOOLEAN", "media_type": "VARCHAR", "size_bytes": "BIGINT",
                "channels": "INTEGER", "consent": "VARCHAR", "expires_at": "VARCHAR", "beeps": "JSON"
            }'
        )) as fact
    from log.events
    where starts_with(type, 'call.')
),

named as (
    select
        parsed.event_id,
        parsed.call_id,
        parsed.type,
        parsed.source,
        parsed.account,
        parsed.company,
        parsed.time,
        lpad(cast(epoch_ms(parsed.time) as varchar), 15, '0') || parsed.event_id as place,
        fact.provider_call_id,
        fact.leg_id,
        nullif(fact.direction, 'unknown') as direction,
        nullif(fact.channel, 'other') as channel,
        coalesce(
            'phone:' || list_filter(fact.contact, lambda identity: identity.kind = 'phone')[1].value,
            fact.contact[1].kind || ':' || fact.contact[1].value
        ) as contact_key,
        case
            when len(fact.contact) > 1
                then list_transform(fact.contact, lambda identity: identity.kind || ':' || identity.value)
        end as identities,
        fact.contact_name,
        fact.company_number,
        fact.operator,
        nullif(fact.device, 'unknown') as device,
        fact.provider_status,
        coalesce(fact.is_test, false) as is_test,
        fact.media,
        coalesce(fact.answered_by, 'unknown') as answered_by,
        nullif(fact.rejected_by, 'unknown') as rejected_by,
        fact.to_operator,
        try_cast(fact.started_at as timestamptz) as started_at,
        try_cast(fact.answered_at as timestamptz) as answered_at,
        case parsed.dataschema when 'call.ended/1' then fact.duration_seconds else fact.talk_seconds end
            as talk_seconds,
        fact.total_seconds,
        nullif(case parsed.dataschema when 'call.ended/1' then fact.status else fact.disposition end, 'unknown')
            as disposition,
        nullif(fact.ended_by, 'unknown') as ended_by,
        fact.error_code,
        fact.recording_id,
        fact.path as recording_path,
        fact.media_type,
        fact.size_bytes,
        fact.channels,
        case
            when parsed.type in ('call.recording_made_available', 'call.transcribed') then fact.duration_seconds
        end as recording_seconds,
        fact.consent,
        try_cast(fact.expires_at as timestamptz) as expires_at,
        fact.origin as transcript_origin,
        fact.model as transcript_model,
        fact.language as transcript_language,
        fact.is_demo_model as is_demo_transcript,
        fact.beeps
    from parsed
)

select
    event_id,
    call_id,
    type,
    source,
    account,
    company,
    time,
    place,
    provider_call_id,
    leg_id,
    direction,
    channel,
    contact_key,
    identities,
    contact_name,
    company_number,
    operator,
    device,
    provider_status,
    is_test,
    media,
    answered_by,
    rejected_by,
    to_operator,
    started_at,
    answered_at,
    talk_seconds,
    total_seconds,
    disposition,
    ended_by,
    error_code,
    recording_id,
    recording_path,
    media_type,
    size_bytes,
    channels,
    recording_seconds,
    consent,
    expires_at,
    transcript_origin,
    transcript_model,
    transcript_language,
    is_demo_transcript,
    beeps,
    case when type = 'call.offered' then time else started_at end as said_start_at,
    case
        when type = 'call.ended'
            then least(
                time,
                answered_at,
                time - to_milliseconds(cast(1000 * greatest(talk_seconds, total_seconds) as bigint))
            )
        when type not in ('call.recording_stored', 'call.transcribed') then time
    end as latest_start_at
from named
