# pyright: reportUnknownMemberType=false
"""Search in transcripts: where words were said, each line a way to hear it."""

from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.questions import search
from dashboards import controls, shown
from dashboards.page import Page, heading
from dashboards.texts import EMPTY, N_, clean, plain

AROUND = 140
ROLES = {"": N_("Whoever spoke"), "operator": N_("Operator"), "customer": N_("Customer")}


def draw(page: Page) -> None:
    """Draw the page."""
    say, state = page.say, page.state
    controls.stamp(page)
    words = state.search.strip()
    found: list[dict[str, Any]] = []
    if words:
        asked = page.ask(search.said, period=page.period, scope=page.scope, words=words, role=state.role)
        found = asked.to_dicts()
    heading(_headline(page, words=words, found=found), level=2)
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
    if not found:
        st.info(say("Nobody said this here. Try fewer words or a longer period."), icon=":material/search_off:")
        return
    _table(page, found, words=words)


def _headline(page: Page, *, words: str, found: list[dict[str, Any]]) -> str:
    say = page.say
    if not words:
        return say("What was said, in all calls")
    if not found:
        return say("Not said")
    turns = say.plural("said {n} time", "said {n} times", int(found[0]["turns"]))
    calls = say.plural("in {n} call", "in {n} calls", int(found[0]["calls"]))
    return f"{clean(words, limit=60)}: {turns}, {calls}"


def _table(page: Page, found: list[dict[str, Any]], *, words: str) -> None:
    say = page.say
    operators = page.ask(questions.operators, company=page.scope.company)
    names: dict[str, str] = dict(operators.select("operator_id", "name").iter_rows())
    chosen = shown.table(
        {
            say("When"): [say.moment(row["started_at"], zone=page.zone, pattern="EEE d MMM, HH:mm") for row in found],
            say("At"): [say.seconds(row["start_seconds"]) for row in found],
            say("Said by"): [say.word(row["role"]) for row in found],
            say("What was said"): [_around(row["text"], words=words) for row in found],
            say("Contact"): [clean(row["contact_name"] or row["contact_key"]) or EMPTY for row in found],
            say("Operator"): [clean(names.get(row["operator_id"] or "", "")) or EMPTY for row in found],
        },
        alt=say("Lines in which the words were said; choose a row to open its call."),
        key="found",
    )
    st.caption(plain(say("Choose a row to open the call and hear it."), limit=200))
    if found[0]["turns"] > len(found):
        st.caption(plain(say("Only the newest {n} lines are shown.", n=say.number(len(found)))))
    shown.files(page, pl.DataFrame(found).drop("turns", "calls"), name="angime-said")
    if chosen is not None:
        page.go("call", state=structs.replace(page.state, search="", role="", call=found[chosen]["call_id"]))


def _around(text: str | None, *, words: str) -> str:
    """Cut a long line around the first of the words."""
    line = clean(text, limit=20_000)
    at = max(0, line.lower().find(words.lower().split()[0]) - AROUND // 2)
    return clean(("…" if at else "") + line[at:], limit=AROUND)
