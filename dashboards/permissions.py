# pyright: reportUnknownMemberType=false
"""Permissions and risk: who may be called until when, who was called without, and what providers said of accounts."""

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.metrics.catalogue import catalogue
from analytics.questions import permissions
from analytics.questions.risk import Dialled
from dashboards import controls, downloads, figures, shown
from dashboards.figures import Counted
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
SIGNS = {
    "block": N_("blocked"),
    "restriction": N_("restricted"),
    "low_quality": N_("low quality"),
    "complaint": N_("complaint"),
    "rejection_streak": N_("rejection streak"),
}
STATES = {
    "restricted": N_("restricted"),
    "lifted": N_("restriction lifted"),
    "judged": N_("quality judged"),
    "unlinked": N_("disconnected"),
    "offline": N_("offline"),
}
COLD, WITHOUT, RISK = "cold_call_share", "calls_outside_permission", "risk_signs_per_100_calls"


def draw(page: Page) -> None:
    """Draw the page."""
    controls.stamp(page)
    held = _holding(page).to_dicts()
    counted = _counted(page)
    heading(answer(page, held, counted), level=2)
    _tiles(page, held, counted)
    _held(page, held)
    _outside(page)
    _risk(page)
    _signs(page)
    _signals(page)


def _holding(page: Page, limit: int = permissions.MAX_ROWS) -> pl.DataFrame:
    minute = page.now.replace(second=0, microsecond=0)
    tonight = minute.astimezone(page.zone).replace(hour=23, minute=59, second=59)
    return page.ask(permissions.held, scope=page.scope, now=minute, tonight=tonight, limit=limit)


def _dialled(page: Page) -> Dialled:
    return page.ask(questions.dialled, period=page.period, before=page.before, scope=page.scope, metrics=(COLD,))


def _counted(page: Page) -> Counted:
    """Count what the tiles show; how many calls were cold is counted with the risk of our numbers."""
    counted, dialled = figures.count(page, (WITHOUT, RISK)), _dialled(page)
    cold = figures.counted(dialled.now, dialled.before)
    return Counted(counted.now | cold.now, counted.before | cold.before)


def answer(page: Page, held: list[dict[str, Any]], counted: Counted) -> str:
    """Say how many may be called today, and how many were called without being asked."""
    say = page.say
    count = int(held[0]["permissions"]) if held else 0
    told = say.plural("{n} contact may be called now", "{n} contacts may be called now", count)
    without = int(counted.now[WITHOUT]["numerator"] or 0)
    if not without:
        return say("{told}; nobody was called without consent.", told=told)
    called = say.plural("{n} call was made without consent", "{n} calls were made without consent", without)
    return say("{told}; {called}.", told=told, called=called)


def _tiles(page: Page, held: list[dict[str, Any]], counted: Counted) -> None:
    say = page.say
    today, holding = (held[0]["ending"], held[0]["permissions"]) if held else (0, 0)
    shown.tiles(
        page,
        [
            Tile(
                label=say("Consents that run out today"),
                value=say.number(today),
                note=say.plural("of {n} that holds", "of {n} that hold", holding),
                help=say("Consents end when the policy or the provider says so; nothing tells of it."),
            ),
            figures.tile(page, WITHOUT, counted=counted),
            figures.tile(page, COLD, counted=counted),
            figures.tile(page, RISK, counted=counted),
        ],
    )


def _held(page: Page, held: list[dict[str, Any]]) -> None:
    say = page.say
    heading(say("Whom we may call, and until when"))
    if not held:
        st.caption(plain(say("No consent holds now. Where none is needed, none is listed."), limit=200))
        return
    in_a_row, talked = say("Unanswered in a row"), say("Talks in 24 h")
    shown.table(
        {
            say("Contact"): [clean(row["contact_name"]) or say("Unknown contact") for row in held],
            say("Number"): [clean(row["phone"]) or EMPTY for row in held],
            say("Until"): [_until(page, row["ended_at"]) for row in held],
            talked: [_part(page, row["connections_in_day"], of=row["connections_a_day"]) for row in held],
            say("Requests in 24 h"): [_part(page, row["requests_in_day"], of=row["requests_a_day"]) for row in held],
            say("Requests in 7 days"): [
                _part(page, row["requests_in_week"], of=row["requests_a_week"]) for row in held
            ],
            in_a_row: [say.number(row["unanswered"]) + (" ⚠" if row["is_warned"] else "") for row in held],
            say("Answered"): [_part(page, row["answered_calls"], of=row["calls"]) for row in held],
            say("Account"): [clean(row["account"]) for row in held],
        },
        alt=say("Contacts who may be called, those whose consent runs out first at the top."),
        definitions={
            in_a_row: say("⚠: as many as the policy warns of. A few more, and the consent ends."),
            talked: say("Our calls in which the contact talked. After a talk, requests before it no longer count."),
        },
    )
    shown.rows_of(page, drawn=len(held), whole=held[0]["permissions"])
    downloads.draw(
        page, lambda: _holding(page, questions.MAX_ROWS_OF_A_FILE).drop("permissions", "ending"), name="angime-consents"
    )


