# pyright: reportUnknownMemberType=false
"""Conversion: from a call to a won deal, with the counts behind every share."""

from collections.abc import Mapping
from typing import Any, get_args

import polars as pl
import streamlit as st

from analytics import questions
from analytics.metrics import SMALL_SAMPLE
from analytics.questions import conversion
from analytics.questions.conversion import ATTRIBUTED_DAYS
from dashboards import charts, controls, shown
from dashboards.page import Page, heading
from dashboards.shown import Tile
from dashboards.texts import EMPTY, N_, clean, plain

GROUPS = {"channel": N_("By channel"), "team": N_("By team"), "operator": N_("By operator")}


def draw(page: Page) -> None:
    """Draw the page."""
    say = page.say
    controls.stamp(page)
    now = page.ask(conversion.funnel, period=page.period, scope=page.scope)
    before = page.ask(conversion.funnel, period=page.before, scope=page.scope) if page.before else None
    heading(answer(page, now), level=2)
    if not now["talked"]:
        st.caption(
            plain(say("Once contacts are talked with and a CRM tells of deals, their way is shown here."), limit=200)
        )
        return
    _tiles(page, now, before)
    _funnel(page, now)
    for by in get_args(conversion.By):
        _group(page, by)
    st.caption(plain(_rule(page), limit=500))


def answer(page: Page, now: Mapping[str, Any]) -> str:
    """Say how many of those we talked with bought."""
    say = page.say
    if not now["talked"]:
        return say("Nobody was talked with in this period.")
    if not now["won"]:
        return say.plural(
            "We talked with {n} contact; no deal was won after it yet.",
            "We talked with {n} contacts; no deal was won after it yet.",
            int(now["talked"]),
        )
    return say(
        "{won} of {talked} contacts we talked with bought: {share}.",
        won=say.number(now["won"]),
        talked=say.number(now["talked"]),
        share=say.figure(now["won_share"], unit="share"),
    )


def _tiles(page: Page, now: Mapping[str, Any], before: Mapping[str, Any] | None) -> None:
    say = page.say
    worth = page.ask(conversion.worth, period=page.period, scope=page.scope).to_dicts()
    change = None
    if before is not None and before["won_share"] is not None and now["won_share"] is not None:
        change = say.change(now["won_share"] - before["won_share"], unit="share")
    small = say(" · small sample") if now["talked"] < SMALL_SAMPLE else ""
    amounts = [say.money(row["amount"], currency=row["currency"]) for row in worth if row["amount"] is not None]
    shown.tiles(
        [
            Tile(
                label=say("Conversion after a call"),
                value=say.figure(now["won_share"], unit="share"),
                note=say("{part} of {n} contacts", part=say.number(now["won"]), n=say.number(now["talked"])) + small,
                help=_rule(page),
                change=change,
                change_is="normal",
            ),
            Tile(
                label=say("Contacts with a deal"),
                value=say.number(now["with_deal"]),
                note=say.plural("of {n} contact talked with", "of {n} contacts talked with", int(now["talked"])),
                help=say("A deal that was opened, or won, within {n} days after the call.", n=ATTRIBUTED_DAYS),
            ),
            Tile(
                label=say("Worth of won deals"),
                value=amounts[0] if amounts else EMPTY,
                note=" · ".join(amounts[1:]) or say.plural("{n} deal", "{n} deals", sum(row["deals"] for row in worth)),
                help=say("As the CRM says it; currencies are not added up."),
            ),
        ]
    )


def _funnel(page: Page, now: Mapping[str, Any]) -> None:
    say = page.say
    heading(say("From a call to a deal"))
    steps = {
        say("Called or rang"): now["called"],
        say("Talked with"): now["talked"],
        say("Deal within {n} days", n=ATTRIBUTED_DAYS): now["with_deal"],
        say("Won within {n} days", n=ATTRIBUTED_DAYS): now["won"],
    }
    frame = pl.DataFrame({"by": list(steps), "height": [float(count) for count in steps.values()]})
    st.altair_chart(
        charts.bars(frame, titles={"by": "", "height": say("Contacts")}, number=say.number_format(), is_lying=True),
        key="funnel",
        alt=say("Contacts from a call to a won deal; the same figures stand in the table below."),
    )
    with st.expander(say("As a table"), icon=":material/table_rows:"):
        columns = {say("Step"): list(steps), say("Contacts"): [say.number(count) for count in steps.values()]}
        shown.table(columns, alt=say("Contacts from a call to a won deal."))


def _group(page: Page, by: conversion.By) -> None:
    say = page.say
    rows = page.ask(conversion.conversion, period=page.period, scope=page.scope, by=by)
    if rows.height < 2:
        return
    heading(say(GROUPS[by]))
    told = [
        say.figure(row["share"], unit="share") + ("*" if row["contacts"] < SMALL_SAMPLE else "")
        for row in rows.to_dicts()
    ]
    shown.table(
        {
            say("Name"): [_name(page, key, by=by) for key in rows["key"]],
            say("Contacts talked with"): [say.number(count) for count in rows["contacts"]],
            say("Bought"): [say.number(count) for count in rows["won_contacts"]],
            say("Conversion"): told,
        },
        alt=say("Conversion by group, with counts."),
    )
    shown.files(page, rows, name=f"angime-conversion-{by}")


def _name(page: Page, key: str | None, *, by: conversion.By) -> str:
    if by == "channel":
        return page.say.word(key)
    if by == "team":
        return clean(page.team(key))
    operators = page.ask(questions.operators, company=page.scope.company)
    names: dict[str, str] = dict(operators.select("operator_id", "name").iter_rows())
    return clean(names.get(key or "", key)) or EMPTY


def _rule(page: Page) -> str:
    return page.say(
        "A win counts for the last answered call before it, at most {n} days ago; * marks fewer than {small} contacts."
        " Young periods still grow: their deals have not had {n} days.",
        n=ATTRIBUTED_DAYS,
        small=SMALL_SAMPLE,
    )
