-- One row a call whose words are not those that the glossary knows, or that lacks what every call has.
-- key: call_id
-- severity: fail
-- columns:
--   call_id varchar: call
--   company varchar: tenant
--   direction varchar: its direction
--   outcome varchar: its outcome
select
    call_id,
    company,
    direction,
    outcome
from facts.calls
where
    company is null
    or started_at is null
    or day is null
    or outcome_reason is null
    or coalesce(direction not in ('incoming', 'outgoing', 'internal', 'unknown'), true)
    or coalesce(
        outcome not in (
            'answered', 'voicemail', 'machine', 'missed', 'abandoned', 'rejected', 'no_answer', 'busy', 'cancelled',
            'failed', 'not_permitted', 'in_progress'
        ), true
    )
    or (outcome = 'answered' and (answered_at is null or talk_seconds <= 0))
    or (outcome = 'answered' and ended_at is null and talk_seconds is not null)
