# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What the search in transcripts asks: where words were said, the newest first."""

import polars as pl

from analytics.questions.asking import COUNTED, Period, Reader, Scope, within

MAX_FOUND = 200
MAX_WORDS = 8


def said(reader: Reader, *, period: Period, scope: Scope, words: str, role: str = "") -> pl.DataFrame:
    """Find the turns in which all words were said, in any order, whatever their case; the newest call first.

    Columns: call_id, started_at, contact_name, contact_key, operator_id, channel, outcome, role, start_seconds, text,
    is_demo_transcript, turns (how many there are in all), calls (in how many calls).
    """
    where, parameters = within(period, scope=scope)
    asked = words.lower().split()[:MAX_WORDS]
    parameters |= {f"word_{number}": word for number, word in enumerate(asked)}
    clauses = [f"contains(lower(turns.text), $word_{number})" for number in range(len(asked))] or ["false"]
    if role:
        clauses.append("turns.role = $role")
        parameters["role"] = role
    text = f"""
        with heard as (
            select
                call_id, company, started_at, contact_name, contact_key, operator_id, channel, outcome,
                is_demo_transcript
            from facts.calls where {where} and {COUNTED} and has_transcript
        ),
        found as (
            select heard.* exclude (company), turns.role, turns.start_seconds, turns.text
            from heard inner join facts.turns as turns
                on heard.call_id = turns.call_id and heard.company = turns.company
            where {" and ".join(clauses)}
        )
        select *, count(*) over () as turns, (select count(distinct call_id) from found) as calls
        from found order by started_at desc, call_id, start_seconds limit $limit
    """
    return reader.sql(text, parameters | {"limit": MAX_FOUND})
