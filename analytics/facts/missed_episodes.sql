-- One row a missed episode: missed and abandoned calls of one contact to one company until contact is made.
-- It begins with a missed call and ends with the first call in which a person talked, ours or the contact's, but no
-- later than 23 h after it began: what is missed after that begins another. Internal and test calls are left out.
-- No clock judges here: whether one without contact is still open, or lost, depends on the moment of asking and on
-- lost_at; reports.missed_episodes asks at the company's newest fact.
-- key: episode_id
-- made of: facts.calls where outcome in ('missed', 'abandoned')
-- entity: contact_id
-- time: first_missed_at
-- columns:
--   episode_id varchar: call_id of its first call
--   contact_id varchar: the contact
--   company varchar: tenant
--   source varchar: provider of the first call
--   account varchar: account of the first call
--   channel varchar: channel of the first call
--   first_missed_at timestamptz: beginning of the first missed call
--   last_missed_at timestamptz: beginning of the last missed call
--   rings integer: missed and abandoned calls in it
--   abandoned_rings integer: abandoned calls among them
--   attempts integer: our calls to the contact until contact was made, whatever came of them, but for those that were
--     not permitted
--   first_attempt_at timestamptz: beginning of the first of these, null where there is none
--   messaged_at timestamptz: when we first wrote to the contact in it, null where we did not
--   contacted_at timestamptz: pickup of the first call in which somebody talked, also where that is later than lost_at
--   contact_call_id varchar: that call
--   operator_id varchar: operator of that call
--   team_id varchar: team of that call
--   closed_by varchar: called_back (our call), called_again (the contact's call, or one of which nothing tells who
--     called), messaged (no call until lost_at, but we wrote), null while nothing of these has happened
--   closed_at timestamptz: when that happened
--   lost_at timestamptz: 23 h after the beginning (callback_lost_seconds of the company): then it is lost if not closed
--   attempt_seconds double, seconds: first missed call to our first attempt
--   contact_seconds double, seconds: first missed call to contact
--   band varchar: soon (contact by a call within 20 min, callback_soon_seconds of the company), late (until lost_at),
--     null where no call closed it
--   is_business_hours boolean: whether its first call began in the company's hours
--   day date: local date of its first call
--   hour integer: local hour of its first call
--   weekday integer: local weekday of its first call, 1 is Monday
with recursive
entries as (
    select
        identities.contact_id,
        calls.call_id as id,
        case
            when calls.outcome = 'answered' then 'contact'
            when calls.direction = 'incoming' then 'missed'
            else 'attempt'
        end as kind,
        epoch_ms(if(calls.outcome = 'answered', calls.answered_at, calls.started_at)) as ms,
        epoch_ms(calls.started_at) as started_ms,
        calls.day,
        calls.company,
        calls.direction,
        calls.outcome
    from facts.calls
    inner join facts.identities on calls.company = identities.company and calls.contact_key = identities.identity
    where
        not calls.is_internal and not calls.is_test
        and (
            calls.outcome = 'answered'
            or (calls.direction = 'incoming' and calls.outcome in ('missed', 'abandoned'))
            or (calls.direction = 'outgoing' and calls.outcome != 'not_permitted')
        )
),

segmented as (
    select
        *,
        count_if(kind = 'contact') over (
            partition by contact_id order by ms, kind = 'contact' rows unbounded preceding
        ) as segment
    from entries
    where kind in ('contact', 'missed')
),

missed as (
    select
        segmented.contact_id,
        segmented.segment,
        segmented.ms,
        min(segmented.id) as id,
        any_value(coalesce(thresholds.callback_lost_seconds, 82800)) * 1000 as lost_ms
    from segmented
    left join reference.thresholds
        on
            segmented.company = thresholds.company
            and segmented.day >= thresholds.valid_from and segmented.day < thresholds.valid_until
    where segmented.kind = 'missed'
    group by segmented.contact_id, segmented.segment, segmented.ms
),

followed as (
    select
        contact_id,
        segment,
        ms,
        -- The linter knows frames of literals only.
        min(ms) over (
            partition by contact_id, segment
            order by ms
            range between lost_ms + 1 following and unbounded following  -- noqa: PRS
        ) as next_ms
    from missed
),

starts as (
    select
        contact_id,
        segment,
        min(ms) as ms
    from followed
    group by contact_id, segment
    union
    select
        starts.contact_id,
        starts.segment,
        followed.next_ms as ms
    from starts
    inner join followed
        on
            starts.contact_id = followed.contact_id and starts.segment = followed.segment and starts.ms = followed.ms
    where followed.next_ms is not null
),

begun as (
    select
        starts.contact_id,
        missed.id as episode_id,
        starts.ms as first_ms,
        starts.ms + missed.lost_ms as lost_ms,
        coalesce(
            lead(starts.ms) over (partition by starts.contact_id order by starts.ms, starts.segment),
            9223372036854775807
        ) as next_ms
    from starts
    inner join missed
        on starts.contact_id = missed.contact_id and starts.segment = missed.segment and starts.ms = missed.ms
),

