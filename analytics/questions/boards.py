# ruff: noqa: S608  # only texts of our own are pasted; whatever comes from outside is bound
"""Questions for boards: operators and teams side by side, and a period against the one before and the same weekdays."""

from collections.abc import Sequence
from typing import Literal

import polars as pl

from analytics.connection import Reader
from analytics.metrics import SMALL_SAMPLE, catalogue
from analytics.questions.asking import Period, Scope
from analytics.questions.counting import figures

BoardOf = Literal["operator", "team"]

# What a board shows: how much was done, how fast, how it ended. A rate never stands without its count.
BOARD = ("answer_rate", "answer_seconds_median", "contact_rate", "talk_minutes", "talk_seconds_median", "talk_ratio")


def board(reader: Reader, *, period: Period, scope: Scope, of: BoardOf, metrics: Sequence[str] = BOARD) -> pl.DataFrame:
    """Put operators or teams side by side: one row a metric and operator (or team).

    Columns: key, name, metric, value, numerator, denominator, sample, is_small, place. `place` ranks those with enough
    rows, the best first, equal values together; a small sample, and a metric without a good direction, is never
    ranked. Whoever took part in nothing is not there.
    """
    counted = figures(reader, period=period, scope=scope, metrics=metrics, by=(of,)).rename({of: "key"})
    counted = counted.filter(pl.col("sample") > 0, pl.col("key").is_not_null())
    named = _names(reader, scope=scope, of=of)
    good = pl.col("metric").replace_strict({name: catalogue()[name].good for name in metrics}, return_dtype=pl.String)
    is_small = pl.col("sample") < SMALL_SAMPLE
    ranked = pl.when(~is_small & (good != "none")).then(pl.when(good == "up").then(-pl.col("value")).otherwise("value"))
    return (
        counted.with_columns(is_small=is_small, place=ranked.rank("min").over("metric").cast(pl.Int64))
        .join(named, on="key", how="left", maintain_order="left")
        .select("key", "name", "metric", "value", "numerator", "denominator", "sample", "is_small", "place")
        .sort("key", pl.col("metric").replace_strict({name: place for place, name in enumerate(metrics)}))
    )


def compared(reader: Reader, *, period: Period, scope: Scope, metrics: Sequence[str]) -> pl.DataFrame:
    """Set metrics of a period beside the period before and the same weekdays before.

    Columns: metric, value, sample, value_before, sample_before, value_weekdays, sample_weekdays, change,
    change_weekdays. A change is empty where either side is; it is a difference, of shares in points of 1.
    """
    now, before, weekdays = (
        figures(reader, period=one, scope=scope, metrics=metrics).select("metric", "value", "sample")
        for one in (period, period.before(), period.weeks_before())
    )
    return (
        now.join(before, on="metric", suffix="_before", maintain_order="left")
        .join(weekdays, on="metric", suffix="_weekdays", maintain_order="left")
        .with_columns(
            change=pl.col("value") - pl.col("value_before"),
            change_weekdays=pl.col("value") - pl.col("value_weekdays"),
        )
    )


def _names(reader: Reader, *, scope: Scope, of: BoardOf) -> pl.DataFrame:
    text = f"select {of}_id as key, name from reference.{of}s where company = $company"
    return reader.sql(text, {"company": scope.company})
