# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""What the search in transcripts asks: where words were said, in any form of them, the best match first."""

import polars as pl
from msgspec import Struct

from analytics.connection import Reader
from analytics.questions.asking import COUNTED, Period, Scope, named, within
from analytics.search.index import MAX_HITS, SearchIndex, SearchQuery

FOUND = {
    "call_id": pl.String,
    "role": pl.String,
    "start_seconds": pl.Float64,
    "text": pl.String,
    "marks": pl.List(pl.List(pl.Int64)),
    "score": pl.Float64,
}


class Said(Struct, frozen=True):
    """Lines that were found, and whether there may be more calls than were looked at."""

    rows: pl.DataFrame
    is_cut: bool


def said(  # noqa: PLR0913  # what is looked for, where, by whom it was said, and in what
    reader: Reader, *, index: SearchIndex, period: Period, scope: Scope, words: str, role: str = ""
) -> Said:
    """Find lines of calls of the scope in which the words were said, in any of their forms; the best call first.

    Columns of the rows: call_id, started_at, contact_name, contact_key, operator_id, channel, outcome,
    is_demo_transcript, role, start_seconds, text, marks (where what was found begins and ends in
    it), score. A call that the reader does not show is not there.
    """
    query = SearchQuery(
        text=words,
        company=scope.company,
        first=period.first,
        last=period.last,
        operators=_operators(reader, scope=scope),
        limit=MAX_HITS,
    )
    calls = index.search(query, reader=reader)
    lines = [
        (
            call.call_id,
            turn.role,
            turn.start_seconds,
            turn.text,
            [[mark.start, mark.end] for mark in turn.marks],
            call.score,
        )
        for call in calls
        for turn in call.turns
        if role in {"", turn.role}
    ]
    found = pl.DataFrame(lines, schema=FOUND, orient="row")
    where, parameters = within(period, scope=scope)
    found_calls = f"(from facts.calls where {where} and {COUNTED} and call_id in (select unnest($calls)))"
    text = f"""
        select call_id, started_at, contact_name, contact_key, operator_id, channel, outcome, is_demo_transcript
        from {named(found_calls)}
    """
    heard = reader.sql(text, parameters | {"calls": found["call_id"].unique().to_list()})
    rows = found.join(heard, on="call_id", how="inner", maintain_order="left")
    return Said(rows.select(*heard.columns, *(name for name in FOUND if name != "call_id")), len(calls) == MAX_HITS)


def _operators(reader: Reader, *, scope: Scope) -> tuple[str, ...]:
    """Give the operators whose calls are meant, so that the calls of others do not crowd them out; empty: all."""
    if not scope.teams:
        return scope.operators
    text = """
        select distinct operator_id from facts.calls
        where company = $company and list_contains($teams, team_id) and operator_id is not null order by operator_id
    """
    of_teams = reader.sql(text, {"company": scope.company, "teams": list(scope.teams)})["operator_id"].to_list()
    return tuple(one for one in of_teams if not scope.operators or one in scope.operators)
