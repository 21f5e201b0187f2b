"""What people want to be told of at once: the rules of company.toml, asked of the facts as they stand at a moment."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import msgspec

from analytics.connection import Connection
from analytics.metrics.catalogue import whole
from analytics.metrics.sql import aggregates
from schemas.alert_rules import Rule, is_quiet
from schemas.alerts import AlertRaised
from schemas.company import Company
from schemas.dated import WEEKDAYS
from schemas.envelope import Event, event
from schemas.hours import span_at
from schemas.ids import fact_id
from schemas.instants import Instant, instant, moment
from schemas.ourselves import US

TYPE = "alert.raised"
# What rose longer ago is no news: history that was brought in rings no bell.
NEWS = timedelta(days=1)
MOST_OF_A_RULE = 100
# Alerts are known for so long after they were recorded; no rule looks further back.
KNOWN = timedelta(days=9)

_ANSWERED, _RECEIVED, _ = aggregates(whole().metrics["answer_rate"])

_STATES = """
    select
        source || '/' || account as about, event_id as slot, began_at as since, began_at as risen_at,
        null as count, null as share, null as minutes
    from facts.account_states
    where company = $company and began_at > $news and began_at <= $now
"""
# Each gives `about`, `slot` (tells two alerts of a rule apart), `since`, `risen_at` (when it came true), and figures.
_QUESTIONS: dict[str, str] = {
    "missed_call": """
        select
            episode_id as about, episode_id as slot, first_missed_at as since,
            first_missed_at + to_minutes($minutes) as risen_at, rings as count, null as share, $minutes as minutes
        from facts.missed_episodes
        where company = $company and is_business_hours and contacted_at is null and first_attempt_at is null
            and first_missed_at <= $now - to_minutes($minutes) and first_missed_at > $news and lost_at > $now
    """,
    "low_answer_rate": f"""
        select
            $company as about, strftime(date_trunc('hour', $now), '%Y-%m-%dT%H') as slot,
            $now - interval 1 hour as since, date_trunc('hour', $now) as risen_at,
            received as count, answered / received as share, 60 as minutes
        from (
            select {_ANSWERED} as answered, {_RECEIVED} as received from facts.calls
            where company = $company and is_business_hours
                and started_at > $now - interval 1 hour and started_at <= $now
        )
        where received >= $least_calls and answered / received < $at_least
    """,  # noqa: S608  # the metric's own text, from the catalogue
    "permission_expiring": """
        select
            permission_id as about, permission_id as slot, granted_at as since,
            ended_at - to_minutes($minutes) as risen_at, null as count, null as share, $minutes as minutes
        from facts.permissions
        where company = $company and ended_by = 'expired' and ended_at > $now
            and ended_at <= $now + to_minutes($minutes)
    """,
    "account_restricted": f"{_STATES} and state = 'restricted' and (ended_at is null or ended_at > $now)",
    "low_quality": f"""{_STATES} and aspect = 'quality' and ended_at is null and event_id in (
        select sign_id from reports.risk_signs
        where company = $company and seen_at > $news and sign in ('low_quality', 'complaint')
    )""",  # noqa: S608  # our own texts
    "rejection_streak": """
        select
            source || '/' || account as about, sign_id as slot, seen_at as since, seen_at as risen_at, calls as count,
            null as share, null as minutes
        from reports.risk_signs
        where company = $company and sign = 'rejection_streak' and seen_at > $news and seen_at <= $now
            and day >= cast($news as date) - 1
    """,
    "source_silent": """
        select
            source || '/' || account as about,
            source || '/' || account || '/' || strftime(silent_since, '%Y-%m-%dT%H:%M:%S') as slot,
            silent_since as since, silent_since + to_minutes($minutes) as risen_at, null as count, null as share,
            $minutes as minutes
        from (
            select source, account, greatest(max(last_at), $opened) as silent_since
            from (
                select source, account, max(started_at) as last_at from facts.calls
                where company = $company and started_at > $now - interval 7 days and started_at <= $now
                group by all
                union all
                select source, account, max(first_at) as last_at from facts.messages
                where company = $company and first_at > $now - interval 7 days and first_at <= $now
                group by all
            )
            group by all
        )
        where silent_since <= $now - to_minutes($minutes)
    """,
    "dead_letters": """
        select
            $company as about, strftime(date_trunc('hour', $now), '%Y-%m-%dT%H') as slot,
            $now - to_minutes($minutes) as since, date_trunc('hour', $now) as risen_at, count(*) as count,
            null as share, $minutes as minutes
        from log.dead
        where company in ($company, '') and died_at > $now - to_minutes($minutes) and died_at <= $now
        having count(*) >= $at_least
    """,
}


class Bell:
    """Rings once for each alert; knows from the log which were raised, by this process or one before it."""

    def __init__(self, connection: Connection, companies: Sequence[Company], *, now: Instant) -> None:
        self._connection = connection
        self._companies = [company for company in companies if company.alerts.rules]
        self._raised = known(connection, now=now) if self._companies else set[str]()

    @property
    def is_silent(self) -> bool:
        """Whether no company has a rule."""
        return not self._companies

    def ring(self, now: Instant) -> list[Event]:
        """Give the alerts that hold at `now` and were not raised yet; they ring again until they are `heard`."""
        alerts = judge(self._connection, self._companies, now=now)
        return [alert for alert in alerts if alert.id not in self._raised]

    def heard(self, alerts: Iterable[Event]) -> None:
        """Take note that these were published."""
        self._raised |= {alert.id for alert in alerts}


def judge(connection: Connection, companies: Sequence[Company], *, now: Instant) -> list[Event]:
    """Give the alerts that hold at `now`, whether they were raised before or not; none of a company's quiet hours.

    An alert has one id however often it is seen: a missed episode, a permission, a fact of an account and a rejection
    streak are told of once, a low rate and refused records once an hour.
    """
    return [
        alert
        for company in companies
        if not is_quiet(company.alerts, at=_local(company, now=now).time())
        for rule in company.alerts.rules
        for alert in _judge(connection, company, rule, now=now)
    ]


def known(connection: Connection, *, now: Instant) -> set[str]:
    """Give the ids of alerts that were raised lately."""
    rows = connection.rows("select id from log.events where type = ? and recorded_at > ?", [TYPE, moment(now) - KNOWN])
    return {id_ for (id_,) in rows}


def opened_at(company: Company, *, now: Instant) -> datetime | None:
    """Since when the company is open, None while it is closed; one without hours opens at each midnight."""
    local = _local(company, now=now)
    if local.date() in company.holidays:
        return None
    hours = company.hours_on(local.date())
    spans = hours.get(WEEKDAYS[local.weekday()], ()) if hours else ("00:00-24:00",)
    span = span_at(spans, local.time())
    return datetime.combine(local.date(), span[0], tzinfo=local.tzinfo) if span else None


def _judge(connection: Connection, company: Company, rule: Rule, *, now: Instant) -> list[Event]:
    fields = msgspec.to_builtins(rule)
    kind = fields["kind"]
    opened = opened_at(company, now=now)
    if kind == "source_silent" and opened is None:
        return []
    text = _QUESTIONS[kind]
    given: dict[str, Any] = {
        **{name: value for name, value in fields.items() if name not in {"id", "to", "kind"}},
        "company": company.id,
        "now": moment(now),
        "news": moment(now) - NEWS,
        "opened": opened,
    }
    asked = {name: value for name, value in given.items() if f"${name}" in text}
    # The newest: what waits for long must not keep from being told what has come true since.
    newest = f"from ({text}) order by risen_at desc, about desc limit {MOST_OF_A_RULE}"
    rows = connection.frame(newest, asked).to_dicts()
    return [_alert(row, company=company, rule=rule, kind=kind, now=now) for row in reversed(rows)]


def _alert(row: dict[str, Any], *, company: Company, rule: Rule, kind: Any, now: Instant) -> Event:
    fact = AlertRaised(
        rule=rule.id,
        kind=kind,
        about=row["about"],
        since=instant(row["since"]),
        count=row["count"],
        share=row["share"],
        minutes=row["minutes"],
    )
    return event(
        fact,
        id=fact_id(US, company.id, TYPE, rule.id, row["slot"]),
        source=US,
        account=US,
        company=company.id,
        time=instant(row["risen_at"]),
        recordedat=now,
        key=row["about"],
    )


def _local(company: Company, *, now: Instant) -> datetime:
    return moment(now).astimezone(ZoneInfo(company.time_zone))
