"""What the page of one call asks beside the call itself: how the talk went, what it cost, whether it was permitted.

Each asks with the local day on which the call began, by which its rows are found among those of all days.
"""

from datetime import date
from typing import Any

import polars as pl

from analytics.connection import Reader

MAX_BEEPS = 2_000


def talk_of_call(reader: Reader, *, company: str, call_id: str, day: date) -> dict[str, Any] | None:
    """Give the talk figures of a call, as facts.call_talk names them; None where nothing was said or written down."""
    text = "select * from facts.call_talk where company = $company and day = $day and call_id = $call_id"
    return _one(reader.sql(text, {"company": company, "call_id": call_id, "day": day}))


def cost_of_call(reader: Reader, *, company: str, call_id: str, day: date) -> dict[str, Any] | None:
    """Give what a tariff took for a call of `day`; None where no tariff bills it.

    `cost` in `currency` and `company_cost` in `company_currency` (each empty where there is no price, no rate or no
    known length), tariff_id, kind, connected_seconds, billed_seconds, price_per_minute.
    """
    text = """
        select
            tariff_id, kind, connected_seconds, billed_seconds, currency, company_currency,
            cast(price_per_minute as double) as price_per_minute, cast(cost as double) as cost,
            cast(company_cost as double) as company_cost
        from reports.call_costs
        where company = $company and month = date_trunc('month', $day::date) and call_id = $call_id
    """
    return _one(reader.sql(text, {"company": company, "call_id": call_id, "day": day}))


def permission_of_call(reader: Reader, *, company: str, call_id: str, day: date) -> dict[str, Any] | None:
    """Give whether the contact had agreed when we called; None for a call that needs no asking.

    is_permitted, reason, policy (empty where none held), is_over_limit, connections_before, unanswered_before, and of
    the permission that held: granted_at, ended_at (empty: for good).
    """
    text = """
        select
            judged.is_permitted, judged.reason, judged.policy, coalesce(judged.is_over_limit, false) as is_over_limit,
            judged.connections_before, judged.unanswered_before, permissions.granted_at, permissions.ended_at
        from facts.call_permissions as judged
        left join facts.permissions as permissions
            on judged.company = permissions.company and judged.permission_id = permissions.permission_id
        where judged.company = $company and judged.day = $day and judged.call_id = $call_id
    """
    return _one(reader.sql(text, {"company": company, "call_id": call_id, "day": day}))


def beeps_of_call(reader: Reader, *, company: str, call_id: str, day: date, recording_id: str) -> pl.DataFrame:
    """Give the stretches of a recording that nobody may hear: channel, start_seconds, end_seconds."""
    text = """
        select distinct channel, start_seconds, end_seconds from facts.beeps
        where company = $company and day = $day and call_id = $call_id and recording_id = $recording_id
        order by all limit $limit
    """
    asked = {"company": company, "call_id": call_id, "day": day, "recording_id": recording_id, "limit": MAX_BEEPS}
    return reader.sql(text, asked)


def _one(rows: pl.DataFrame) -> dict[str, Any] | None:
    found = rows.to_dicts()
    return found[0] if found else None
