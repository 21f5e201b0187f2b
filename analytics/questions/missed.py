# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What the page of missed calls asks: whom to call back now, how the missed of a period were recovered, and by whom."""

import polars as pl

from analytics.connection import Reader
from analytics.metrics.catalogue import whole
from analytics.questions.asking import Period, Scope, within
from analytics.questions.listing import MAX_ROWS_OF_A_FILE
from analytics.questions.narrowing import episodes

MAX_LISTED = 500


def waiting(reader: Reader, *, scope: Scope, limit: int = MAX_LISTED) -> pl.DataFrame:
    """Give the open episodes of missed calls, the longest waiting first: whom to call back now, and no erased person.

    Columns: episode_id, contact_name, phone, channel, first_missed_at, last_missed_at, rings, attempts, messaged_at,
    lost_at, is_business_hours, last_wrote_at, last_media and last_text (of the message that the contact wrote last),
    as_of, episodes (how many there are in all).
    """
    narrowed, parameters = _scoped(scope)
    source, newest = episodes(reader, company=scope.company)
    text = f"""
        with left_open as materialized (
            select * from {source} where company = $company and state = 'open' and {narrowed}
        ),
        erased as (
            select contact_id from facts.identities
            where contact_id in (select contact_id from left_open where phone is null)
            group by contact_id having bool_and(kind = 'erased')
        ),
        open_episodes as materialized (select * from left_open anti join erased using (contact_id)),
        longest as (select * from open_episodes order by first_missed_at, episode_id limit $limit),
        written as (
            select
                identities.contact_id,
                arg_max(
                    struct_pack(last_wrote_at := first_at, last_media := messages.kind, last_text := text),
                    (first_at, message_id)
                ) as latest
            from facts.messages as messages
            inner join facts.identities as identities
                on messages.company = identities.company and messages.contact_key = identities.identity
            where
                messages.company = $company and messages.direction = 'incoming'
                and identities.contact_id in (select contact_id from longest)
            group by identities.contact_id
        )
        select
            episode_id, contact_name, phone, channel, first_missed_at, last_missed_at, rings, attempts, messaged_at,
            lost_at, is_business_hours, latest.last_wrote_at, latest.last_media, latest.last_text, as_of,
            (select count(*) from open_episodes) as episodes
        from longest left join written using (contact_id)
        order by first_missed_at, episode_id
    """
    return reader.sql(text, parameters | newest | {"limit": min(limit, MAX_ROWS_OF_A_FILE)})


def of_period(reader: Reader, *, period: Period, scope: Scope, limit: int = MAX_LISTED) -> pl.DataFrame:
    """Give the episodes that began in the period, the newest first: who was missed, and what came of it.

    Columns: episode_id, contact_name, phone, channel, first_missed_at, rings, attempts, state, operator and operator_id
    (of the call in which somebody talked), contact_call_id (that call), contact_seconds, closed_seconds (first missed
    call to what closed it, a message too), is_business_hours.
    """
    where, parameters = within(period, scope=scope, fact=whole().facts["missed_episodes"])
    source, newest = episodes(reader, company=scope.company)
    text = f"""
        with listed as (
            select * from {source} where {where} order by first_missed_at desc, episode_id limit $limit
        )
        select
            episode_id, contact_name, phone, channel, first_missed_at, rings, attempts, state,
            operators.name as operator, listed.operator_id, contact_call_id, contact_seconds,
            epoch(closed_at) - epoch(first_missed_at) as closed_seconds, is_business_hours
        from listed
        left join reference.operators
            on listed.company = operators.company and listed.operator_id = operators.operator_id
        order by first_missed_at desc, episode_id
    """
    return reader.sql(text, parameters | newest | {"limit": min(limit, MAX_ROWS_OF_A_FILE)})


def recovery(reader: Reader, *, period: Period, scope: Scope) -> pl.DataFrame:
    """Count the episodes that began in the period by the hour in which they began and how they stand.

    Columns: hour, is_business_hours, state, band, episodes, rings.
    """
    where, parameters = within(period, scope=scope, fact=whole().facts["missed_episodes"])
    source, newest = episodes(reader, company=scope.company)
    text = f"""
        select hour, is_business_hours, state, band, count(*) as episodes, sum(rings)::bigint as rings
        from {source} where {where} group by all order by all
    """
    return reader.sql(text, parameters | newest)


def _scoped(scope: Scope) -> tuple[str, dict[str, object]]:
    """Narrow by what an episode has: its channel, and whether it began in business hours."""
    clauses = ["true"]
    parameters: dict[str, object] = {"company": scope.company}
    if scope.channels:
        clauses.append("list_contains($channels, channel)")
        parameters["channels"] = list(scope.channels)
    if scope.is_business_hours is not None:
        clauses.append("is_business_hours = $is_business_hours")
        parameters["is_business_hours"] = scope.is_business_hours
    return " and ".join(clauses), parameters