def _part(page: Page, part: int, *, of: int | None) -> str:
    """Say how many of how many, or of any number."""
    number = page.say.number
    return number(part) if of is None else page.say("{part} of {n}", part=number(part), n=number(of))


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
            say("Why not"): [why(page, reason=row["reason"], is_over_limit=row["is_over_limit"]) for row in rows],
            say("Outcome"): [say.word(row["outcome"]) for row in rows],
            say("Unanswered before"): [say.number(row["unanswered_before"]) for row in rows],
            say("Account"): [clean(row["account"]) for row in rows],
        },
        alt=say("Calls without consent or beyond a limit; choose a row to open its call."),
        key="outside",
    )
    st.caption(plain(say("Choose a row to open its call.")))
    shown.rows_of(page, drawn=len(rows), whole=rows[0]["calls"])
    downloads.draw(page, lambda: _whole(page), name="angime-without-consent")
    if chosen is not None:
        page.go("call", state=structs.replace(page.state, call=rows[chosen]["call_id"], back="permissions"))


def _whole(page: Page) -> pl.DataFrame:
    limit = questions.MAX_ROWS_OF_A_FILE
    return page.ask(permissions.outside, period=page.period, scope=page.scope, limit=limit).drop("calls")


def why(page: Page, *, reason: str, is_over_limit: bool) -> str:
    """Say why we might call somebody, or might not."""
    told = _worded(page, REASONS, reason)
    beyond = page.say("beyond a limit")
    return f"{told} · {beyond}" if is_over_limit else told


def _risk(page: Page) -> None:
    """Put the numbers we call from side by side: what may get one of them blocked."""
    say = page.say
    heading(say("Risk of our numbers"))
    rows = _dialled(page).accounts
    if rows.is_empty():
        st.caption(plain(say("Nobody was called in this period.")))
        return
    accounts = rows.to_dicts()
    lines = {
        say("Channel"): [say.word(row["channel"]) for row in accounts],
        catalogue()[RISK].title.of(say.language): [say.number(row["per_100_calls"], digits=1) for row in accounts],
        say("Outgoing calls"): [say.number(row["calls"]) for row in accounts],
        say("Cold"): [say.number(row["cold"]) for row in accounts],
        say("Declined"): [say.number(row["rejected"]) for row in accounts],
        say("Declined in a row"): [say.number(row["longest_streak"]) for row in accounts],
        say("Not permitted"): [say.number(row["not_permitted"]) for row in accounts],
        say("Blocks"): [say.number(row["blocks"]) for row in accounts],
        say("Restrictions"): [say.number(row["restrictions"]) for row in accounts],
        say("Low quality"): [say.number(row["low_quality"]) for row in accounts],
        say("Complaints"): [say.number(row["complaints"]) for row in accounts],
        say("Rejection streaks"): [say.number(row["rejection_streaks"]) for row in accounts],
    }
    columns = {say("Figure"): list(lines)} | {
        clean(row["account"]): [told[place] for told in lines.values()] for place, row in enumerate(accounts)
    }
    alt = say("Accounts with outgoing calls, the riskiest first.")
    shown.table(columns, alt=alt, widths={say("Figure"): shown.width_of(lines)})
    told = say(
        "Signs are blocks, restrictions, low quality, complaints and rejection streaks: three or more calls in a row"
        " declined on one day. Cold: the contact never turned to us before."
    )
    st.caption(plain(told, limit=300))
    shown.files(page, rows, name="angime-risk")


def _signs(page: Page) -> None:
    """List what the risk of our numbers is counted from."""
    say = page.say
    heading(say("Signs of risk"))
    rows = page.ask(questions.signs, period=page.period, scope=page.scope).to_dicts()
    if not rows:
        st.caption(plain(say("No sign of risk in this period.")))
        return
    chosen = shown.table(
        {
            say("When"): [say.moment(row["seen_at"], zone=page.zone, pattern="EEE d MMM, HH:mm") for row in rows],
            say("Account"): [clean(row["account"]) for row in rows],
            say("Signal"): [_worded(page, SIGNS, row["sign"]) for row in rows],
            say("In the provider's words"): [clean(row["word"]) or EMPTY for row in rows],
            say("Declined in a row"): [say.number(row["calls"]) for row in rows],
        },
        alt=say("Signs of risk, the newest first; choose a rejection streak to open its third call."),
        key="signs",
    )
    st.caption(plain(say("Choose a rejection streak to open its third call.")))
    shown.rows_of(page, drawn=len(rows), whole=rows[0]["signs"])
    downloads.draw(page, lambda: _all_signs(page), name="angime-signs-of-risk")
    if chosen is not None and rows[chosen]["call_id"]:
        page.go("call", state=structs.replace(page.state, call=rows[chosen]["call_id"], back="permissions"))


def _all_signs(page: Page) -> pl.DataFrame:
    limit = questions.MAX_ROWS_OF_A_FILE
    return page.ask(questions.signs, period=page.period, scope=page.scope, limit=limit).drop("signs")


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
            say("Company's number"): [clean(row["company_number"]) or EMPTY for row in rows],
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
