# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""Questions that count: metrics of the catalogue over any group, where calls were lost, how they ended, what is out."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from analytics.metrics import catalogue, figures_sql
from analytics.questions.asking import COLUMNS, COUNTED, Dimension, Period, Reader, Scope, within
from analytics.questions.company import thresholds

Rank = Literal["excess", "lost"]


def figures(
    reader: Reader, *, period: Period, scope: Scope, metrics: Sequence[str], by: Sequence[Dimension] = ()
) -> pl.DataFrame:
    """Count metrics of the catalogue: one row a metric and a group (`by`), with metric, value, numerator, sample.

    `value` is empty where `sample`, the number of calls behind it, is 0.
    """
    keys = "".join(f"{COLUMNS[dimension]} as {dimension}, " for dimension in by)
    names = "".join(f"{dimension}, " for dimension in by)
    where, parameters = within(period, scope=scope)
    parameters |= _bounds(reader, metrics=metrics, company=scope.company)
    text = f"""
        select {names} unnest(figures, recursive := true)
        from (
            select {keys} {figures_sql(metrics)} as figures from facts.calls where {where}
            {"group by all" if by else ""}
        )
        {f"order by {names[:-2]}" if by else ""}
    """
    return reader.sql(text, parameters)


def losses(  # noqa: PLR0913  # what is compared with what, whose, and by what
    reader: Reader, *, period: Period, before: Period | None, scope: Scope, by: Dimension, rank: Rank
) -> pl.DataFrame:
    """Tell where incoming calls were lost (not answered): key, lost, incoming, lost_before, incoming_before, excess.

    By hour, `key` is the first of two hours and neighbours overlap. `excess` is what was lost beyond the same share
    as before (of that group, or of all where the group had no calls). The heaviest is first, calls without a key out.
    """
    answered = catalogue()["answer_rate"]
    where, parameters = within(period, scope=scope)
    if before:
        where_before, parameters_before = within(before, scope=scope, suffix="_before")
        parameters |= parameters_before
    else:
        where_before = "false"
    source = "facts.calls, unnest([hour - 1, hour]) as windows(window_start)" if by == "hour" else "facts.calls"
    key = "window_start" if by == "hour" else COLUMNS[by]
    text = f"""
        with cells as (
            select
                {key} as key, {where} as is_now, {answered.denominator} as incoming,
                {answered.denominator} - {answered.numerator} as lost
            from {source} where ({where} or {where_before}) and not ({answered.leave_out})
            group by all
        ),
        keys as (
            select
                key, coalesce(sum(incoming) filter (where is_now), 0)::bigint as incoming,
                coalesce(sum(lost) filter (where is_now), 0)::bigint as lost,
                coalesce(sum(incoming) filter (where not is_now), 0)::bigint as incoming_before,
                coalesce(sum(lost) filter (where not is_now), 0)::bigint as lost_before
            from cells group by key
        )
        select
            key, lost, incoming, lost_before, incoming_before,
            lost - incoming * coalesce(
                lost_before / nullif(incoming_before, 0),
                sum(lost_before) over () / nullif(sum(incoming_before) over (), 0),
                0
            ) as excess
        from keys where key is not null {"and key between 0 and 22" if by == "hour" else ""}
        order by {"excess" if rank == "excess" else "lost"} desc, lost desc, key
    """
    return reader.sql(text, parameters)


def outcomes(reader: Reader, *, period: Period, scope: Scope) -> pl.DataFrame:
    """Count calls by how they ended: channel, direction, outcome, calls; internal and test calls are left out."""
    where, parameters = within(period, scope=scope)
    text = f"""
        select channel, direction, outcome, count(*) as calls from facts.calls where {where} and {COUNTED}
        group by all order by all
    """
    return reader.sql(text, parameters)


def left_out(reader: Reader, *, period: Period, scope: Scope) -> dict[str, int]:
    """Count what metrics leave out of a scope: internal, test, in_progress; and `calls`, all there are."""
    where, parameters = within(period, scope=scope)
    text = f"""
        select
            count(*) as calls, count(*) filter (where is_internal) as internal,
            count(*) filter (where is_test and not is_internal) as test,
            count(*) filter (where outcome = 'in_progress' and {COUNTED}) as in_progress
        from facts.calls where {where}
    """
    return reader.sql(text, parameters).to_dicts()[0]


def _bounds(reader: Reader, *, metrics: Sequence[str], company: str) -> dict[str, int]:
    """Give the company's bounds that the metrics' SQL asks for; the engine refuses those it does not."""
    asked = "".join(catalogue()[name].numerator for name in metrics)
    return {name: bound for name, bound in thresholds(reader, company=company).items() if f"${name}" in asked}
