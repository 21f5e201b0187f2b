-- One row a recording of a call, folded from what was told of it: made available, stored, transcribed.
-- key: call_id, recording_id
-- events: call.*
-- needs: call.recording_*, call.transcribed
-- entity: $.call_id
-- time: day
-- columns:
--   call_id varchar: call that was recorded
--   recording_id varchar: the recording
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   available_at timestamptz: when the provider first could hand it out
--   expires_at timestamptz: when the provider's address of it dies
--   stored_at timestamptz: when it lay in our store
--   path varchar: path in our store, null while it is not there
--   media_type varchar: what kind of file it is
--   size_bytes bigint, bytes: its size in our store
--   channels integer: audio channels
--   duration_seconds double, seconds: its length
--   consent varchar: given, refused or unknown: whether the contact agreed to be recorded
--   transcribed_at timestamptz: when it first became text, null while it has not
--   transcripts integer: transcripts of it, by any model or provider
--   day date: local date on which the call began
with
told as (
    select distinct * from staging.call_facts
    where
        type in ('call.recording_made_available', 'call.recording_stored', 'call.transcribed')
        and recording_id is not null
),

folded as (
    select
        call_id,
        recording_id,
        min(time) filter (where type = 'call.recording_made_available') as available_at,
        max(expires_at) as expires_at,
        min(time) filter (where type = 'call.recording_stored') as stored_at,
        arg_min(recording_path, place) as path,
        arg_min(media_type, if(type = 'call.recording_stored', '0', '1') || place) as media_type,
        arg_min(size_bytes, place) as size_bytes,
        arg_min(channels, if(type = 'call.transcribed', '0', '1') || place) as channels,
        arg_min(recording_seconds, if(type = 'call.transcribed', '0', '1') || place) as duration_seconds,
        coalesce(arg_max(nullif(consent, 'unknown'), place), 'unknown') as consent,
        min(time) filter (where type = 'call.transcribed') as transcribed_at,
        cast(count(*) filter (where type = 'call.transcribed') as integer) as transcripts
    from told
    group by call_id, recording_id
)

select
    folded.call_id,
    folded.recording_id,
    calls.company,
    calls.source,
    calls.account,
    folded.available_at,
    folded.expires_at,
    folded.stored_at,
    folded.path,
    folded.media_type,
    folded.size_bytes,
    folded.channels,
    folded.duration_seconds,
    folded.consent,
    folded.transcribed_at,
    folded.transcripts,
    calls.day
from folded
inner join facts.calls on folded.call_id = calls.call_id
