"""From a call back to the events it was folded from, in both clocks, and how the fold read them."""

from typing import Any

import polars as pl

from analytics.connection import Reader
from schemas.withdrawals import WITHDRAWN

MAX_FACTS = 2_000
MAX_FOUND = 20
LEAST_PREFIX = 6


def find_calls(reader: Reader, written: str) -> list[str]:
    """Give the ids of the calls that go by this id, ours or the provider's, or whose id begins so.

    A call of which no facts are folded is found by its events.
    """
    begun = "select 1 from facts.call_starts where call_number = md5_number_lower($written)"
    if reader.sql(begun, {"written": written}).height:
        return [written]
    found = reader.sql(
        """
        select distinct call_id from facts.calls
        where provider_call_id = $written
            or (length($written) >= $least and starts_with(call_id, $written))
        order by call_id limit $limit
        """,
        {"written": written, "least": LEAST_PREFIX, "limit": MAX_FOUND},
    )
    if found.height:
        return found["call_id"].to_list()
    events = reader.sql("select 1 from log.events where entity = $written limit 1", {"written": written})
    return [written] if events.height else []


def call(reader: Reader, call_id: str) -> dict[str, Any]:
    """Give the folded row of a call, with its outcome and why; empty where there is none."""
    number = "select started_at from facts.call_starts where call_number = md5_number_lower($call_id)"
    begun = reader.sql(number, {"call_id": call_id})
    rows = reader.sql(
        "select * from facts.calls where started_at = $begun and call_id = $call_id",
        {"begun": begun["started_at"].first() if begun.height else None, "call_id": call_id},
    ).to_dicts()
    return rows[0] if rows else {}


def legs(reader: Reader, call_id: str) -> pl.DataFrame:
    """Give what the fold made of each leg, and of the call as a whole (no leg), from all facts taken together."""
    return reader.sql(
        """
        select
            leg_id as leg, operator, said_start_at, rang_at, accepted_at, picked_at, picked_by, ended_at,
            talk_ms / 1000 as talk_seconds, disposition, provider_status, ended_by, is_over
        from staging.call_legs where call_id = $call_id order by place
        """,
        {"call_id": call_id},
    )


def facts(reader: Reader, call_id: str) -> pl.DataFrame:
    """Give the events of a call in the order of their arrival, each with its place in the order of occurrence.

    Columns: arrived (1 is the first that was landed), occurred (1 is the earliest by the source's clock), type, leg,
    time, recorded_at, delay_seconds (from one clock to the other), landed_at, told_anew_at (by a correction), place (in
    Kafka), id, causation_id and `says`, what the event holds, as JSON. What was withdrawn stands there as such.
    """
    return reader.sql(
        f"""
        select
            row_number() over (order by landed_at, recorded_at, topic, "partition", "offset") as arrived,
            row_number() over (order by time, id) as occurred,
            dataschema as type,
            data ->> '$.leg_id' as leg,
            time,
            recorded_at,
            (epoch_ms(recorded_at) - epoch_ms(time)) / 1000 as delay_seconds,
            landed_at,
            revision as told_anew_at,
            concat_ws('/', topic, "partition", "offset") as place,
            id,
            causation_id,
            cast(data as varchar) as says
        from log.events where entity = $call_id and (type glob 'call.*' or type = '{WITHDRAWN}')
        order by arrived limit $limit
        """,  # noqa: S608  # our own word
        {"call_id": call_id, "limit": MAX_FACTS},
    )


def conflicts(reader: Reader, call_id: str) -> int:
    """Count the events that came with an id the log had, but with other content; the first was kept."""
    [count] = reader.sql(
        "select count(*) as conflicts from log.conflicts where entity = $call_id", {"call_id": call_id}
    )["conflicts"]
    return count
