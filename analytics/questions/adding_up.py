# ruff: noqa: S608  # only texts of the catalogue are pasted
"""Whether a metric adds up: its figure is that of its days, and that of the rows behind it."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from msgspec import Struct

from analytics.connection import Reader
from analytics.metrics.catalogue import QUANTILES, Metric, fact_of
from analytics.questions.asking import Period, Scope
from analytics.questions.counting import figures
from analytics.questions.explain import figure_of, rows_of
from schemas.counts import so_many

DAYS = 7
# Of fractions, which add up to another last digit in another order.
SLACK = 1e-9


class Sum(Struct, frozen=True, kw_only=True):
    """How a metric adds up over a company's newest days: `differs` says what does not, and is empty where all does."""

    metric: str
    company: str
    period: Period
    value: float | None
    sample: int
    differs: str


def add_up(reader: Reader, metric: Metric, *, company: str) -> Sum | None:
    """Compare a figure with the sum of its days, and with that of the rows behind it; None where there are no rows."""
    relation = fact_of(metric).relation
    [(newest,)] = reader.sql(f"select max(day) from {relation} where company = $company", {"company": company}).rows()
    if newest is None:
        return None
    period, scope = Period(newest - timedelta(days=DAYS - 1), newest), Scope(company=company)
    [figure] = figure_of(metric, period=period, scope=scope).ask(reader).to_dicts()
    return Sum(
        metric=metric.name,
        company=company,
        period=period,
        value=figure["value"],
        sample=figure["sample"],
        differs="; ".join(_differences(reader, metric, figure, period=period, scope=scope)),
    )


def _differences(
    reader: Reader, metric: Metric, figure: dict[str, Any], *, period: Period, scope: Scope
) -> Iterator[str]:
    days = figures(reader, period=period, scope=scope, metrics=(metric.name,), by=("day",))
    rows = rows_of(metric, period=period, scope=scope).ask(reader)
    if not metric.distinct and days["sample"].sum() != figure["sample"]:
        yield f"its days have {so_many(int(days['sample'].sum()), 'row')}"
    if metric.distinct or metric.kind in QUANTILES or not figure["sample"]:
        return
    for part in ("numerator", "denominator"):
        if figure[part] is None:
            continue
        for what, counted in (("days", days), ("rows", rows)):
            total = float(counted[part].sum())
            if abs(total - figure[part]) > SLACK * abs(figure[part]):
                yield f"the {part} is {figure[part]:g}, and {total:g} by its {what}"
