-- One row a row of a table about calls whose call is not in facts.calls.
-- key: relation, call_id
-- severity: fail
-- columns:
--   relation varchar: table
--   call_id varchar: call that is missing; of facts.call_starts the number made of its id
with
listed as (
    select
        'facts.told_legs' as relation,
        call_id
    from facts.told_legs
    union
    select
        'facts.told_operators' as relation,
        call_id
    from facts.told_operators
    union
    select
        'facts.recordings' as relation,
        call_id
    from facts.recordings
    union
    select
        'facts.call_permissions' as relation,
        call_id
    from facts.call_permissions
    union
    select
        'facts.missed_episodes' as relation,
        episode_id as call_id
    from facts.missed_episodes
)

select
    listed.relation,
    listed.call_id
from listed
left join facts.calls on listed.call_id = calls.call_id
where calls.call_id is null
union all
select
    'facts.call_starts' as relation,
    cast(call_starts.call_number as varchar) as call_id
from facts.call_starts
left join facts.calls on call_starts.call_number = md5_number_lower(calls.call_id)
where calls.call_id is null
