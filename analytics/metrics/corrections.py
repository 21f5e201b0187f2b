# ruff: noqa: S608  # only texts of our own are composed
"""The view of corrections: which numbers of a day changed after the day was closed, by how much and through what.

A day is closed CLOSING_HOURS after its end. What it showed then is found again from the log: the calls that later facts
touched are folded once more from the facts that were there before, by the very text that folds them. So it is the same
in every replay, and nothing has to be written down when a day closes.
"""

from collections.abc import Sequence

from analytics.metrics.catalogue import over
from analytics.metrics.layer import figures_by_day
from analytics.views import View, parse_view, with_inputs

CLOSING_HOURS = 3
FACT = "facts.calls"

_HEADER = f"""
-- One row a company, local day and metric over calls whose number is another than when the day was closed, which it is
-- {CLOSING_HOURS} h after its end. A day of which nothing was known by then had shown no number and is not listed.
-- key: company, day, metric
-- columns:
--   company varchar: tenant
--   day date: local date in the company's zone
--   metric varchar: name of the metric in metrics.catalogue
--   first_value double: the figure when the day was closed, null where it was empty
--   value double: the figure now
--   change double: now less then, null where either is empty
--   first_sample bigint: rows behind the figure then
--   sample bigint: rows behind it now
--   late_events bigint: facts that came after the day was closed
--   late_calls bigint: calls that they touched
--   sources varchar[]: providers that they came from
--   first_recorded_at timestamptz: when the first of them came
--   last_recorded_at timestamptz: when the last of them came
"""


def compose(views: Sequence[View]) -> View:
    """Compose `reports.corrections` from the fold of calls."""
    [fold] = [view for view in views if view.relation == FACT]
    before = (
        "select events.* from log.events as events inner join late on events.entity = late.call_id "
        "where events.recorded_at < late.closed_at"
    )
    staging = [(view.relation, view.select) for view in views if view.layer == "staging"]
    refolded = with_inputs(fold.select, inputs=[("log.events", before), *staging])
    metrics = list(over("calls").values())
    text = f"""{_HEADER}
with
late as (
    select
        calls.company,
        calls.day,
        calls.call_id,
        timezone(coalesce(companies.time_zone, 'UTC'), cast(calls.day + 1 as timestamp))
        + interval {CLOSING_HOURS} hours as closed_at,
        count(*) as late_events,
        list(events.source) as sources,
        min(events.recorded_at) as first_recorded_at,
        max(events.recorded_at) as last_recorded_at
    from facts.calls
    left join reference.companies on calls.company = companies.company
    inner join log.events as events on calls.call_id = events.entity
    where
        events.recorded_at >= timezone(coalesce(companies.time_zone, 'UTC'), cast(calls.day + 1 as timestamp))
        + interval {CLOSING_HOURS} hours
    group by all
),

days as (
    select
        company,
        day,
        cast(sum(late_events) as bigint) as late_events,
        count(*) as late_calls,
        list_sort(list_distinct(flatten(list(sources)))) as sources,
        min(first_recorded_at) as first_recorded_at,
        max(last_recorded_at) as last_recorded_at
    from late
    group by company, day
),

shown as (
    select calls.* from facts.calls semi join days using (company, day) anti join late using (call_id)
    union all by name
    select refolded.* from (
{refolded}
    ) as refolded semi join days using (company, day)
),

shown_figures as (
{figures_by_day(metrics, relation="shown")}
),

figures as (
{figures_by_day(metrics, relation="(select calls.* from facts.calls semi join days using (company, day))")}
)

select
    company,
    day,
    metric,
    shown_figures.value as first_value,
    figures.value,
    figures.value - shown_figures.value as change,
    coalesce(shown_figures.sample, 0) as first_sample,
    coalesce(figures.sample, 0) as sample,
    days.late_events,
    days.late_calls,
    days.sources,
    days.first_recorded_at,
    days.last_recorded_at
from figures
full join shown_figures using (company, day, metric)
inner join days using (company, day)
semi join shown using (company, day)
where figures.value is distinct from shown_figures.value or figures.sample is distinct from shown_figures.sample
"""
    return parse_view(text, layer="reports", name="corrections")
