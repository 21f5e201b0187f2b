-- One row a row of a table about calls whose call is not in facts.calls.
-- key: relation, call_id
-- severity: fail
-- columns:
--   relation varchar: table
--   call_id varchar: call that is missing; of facts.call_starts the number made of its id
with
-- By numbers, which are made of each call's id once for all tables: to make them takes most of it.
listed as (
    select
        'facts.told_legs' as relation,
        call_id,
        md5_number_lower(call_id) as call_number
    from facts.told_legs
    union all
    select
        'facts.told_operators' as relation,
        call_id,
        md5_number_lower(call_id) as call_number
    from facts.told_operators
    union all
    select
        'facts.recordings' as relation,
        call_id,
        md5_number_lower(call_id) as call_number
    from facts.recordings
    union all
    select
        'facts.call_permissions' as relation,
        call_id,
        md5_number_lower(call_id) as call_number
    from facts.call_permissions
    union all
    select
        'facts.missed_episodes' as relation,
        episode_id as call_id,
        md5_number_lower(episode_id) as call_number
    from facts.missed_episodes
    union all
    select
        'facts.call_starts' as relation,
        cast(null as varchar) as call_id,
        call_number
    from facts.call_starts
)

select distinct
    relation,
    coalesce(call_id, cast(call_number as varchar)) as call_id
from listed
where call_number not in (select md5_number_lower(calls.call_id) from facts.calls)
