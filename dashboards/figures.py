"""Figures of the catalogue as tiles: the value, the rows behind it, its definition, and its change."""

from collections.abc import Sequence
from typing import Any

import polars as pl
from msgspec import Struct, structs

from analytics import questions
from analytics.metrics.catalogue import SMALL_SAMPLE, Metric, catalogue, fact_of, lists_calls, reasons_of
from dashboards.page import Page
from dashboards.shown import Delta, Tile
from dashboards.state import State, in_scope
from dashboards.texts import plain

Row = dict[str, Any]
# The figures of the first page, which the digest tells too.
TILES = ("answer_rate", "missed_calls", "service_level", "answer_seconds_median", "contact_rate")
# All that these are written with; of a period and of each of its days it is counted at once.
COUNTED = (*TILES, "answer_seconds_p90")
# What these count of few rows is so many all the same.
SUMS = ("count", "sum")


class Figure(Struct, frozen=True):
    """A metric's value (None: empty), the numerator of a share, and how many rows stand behind it."""

    value: float | None = None
    numerator: float | None = None
    sample: int = 0


class Counted(Struct, frozen=True):
    """Figures by name, of the period and of the one before it; without a comparison there is nothing before."""

    now: dict[str, Row]
    before: dict[str, Row]


def count(page: Page, metrics: Sequence[str]) -> Counted:
    """Count metrics of the catalogue for a page, of its period and of the one before it."""
    period, before, scope, names = page.period, page.before, page.scope, tuple(metrics)
    if before:
        return counted(*page.ask(questions.figures_of_both, period=period, before=before, scope=scope, metrics=names))
    return counted(page.ask(questions.figures, period=period, scope=scope, metrics=names))


def counted(now: pl.DataFrame, before: pl.DataFrame | None = None) -> Counted:
    """Name what was counted of a period and of the one before it, where there is one."""
    named = [{row["metric"]: row for row in one.to_dicts()} for one in (now, before) if one is not None]
    return Counted(named[0], named[1] if len(named) > 1 else {})


def days_of_both(page: Page, metrics: Sequence[str]) -> tuple[questions.Days, questions.Days]:
    """Count metrics of the period and of the one before it, each as a whole and day by day."""
    period, before, scope = page.period, page.before, page.scope
    return page.ask(questions.figures_by_day, period=period, before=before, scope=scope, metrics=tuple(metrics))


def tile(page: Page, name: str, *, counted: Counted) -> Tile:
    """Draw a figure with the rows behind it, and the way to its calls: a figure never stands alone."""
    metric, row = catalogue()[name], counted.now[name]
    now, before = figure_of(row), figure_of(counted.before.get(name))
    drawn = compared(page, metric, now=now, before=before, note=behind(page, metric, row=row))
    calls = calls_behind(page, metric, row=row)
    return structs.replace(drawn, behind=page.say("The calls behind it"), calls=calls) if calls else drawn


def calls_behind(page: Page, metric: Metric, *, row: Row) -> State | None:
    """Give the list of the calls behind a figure of the page; None where there are none, or its rows are no calls."""
    rows = row["numerator"] if metric.kind == "count" else row["sample"]
    if not rows or not lists_calls(metric):
        return None
    return structs.replace(in_scope(page.state, offered=page.choices), behind=metric.name)


def figure_of(row: Row | None) -> Figure:
    """Give the figure of a row; empty where there is none."""
    return Figure(row["value"], row["numerator"], row["sample"]) if row else Figure()


def was(metric: Metric, *, now: Figure, before: Figure) -> float | None:
    """Give what a figure is set beside: None for a share or a time where either is of so few rows that chance makes it.

    It is so of every figure of every page.
    """
    if min(now.sample, before.sample) < SMALL_SAMPLE and metric.kind not in SUMS:
        return None
    return before.value


def compared(  # noqa: PLR0913  # a figure, what it is compared with, and what stands below and behind it
    page: Page, metric: Metric, *, now: Figure, before: Figure, note: str, line: Sequence[float] = ()
) -> Tile:
    """Draw a figure with its definition and its change since before; `line` are its days."""
    earlier = was(metric, now=now, before=before)
    change = None if now.value is None or earlier is None else _change(page, metric, now=now.value, before=earlier)
    is_flat = change is not None and is_nothing(change)
    good: Delta = "normal" if metric.good == "up" else "inverse"
    return Tile(
        label=metric.title.of(page.say.language),
        value=value(page, metric, now.value),
        note=note,
        definition=definition(page, metric),
        change=page.say("no change") if is_flat else change,
        change_is="off" if is_flat or metric.good == "none" else good,
        is_flat=is_flat,
        line=tuple(line),
    )


def is_nothing(change: str) -> bool:
    """Say whether a change, as it is written, is none."""
    return not set(change) & set("123456789")


def value(page: Page, metric: Metric, figure: float | None) -> str:
    """Write a figure with its unit, an amount in the company's currency."""
    if metric.unit == "money":
        write = page.say.price if is_price(metric) else page.say.money
        return write(figure, currency=page.company["currency"])
    return page.say.figure(figure, unit=metric.unit)


def behind(page: Page, metric: Metric, *, row: Row) -> str:
    """Say how many rows stand behind a figure, and of what."""
    say = page.say
    rows = say("contacts") if metric.distinct and metric.kind == "share" else fact_of(metric).rows.of(say.language)
    is_part = metric.kind == "count" and not metric.distinct and row["numerator"] != row["sample"]
    if metric.kind == "share" or is_part:
        told = say("{rows}: {part} of {n}", rows=rows, part=say.number(row["numerator"]), n=say.number(row["sample"]))
    else:
        told = say("{rows}: {n}", rows=rows, n=say.number(row["sample"]))
    return told + (say(" · small sample") if 0 < row["sample"] < SMALL_SAMPLE else "")


def definition(page: Page, metric: Metric) -> str:
    """Say what a metric is, what it leaves out, and its formula."""
    say = page.say
    bounds = page.ask(questions.thresholds, company=page.scope.company, day=page.period.last)
    written = {name: say.span(bound) if name.endswith("_seconds") else bound for name, bound in bounds.items()}
    told = [plain(metric.meaning.of(say.language).format(**written), limit=1_000)]
    reasons = [reason.title.of(say.language).lower() for reason, _ in reasons_of(metric)]
    if reasons:
        told.append(plain(say("Left out: {reasons}.", reasons=say(", ").join(reasons)), limit=500))
    if metric.others:
        others = "; ".join(other.of(say.language) for other in metric.others)
        told.append(plain(say("Elsewhere also: {others}.", others=others), limit=500))
    return "\n\n".join([*told, f"```sql\n{metric.formula}\n```"])


def _change(page: Page, metric: Metric, *, now: float, before: float) -> str:
    if metric.unit == "money":
        return page.say.change_of_money(
            now, before=before, currency=page.company["currency"], is_price=is_price(metric)
        )
    return page.say.change(now - before, unit=metric.unit)


def is_price(metric: Metric) -> bool:
    """Whether an amount is of one minute or the like, which may be of less than the smallest coin."""
    return metric.unit == "money" and metric.kind != "sum"
