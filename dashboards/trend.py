# pyright: reportUnknownMemberType=false
"""Metrics day by day, beside the period before: drawn, and as a table with its file."""

import polars as pl
import streamlit as st

from analytics import questions
from analytics.metrics.catalogue import SMALL_SAMPLE, Metric, catalogue, over
from dashboards import charts, controls, downloads
from dashboards.figures import COUNTED, days_of_both
from dashboards.page import Page, heading
from dashboards.texts import plain


def by_choice(page: Page) -> None:
    """Draw the metric that is chosen, of all that are counted of calls."""
    say = page.say
    offered = over("calls")
    metric = offered.get(page.state.metric, offered["answer_rate"])
    title, choice = st.columns([2, 1], vertical_alignment="bottom")
    with title:
        heading(say("Day by day"))
    choice.selectbox(
        say("Metric"),
        list(offered),
        format_func=lambda name: catalogue()[name].title.of(say.language),
        label_visibility="collapsed",
        **controls.bind("metric", value=metric.name),
    )
    frame = by_day(page, metric)
    if frame["value"].count() < 2:
        st.caption(plain(say("A trend needs more than one day with a figure."), limit=300))
    else:
        draw(page, frame, metric, key=f"trend_{metric.name}")
        if frame["before"].is_not_null().any():
            st.caption(plain(say("Dashed: the period before. Pale points: fewer than {n} calls.", n=SMALL_SAMPLE)))
    with st.expander(say("As a table"), icon=":material/table_rows:"):
        _table(page, frame, metric)
        downloads.draw(page, lambda: _every_day(page), name="angime-figures")


def draw(page: Page, frame: pl.DataFrame, metric: Metric, *, key: str) -> None:
    """Draw a metric day by day: day, label, value, shown, sample, before, before_shown and is_small of each."""
    say = page.say
    titles = {
        "day": say("Day"),
        "value": metric.title.of(say.language),
        "sample": say("Calls"),
        "before": say("The period before"),
    }
    st.vega_lite_chart(
        charts.trend(frame, titles=titles, number=say.number_format(), is_share=metric.unit == "share"),
        key=key,
        alt=say("{metric} by day; the same figures stand in the table below.", metric=titles["value"]),
    )


def by_day(page: Page, metric: Metric) -> pl.DataFrame:
    """Put the days of the period beside those of the period before, as far as there were calls."""
    asked = COUNTED if metric.name in COUNTED else (metric.name,)
    now, before = (of.days.filter(pl.col("metric") == metric.name) for of in days_of_both(page, asked))
    rows = now.filter(pl.col("sample") > 0)
    if page.before:
        before = before.with_columns(pl.col("day") + (page.period.first - page.before.first))
    joined = rows.join(before.select("day", before="value"), on="day", how="left").sort("day")
    return joined.with_columns(
        label=pl.Series([page.say.day(day) for day in joined["day"]], dtype=pl.String),
        shown=pl.Series([page.say.figure(value, unit=metric.unit) for value in joined["value"]], dtype=pl.String),
        before_shown=pl.Series(
            [page.say.figure(value, unit=metric.unit) for value in joined["before"]], dtype=pl.String
        ),
        is_small=pl.col("sample") < SMALL_SAMPLE,
    )


def _table(page: Page, frame: pl.DataFrame, metric: Metric) -> None:
    say = page.say
    table = frame.select(
        pl.col("label").alias(say("Day")),
        pl.col("shown").alias(metric.title.of(say.language)),
        pl.col("sample").alias(say("Calls")),
        pl.col("before_shown").alias(say("The period before")),
    )
    st.dataframe(table, hide_index=True)


def _every_day(page: Page) -> pl.DataFrame:
    """Give every metric by day for a file: numerators and samples of shares and counts add up to the tiles."""
    return page.ask(questions.figures, period=page.period, scope=page.scope, metrics=tuple(over("calls")), by=("day",))
