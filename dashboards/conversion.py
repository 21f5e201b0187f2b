# pyright: reportUnknownMemberType=false
"""Conversion: from a call to a won deal, and how soon leads are met, with the counts behind every share."""

from datetime import timedelta
from typing import Literal, get_args

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.metrics.catalogue import SMALL_SAMPLE, whole
from analytics.questions import conversion
from analytics.questions.asking import can_narrow
from analytics.questions.conversion import Way
from dashboards import charts, controls, figures, shown
from dashboards.figures import Counted
from dashboards.page import Page, heading
from dashboards.shown import Tile
from dashboards.state import State, without_page
from dashboards.texts import EMPTY, N_, clean, plain

By = Literal["channel", "team", "operator"]
GROUPS: dict[By, str] = {"channel": N_("By channel"), "team": N_("By team"), "operator": N_("By operator")}
WON, DEALS = "conversion_after_call", "deals_won_after_call"
LEADS = ("leads_within_5_minutes", "lead_attempt_seconds_median", "lead_contact_seconds_median")
BANDS = ("0-5", "5-15", "15-60", "60+", None)
LEAD_KINDS = {"deal": N_("new deal"), "message": N_("first message")}


def draw(page: Page) -> None:
    """Draw the page."""
    say = page.say
    controls.stamp(page)
    way = _way(page)
    is_ripe = _is_ripe(page)
    counted = figures.counted(way.figures.whole, _before(page) if is_ripe else None)
    heading(answer(page, counted, talked=way.talked), level=2)
    if not counted.now[WON]["sample"]:
        st.caption(
            plain(say("Once contacts are talked with and a CRM tells of deals, their way is shown here."), limit=200)
        )
    else:
        _tiles(page, counted, way)
        if not is_ripe:
            told = say("Not set beside the period before: deals of these days have not had {n} days.", n=_days(page))
            st.caption(plain(told, limit=200))
        _funnel(page, counted, way)
        for by, rows in way.figures.by.items():
            _group(page, rows, by=by)
        st.caption(plain(_rule(page), limit=500))
    _leads(page)


def answer(page: Page, counted: Counted, *, talked: int) -> str:
    """Say how many of those we talked with bought."""
    say, won = page.say, counted.now[WON]
    if talked and not won["sample"]:
        return say("No CRM tells of deals yet.")
    if not won["sample"]:
        return say("Nobody was talked with in this period.")
    if not won["numerator"]:
        return say.plural(
            "We talked with {n} contact; no deal was won after it yet.",
            "We talked with {n} contacts; no deal was won after it yet.",
            won["sample"],
        )
    return say(
        "{won} of {talked} contacts we talked with bought: {share}.",
        won=say.number(won["numerator"]),
        talked=say.number(won["sample"]),
        share=say.figure(won["value"], unit="share"),
    )


def _way(page: Page) -> Way[By]:
    return page.ask(conversion.way, period=page.period, scope=page.scope, metrics=(WON, DEALS), by=get_args(By))


def _before(page: Page) -> pl.DataFrame | None:
    """Count the period before, where the page is compared with it."""
    if not page.before:
        return None
    return page.ask(questions.figures, period=page.before, scope=page.scope, metrics=(WON, DEALS))


def _tiles(page: Page, counted: Counted, way: Way[By]) -> None:
    say = page.say
    worth = way.worth.to_dicts()
    amounts = [say.money(row["amount"], currency=row["currency"]) for row in worth if row["amount"] is not None]
    won = figures.tile(page, DEALS, counted=counted)
    shown.tiles(
        page,
        [
            figures.tile(page, WON, counted=counted),
            won,
            Tile(
                label=say("Worth of won deals"),
                value=amounts[0] if amounts else EMPTY,
                note=" · ".join(amounts[1:]) or say.plural("{n} deal", "{n} deals", sum(row["deals"] for row in worth)),
                help=say("As the CRM says it; currencies are not added up."),
                behind=won.behind,
                calls=won.calls,
            ),
        ],
    )


def _funnel(page: Page, counted: Counted, way: Way[By]) -> None:
    say = page.say
    heading(say("From a call to a deal"))
    days = _days(page)
    steps = {
        say("Called or rang"): way.called,
        say("Talked with"): way.talked,
        say("Deal within {n} days", n=days): way.with_deal,
        say("Won within {n} days", n=days): counted.now[WON]["numerator"],
    }
    frame = pl.DataFrame({"by": list(steps), "height": [float(count) for count in steps.values()]})
    st.vega_lite_chart(
        charts.bars(frame, titles={"by": "", "height": say("Contacts")}, number=say.number_format(), is_lying=True),
        key="funnel",
        alt=say("Contacts from a call to a won deal; the same figures stand in the table below."),
    )
    with st.expander(say("As a table"), icon=":material/table_rows:"):
        columns = {say("Step"): list(steps), say("Contacts"): [say.number(count) for count in steps.values()]}
        shown.table(columns, alt=say("Contacts from a call to a won deal."))


