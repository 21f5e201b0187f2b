"""What columns and their values are called in files that people take along; the API and `angime sql` keep names."""

from collections.abc import Callable

import polars as pl

from analytics.metrics.catalogue import catalogue
from dashboards import reasons
from dashboards.texts import N_, Texts

COLUMNS = {
    "account": N_("Account"),
    "answer_seconds": N_("Time to answer, s"),
    "answered": N_("Answered"),
    "answered_calls": N_("Answered calls"),
    "as_of": N_("Data as of"),
    "attempts": N_("We tried"),
    "band": N_("How soon"),
    "billed_minutes": N_("Billed minutes"),
    "blocks": N_("Blocks"),
    "call_cost": N_("Cost of calls"),
    "call_id": N_("Our id"),
    "calls": N_("Calls"),
    "channel": N_("Channel"),
    "closed_seconds": N_("After, s"),
    "cold": N_("Cold"),
    "company_number": N_("Company's number"),
    "complaints": N_("Complaints"),
    "connections_a_day": N_("Most talks in 24 h"),
    "connections_in_day": N_("Talks in 24 h"),
    "contact": N_("Contact"),
    "contact_call_id": N_("Id of the call with the contact"),
    "contact_key": N_("Contact's key"),
    "contact_name": N_("Contact's name"),
    "contact_seconds": N_("Until we talked, s"),
    "cost": N_("Cost"),
    "day": N_("Day"),
    "denominator": N_("Denominator"),
    "direction": N_("Direction"),
    "ended_at": N_("Until"),
    "episode_id": N_("Id of the first missed call"),
    "episodes": N_("Contacts"),
    "fee": N_("Fixed fee"),
    "first_at": N_("First"),
    "first_missed_at": N_("First rang"),
    "good": N_("Good direction"),
    "granted_at": N_("Agreed"),
    "has_recording": N_("Recorded"),
    "has_transcript": N_("Transcript"),
    "hour": N_("Hour of the day"),
    "is_business_hours": N_("Business hours"),
    "is_counted": N_("Counts for the metric"),
    "is_demo_transcript": N_("Text of the demo model"),
    "is_over_limit": N_("Beyond a limit"),
    "is_waiting": N_("Waits"),
    "is_warned": N_("The policy warns"),
    "kind": N_("Kind"),
    "last_at": N_("Last"),
    "last_direction": N_("Direction of the last word"),
    "last_kind": N_("Kind of the last word"),
    "last_media": N_("With the last word"),
    "last_missed_at": N_("Last rang"),
    "last_outcome": N_("Outcome of the last call"),
    "last_text": N_("Last word"),
    "last_wrote_at": N_("When he wrote"),
    "leads": N_("Leads"),
    "letters": N_("Records"),
    "longest_streak": N_("Declined in a row"),
    "lost_at": N_("Call back by"),
    "low_quality": N_("Low quality"),
    "meaning": N_("Meaning"),
    "messaged_at": N_("We wrote"),
    "messages": N_("Messages"),
    "metric": N_("Metric"),
    "missed": N_("Missed"),
    "name": N_("Name of the operator"),
    "not_permitted": N_("Not permitted"),
    "numerator": N_("Numerator"),
    "operator": N_("Operator"),
    "operator_id": N_("Operator's id"),
    "outcome": N_("Outcome"),
    "outcome_reason": N_("Why it counts so"),
    "per_100_calls": N_("Signs in 100 calls"),
    "per_minute": N_("A minute of talk"),
    "phone": N_("Number"),
    "provider_call_id": N_("Provider's id"),
    "provider_status": N_("What the provider says"),
    "reason": N_("Reason"),
    "rejected": N_("Declined"),
    "rejection_streaks": N_("Rejection streaks"),
    "request_cost": N_("Cost of requests"),
    "requests": N_("Requests"),
    "requests_a_day": N_("Most requests in 24 h"),
    "requests_a_week": N_("Most requests in 7 days"),
    "requests_in_day": N_("Requests in 24 h"),
    "requests_in_week": N_("Requests in 7 days"),
    "restrictions": N_("Restrictions"),
    "ring_seconds": N_("Rang, s"),
    "rings": N_("How often he rang"),
    "role": N_("Said by"),
    "sample": N_("Sample size"),
    "score": N_("Match"),
    "seen_at": N_("Seen"),
    "sign": N_("Signal"),
    "signs": N_("Signs of risk"),
    "source": N_("Source"),
    "sql": N_("SQL"),
    "stage": N_("Stage"),
    "start_seconds": N_("At, s"),
    "started_at": N_("When"),
    "state": N_("State"),
    "talk_minutes": N_("Minutes of talk"),
    "talk_seconds": N_("Talk, s"),
    "tariff_id": N_("Tariff"),
    "team": N_("Team"),
    "team_id": N_("Team's id"),
    "text": N_("What was said"),
    "title": N_("Name"),
    "total_seconds": N_("Whole call, s"),
    "unanswered": N_("Unanswered in a row"),
    "unanswered_before": N_("Unanswered before"),
    "unit": N_("Unit"),
    "unpriced": N_("Without a price"),
    "unpriced_requests": N_("Requests without a price"),
    "value": N_("Value"),
    "version": N_("Version"),
    "word": N_("In the provider's words"),
}
# Columns whose values are words of the domain.
WORDS = ("channel", "direction", "last_direction", "last_media", "last_outcome", "outcome", "role", "state")


def told(frame: pl.DataFrame, *, say: Texts) -> pl.DataFrame:
    """Give a table as its page tells it: with the words for its columns and for what is a word in them."""
    ways: dict[str, Callable[[str], str]] = dict.fromkeys(WORDS, say.word)
    ways["outcome_reason"] = lambda reason: reasons.told(say, reason)
    if "title" not in frame.columns:
        ways["metric"] = lambda name: catalogue()[name].title.of(say.language)
    worded = frame.with_columns(_each(frame[name], way) for name, way in ways.items() if name in frame.columns)
    return worded.rename({name: say(COLUMNS[name]) for name in frame.columns if name in COLUMNS})


def _each(column: pl.Series, way: Callable[[str], str]) -> pl.Series:
    values = column.drop_nulls().unique()
    return column.replace(values, pl.Series([way(value) for value in values], dtype=pl.String))
