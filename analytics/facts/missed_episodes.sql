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
        min(ms) over (partition by contact_id, segment) = ms as is_first,
        -- The linter knows frames of literals only.
        min(ms) over (
            partition by contact_id, segment
            order by ms
            range between lost_ms + 1 following and unbounded following  -- noqa: PRS
        ) as next_ms
    from missed
),

-- An episode begins with the first of a segment, and wherever a beginning leads. Each round leads twice as far, so that
-- years of episodes one after the other take few; what leads no further is left out.
leaps as (
    select
        contact_id,
        segment,
        ms,
        next_ms,
        is_first as is_start
    from followed
    where next_ms is not null
    union all
    select
        leaps.contact_id,
        leaps.segment,
        leaps.ms,
        further.next_ms,
        leaps.is_start or before.ms is not null as is_start
    from leaps
    inner join leaps as further
        on leaps.contact_id = further.contact_id and leaps.segment = further.segment and leaps.next_ms = further.ms
    left join leaps as before
        on
            leaps.contact_id = before.contact_id and leaps.segment = before.segment and leaps.ms = before.next_ms
            and before.is_start
),

starts as (
    select
        contact_id,
        segment,
        ms
    from followed
    where is_first
    union
    select
        contact_id,
        segment,
        next_ms as ms
    from leaps
    where is_start
),

begun as (
    select
        starts.contact_id,
        missed.id as episode_id,
        starts.ms as first_ms,
        starts.ms + missed.lost_ms as lost_ms
    from starts
    inner join missed
        on starts.contact_id = missed.contact_id and starts.segment = missed.segment and starts.ms = missed.ms
),

-- All that was said or tried with who missed anything.
told_of as (
    select
        contact_id,
        id,
        kind,
        ms,
        started_ms,
        direction,
        outcome
    from entries
    where contact_id in (select begun.contact_id from begun)
    union all
    select
        identities.contact_id,
        null as id,
        'message' as kind,
        epoch_ms(messages.first_at) as ms,
        null as started_ms,
        null as direction,
        null as outcome
    from facts.identities
    inner join facts.messages
        on
            identities.company = messages.company and identities.identity = messages.contact_key
            and messages.direction = 'outgoing' and messages.status != 'failed'
    where identities.contact_id in (select begun.contact_id from begun)
),

-- Each belongs to the last episode that had begun by then.
placed as (
    select
        told_of.*,
        max(begun.first_ms) over (partition by told_of.contact_id order by told_of.ms) as first_ms
    from told_of
    left join begun on told_of.contact_id = begun.contact_id and told_of.id = begun.episode_id
    where told_of.ms is not null
),

contacted as (
    select
        contact_id,
        first_ms,
        min(ms) as contact_ms,
        arg_min(struct_pack(id := id, direction := direction), (ms, id)) as contact
    from placed
    where kind = 'contact' and first_ms is not null
    group by contact_id, first_ms
),

gathered as (
    select
        placed.contact_id,
        placed.first_ms,
        max(placed.ms) filter (where placed.kind = 'missed') as last_ms,
        count_if(placed.kind = 'missed') as rings,
        count_if(placed.kind = 'missed' and placed.outcome = 'abandoned') as abandoned_rings,
        any_value(contacted.contact_ms) as contact_ms,
        any_value(contacted.contact.id) as contact_call_id,
        any_value(contacted.contact.direction) as contact_direction,
        min(placed.ms) filter (where placed.kind = 'message') as message_ms,
        count_if(
            placed.direction = 'outgoing' and placed.started_ms >= placed.first_ms
            and (contacted.contact_ms is null or placed.ms <= contacted.contact_ms)
        ) as attempts,
        min(placed.started_ms) filter (
            where placed.direction = 'outgoing' and placed.started_ms >= placed.first_ms
            and (contacted.contact_ms is null or placed.ms <= contacted.contact_ms)
        ) as attempt_ms
    from placed
    left join contacted on placed.contact_id = contacted.contact_id and placed.first_ms = contacted.first_ms
    where placed.first_ms is not null
    group by placed.contact_id, placed.first_ms
),

folded as (
    select
        gathered.*,
        begun.episode_id,
        begun.lost_ms
    from gathered
    inner join begun on gathered.contact_id = begun.contact_id and gathered.first_ms = begun.first_ms
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
