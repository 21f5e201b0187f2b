"""What happens now: facts of calls and alerts as they were landed, told once each to those who listen."""

from datetime import UTC, datetime, timedelta
from typing import Any

from analytics.connection import Reader
from analytics.metrics.alerting import TYPE as ALERT

MAX_TOLD = 500
# How long before now an event may have been recorded and still be told of; older ones are history that was brought in.
RECENT = timedelta(days=1)
_TOLD = ("type", "time", "landed_at")
_FIELDS = {
    True: (*_TOLD, "rule", "about"),
    False: (*_TOLD, "call_id", "direction", "channel", "outcome", "operator_id", "team_id"),
}


def newest(reader: Reader) -> datetime:
    """Give the moment up to which everything was landed: who begins to listen hears what comes after it."""
    [landed] = reader.sql("select max(landed_at) as landed from log.offsets", {})["landed"]
    return landed or datetime(1970, 1, 1, tzinfo=UTC)


def since(reader: Reader, *, company: str, mark: datetime) -> tuple[list[dict[str, Any]], datetime]:
    """Give what was landed of a company's calls after `mark`, in order, and the next mark; alerts among them.

    Each is `call.…` with call, time and the outcome as it is folded now, or `alert.raised` with its rule and what it is
    about. A batch has one moment of landing, so that a
    mark never cuts one; of a very large batch only the first are told, and `is_cut` says so on the last of them.
    """
    rows = reader.sql(
        """
        select
            events.type, events.entity as call_id, events.time, events.landed_at, calls.direction, calls.channel,
            calls.outcome, calls.operator_id, calls.team_id, null as rule, null as about
        from log.events as events
        join facts.calls as calls on events.entity = calls.call_id and events.company = calls.company
        where events.company = $company and events.landed_at > $mark and events.recorded_at >= $recent
            and events.type glob 'call.*'
        union all by name
        select type, time, landed_at, data ->> '$.rule' as rule, data ->> '$.about' as about from log.events
        where company = $company and landed_at > $mark and recorded_at >= $recent and type = 'alert.raised'
        order by landed_at, time, call_id limit $most
        """,
        {"company": company, "mark": mark, "recent": mark - RECENT, "most": MAX_TOLD + 1},
    ).to_dicts()
    rows = [{name: value for name, value in row.items() if name in _FIELDS[row["type"] == ALERT]} for row in rows]
    told = rows[:MAX_TOLD]
    if len(rows) > MAX_TOLD:
        told[-1]["is_cut"] = True
    return told, max((row["landed_at"] for row in rows), default=mark)
