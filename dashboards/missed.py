# pyright: reportUnknownMemberType=false
"""Missed calls: whom to call back now, oldest first, and how the missed of the period were recovered, and by whom."""

from collections.abc import Sequence
from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.questions import missed
from dashboards import charts, controls, conversations, downloads, figures, shown
from dashboards.page import Page, heading
from dashboards.state import MISSED
from dashboards.texts import EMPTY, clean, plain

RECOVERY = (
    *("missed_contacts", "missed_recovered_soon", "missed_recovered"),
    *("missed_lost", "callback_attempt_seconds_median", "callback_contact_seconds_median"),
)
# These were closed by a talk.
TALKED = frozenset({"called_back", "called_again"})
# Pixels: most of the first rows may hold nothing there.
WIDE = 150
# Of what somebody wrote; the page of his call has the whole of it.
MOST_CHARACTERS = 20


def draw(page: Page) -> None:
    """Draw the page; an episode is of the team that its first call rang."""
    controls.stamp(page)
    page = page.of_team()
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
    return say("{told}; the first rang {since}.", told=told, since=since)


def _waiting(page: Page, waiting: Sequence[dict[str, Any]]) -> None:
    say = page.say
    if not waiting:
        st.caption(plain(say("Whoever was reached, by us or by calling again, is no longer here."), limit=200))
        return
    chosen = shown.table(
        {
            say("Contact"): [clean(row["contact_name"]) or say("Unknown contact") for row in waiting],
            say("Number"): [clean(row["phone"]) or EMPTY for row in waiting],
            say("First rang"): [_rang(page, row) for row in waiting],
            say("Call back by"): [say.moment(row["lost_at"], zone=page.zone, pattern="EEE HH:mm") for row in waiting],
            say("We tried"): [say.plural("{n} time", "{n} times", row["attempts"]) for row in waiting],
            say("Channel"): [say.word(row["channel"]) for row in waiting],
            say("Last wrote"): [_wrote(page, row) for row in waiting],
        },
        alt=say("Contacts who wait for a call back, the longest waiting first."),
        key="waiting",
    )
    st.caption(plain(say("Choose a row to open the missed call. Whoever is reached disappears by himself."), limit=200))
    shown.rows_of(page, drawn=len(waiting), whole=waiting[0]["episodes"])
    downloads.draw(page, lambda: _all_waiting(page), name="angime-call-back")
    if chosen is not None:
        page.go("call", state=structs.replace(page.state, call=waiting[chosen]["episode_id"], back="missed"))


def _rang(page: Page, row: dict[str, Any]) -> str:
    """Say when somebody rang first, and how often where it was not once."""
    since = page.say.ago(page.now - row["first_missed_at"], is_short=True)
    return since if row["rings"] == 1 else f"{since} · {page.say.number(row['rings'])}×"


def _wrote(page: Page, row: dict[str, Any]) -> str:
    """Say when he wrote last, and what: it may be about something else than his call."""
    if row["last_wrote_at"] is None:
        return EMPTY
    since = page.say.ago(page.now - row["last_wrote_at"], is_short=True)
    return f"{since} · {conversations.words(page, row, prefix='last_', limit=MOST_CHARACTERS)}"


def _all_waiting(page: Page) -> pl.DataFrame:
    return page.ask(missed.waiting, scope=page.scope, limit=questions.MAX_ROWS_OF_A_FILE).drop("episodes")


def _recovered(page: Page) -> None:
    say = page.say
    heading(say("How missed calls were recovered"))
    counted = figures.count(page, RECOVERY)
    if not counted.now["missed_contacts"]["sample"]:
        st.caption(plain(say("No call was missed in this period.")))
        return
    shown.tiles(page, [figures.tile(page, name, counted=counted) for name in RECOVERY])
    rows = page.ask(missed.recovery, period=page.period, scope=page.scope)
    _by_hour(page, rows)
    _by_hours(page, rows)
    _each(page, whole=int(rows["episodes"].sum()))


