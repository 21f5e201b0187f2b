-- One row a sign that an account may be limited or blocked: what its provider told of it, or three of our calls that
-- were declined one after the other on one local day. A longer row of them is still one sign.
-- key: sign_id, sign
-- columns:
--   sign_id varchar: event_id of the fact that told it; of a rejection_streak the call that was the third
--   company varchar: tenant
--   source varchar: provider
--   account varchar: connected number or session
--   sign varchar: block, restriction, low_quality (the quality was found low, or is warned of), complaint (a rule was
--     found broken) or rejection_streak
--   word varchar: the provider's own word, null for a rejection_streak
--   calls integer: calls of a rejection_streak, null for others
--   call_id varchar: the call that was the third of a rejection_streak, null for others
--   seen_at timestamptz: when it was told, or when that call began
--   day date: local date of seen_at in the company's zone
with
told as (
    select
        event_id,
        company,
        source,
        account,
        state,
        began_at,
        day,
        coalesce(word, provider_status) as word,
        lower(coalesce(word, '')) as lower_word,
        lower(coalesce(provider_status, '')) as lower_status
    from facts.account_states
    where state in ('restricted', 'judged')
),

-- What a tariff at the provider does not cover is no sign.
judged as (
    select
        *,
        case
            when state = 'restricted' and regexp_matches(lower_word || ' ' || lower_status, 'quota|money') then null
            when
                state = 'restricted'
                and regexp_matches(lower_word || ' ' || lower_status, 'block|ban|disable|forbidden')
                then 'block'
            when state = 'restricted' then 'restriction'
            when
                regexp_matches(lower_word, 'low|red|yellow|flagged|bad|poor')
                or lower_status in ('flagged', 'downgrade')
                then 'low_quality'
            when
                lower_status = 'account_violation'
                or (lower_status = 'warning' and source in ('messenger', 'instagram'))
                then 'complaint'
        end as sign
    from told
),

dialled as (
    select
        call_id,
        company,
        source,
        account,
        started_at,
        day,
        outcome = 'rejected' as is_declined,
        count_if(outcome != 'rejected') over (
            partition by company, account, day order by started_at, call_id rows unbounded preceding
        ) as streak
    from facts.calls
    where direction = 'outgoing' and outcome != 'in_progress' and not is_internal and not is_test
),

declined as (
    select
        *,
        row_number() over (partition by company, account, day, streak order by started_at, call_id) as in_a_row,
        count(*) over (partition by company, account, day, streak) as calls
    from dialled
    where is_declined
)

select
    event_id as sign_id,
    company,
    source,
    account,
    sign,
    word,
    cast(null as integer) as calls,
    cast(null as varchar) as call_id,
    began_at as seen_at,
    day
from judged
where sign is not null
union all
select
    call_id as sign_id,
    company,
    source,
    account,
    'rejection_streak' as sign,
    null as word,
    cast(calls as integer) as calls,
    call_id,
    started_at as seen_at,
    day
from declined
where in_a_row = 3
