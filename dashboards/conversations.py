# pyright: reportUnknownMemberType=false
"""Conversations: whom we talked with of late, and each history as a messenger shows it, calls standing in it."""

from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs
from streamlit.components.v2 import component

from analytics import questions
from analytics.privacy.anonymous import are_masked
from analytics.questions import conversations
from dashboards import calls, controls, downloads, shown
from dashboards.page import Page, heading
from dashboards.texts import EMPTY, clean, plain

ROWS = 50
MAX_CHARACTERS_OF_A_MESSAGE = 20_000


def draw(page: Page) -> None:
    """Draw the page: the list, or the history that the URL names."""
    if page.state.contact:
        _history(page)
        return
    say, state = page.say, page.state
    controls.stamp(page)
    rows = _listed(page, limit=ROWS, offset=(state.page - 1) * ROWS).to_dicts()
    count, waits = (rows[0]["contacts"], rows[0]["waiting"]) if rows else (0, 0)
    heading(_headline(page, count=count, waits=waits), level=2)
    search, waiting = st.columns([2, 1], vertical_alignment="bottom")
    search.text_input(
        say("Search"),
        placeholder=say("Name, number or words of a message"),
        max_chars=200,
        icon=":material/search:",
        **controls.bind("search", value=state.search),
    )
    waiting.toggle(say("Only those who wait"), **controls.bind("is_waiting", value=state.is_waiting))
    if not rows:
        st.info(say("Nobody wrote or called here. Choose another period, or fewer filters."), icon=":material/forum:")
        return
    chosen = shown.table(
        {
            say("Contact"): [calls.called(row) for row in rows],
            say("Last word"): [_last(page, row) for row in rows],
            say("When"): [say.moment(row["last_at"], zone=page.zone, pattern="EEE d MMM, HH:mm") for row in rows],
            say("Waits"): ["●" if row["is_waiting"] else "" for row in rows],
            say("Messages"): [say.number(row["messages"]) for row in rows],
            say("Calls"): [say.number(row["calls"]) for row in rows],
            say("Missed"): [say.number(row["missed"]) if row["missed"] else "" for row in rows],
        },
        alt=say("List of conversations; choose a row to open its history."),
        key=f"conversations_{state.page}",
    )
    choose = say("Choose a row to read the whole history.")
    waits = say(
        "Waits: since the contact wrote or rang, be it with thanks, no message of ours arrived and nobody talked with"
        " him."
    )
    st.caption(plain(f"{choose} {waits}", limit=300))
    controls.pager(page, number=state.page, pages=-(-count // ROWS))
    downloads.draw(page, lambda: _whole(page), name="angime-conversations")
    if chosen is not None:
        page.go("conversations", state=structs.replace(state, contact=rows[chosen]["contact_key"]))


def _listed(page: Page, *, limit: int, offset: int = 0) -> pl.DataFrame:
    return page.ask(
        conversations.conversations,
        period=page.period,
        scope=page.scope,
        search=page.state.search,
        is_waiting=page.state.is_waiting,
        limit=limit,
        offset=offset,
    )


def _whole(page: Page) -> pl.DataFrame:
    return _listed(page, limit=questions.MAX_ROWS_OF_A_FILE).drop("contacts", "waiting")


def _headline(page: Page, *, count: int, waits: int) -> str:
    say = page.say
    waiting = say.plural("{n} contact waits for our word", "{n} contacts wait for our word", waits)
    if page.state.is_waiting:
        return waiting
    if not count:
        return say("No conversations")
    told = say.plural("{n} conversation", "{n} conversations", count)
    return say("{told}; {called}.", told=told, called=waiting) if waits else told


def _last(page: Page, row: dict[str, Any]) -> str:
    say = page.say
    if row["last_kind"] == "call":
        return f"☎ {say.word(row['last_direction'])}, {say.word(row['last_outcome'])}"
    arrow = calls.ARROWS.get(row["last_direction"], "→")
    return f"{arrow} {words(page, row, prefix='last_', limit=90)}"


def words(page: Page, row: dict[str, Any], *, prefix: str = "", limit: int = MAX_CHARACTERS_OF_A_MESSAGE) -> str:
    """Give the text of a message under the kind of what else it holds; that of ours is not always passed on."""
    say, media, text = page.say, row[f"{prefix}media"], clean(row[f"{prefix}text"], limit=limit)
    parts = (f"[{say.word(media)}]" if media and media != "text" else "", text)
    wordless = say("(text not passed on)") if row.get(f"{prefix}direction") == "outgoing" else say("(no text)")
    return " ".join(part for part in parts if part) or wordless


def _history(page: Page) -> None:
    say, state = page.say, page.state
    page.link(
        "conversations",
        say("Back to the conversations"),
        state=structs.replace(state, contact=""),
        icon=":material/arrow_back:",
    )
    key = state.contact
    entries = page.ask(conversations.conversation, company=page.scope.company, contact_key=key).to_dicts()
    if not entries:
        heading(say("No such conversation"), level=2)
        st.write(plain(say("The link is wrong, or the contact belongs to another company."), limit=300))
        return
    name = next((entry["contact_name"] for entry in reversed(entries) if entry["contact_name"]), None)
    heading(clean(calls.contact({"contact_name": name, "contact_key": key}), limit=70) or EMPTY, level=2)
    st.caption(plain(_told(page, entries), limit=300))
    if any(are_masked([entry["text"]]) for entry in entries):
        told = say("Messages are kept for a time only; where it is over, each letter became an x.")
        st.caption(plain(told, limit=300))
    if any(_is_wordless(entry) for entry in entries):
        told = say("Some providers tell that we wrote and whether it was read, but not the text.")
        st.caption(plain(told, limit=200))
    mount = component(
        "angime_history", html='<div class="history" tabindex="0"></div>', css=_read("css"), js=_read("js")
    )
    answer = mount(key="history", data={"entries": _entries(page, entries)}, on_call_change=lambda: None)
    page.link(
        "calls",
        say("All calls of this contact"),
        state=calls.of_contact(page, key),
        icon=":material/list:",
    )
    opened = answer.get("call")
    if opened:
        page.go("call", state=structs.replace(state, call=opened, back="conversations"))


def _told(page: Page, entries: list[dict[str, Any]]) -> str:
    say = page.say
    messages = sum(entry["kind"] == "message" for entry in entries)
    told = [
        say.plural("{n} message", "{n} messages", messages),
        say.plural("{n} call", "{n} calls", len(entries) - messages),
    ]
    if entries[0]["entries"] > len(entries):
        told.append(say("only the newest are shown"))
    return " · ".join(told)


def _is_wordless(entry: dict[str, Any]) -> bool:
    return entry["kind"] == "message" and entry["direction"] == "outgoing" and not entry["text"]


def _entries(page: Page, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Write the entries for the browser, a day above the first of each day."""
    written: list[dict[str, Any]] = []
    day: date | None = None
    for entry in entries:
        local = entry["happened_at"].astimezone(page.zone).date()
        written.append(_entry(page, entry) | ({"day": page.say.day(local)} if local != day else {}))
        day = local
    return written


def _entry(page: Page, entry: dict[str, Any]) -> dict[str, Any]:
    say = page.say
    shared = {
        "isOurs": entry["direction"] == "outgoing",
        "time": say.moment(entry["happened_at"], zone=page.zone, pattern="HH:mm"),
    }
    if entry["kind"] == "call":
        more = [say.seconds(entry["talk_seconds"])] if entry["talk_seconds"] else []
        more += [say("recorded")] if entry["has_recording"] else []
        told = f"{say.word(entry['direction'])} · {say.word(entry['outcome'])} · {say.word(entry['channel'])}"
        return shared | {
            "call": entry["id"],
            "outcome": entry["outcome"],
            "text": f"☎ {told}",
            "more": " · ".join(more),
        }
    status = say.word(entry["status"]) if shared["isOurs"] else say.word(entry["channel"])
    return shared | {
        "text": words(page, entry),
        "reaction": clean(entry["reaction"]),
        "more": status,
    }


def _read(suffix: str) -> str:
    return Path(__file__).with_name(f"history.{suffix}").read_text(encoding="utf-8")