def _by_hour(page: Page, rows: pl.DataFrame) -> None:
    say = page.say
    cells = rows.group_by("hour", "state").agg(pl.col("episodes").sum()).sort("hour", "state")
    cells = cells.with_columns(state_label=pl.Series([say.word(word) for word in cells["state"]], dtype=pl.String))
    titles = {"hour": say("Hour of the first missed call"), "state": say("State"), "episodes": say("Contacts")}
    chosen = st.vega_lite_chart(
        charts.recovery(cells, titles=titles, number=say.number_format()),
        key="recovery",
        on_select="rerun",
        alt=say("Missed contacts by hour and how they stand; the same figures stand in the table below."),
    )
    st.caption(plain(say("Choose a bar to see its contacts, each by the first call that was missed."), limit=200))
    for bar in chosen.get("selection", {}).get("bar", []):
        state = structs.replace(
            page.state, direction="incoming", missed=str(bar["state"]), at_hours=(int(bar["hour"]),)
        )
        page.go("calls", state=state)


def _by_hours(page: Page, rows: pl.DataFrame) -> None:
    """Tell business hours and the rest apart: they are two numbers."""
    say = page.say
    table: dict[str, list[str]] = {say("Began"): [], **{say.word(state): [] for state in MISSED}, say("Contacts"): []}
    for is_open, name in ((True, say("Business hours")), (False, say("Outside business hours"))):
        part = rows.filter(pl.col("is_business_hours") == is_open)
        table[say("Began")].append(name)
        for state in MISSED:
            table[say.word(state)].append(say.number(int(part.filter(pl.col("state") == state)["episodes"].sum())))
        table[say("Contacts")].append(say.number(int(part["episodes"].sum())))
    shown.table(table, alt=say("Missed contacts in business hours and outside, by how they stand."))
    shown.files(page, rows, name="angime-missed")


def _each(page: Page, *, whole: int) -> None:
    """List who was missed, what came of it, and who talked with him; there are so many in the `whole` period."""
    say = page.say
    heading(say("Who was missed, and what came of it"))
    rows = page.ask(missed.of_period, period=page.period, scope=page.scope).to_dicts()
    chosen = shown.table(
        {
            say("Contact"): [clean(row["contact_name"]) or say("Unknown contact") for row in rows],
            say("State"): [say.word(row["state"]) for row in rows],
            say("Operator"): [_talked(row) or EMPTY for row in rows],
            say("After"): [say.seconds(row["closed_seconds"]) for row in rows],
            say("First rang"): [_first(page, row) for row in rows],
            say("We tried"): [say.plural("{n} time", "{n} times", row["attempts"]) for row in rows],
            say("Number"): [clean(row["phone"]) or EMPTY for row in rows],
            say("Channel"): [say.word(row["channel"]) for row in rows],
        },
        alt=say("Missed contacts of the period with what came of it, the newest first."),
        key="each",
        widths={say("State"): WIDE, say("Operator"): WIDE},
    )
    told = say("Choose a row to open the call in which somebody talked with the contact, else the missed one.")
    st.caption(plain(told, limit=200))
    shown.rows_of(page, drawn=len(rows), whole=whole)
    downloads.draw(page, lambda: _all_of_period(page), name="angime-missed-contacts")
    if chosen is not None:
        row = rows[chosen]
        call = row["contact_call_id"] if row["state"] in TALKED else row["episode_id"]
        page.go("call", state=structs.replace(page.state, call=call, back="missed"))


def _talked(row: dict[str, Any]) -> str:
    """Name who talked with him in the call that closed it, where one did."""
    return clean(row["operator"]) if row["state"] in TALKED else ""


def _first(page: Page, row: dict[str, Any]) -> str:
    """Say when he rang first, and how often where it was not once."""
    at = page.say.moment(row["first_missed_at"], zone=page.zone, pattern="EEE d MMM, HH:mm")
    return at if row["rings"] == 1 else f"{at} · {page.say.number(row['rings'])}×"


def _all_of_period(page: Page) -> pl.DataFrame:
    return page.ask(missed.of_period, period=page.period, scope=page.scope, limit=questions.MAX_ROWS_OF_A_FILE)
