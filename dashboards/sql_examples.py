"""Queries to begin with, each with the question that it answers."""

from dashboards.texts import N_

EXAMPLES = (
    (
        N_("Answer rate by operator and hour, in business hours"),
        """select
    operators.name as operator,
    calls.hour,
    count(*) as incoming,
    round(avg((calls.outcome = 'answered')::integer), 3) as answer_rate
from facts.calls as calls
left join reference.operators as operators using (company, operator_id)
where calls.direction = 'incoming' and calls.is_business_hours and not (calls.is_internal or calls.is_test)
group by all
having count(*) >= 5
order by operator, calls.hour""",
    ),
    (
        N_("How long people waited before somebody answered"),
        """select
    least(floor(answer_seconds / 5) * 5, 60)::integer as from_seconds,
    count(*) as calls
from facts.calls
where direction = 'incoming' and outcome = 'answered'
group by all
order by from_seconds""",
    ),
    (
        N_("Calls a day by outcome"),
        """select day, outcome, count(*) as calls
from facts.calls
where not (is_internal or is_test)
group by all
order by day desc, calls desc""",
    ),
    (
        N_("Contacts reached by several channels"),
        """select contact_key, list_sort(list_distinct(list(channel))) as channels, count(*) as calls
from facts.calls
where contact_key is not null
group by contact_key
having count(distinct channel) > 1
order by calls desc""",
    ),
    (
        N_("What was refused, by reason"),
        """select reason, stage, count(*) as letters, max(died_at) as last_at
from log.dead
group by all
order by letters desc""",
    ),
    (
        N_("The catalogue of metrics"),
        """select metric, unit, good, title_en, meaning_en, formula
from metrics.catalogue""",
    ),
)