def _group(page: Page, rows: pl.DataFrame, *, by: By) -> None:
    say = page.say
    won = rows.filter(pl.col("metric") == WON, pl.col("sample") > 0).sort("sample", descending=True)
    if won.height < 2:
        return
    heading(say(GROUPS[by]))
    told = [
        say.figure(row["value"], unit="share") + ("*" if row["sample"] < SMALL_SAMPLE else "") for row in won.to_dicts()
    ]
    keys: list[str | None] = won[by].to_list()
    chosen = shown.table(
        {
            say("Name"): [_name(page, key, by=by) for key in keys],
            say("Contacts talked with"): [say.number(count) for count in won["sample"]],
            say("Bought"): [say.number(count) for count in won["numerator"]],
            say("Conversion"): told,
        },
        alt=say("Conversion by group, with counts."),
        key=f"conversion_{by}",
    )
    st.caption(plain(say("Choose a row to see its answered calls."), limit=200))
    shown.files(page, rows, name=f"angime-conversion-{by}")
    if chosen is not None and (key := keys[chosen]):
        page.go("calls", state=_answered(page.state, by=by, key=key))


def _answered(state: State, *, by: By, key: str) -> State:
    """Give the list of answered calls of one group, behind its conversion."""
    answered = structs.replace(without_page(state), behind=WON)
    if by == "channel":
        return structs.replace(answered, channel=key)
    return structs.replace(answered, team=key) if by == "team" else structs.replace(answered, operator=key)


def _leads(page: Page) -> None:
    """Tell how soon new deals and first messages were met; leads know no direction and no business hours."""
    say = page.say
    heading(say("How soon leads are met"))
    if not can_narrow(whole().facts["leads"], page.scope):
        told = say("Leads have neither a direction nor business hours: take these choices away to see them.")
        st.caption(plain(told, limit=200))
        return
    leads = page.ask(questions.leads, period=page.period, before=page.before, scope=page.scope, metrics=LEADS)
    counted = figures.counted(leads.now, leads.before)
    if not counted.now[LEADS[0]]["sample"]:
        st.caption(plain(say("No new deal and no first message in this period."), limit=200))
        return
    shown.tiles(page, [figures.tile(page, name, counted=counted) for name in LEADS])
    rows = leads.bands
    bands = rows["band"].unique(maintain_order=True).to_list()
    counts: dict[tuple[str, str | None], int] = {(kind, band): leads for kind, band, leads in rows.iter_rows()}
    kinds = rows["kind"].unique(maintain_order=True).to_list()
    ordered = sorted(bands, key=BANDS.index)
    columns: dict[str, list[str]] = {say("First attempt"): [_band(page, band) for band in ordered]}
    for kind in kinds:
        name = say(LEAD_KINDS[kind]) if kind in LEAD_KINDS else kind
        columns[name] = [say.number(counts.get((kind, band), 0)) for band in ordered]
    shown.table(columns, alt=say("Leads by how soon they were first called or written to."))
    shown.files(page, rows, name="angime-leads")


def _band(page: Page, band: str | None) -> str:
    if band is None:
        return page.say("not yet")
    return page.say("{minutes} min", minutes=band.replace("-", "–"))


def _name(page: Page, key: str | None, *, by: By) -> str:
    if by == "channel":
        return page.say.word(key)
    if by == "team":
        return clean(page.team(key))
    return clean(page.operators().get(key or "", key)) or EMPTY


def _rule(page: Page) -> str:
    return page.say(
        "* marks fewer than {small} contacts. Whoever was talked with in several groups is counted in each, and a deal"
        " in those of the calls to which it is ascribed; in all they count once.",
        small=SMALL_SAMPLE,
    )


def _days(page: Page) -> int:
    """Give how long after a call a deal counts as of it."""
    return page.ask(questions.thresholds, company=page.scope.company, day=page.period.last)["conversion_days"]


def _is_ripe(page: Page) -> bool:
    """Whether every call of the period has had its time to lead to a deal, as those of the period before have."""
    return page.period.last + timedelta(days=_days(page)) < page.now.astimezone(page.zone).date()
