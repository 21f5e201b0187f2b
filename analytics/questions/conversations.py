# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What the page of conversations asks: who wrote or called of late, and all that was said between him and us."""

from typing import Any

import polars as pl

from analytics.connection import Reader
from analytics.questions.asking import COUNTED, Period, Scope, keys_of
from analytics.questions.listing import MAX_ROWS_OF_A_FILE

MAX_ENTRIES = 500


def conversations(  # noqa: PLR0913  # a page of a list is asked for in this many words
    reader: Reader, *, period: Period, scope: Scope, search: str, is_waiting: bool, limit: int, offset: int
) -> pl.DataFrame:
    """Give one page of the contacts who wrote, were written to or called in the period, the latest first.

    Columns: contact_key (one of his, a phone where there is one), contact_name, messages, calls, missed, last_at,
    last_kind (message or call), last_direction, last_text and last_media (of the last message itself, where that came
    last), last_outcome, is_waiting (the contact wrote, rang in vain or left a voicemail after our last word in the
    period, and had none after it, whatever the scope; see reports.waiting_contacts), contacts (how many there are in
    all), waiting (how many of them wait).
    """
    where, parameters = _within(period, scope=scope, search=search)
    text = f"""
        with entries as (
            select told.*, coalesce(identities.contact_id, told.contact_key) as contact
            from ({_ENTRIES}) as told
            left join facts.identities on identities.company = $company and identities.identity = told.contact_key
        ),
        answered_later as (
            select coalesce(identities.contact_id, told.contact_key) as contact
            from ({_LATER}) as told
            left join facts.identities on identities.company = $company and identities.identity = told.contact_key
            union
            select contact_id from reports.words_in_groups
            where company = $company and day > $last and status != 'failed'
        ),
        -- Whatever the scope: whom we answered on another channel waits no more.
        our_words as (
            select contact, max(happened_at) as our_last_at from (
                select contact, happened_at from entries where day between $first and $last and ({_OUR_WORD})
                union all
                select contact_id, first_at from reports.words_in_groups
                where company = $company and day between $first and $last and status != 'failed'
            ) group by contact
        ),
        contacts as materialized (
            select
                * exclude (contact, turned_at, our_last_at),
                coalesce(turned_at > coalesce(our_last_at, '-infinity'), false)
                and contact not in (select contact from answered_later) as is_waiting
            from (select * exclude (latest), unnest(latest) from (
                select
                    contact,
                    arg_max(contact_key, (starts_with(contact_key, 'phone:'), happened_at, contact_key)) as contact_key,
                    arg_max(contact_name, happened_at) filter (where contact_name is not null) as contact_name,
                    count(*) filter (where kind = 'message') as messages,
                    count(*) filter (where kind = 'call') as calls,
                    count(*) filter (where kind = 'call' and outcome in ('missed', 'abandoned')) as missed,
                    max(happened_at) filter (
                        where direction = 'incoming'
                        and (kind = 'message' or outcome in ('missed', 'abandoned', 'voicemail'))
                    ) as turned_at,
                    arg_max(
                        struct_pack(
                            last_at := happened_at, last_kind := kind, last_direction := direction, last_text := text,
                            last_media := media, last_outcome := outcome
                        ),
                        ({_ORDER})
                    ) as latest
                from entries where {where} group by contact
            )) left join our_words using (contact)
            where {"is_waiting" if is_waiting else "true"}
        ),
        -- Counted beside and not in a window, through which each row would be carried with all that is said of it.
        counted as (select count(*) as contacts, count(*) filter (is_waiting) as waiting from contacts)
        select contacts.*, counted.contacts, counted.waiting from contacts cross join counted
        order by last_at desc, contact_key limit $limit offset $offset
    """
    return reader.sql(text, parameters | {"limit": min(limit, MAX_ROWS_OF_A_FILE), "offset": offset})


def conversation(reader: Reader, *, company: str, contact_key: str, limit: int = MAX_ENTRIES) -> pl.DataFrame:
    """Give the newest entries between a company and a contact, the oldest first; see _ENTRIES, and `entries`, all.

    They are of all channels, by whatever the contact is known there; of a group in which he wrote, what we wrote there
    after it.
    """
    text = f"""
        with entries as ({_ENTRIES}),
        theirs as (
            from entries where contact_key in {keys_of("contact_key")}
            union all by name
            select
                'message' as kind, message_id as id, first_at as happened_at, day, channel, 'outgoing' as direction,
                text, kind as media, status, reaction, operator_id, team_id, false as has_recording
            from reports.words_in_groups
            where company = $company and contact_id in (
                select contact_id from facts.identities where company = $company and identity = $contact_key
            )
        ),
        newest as (
            select *, count(*) over () as entries from theirs
            order by ({_ORDER}) desc limit $limit
        )
        from newest order by {_ORDER}
    """
    parameters = {"company": company, "contact_key": contact_key, "limit": min(limit, MAX_ENTRIES)}
    return reader.sql(text, parameters)


# Providers tell whole seconds, and robots answer within one: of one moment, what came from us is the later.
_ORDER = "happened_at, direction, id"

# What a contact heard of us: what could not be delivered is no word, nor is a call that nobody took.
_OUR_WORD = "outcome = 'answered' or (kind = 'message' and direction = 'outgoing' and status != 'failed')"

# Messages and calls of one company as entries of one history.
_ENTRIES = f"""
    select
        'message' as kind, message_id as id, contact_key, contact_name, first_at as happened_at, day, channel,
        direction, text, kind as media, status, reaction, null as outcome, null as talk_seconds, null as operator_id,
        null as team_id, false as has_recording
    from facts.messages where company = $company and contact_key is not null
    union all
    select
        'call', call_id, contact_key, contact_name, started_at, day, channel, direction, null, media, null, null,
        outcome, talk_seconds, operator_id, team_id, recording_path is not null
    from facts.calls where company = $company and contact_key is not null and {COUNTED}
"""
# Whom our word reached after a period.
_LATER = f"""
    select contact_key from facts.messages
    where
        company = $company and contact_key is not null and day > $last
        and direction = 'outgoing' and status != 'failed'
    union
    select contact_key from facts.calls
    where company = $company and contact_key is not null and day > $last and outcome = 'answered' and {COUNTED}
"""
_SEARCHED = "contains(lower(concat_ws(' ', contact_name, contact_key, text)), lower($search))"


def _within(period: Period, *, scope: Scope, search: str) -> tuple[str, dict[str, Any]]:
    clauses = ["day between $first and $last"]
    parameters: dict[str, Any] = {"company": scope.company, "first": period.first, "last": period.last}
    for column, wanted in (("channel", scope.channels), ("team_id", scope.teams), ("direction", scope.directions)):
        if wanted:
            clauses.append(f"list_contains(${column}s, {column})")
            parameters[f"{column}s"] = list(wanted)
    if search.strip():
        clauses.append(f"contact in (select contact from entries where {_SEARCHED})")
        parameters["search"] = search.strip()
    return " and ".join(clauses), parameters
