# pyright: reportUnknownMemberType=false
"""Missed calls: whom to call back now, oldest first, and how the missed of the period were recovered."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs

from analytics.metrics import SMALL_SAMPLE
from analytics.questions import missed
from dashboards import charts, controls, shown
from dashboards.page import Page, heading
from dashboards.shown import Tile
from dashboards.texts import EMPTY, clean, plain

STATES = ("called_back", "called_again", "messaged", "open", "lost")


def draw(page: Page) -> None:
    """Draw the page."""
    controls.stamp(page)
    waiting = page.ask(missed.waiting, scope=page.scope).to_dicts()
    heading(answer(page, waiting), level=2)
    _waiting(page, waiting)
    _recovered(page)


def answer(page: Page, waiting: Sequence[dict[str, Any]]) -> str:
    """Say how many wait for a call back, and the longest of them."""
    say = page.say
    if not waiting:
        return say("Nobody waits for a call back.")
    told = say.plural(
        "{n} contact waits for a call back", "{n} contacts wait for a call back", int(waiting[0]["episodes"])
    )
    since = say.ago(page.now - waiting[0]["first_missed_at"])
    return say("{told}; the longest since {since}.", told=told, since=since)


def _waiting(page: Page, waiting: Sequence[dict[str, Any]]) -> None:
    say = page.say
    if not waiting:
        st.caption(plain(say("Whoever was reached, by us or by calling again, is no longer here."), limit=200))
        return
    chosen = shown.table(
        {
            say("Contact"): [clean(row["contact_name"]) or say("Unknown contact") for row in waiting],
            say("Number"): [clean(row["phone"]) or EMPTY for row in waiting],
            say("Waits"): [say.ago(page.now - row["first_missed_at"]) for row in waiting],
            say("Rang"): [say.plural("{n} time", "{n} times", row["rings"]) for row in waiting],
            say("Last wrote"): [clean(row["last_text"], limit=90) or EMPTY for row in waiting],
            say("We tried"): [say.plural("{n} time", "{n} times", row["attempts"]) for row in waiting],
            say("Channel"): [say.word(row["channel"]) for row in waiting],
            say("Counts as lost"): [say.moment(row["lost_at"], zone=page.zone, pattern="EEE HH:mm") for row in waiting],
        },
        alt=say("Contacts who wait for a call back, the longest waiting first."),
        key="waiting",
    )
    st.caption(plain(say("Choose a row to open the missed call. Whoever is reached disappears by himself."), limit=200))
    shown.files(page, pl.DataFrame(list(waiting)).drop("episodes"), name="angime-call-back")
    if chosen is not None:
        page.go("call", state=structs.replace(page.state, call=waiting[chosen]["episode_id"]))


def _recovered(page: Page) -> None:
    say = page.say
    heading(say("How missed calls were recovered"))
    now = page.ask(missed.recovered, period=page.period, scope=page.scope)
    before = page.ask(missed.recovered, period=page.before, scope=page.scope) if page.before else {}
    if not now["episodes"]:
        st.caption(plain(say("No call was missed in this period.")))
        return
    counted = say.plural("of {n} missed contact", "of {n} missed contacts", int(now["episodes"] or 0))
    small = say(" · small sample") if int(now["episodes"] or 0) < SMALL_SAMPLE else ""
    shown.tiles(
        [
            Tile(
                label=say("Reached within 20 minutes"),
                value=say.figure(now["soon_share"], unit="share"),
                note=f"{say.number(now['soon'])} {counted}{small}",
                help=say("Missed contacts with whom a call came about within 20 minutes, ours or theirs."),
                change=_change(page, now, before, "soon_share"),
                change_is="normal",
            ),
            Tile(
                label=say("Reached within 23 hours"),
                value=say.figure(now["by_call_share"], unit="share"),
                note=f"{say.number(now['by_call'])} {counted}{small}",
                help=say("Missed contacts with whom a call came about before the episode counts as lost."),
                change=_change(page, now, before, "by_call_share"),
                change_is="normal",
            ),
            Tile(
                label=say("Time until contact"),
                value=say.seconds(now["contact_seconds"]),
                note=say("median of those reached"),
                help=say("From the first missed call to the call in which somebody talked."),
            ),
        ]
    )
    rows = page.ask(missed.recovery, period=page.period, scope=page.scope)
    _by_hour(page, rows)
    _by_hours(page, rows)


def _change(page: Page, now: dict[str, Any], before: dict[str, Any], name: str) -> str | None:
    if not before or now[name] is None or before[name] is None:
        return None
    return page.say.change(now[name] - before[name], unit="share")


def _by_hour(page: Page, rows: pl.DataFrame) -> None:
    say = page.say
    cells = rows.group_by("hour", "state").agg(pl.col("episodes").sum()).sort("hour", "state")
    cells = cells.with_columns(state_label=pl.Series([say.word(word) for word in cells["state"]], dtype=pl.String))
    titles = {"hour": say("Hour of the first missed call"), "state": say("State"), "episodes": say("Contacts")}
    chosen = st.altair_chart(
        charts.recovery(cells, titles=titles, number=say.number_format()),
        key="recovery",
        on_select="rerun",
        alt=say("Missed contacts by hour and how they stand; the same figures stand in the table below."),
    )
    st.caption(plain(say("Choose a bar to see the missed calls of that hour."), limit=200))
    for bar in chosen.get("selection", {}).get("bar", []):
        state = structs.replace(
            page.state, direction="incoming", outcomes=("missed", "abandoned"), at_hours=(int(bar["hour"]),)
        )
        page.go("calls", state=state)


def _by_hours(page: Page, rows: pl.DataFrame) -> None:
    """Tell business hours and the rest apart: they are two numbers."""
    say = page.say
    table: dict[str, list[str]] = {say("Began"): [], **{say.word(state): [] for state in STATES}, say("Contacts"): []}
    for is_open, name in ((True, say("Business hours")), (False, say("Outside business hours"))):
        part = rows.filter(pl.col("is_business_hours") == is_open)
        table[say("Began")].append(name)
        for state in STATES:
            table[say.word(state)].append(say.number(int(part.filter(pl.col("state") == state)["episodes"].sum())))
        table[say("Contacts")].append(say.number(int(part["episodes"].sum())))
    shown.table(table, alt=say("Missed contacts in business hours and outside, by how they stand."))
    shown.files(page, rows, name="angime-missed")
