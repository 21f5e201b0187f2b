# pyright: reportUnknownMemberType=false
"""The list of calls: search, filters, sorting and paging done by the warehouse; a row opens its call."""

from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.metrics.catalogue import Metric, catalogue
from analytics.questions import MAX_ROWS_OF_A_FILE, CallFilter
from dashboards import controls, downloads, shown
from dashboards.page import Page, heading
from dashboards.state import ORDERS, State, filters
from dashboards.texts import EMPTY, N_, clean, plain

ROWS = 50
OUTCOMES = (
    *("answered", "missed", "abandoned", "voicemail", "machine", "rejected"),
    *("no_answer", "busy", "cancelled", "failed", "not_permitted", "in_progress"),
)
ORDER_NAMES = {
    "started_at": N_("When"),
    "talk_seconds": N_("Talk"),
    "answer_seconds": N_("Wait"),
    "contact": N_("Contact"),
    "operator": N_("Operator"),
    "outcome": N_("Outcome"),
}
ARROWS = {"incoming": "←", "outgoing": "→"}
COLOURS = {
    "answered": "green",
    "missed": "red",
    "abandoned": "orange",
    "voicemail": "violet",
    "machine": "violet",
    "no_answer": "yellow",
    "in_progress": "blue",
}


def draw(page: Page) -> None:
    """Draw the page."""
    say = page.say
    wanted = filters(page.state)
    controls.stamp(page)
    counted = page.ask(questions.count_calls, period=page.period, scope=page.scope, filters=wanted)
    heading(headline(page, counted), level=2)
    _chips(page)
    _behind(page)
    _controls(page)
    if counted["calls"] == 0:
        if wanted == CallFilter():
            controls.where_calls_are(page, name="calls")
        else:
            st.info(say("No call fits. Take a filter away or choose another period."), icon=":material/search_off:")
        return
    pages = -(-counted["calls"] // ROWS)
    number = min(page.state.page, pages)
    _table(page, wanted, number=number)
    controls.pager(page, number=number, pages=pages)
    _files(page, wanted, calls=counted["calls"])


def headline(page: Page, counted: dict[str, Any]) -> str:
    """Say how many calls there are, and how many of them were answered."""
    say = page.say
    if counted["calls"] == 0:
        return say("No calls")
    told = say.plural("{n} call", "{n} calls", counted["calls"])
    answered = say("{n} answered", n=say.number(counted["answered"]))
    talk = say("{n} min of talk", n=say.number(counted["talk_minutes"]))
    return f"{told} · {answered} · {talk}"


def _chips(page: Page) -> None:
    """Name the filters that came with a link from a chart, each with a way to take it away."""
    say, state = page.say, page.state
    chips: list[tuple[str, State]] = []
    if metric := behind(state):
        chips.append((metric.title.of(say.language), structs.replace(state, behind="", page=1)))
    if state.weekday:
        chips.append((say.weekdays()[state.weekday - 1], structs.replace(state, weekday=0, page=1)))
    if state.at_hours:
        told = say.hours(min(state.at_hours), max(state.at_hours))
        chips.append((told, structs.replace(state, at_hours=(), page=1)))
    if state.contact:
        number = state.contact.partition(":")[2] or state.contact
        told = ": ".join((say("Contact"), clean(number)))
        chips.append((told, structs.replace(state, contact="", page=1)))
    if state.operator:
        name = clean(page.operators().get(state.operator, state.operator))
        chips.append((name, structs.replace(state, operator="", page=1)))
    if state.missed:
        chips.append((": ".join((say("Missed"), say.word(state.missed))), structs.replace(state, missed="", page=1)))
    if not chips:
        return
    with st.container(horizontal=True):
        for told, without in chips:
            st.button(
                plain(told),
                icon=":material/close:",
                help=say("Take this filter away"),
                on_click=controls.remember,
                args=(without,),
                key=f"chip_{told}",
            )


def behind(state: State) -> Metric | None:
    """Give the metric behind whose figure the listed calls stand; None where they are listed as they are."""
    return catalogue().get(state.behind)


def _behind(page: Page) -> None:
    """Say which of the calls behind a share are counted in it."""
    metric = behind(page.state)
    if metric is None or metric.kind != "share":
        return
    told = page.say(
        "✓ marks the calls of which the numerator of “{metric}” is made; the others are in its denominator only.",
        metric=metric.title.of(page.say.language),
    )
    st.caption(plain(told, limit=300))


def _controls(page: Page) -> None:
    say, state = page.say, page.state
    search, outcomes, order = st.columns([2, 2, 1], vertical_alignment="bottom")
    search.text_input(
        say("Search"),
        placeholder=say("Name, number, operator or id"),
        max_chars=200,
        icon=":material/search:",
        **controls.bind("search", value=state.search),
    )
    outcomes.multiselect(
        say("Outcome"),
        OUTCOMES,
        format_func=say.word,
        placeholder=say("All outcomes"),
        **controls.bind("outcomes", value=[outcome for outcome in state.outcomes if outcome in OUTCOMES]),
    )
    order.selectbox(
        say("Sort by"),
        ORDERS,
        format_func=lambda name: say(ORDER_NAMES[name]),
        **controls.bind("order", value=state.order),
    )
    with st.container(horizontal=True):
        st.toggle(say("Ascending"), **controls.bind("is_ascending", value=state.is_ascending))
        st.toggle(
            say("With internal and test calls"),
            help=say("Figures leave them out, and so does this list unless you want them."),
            disabled=bool(state.behind),
            **controls.bind("with_left_out", value=state.with_left_out),
        )


def _table(page: Page, wanted: CallFilter, *, number: int) -> None:
    say = page.say
    rows = page.ask(
        questions.calls,
        period=page.period,
        scope=page.scope,
        filters=wanted,
        order=page.state.order,
        is_descending=not page.state.is_ascending,
        limit=ROWS,
        offset=(number - 1) * ROWS,
    ).to_dicts()
    columns = {
        say("When"): [say.moment(row["started_at"], zone=page.zone, pattern="EEE d MMM, HH:mm") for row in rows],
        say("Outcome"): [[say.word(row["outcome"])] for row in rows],
        say("Contact"): [f"{ARROWS.get(row['direction'], '')} {called(row)}".strip() for row in rows],
        say("Wait"): [say.seconds(row["ring_seconds"]) for row in rows],
        say("Talk"): [say.seconds(row["talk_seconds"]) for row in rows],
        say("Operator"): [clean(row["operator"]) or EMPTY for row in rows],
        say("Channel"): [say.word(row["channel"]) for row in rows],
        say("Recorded"): [_kept(page, row) for row in rows],
    }
    if (metric := behind(page.state)) and metric.kind == "share":
        columns[say("Counted")] = ["✓" if row["is_counted"] else EMPTY for row in rows]
    chosen = st.dataframe(
        pl.DataFrame(columns),
        hide_index=True,
        height="content" if len(rows) < 18 else 640,
        on_select="rerun",
        selection_mode="single-cell",
        column_config={
            say("Outcome"): st.column_config.MultiselectColumn(
                width=shown.width_of(say.word(row["outcome"]) for row in rows),
                options=[say.word(outcome) for outcome in OUTCOMES],
                color=[COLOURS.get(outcome, "gray") for outcome in OUTCOMES],
            )
        },
        key=f"calls_{number}",
        alt=say("List of calls; choose a row to open its call."),
    )
    told = say("Choose a row to open its call: what happened, the recording, what was said.")
    arrows = ", ".join(f"{arrow} {say.word(direction)}" for direction, arrow in ARROWS.items())
    st.caption(plain(f"{told} {arrows}", limit=300))
    for index, _ in chosen["selection"].get("cells", []):
        page.go("call", state=structs.replace(page.state, call=rows[index]["call_id"]))


def named(page: Page, row: dict[str, Any]) -> dict[str, Any]:
    """Name the call that a question is about, with the day on which it is found."""
    return {"company": page.scope.company, "call_id": row["call_id"], "day": row["day"]}


def contact(row: dict[str, Any]) -> str:
    """Name the contact as text, with the number where there is a name too."""
    key = (row["contact_key"] or "").partition(":")[2]
    return " · ".join(part for part in (row["contact_name"], key) if part)


def called(row: dict[str, Any]) -> str:
    """Name the contact in a cell, by the number where there is no name; both stand on the page of the call."""
    return clean(row["contact_name"], limit=60) or clean(contact(row), limit=70) or EMPTY


def _kept(page: Page, row: dict[str, Any]) -> str:
    if row["has_transcript"]:
        return page.say("demo text") if row["is_demo_transcript"] else page.say("text")
    return page.say("audio") if row["has_recording"] else EMPTY


def _files(page: Page, wanted: CallFilter, *, calls: int) -> None:
    downloads.draw(page, lambda: _whole(page, wanted), name="angime-calls")
    if calls > MAX_ROWS_OF_A_FILE:
        limit = page.say.number(MAX_ROWS_OF_A_FILE)
        st.caption(plain(page.say("A file holds the first {limit} rows; narrow the period for the rest.", limit=limit)))


def _whole(page: Page, wanted: CallFilter) -> pl.DataFrame:
    """Give the whole list for a file, one row a call; it has as many rows as the headline says."""
    return page.ask(
        questions.calls,
        period=page.period,
        scope=page.scope,
        filters=wanted,
        order=page.state.order,
        is_descending=not page.state.is_ascending,
        limit=MAX_ROWS_OF_A_FILE,
    )


def of_contact(page: Page, contact_key: str, *, with_left_out: bool = False) -> State:
    """Give the list of all calls of one contact, of whatever days, channels and teams."""
    state = page.state
    return State(
        language=state.language,
        company=state.company,
        is_compared=state.is_compared,
        preset="all",
        contact=contact_key,
        with_left_out=with_left_out,
    )
