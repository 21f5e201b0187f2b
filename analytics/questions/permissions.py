"""What the page of permissions asks: who may be called until when, who was called without, and what the risks are."""

from datetime import datetime

import polars as pl

from analytics.connection import Reader
from analytics.questions.asking import Period, Scope
from analytics.questions.listing import MAX_ROWS_OF_A_FILE

MAX_ROWS = 500


def held(reader: Reader, *, scope: Scope, now: datetime, tonight: datetime, limit: int = MAX_ROWS) -> pl.DataFrame:
    """Give the permissions that hold at `now`, those that run out first at the top.

    Columns: contact_name, phone, account, kind, granted_at, ended_at (None: for good), calls, answered_calls,
    unanswered (in a row), is_warned (whether the policy warns of so many), requests_in_day and requests_in_week
    (requests to him of the last 24 hours and seven days, since somebody last talked with him), connections_in_day (our
    calls of the last 24 hours in which he talked), permissions (how many there are in all), ending (how many of them
    end by `tonight`). Beside what is used stands what the policy of the day allows, None without a limit:
    requests_a_day, requests_a_week, connections_a_day.
    """
    text = """
        with all_held as materialized (
            select * from facts.permissions
            where
                company = $company and policy is not null and granted_at <= $now
                and (ended_at is null or ended_at > $now)
        ),
        holding as (select * from all_held order by ended_at nulls last, granted_at, permission_id limit $limit),
        talked as (
            select
                identities.contact_id, calls.account, max(calls.started_at) as talked_at,
                count_if(calls.direction = 'outgoing' and calls.started_at > $now - interval 24 hour)
                    as connections_in_day
            from facts.calls as calls
            inner join facts.identities as identities
                on calls.company = identities.company and calls.contact_key = identities.identity
            where
                calls.company = $company and calls.outcome = 'answered'
                and calls.started_at > $now - interval 7 day and calls.started_at <= $now
                and identities.contact_id in (select contact_id from holding)
            group by all
        ),
        asked as (
            select
                requests.contact_id, requests.account,
                count_if(requests.requested_at > $now - interval 24 hour) as requests_in_day,
                count(*) as requests_in_week
            from facts.permission_requests as requests
            left join talked on requests.contact_id = talked.contact_id and requests.account = talked.account
            where
                requests.company = $company and requests.contact_id in (select contact_id from holding)
                and requests.requested_at > $now - interval 7 day and requests.requested_at <= $now
                and (talked.talked_at is null or requests.requested_at >= talked.talked_at)
            group by all
        )
        select
            contacts.name as contact_name, contacts.phone, holding.account, holding.kind, holding.granted_at,
            holding.ended_at, holding.calls, holding.answered_calls, holding.unanswered,
            coalesce(holding.is_warned, false) as is_warned,
            coalesce(asked.requests_in_day, 0) as requests_in_day, policies.requests_a_day,
            coalesce(asked.requests_in_week, 0) as requests_in_week, policies.requests_a_week,
            coalesce(talked.connections_in_day, 0) as connections_in_day, policies.connections_a_day,
            (select count(*) from all_held) as permissions,
            (select count(*) from all_held where ended_at <= $tonight) as ending
        from holding
        left join facts.contacts as contacts
            on holding.company = contacts.company and holding.contact_id = contacts.contact_id
        left join talked on holding.contact_id = talked.contact_id and holding.account = talked.account
        left join asked on holding.contact_id = asked.contact_id and holding.account = asked.account
        left join reference.companies as companies on holding.company = companies.company
        left join reference.permission_policies as policies
            on
                holding.company = policies.company and policies.is_chosen
                and cast(timezone(companies.time_zone, $now) as date) >= policies.valid_from
                and cast(timezone(companies.time_zone, $now) as date) < policies.valid_until
        order by holding.ended_at nulls last, holding.granted_at, holding.permission_id
    """
    parameters = {"company": scope.company, "now": now, "tonight": tonight, "limit": min(limit, MAX_ROWS_OF_A_FILE)}
    return reader.sql(text, parameters)


def outside(reader: Reader, *, period: Period, scope: Scope, limit: int = MAX_ROWS) -> pl.DataFrame:
    """Give our calls for which no permission held, or which were one too many, the newest first.

    Where the company has no policy on the day, nothing is judged.

    Columns: call_id, started_at, contact_name, phone, account, reason, is_over_limit, outcome, unanswered_before,
    calls (how many there are in all).
    """
    text = """
        with judged as materialized (
            select
                call_id, started_at, contact_id, account, reason, coalesce(is_over_limit, false) as is_over_limit,
                outcome, unanswered_before
            from facts.call_permissions
            where
                company = $company and day between $first and $last
                and policy is not null and (not is_permitted or is_over_limit)
        ),
        newest as (select * from judged order by started_at desc, call_id limit $limit)
        select
            newest.call_id, newest.started_at, contacts.name as contact_name, contacts.phone, newest.account,
            newest.reason, newest.is_over_limit, newest.outcome, newest.unanswered_before,
            (select count(*) from judged) as calls
        from newest
        left join facts.contacts as contacts
            on contacts.company = $company and newest.contact_id = contacts.contact_id
        order by newest.started_at desc, newest.call_id
    """
    parameters = {"company": scope.company, "first": period.first, "last": period.last}
    return reader.sql(text, parameters | {"limit": min(limit, MAX_ROWS_OF_A_FILE)})


def signals(reader: Reader, *, period: Period, scope: Scope) -> pl.DataFrame:
    """Give what providers said of our accounts that held in the period, for all of it or a part: the newest first.

    Columns: account, company_number, source, aspect (restriction, quality, link, reach), state, word, began_at,
    ended_at.
    """
    text = """
        select account, company_number, source, aspect, state, word, began_at, ended_at
        from facts.account_states as states
        left join reference.companies as companies on states.company = companies.company
        where
            states.company = $company and (aspect in ('restriction', 'quality') or state in ('unlinked', 'offline'))
            and day <= $last
            and coalesce(timezone(coalesce(companies.time_zone, 'UTC'), ended_at) > $first, true)
        order by began_at desc, account, company_number, aspect limit $limit
    """
    parameters = {"company": scope.company, "first": period.first, "last": period.last, "limit": MAX_ROWS}
    return reader.sql(text, parameters)
