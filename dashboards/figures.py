"""Figures of the catalogue as tiles: the value, the rows behind it, its definition, and its change."""

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from analytics import questions
from analytics.metrics import SMALL_SAMPLE, Metric, catalogue, fact_of
from dashboards.overview import definition
from dashboards.page import Page
from dashboards.shown import Delta, Tile

Row = dict[str, Any]


class Counted(Struct, frozen=True):
    """Figures by name, of the period and of the one before it; without a comparison there is nothing before."""

    now: dict[str, Row]
    before: dict[str, Row]


def count(page: Page, metrics: Sequence[str]) -> Counted:
    """Count metrics of the catalogue for a page."""
    periods = (page.period, page.before)
    now, before = (
        page.ask(questions.figures, period=period, scope=page.scope, metrics=tuple(metrics)).to_dicts()
        if period
        else []
        for period in periods
    )
    return Counted({row["metric"]: row for row in now}, {row["metric"]: row for row in before})


def tile(page: Page, name: str, *, counted: Counted) -> Tile:
    """Draw a figure with the rows behind it: a figure never stands alone."""
    metric, row = catalogue()[name], counted.now[name]
    change = _change(page, metric, now=row, before=counted.before.get(name))
    is_flat = change is not None and not set(change) & set("123456789")
    good: Delta = "normal" if metric.good == "up" else "inverse"
    return Tile(
        label=metric.title.of(page.say.language),
        value=value(page, metric, row["value"]),
        note=behind(page, metric, row=row),
        definition=definition(page, metric),
        change=change,
        change_is="off" if is_flat or metric.good == "none" else good,
        is_flat=is_flat,
    )


def value(page: Page, metric: Metric, figure: float | None) -> str:
    """Write a figure with its unit, an amount in the company's currency."""
    if metric.unit == "money":
        return page.say.money(figure, currency=page.company["currency"])
    return page.say.figure(figure, unit=metric.unit)


def behind(page: Page, metric: Metric, *, row: Row) -> str:
    """Say how many rows stand behind a figure, and of what."""
    say, rows = page.say, fact_of(metric).rows.of(page.say.language)
    if metric.unit == "share":
        told = say("{rows}: {part} of {n}", rows=rows, part=say.number(row["numerator"]), n=say.number(row["sample"]))
    else:
        told = say("{rows}: {n}", rows=rows, n=say.number(row["sample"]))
    return told + (say(" · small sample") if 0 < row["sample"] < SMALL_SAMPLE else "")


def _change(page: Page, metric: Metric, *, now: Row, before: Row | None) -> str | None:
    if before is None or now["value"] is None or before["value"] is None:
        return None
    change = now["value"] - before["value"]
    if metric.unit == "money":
        return ("-" if change < 0 else "+") + page.say.money(abs(change), currency=page.company["currency"])
    return page.say.change(change, unit=metric.unit)
