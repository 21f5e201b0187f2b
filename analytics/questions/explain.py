# ruff: noqa: S608  # only texts of the catalogue are pasted; whatever comes from outside is bound
"""Why a metric is what it is: the figure with what stands above and below the line, what was left out, and its rows."""

import re
from datetime import date, datetime
from typing import Any

import polars as pl
from msgspec import Struct

from analytics.connection import Reader
from analytics.log import quoted
from analytics.metrics.catalogue import SMALL_SAMPLE, Metric, catalogue, fact_of
from analytics.metrics.sql import behind_sql, counted_sql, figure_sql, reason_sql, row_sql
from analytics.questions.asking import Period, Scope, can_narrow, within
from schemas.errors import Misconfigured

_PARAMETER = re.compile(r"\$([a-z_]+)")


class Question(Struct, frozen=True):
    """A text and its parameters, of which it uses each."""

    sql: str
    parameters: dict[str, Any]

    @property
    def written_out(self) -> str:
        """The text with the parameters in their places, to be read and run by a person."""
        return _PARAMETER.sub(lambda name: literal(self.parameters[name[1]]), self.sql)

    def ask(self, reader: Reader) -> pl.DataFrame:
        """Put the question."""
        return reader.sql(self.sql, self.parameters)


class LeftOut(Struct, frozen=True):
    """Rows that a metric leaves out for one reason; a row that meets several is counted under the first."""

    reason: str
    rows: int


class Late(Struct, frozen=True):
    """Events that we received after the local day of their row was over: how many, of how many rows, and the last."""

    events: int
    rows: int
    last_recorded_at: datetime | None


class Explained(Struct, frozen=True, kw_only=True):
    """One figure with all that makes it; `late` is None where the log does not know the rows one by one."""

    metric: Metric
    period: Period
    scope: Scope
    value: float | None
    numerator: float | None
    denominator: float | None
    sample: int
    is_small: bool
    left_out: tuple[LeftOut, ...]
    late: Late | None
    figure: Question
    rows: Question


def explain(reader: Reader, metric: str, *, period: Period, scope: Scope) -> Explained:
    """Explain a metric of the catalogue over a period and a scope.

    Raises Misconfigured for a metric that the catalogue does not have, or that cannot be narrowed so.
    """
    asked = known(metric)
    figure = figure_of(asked, period=period, scope=scope)
    [counted] = figure.ask(reader).to_dicts()
    return Explained(
        metric=asked,
        period=period,
        scope=scope,
        value=counted["value"],
        numerator=counted["numerator"],
        denominator=counted["denominator"],
        sample=counted["sample"],
        is_small=counted["sample"] < SMALL_SAMPLE,
        left_out=_left_out(reader, asked, period=period, scope=scope),
        late=_late(reader, asked, period=period, scope=scope),
        figure=figure,
        rows=rows_of(asked, period=period, scope=scope),
    )


def known(name: str) -> Metric:
    """Give the metric of this name. Raises Misconfigured where there is none."""
    if name not in catalogue():
        raise Misconfigured(f"there is no metric {name!r}: `angime metrics` lists all")
    return catalogue()[name]


def figure_of(metric: Metric, *, period: Period, scope: Scope) -> Question:
    """Ask for the figure itself: metric, value, numerator, denominator, sample."""
    where, parameters = _where(metric, period=period, scope=scope)
    return Question(figure_sql(metric, where=where), parameters)


def rows_of(metric: Metric, *, period: Period, scope: Scope) -> Question:
    """Ask for the rows behind a figure, each with what it adds above and below the line.

    A time is in the metric's unit. The sums of both columns are those of the figure; a median or a percentile is that
    of the first, and where something distinct is counted, the rows name it. Of a count there are the rows it counts.
    """
    fact = fact_of(metric)
    where, parameters = _where(metric, period=period, scope=scope)
    keys = [column.strip() for column in fact.key.split(",")]
    distinct = [metric.distinct] if metric.distinct else []
    columns = dict.fromkeys([*keys, fact.time, "day", *distinct, *fact.dimensions.values()])
    denominator = {"share": "1", "ratio": f"({metric.denominator})"}.get(metric.kind, "cast(null as integer)")
    text = (
        f"select {', '.join(columns)}, {row_sql(metric)} as numerator, {denominator} as denominator\n"
        f"from {_from(metric)}\nwhere {where}\n    and {behind_sql(metric)}\n"
        f"order by {fact.time}, {fact.key}"
    )
    return Question(text, parameters)


def literal(value: Any) -> str:
    """Write a parameter as SQL."""
    if isinstance(value, list):
        return f"[{', '.join(map(literal, value))}]"  # pyright: ignore[reportUnknownArgumentType]  # of Any
    if isinstance(value, datetime):
        return f"timestamptz '{value.isoformat()}'"
    if isinstance(value, date):
        return f"date '{value.isoformat()}'"
    return quoted(value) if isinstance(value, str) else str(value).lower()


def _left_out(reader: Reader, metric: Metric, *, period: Period, scope: Scope) -> tuple[LeftOut, ...]:
    where, parameters = _where(metric, period=period, scope=scope)
    text = f"""
        select reason, count(*) as rows from (
            select {reason_sql(metric)} as reason from {_from(metric)} where {where} and ({metric.of})
        ) where reason is not null group by reason
    """
    found = dict(reader.sql(text, parameters).iter_rows())
    return tuple(LeftOut(reason, found.get(reason, 0)) for reason in metric.leave_out)


def _late(reader: Reader, metric: Metric, *, period: Period, scope: Scope) -> Late | None:
    fact = fact_of(metric)
    if not fact.entity:
        return None
    where, parameters = _where(metric, period=period, scope=scope)
    text = f"""
        select count(*) as events, count(distinct late.entity) as rows, max(late.recorded_at) as last_recorded_at
        from log.events as late
        join (
            select {fact.entity} as entity, day from {_from(metric)} where {where} and {counted_sql(metric)}
        ) as counted on late.entity = counted.entity
        where late.company = $company and late.recorded_at >= $first
            and cast(timezone($zone, late.recorded_at) as date) > counted.day
    """
    zone = {"zone": _zone(reader, company=scope.company)}
    [found] = reader.sql(text, parameters | zone).to_dicts()
    return Late(**found)


def _from(metric: Metric) -> str:
    return fact_of(metric).relation


def _where(metric: Metric, *, period: Period, scope: Scope) -> tuple[str, dict[str, Any]]:
    fact = fact_of(metric)
    if not can_narrow(fact, scope):
        lacking = ", ".join(sorted(set(scope.narrowed()) - set(fact.dimensions)))
        raise Misconfigured(f"{metric.name} cannot be narrowed by {lacking}: {fact.relation} does not know it")
    return within(period, scope=scope, fact=fact)


def _zone(reader: Reader, *, company: str) -> str:
    text = "select time_zone from reference.companies where company = $company"
    return next(iter(reader.sql(text, {"company": company})["time_zone"]), "UTC")
