# pyright: reportUnknownMemberType=false
"""Search in transcripts: where words were said, in any of their forms, each line a way to hear it."""

from contextlib import closing
from typing import Any

import streamlit as st
from msgspec import structs

from analytics.questions import search
from analytics.questions.search import Said
from analytics.search.index import FILE, Mark, SearchIndex, marked
from analytics.settings import AnalyticsSettings
from dashboards import calls, controls, shown
from dashboards.page import Page, heading, open_reader
from dashboards.texts import EMPTY, N_, clean, plain

AROUND = 140
ROLES = {"": N_("Whoever spoke"), "operator": N_("Operator"), "customer": N_("Customer")}


def draw(page: Page) -> None:
    """Draw the page."""
    say, state = page.say, page.state
    controls.stamp(page)
    words = state.search.strip()
    said = _said(page, words=words) if words else None
    found = said.rows.to_dicts() if said else []
    heading(_headline(page, words=words, said=said), level=2)
    text, role = st.columns([3, 1], vertical_alignment="bottom")
    text.text_input(
        say("Words"),
        placeholder=say("Words that were said, in any order"),
        max_chars=200,
        icon=":material/search:",
        **controls.bind("search", value=state.search),
    )
    role.selectbox(
        say("Said by"),
        list(ROLES),
        format_func=lambda name: say(ROLES[name]),
        **controls.bind("role", value=state.role),
    )
    if not words:
        st.caption(plain(say("Every transcript of the chosen period and scope is searched."), limit=200))
        return
    if said is None or not found:
        st.info(say("Nobody said this here. Try fewer words or a longer period."), icon=":material/search_off:")
        return
    _table(page, found)
    if said.is_cut:
        told = say("Only the best matches are shown: narrow the period, or add a word.")
        st.caption(plain(told, limit=200))
    shown.files(page, said.rows.drop("marks"), name="angime-said")


def _said(page: Page, *, words: str) -> Said:
    """Search by the index beside the warehouse, which is brought up to date first; rights are the reader's."""
    teams = page.scope.teams or page.viewer.rights.teams or ()
    scope, role = structs.replace(page.scope, teams=teams), page.state.role

    def look() -> Said:
        settings = AnalyticsSettings(home=page.settings.home)
        with closing(SearchIndex(settings.warehouse / FILE)) as index:
            index.follow(open_reader(page.settings.home))
            return search.said(page.reader, index=index, period=page.period, scope=scope, words=words, role=role)

    return page.keep(f"said {words!r} {page.period!r} {scope!r} {role!r}", look)


def _headline(page: Page, *, words: str, said: Said | None) -> str:
    say = page.say
    if said is None:
        return say("What was said, in all calls")
    if said.rows.is_empty():
        return say("Not said")
    where = say.plural("said in {n} call", "said in {n} calls", said.rows["call_id"].n_unique())
    return f"{clean(words, limit=60)}: {where}"


def _table(page: Page, found: list[dict[str, Any]]) -> None:
    say = page.say
    names = page.operators()
    # What was said comes early: a phone shows two columns.
    chosen = shown.table(
        {
            say("When"): [say.moment(row["started_at"], zone=page.zone, pattern="EEE d MMM, HH:mm") for row in found],
            say("What was said"): [_around(row, quotes=say.quotes) for row in found],
            say("Said by"): [say.word(row["role"]) for row in found],
            say("At"): [say.place(row["start_seconds"]) for row in found],
            say("Contact"): [calls.called(row) for row in found],
            say("Operator"): [clean(names.get(row["operator_id"] or "", "")) or EMPTY for row in found],
        },
        alt=say("Lines in which the words were said; choose a row to open its call."),
        key="found",
    )
    st.caption(plain(say("Choose a row to open the call and hear it."), limit=200))
    if chosen is not None:
        page.go("call", state=structs.replace(page.state, call=found[chosen]["call_id"], back="search"))


def _around(row: dict[str, Any], *, quotes: tuple[str, str]) -> str:
    """Cut a long line around the first word that was found; a cell has no bold, so found words stand in quotes."""
    marks = [Mark(start, end) for start, end in row["marks"]]
    start = max(0, marks[0].start - AROUND // 2)
    text = marked(row["text"], marks, quotes=quotes)
    return clean(("…" if start else "") + text[start:], limit=AROUND)
