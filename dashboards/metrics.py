# pyright: reportUnknownMemberType=false
"""The catalogue of metrics: what each figure means, how it is counted, what it is now, and what it leaves out."""

from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.metrics.catalogue import Metric, Unit, catalogue, over
from dashboards import controls, downloads
from dashboards.figures import behind, calls_behind, definition, value
from dashboards.page import Page, heading
from dashboards.texts import N_, plain

ENTRIES = 10  # each is a dozen elements, and a browser draws hundreds for seconds

UNITS: dict[Unit, str] = {
    "share": N_("share"),
    "calls": N_("calls"),
    "seconds": N_("seconds"),
    "minutes": N_("minutes"),
    "per_hour": N_("per hour"),
    "per_minute": N_("per minute"),
    "per_call": N_("per call"),
    "per_episode": N_("per missed contact"),
    "per_100_calls": N_("in 100 calls"),
    "contacts": N_("contacts"),
    "deals": N_("deals"),
    "signs": N_("signs"),
    "money": N_("money"),
}
GOOD = {"up": N_("higher is better"), "down": N_("lower is better"), "none": N_("neither is better")}


def draw(page: Page) -> None:
    """Draw the page."""
    say = page.say
    controls.stamp(page)
    found = [metric for metric in catalogue().values() if _fits(page, metric)]
    heading(
        say.plural("{n} metric, counted in one way everywhere", "{n} metrics, each counted in one way", len(found)),
        level=2,
    )
    st.text_input(
        say("Search"),
        placeholder=say("Name, meaning or SQL"),
        max_chars=200,
        icon=":material/search:",
        **controls.bind("search", value=page.state.search),
    )
    if not found:
        st.info(say("No metric fits. Try another word."), icon=":material/search_off:")
        return
    pages = -(-len(found) // ENTRIES)
    number = min(page.state.page, pages)
    entries = found[(number - 1) * ENTRIES : number * ENTRIES]
    figures = {row["metric"]: row for row in _counted(page, entries).to_dicts()}
    for metric in entries:
        _draw(page, metric, figures[metric.name])
    controls.pager(page, number=number, pages=pages)
    downloads.draw(page, lambda: _whole(page, found), name="angime-metrics")


def _counted(page: Page, metrics: list[Metric]) -> pl.DataFrame:
    names = tuple(metric.name for metric in metrics)
    return page.ask(questions.figures, period=page.period, scope=page.scope, metrics=names)


def _fits(page: Page, metric: Metric) -> bool:
    title, meaning = metric.title.of(page.say.language), metric.meaning.of(page.say.language)
    text = f"{metric.name} {title} {meaning} {metric.formula}".lower()
    return all(word in text for word in page.state.search.lower().split())


def _draw(page: Page, metric: Metric, figure: dict[str, Any]) -> None:
    say = page.say
    with st.container(border=True):
        text, number = st.columns([3, 1])
        with text:
            heading(metric.title.of(say.language))
            st.markdown(definition(page, metric))
            told = [metric.name, say(UNITS[metric.unit]), say(GOOD[metric.good]), metric.fact]
            told.append(say("your own metric") if metric.is_own else say("since {version}", version=metric.since))
            st.caption(plain(" · ".join(told), limit=300))
        with number:
            st.metric(say("In this period"), value(page, metric, figure["value"]))
            st.caption(plain(behind(page, metric, row=figure), limit=200))
            if calls := calls_behind(page, metric, row=figure):
                page.link("calls", say("The calls behind it"), state=calls, icon=":material/list:")
            if metric.name in over("calls"):
                page.link(
                    "overview",
                    say("Day by day"),
                    state=structs.replace(page.state, metric=metric.name, search="", page=1),
                    icon=":material/show_chart:",
                )


def _whole(page: Page, found: list[Metric]) -> pl.DataFrame:
    """Give all that was found, with its figures, for a file."""
    rows = [
        {
            "metric": metric.name,
            "title": metric.title.of(page.say.language),
            "meaning": metric.meaning.of(page.say.language),
            "unit": metric.unit,
            "good": metric.good,
            "sql": metric.formula,
        }
        for metric in found
    ]
    return pl.DataFrame(rows).join(_counted(page, found), on="metric", how="left", maintain_order="left")
