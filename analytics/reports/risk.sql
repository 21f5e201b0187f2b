-- One row an outgoing call or a sign of risk: what signs in 100 calls are counted over, by account.
-- key: row_id, kind
-- columns:
--   row_id varchar: call_id of the call, or sign_id of the sign
--   kind varchar: call, or the sign: block, restriction, low_quality, complaint or rejection_streak
--   company varchar: tenant
--   account varchar: connected number or session
--   happened_at timestamptz: when the call began, or when the sign was seen
--   day date: local date of happened_at in the company's zone
--   outcome varchar: outcome of the call, null for signs
--   is_left_out boolean: whether the call is internal or a test; never for signs
select
    call_id as row_id,
    'call' as kind,
    company,
    account,
    started_at as happened_at,
    day,
    outcome,
    is_internal or is_test as is_left_out
from facts.calls
where direction = 'outgoing'
union all
select
    sign_id as row_id,
    sign as kind,
    company,
    account,
    seen_at as happened_at,
    day,
    null as outcome,
    false as is_left_out
from reports.risk_signs
