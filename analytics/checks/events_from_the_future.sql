-- One row a fact that occurred, by the source's clock, more than an hour after we received it.
-- key: event_id
-- severity: warn
-- columns:
--   event_id varchar: fact
--   company varchar: tenant
--   source varchar: provider
--   time timestamptz: when it occurred by the source's clock
--   recorded_at timestamptz: when we received it
select
    id as event_id,
    company,
    source,
    time,
    recorded_at
from log.events
-- One instant less another is an interval of the calendar, which takes many times as long.
where epoch_ms(time) - epoch_ms(recorded_at) > 3600000
