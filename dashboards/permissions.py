# pyright: reportUnknownMemberType=false
"""Permissions and risk: who may be called until when, who was called without, and what providers said of accounts."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.metrics import SMALL_SAMPLE, catalogue
from analytics.questions import permissions
from dashboards import controls, shown
from dashboards.page import Page, heading
from dashboards.shown import Tile
from dashboards.texts import EMPTY, N_, clean, plain

REASONS = {
    "permitted": N_("had agreed"),
    "not_needed": N_("no consent needed"),
    "never_granted": N_("never agreed"),
    "expired": N_("consent had run out"),
    "revoked": N_("consent was withdrawn"),
    "unanswered": N_("too many unanswered calls"),
}
STATES = {
    "restricted": N_("restricted"),
    "lifted": N_("restriction lifted"),
    "judged": N_("quality judged"),
    "unlinked": N_("disconnected"),
    "offline": N_("offline"),
}
COLD = "cold_call_share"


def draw(page: Page) -> None:
    """Draw the page."""
    controls.stamp(page)
    minute = page.now.replace(second=0, microsecond=0)
    held = page.ask(permissions.held, scope=page.scope, now=minute).to_dicts()
    judged = page.ask(permissions.judged, period=page.period, scope=page.scope)
    heading(answer(page, held, judged), level=2)
    _tiles(page, held, judged)
    _held(page, held)
    _outside(page)
    _signals(page)


def answer(page: Page, held: list[dict[str, Any]], judged: pl.DataFrame) -> str:
    """Say how many may be called today, and how many were called without being asked."""
    say = page.say
    count = int(held[0]["permissions"]) if held else 0
    told = say.plural("{n} contact may be called now", "{n} contacts may be called now", count)
    without = int(judged.filter(~pl.col("is_permitted"))["calls"].sum())
    if not without:
        return say("{told}; nobody was called without consent.", told=told)
    called = say.plural("{n} call was made without consent", "{n} calls were made without consent", without)
    return say("{told}; {called}.", told=told, called=called)


def _tiles(page: Page, held: list[dict[str, Any]], judged: pl.DataFrame) -> None:
    say = page.say
    end = page.now.astimezone(page.zone).replace(hour=23, minute=59, second=59)
    today = sum(row["ended_at"] is not None and row["ended_at"] <= end for row in held)
    without = int(judged.filter(~pl.col("is_permitted"))["calls"].sum())
    beyond = say(" · {n} beyond a limit", n=say.number(int(judged["over_limit"].sum())))
    calls, over = int(judged["calls"].sum()), int(judged["over_limit"].sum())
    cold = page.ask(questions.figures, period=page.period, scope=page.scope, metrics=(COLD,)).to_dicts()[0]
    small = say(" · small sample") if 0 < cold["sample"] < SMALL_SAMPLE else ""
    shown.tiles(
        [
            Tile(
                label=say("Consents that run out today"),
                value=say.number(today),
                note=say.plural("of {n} that holds", "of {n} that hold", len(held)),
                help=say("Consents end when the policy or the provider says so; nothing tells of it."),
            ),
            Tile(
                label=say("Calls without consent"),
                value=say.number(without),
                note=say.plural("of {n} call that needs it", "of {n} calls that need it", calls)
                + (beyond if over else ""),
                help=say("Outgoing calls on the WhatsApp Business API, judged by the policy the company chose."),
            ),
            Tile(
                label=catalogue()[COLD].title.of(say.language),
                value=say.figure(cold["value"], unit="share"),
                note=say.plural("{n} call behind it", "{n} calls behind it", cold["sample"]) + small,
                help=catalogue()[COLD].meaning.of(say.language).partition("{")[0],
            ),
        ]
    )


def _held(page: Page, held: list[dict[str, Any]]) -> None:
    say = page.say
    heading(say("Whom we may call, and until when"))
    if not held:
        st.caption(plain(say("No consent holds now. Where none is needed, none is listed."), limit=200))
        return
    shown.table(
        {
            say("Contact"): [clean(row["contact_name"]) or say("Unknown contact") for row in held],
            say("Number"): [clean(row["phone"]) or EMPTY for row in held],
            say("Until"): [_until(page, row["ended_at"]) for row in held],
            say("Account"): [clean(row["account"]) for row in held],
            say("Calls in it"): [say.number(row["calls"]) for row in held],
            say("Answered"): [say.number(row["answered_calls"]) for row in held],
            say("Requests in 7 days"): [say.number(row["requests_in_week"]) for row in held],
        },
        alt=say("Contacts who may be called, those whose consent runs out first at the top."),
    )
    shown.files(page, pl.DataFrame(held).drop("permissions"), name="angime-consents")


def _until(page: Page, moment: datetime | None) -> str:
    if moment is None:
        return page.say("for good")
    told = page.say.moment(moment, zone=page.zone, pattern="EEE d MMM, HH:mm")
    return told + (" ⚠" if moment - page.now < timedelta(hours=6) else "")


def _outside(page: Page) -> None:
    say = page.say
    heading(say("Called without consent, or beyond a limit"))
    rows = page.ask(permissions.outside, period=page.period, scope=page.scope).to_dicts()
    if not rows:
        st.caption(plain(say("No such call in this period.")))
        return
    chosen = shown.table(
        {
            say("When"): [say.moment(row["started_at"], zone=page.zone, pattern="EEE d MMM, HH:mm") for row in rows],
            say("Contact"): [clean(row["contact_name"] or row["phone"]) or say("Unknown contact") for row in rows],
            say("Why not"): [_why(page, row) for row in rows],
            say("Outcome"): [say.word(row["outcome"]) for row in rows],
            say("Unanswered before"): [say.number(row["unanswered_before"]) for row in rows],
            say("Account"): [clean(row["account"]) for row in rows],
        },
        alt=say("Calls without consent or beyond a limit; choose a row to open its call."),
        key="outside",
    )
    st.caption(plain(say("Choose a row to open its call.")))
    shown.files(page, pl.DataFrame(rows), name="angime-without-consent")
    if chosen is not None:
        page.go("call", state=structs.replace(page.state, call=rows[chosen]["call_id"]))


def _why(page: Page, row: dict[str, Any]) -> str:
    told = _worded(page, REASONS, row["reason"])
    beyond = page.say("beyond a limit")
    return f"{told} · {beyond}" if row["is_over_limit"] else told


def _signals(page: Page) -> None:
    say = page.say
    heading(say("What providers said of our accounts"))
    rows = page.ask(permissions.signals, period=page.period, scope=page.scope).to_dicts()
    if not rows:
        st.caption(plain(say("No restriction, no warning and no disconnection.")))
        return
    shown.table(
        {
            say("Account"): [clean(row["account"]) for row in rows],
            say("Signal"): [_worded(page, STATES, row["state"]) for row in rows],
            say("In the provider's words"): [clean(row["word"]) or EMPTY for row in rows],
            say("Since"): [say.moment(row["began_at"], zone=page.zone, pattern="EEE d MMM, HH:mm") for row in rows],
            say("Lasted until"): [_lasted(page, row["ended_at"]) for row in rows],
        },
        alt=say("Restrictions, warnings and disconnections of accounts."),
    )


def _lasted(page: Page, moment: datetime | None) -> str:
    return (
        page.say("still lasts")
        if moment is None
        else page.say.moment(moment, zone=page.zone, pattern="EEE d MMM, HH:mm")
    )


def _worded(page: Page, words: dict[str, str], word: str) -> str:
    told = words.get(word)
    return page.say(told) if told else word
