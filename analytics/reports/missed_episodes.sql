-- One row a missed episode, with how it stands at the newest fact of its company: whom to call back comes first.
-- A fact that is dated after now, by a clock that goes wrong, makes nobody lost.
-- key: episode_id
-- columns:
--   episode_id varchar: call_id of its first call
--   contact_id varchar: the contact
--   company varchar: tenant
--   source varchar: provider of the first call
--   account varchar: account of the first call
--   channel varchar: channel of the first call
--   contact_name varchar: name of the contact
--   phone varchar: phone of the contact, null where none is known
--   first_missed_at timestamptz: beginning of the first missed call
--   last_missed_at timestamptz: beginning of the last missed call
--   rings integer: missed and abandoned calls in it
--   attempts integer: our calls to the contact until contact was made
--   first_attempt_at timestamptz: beginning of the first of these
--   messaged_at timestamptz: when we first wrote to the contact in it
--   contacted_at timestamptz: pickup of the first call in which somebody talked
--   contact_call_id varchar: that call
--   operator_id varchar: operator of that call
--   team_id varchar: team of that call
--   state varchar: called_back, called_again, messaged, open, or lost when lost_at is past
--   as_of timestamptz: the moment at which that was asked: the company's newest call or message that is not
--     dated after now
--   closed_at timestamptz: when it was closed
--   lost_at timestamptz: when it is lost if it is not closed until then
--   attempt_seconds double, seconds: first missed call to our first attempt
--   contact_seconds double, seconds: first missed call to contact
--   band varchar: soon or late, where a call closed it
--   is_business_hours boolean: whether its first call began in the company's hours
--   day date: local date of its first call
--   hour integer: local hour of its first call
--   weekday integer: local weekday of its first call, 1 is Monday
with
newest as (
    select
        company,
        max(moment) as as_of
    from (
        select
            company,
            max(started_at) as moment
        from facts.calls
        where started_at <= now()
        group by company
        union all
        select
            company,
            max(first_at) as moment
        from facts.messages
        where first_at <= now()
        group by company
    ) as told
    group by company
)

select
    missed_episodes.episode_id,
    missed_episodes.contact_id,
    missed_episodes.company,
    missed_episodes.source,
    missed_episodes.account,
    missed_episodes.channel,
    contacts.name as contact_name,
    contacts.phone,
    missed_episodes.first_missed_at,
    missed_episodes.last_missed_at,
    missed_episodes.rings,
    missed_episodes.attempts,
    missed_episodes.first_attempt_at,
    missed_episodes.messaged_at,
    missed_episodes.contacted_at,
    missed_episodes.contact_call_id,
    missed_episodes.operator_id,
    missed_episodes.team_id,
    coalesce(
        missed_episodes.closed_by, if(newest.as_of > missed_episodes.lost_at, 'lost', 'open')
    ) as state,
    newest.as_of,
    missed_episodes.closed_at,
    missed_episodes.lost_at,
    missed_episodes.attempt_seconds,
    missed_episodes.contact_seconds,
    missed_episodes.band,
    missed_episodes.is_business_hours,
    missed_episodes.day,
    missed_episodes.hour,
    missed_episodes.weekday
from facts.missed_episodes
left join facts.contacts on missed_episodes.contact_id = contacts.contact_id
left join newest on missed_episodes.company = newest.company
