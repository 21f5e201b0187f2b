-- One row a company and source: how far its facts reach, and which of its days are closed.
-- A day is closed 3 h after its end; a fact that comes later opens it again, and reports.corrections says what changed.
-- key: company, source
-- columns:
--   company varchar: tenant
--   source varchar: provider
--   events bigint: its facts in the log
--   newest_time timestamptz: the newest fact by the source's clock
--   newest_recorded_at timestamptz: the newest fact by our clock: the watermark
--   closed_through date: the last local day that was closed when the newest fact came
select
    events.company,
    events.source,
    count(*) as events,
    max(events.time) as newest_time,
    max(events.recorded_at) as newest_recorded_at,
    cast(
        timezone(coalesce(any_value(companies.time_zone), 'UTC'), max(events.recorded_at)) - interval 3 hours as date
    ) - 1 as closed_through
from log.events
left join reference.companies on events.company = companies.company
group by events.company, events.source