placed as (
    select
        begun.episode_id,
        begun.contact_id,
        begun.first_ms,
        begun.lost_ms,
        begun.next_ms,
        entries.id,
        entries.kind,
        entries.ms,
        entries.started_ms,
        entries.direction,
        entries.outcome
    from begun
    inner join entries
        on begun.contact_id = entries.contact_id and begun.first_ms <= entries.ms and begun.next_ms > entries.ms
),

contacted as (
    select
        episode_id,
        min(ms) as contact_ms,
        arg_min(struct_pack(id := id, direction := direction), (ms, id)) as contact
    from placed
    where kind = 'contact'
    group by episode_id
),

written as (
    select
        begun.episode_id,
        min(epoch_ms(messages.first_at)) as message_ms
    from begun
    inner join facts.identities on begun.contact_id = identities.contact_id
    inner join facts.messages
        on
            identities.company = messages.company and identities.identity = messages.contact_key
            and messages.direction = 'outgoing' and messages.status != 'failed'
            and begun.first_ms <= epoch_ms(messages.first_at) and begun.next_ms > epoch_ms(messages.first_at)
    group by begun.episode_id
),

folded as (
    select
        placed.episode_id,
        any_value(placed.contact_id) as contact_id,
        any_value(placed.first_ms) as first_ms,
        any_value(placed.lost_ms) as lost_ms,
        max(placed.ms) filter (where placed.kind = 'missed') as last_ms,
        count_if(placed.kind = 'missed') as rings,
        count_if(placed.kind = 'missed' and placed.outcome = 'abandoned') as abandoned_rings,
        any_value(contacted.contact_ms) as contact_ms,
        any_value(contacted.contact.id) as contact_call_id,
        any_value(contacted.contact.direction) as contact_direction,
        any_value(written.message_ms) as message_ms,
        count_if(
            placed.direction = 'outgoing' and placed.started_ms >= placed.first_ms
            and (contacted.contact_ms is null or placed.ms <= contacted.contact_ms)
        ) as attempts,
        min(placed.started_ms) filter (
            where placed.direction = 'outgoing' and placed.started_ms >= placed.first_ms
            and (contacted.contact_ms is null or placed.ms <= contacted.contact_ms)
        ) as attempt_ms
    from placed
    left join contacted on placed.episode_id = contacted.episode_id
    left join written on placed.episode_id = written.episode_id
    group by placed.episode_id
),

closed as (
    select
        *,
        case
            when contact_ms <= lost_ms and contact_direction = 'outgoing' then 'called_back'
            when contact_ms <= lost_ms then 'called_again'
            when message_ms <= lost_ms then 'messaged'
        end as closed_by,
        case when message_ms < coalesce(contact_ms, message_ms + 1) then message_ms end as messaged_ms
    from folded
),

-- Of all calls few are of an episode, which the engine does not foresee.
told as (
    select
        calls.call_id,
        calls.company,
        calls.source,
        calls.account,
        calls.channel,
        calls.operator_id,
        calls.team_id,
        calls.is_business_hours,
        calls.day,
        calls.hour,
        calls.weekday
    from facts.calls
    where
        calls.call_id in (
            select closed.episode_id from closed
            union all
            select closed.contact_call_id from closed
            where closed.contact_call_id is not null
        )
)

select
    closed.episode_id,
    closed.contact_id,
    calls.company,
    calls.source,
    calls.account,
    calls.channel,
    make_timestamptz(closed.first_ms * 1000) as first_missed_at,
    make_timestamptz(closed.last_ms * 1000) as last_missed_at,
    cast(closed.rings as integer) as rings,
    cast(closed.abandoned_rings as integer) as abandoned_rings,
    cast(closed.attempts as integer) as attempts,
    make_timestamptz(closed.attempt_ms * 1000) as first_attempt_at,
    make_timestamptz(closed.messaged_ms * 1000) as messaged_at,
    make_timestamptz(closed.contact_ms * 1000) as contacted_at,
    closed.contact_call_id,
    contact_calls.operator_id,
    contact_calls.team_id,
    closed.closed_by,
    make_timestamptz(case
        when closed.closed_by = 'messaged' then closed.message_ms
        when closed.closed_by is not null then closed.contact_ms
    end * 1000) as closed_at,
    make_timestamptz(closed.lost_ms * 1000) as lost_at,
    (closed.attempt_ms - closed.first_ms) / 1000 as attempt_seconds,
    (closed.contact_ms - closed.first_ms) / 1000 as contact_seconds,
    case
        when closed.closed_by not in ('called_back', 'called_again') then null
        when closed.contact_ms - closed.first_ms <= coalesce(thresholds.callback_soon_seconds, 1200) * 1000 then 'soon'
        when closed.closed_by is not null then 'late'
    end as band,
    calls.is_business_hours,
    calls.day,
    calls.hour,
    calls.weekday
from closed
inner join told as calls on closed.episode_id = calls.call_id
left join told as contact_calls on closed.contact_call_id = contact_calls.call_id
left join reference.thresholds
    on
        calls.company = thresholds.company
        and calls.day >= thresholds.valid_from and calls.day < thresholds.valid_until
