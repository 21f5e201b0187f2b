# pyright: reportUnknownMemberType=false
"""One call: why it counts as it does, what was said, its facts by both clocks, its contact."""

import json
import re
from typing import Any, Literal

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.questions import one_call
from dashboards import calls, controls, conversations, costs, permissions, reasons, said, shown
from dashboards.page import Page, heading
from dashboards.state import without_page
from dashboards.texts import EMPTY, clean, plain

OUTCOME_COLOURS: dict[str, Literal["green", "red", "orange", "blue"]] = {
    "answered": "green",
    "missed": "red",
    "abandoned": "orange",
    "in_progress": "blue",
}
LATE_SECONDS = 30
# A key by which a contact can be called; who sees no people has none, nor has who is known by a name of a messenger.
DIALLED = re.compile(r"phone:(?P<number>\+\d{5,15})")


def draw(page: Page) -> None:
    """Draw the page."""
    say = page.say
    _back(page)
    controls.stamp(page)
    row = page.ask(questions.call, company=page.scope.company, call_id=page.state.call)
    if row is None:
        heading(say("No such call"), level=2)
        st.write(plain(say("The link is wrong, or the call belongs to another company."), limit=300))
        return
    heading(calls.contact(row) or say("Unknown contact"), level=2)
    _badges(page, row)
    _dial(page, row["contact_key"])
    reason = reasons.told(say, row["outcome_reason"])
    st.markdown(plain(reason[0].upper() + reason[1:], limit=1_000))
    _figures(page, row)
    left, right = st.columns([3, 2], gap="large")
    with left:
        said.recording(page, row)
        said.talk(page, row)
        _timeline(page, row)
    with right:
        _permission(page, row)
        _cost(page, row)
        _provider(page, row)
        _history(page, row)


def _back(page: Page) -> None:
    """Draw the way back to the page that opened the call, as it was; it is named as in the menu."""
    opener = page.state.back or "calls"
    state = structs.replace(page.state, call="", back="")
    page.link(opener, page.paths[opener].title, state=state, icon=":material/arrow_back:")


def _dial(page: Page, contact_key: str | None) -> None:
    """Offer to call the contact, where he is known by a number: on a phone a tap is enough."""
    if dialled := DIALLED.fullmatch(contact_key or ""):
        url = f"tel:{dialled['number']}"
        st.link_button(page.say("Call this number"), url, icon=":material/call:", type="tertiary")


def _badges(page: Page, row: dict[str, Any]) -> None:
    say = page.say
    with st.container(horizontal=True, gap="small"):
        st.badge(say.word(row["outcome"]), color=OUTCOME_COLOURS.get(row["outcome"], "gray"))
        st.badge(say.word(row["direction"]), color="gray")
        st.badge(say.word(row["channel"]), color="gray")
        if row["is_internal"] or row["is_test"]:
            st.badge(say("left out of figures"), color="violet")
        if row["is_demo_transcript"]:
            st.badge(
                say("demo model"),
                color="orange",
                icon=":material/science:",
                help=say(
                    "The words come from a small model that knows a few sentences. It shows how transcripts work;"
                    " it is no speech recognition."
                ),
            )


def _figures(page: Page, row: dict[str, Any]) -> None:
    say = page.say
    figures = (
        (say("When"), say.moment(row["started_at"], zone=page.zone, pattern="EEE d MMM, HH:mm")),
        (
            say("Time to answer") if row["outcome"] == "answered" else say("Rang"),
            say.seconds(row["ring_seconds"]),
        ),
        (say("Talk"), say.seconds(row["talk_seconds"])),
        (say("Operator"), clean(row["operator"]) or EMPTY),
    )
    shown.side_by_side(figures)


def _permission(page: Page, row: dict[str, Any]) -> None:
    """Tell whether we might call when we did; other calls need no asking."""
    say = page.say
    found = page.ask(one_call.permission_of_call, **calls.named(page, row))
    if found is None or found["policy"] is None:
        return
    heading(say("Were we allowed to call"))
    told = permissions.why(page, reason=found["reason"], is_over_limit=found["is_over_limit"])
    verdict = say("Yes") if found["is_permitted"] else say("No")
    lines = [f"**{plain(verdict)}** · {plain(told)}"]
    if found["granted_at"] is not None:
        since = say.moment(found["granted_at"], zone=page.zone, pattern="EEE d MMM, HH:mm")
        until = say.moment(found["ended_at"], zone=page.zone, pattern="EEE d MMM, HH:mm")
        until = until if found["ended_at"] else say("for good")
        lines.append(plain(say("Consent from {since}, until: {until}", since=since, until=until), limit=200))
    counts = {
        say("Talked in the 24 hours before"): found["connections_before"],
        say("Unanswered in a row before"): found["unanswered_before"],
    }
    lines += [f"{plain(name)}: **{plain(say.number(count))}**" for name, count in counts.items()]
    st.markdown("  \n".join(lines))


def _cost(page: Page, row: dict[str, Any]) -> None:
    say = page.say
    found = page.ask(one_call.cost_of_call, **calls.named(page, row))
    heading(say("Cost"))
    if found is None:
        st.caption(plain(_unbilled(page, row), limit=200))
        return
    if found["cost"] is None:
        amount = say("without a price") if found["connected_seconds"] is not None else say("of unknown length")
    else:
        amount = say.price(found["cost"], currency=found["currency"])
        if found["company_cost"] is not None and found["company_currency"] != found["currency"]:
            amount += f" ({say.money(found['company_cost'], currency=found['company_currency'])})"
    way = costs.kind(page, found["kind"])
    lines = [f"**{plain(amount)}**", plain(f"{clean(found['tariff_id'])} · {way}", limit=200)]
    if found["billed_seconds"] and found["price_per_minute"] is not None:
        billed = say(
            "{time} billed at {price} a minute",
            time=say.seconds(found["billed_seconds"]),
            price=say.price(found["price_per_minute"], currency=found["currency"]),
        )
        lines.append(plain(billed, limit=200))
    elif found["kind"] == "fixed":
        lines.append(plain(say("The monthly fee covers it."), limit=200))
    st.markdown("  \n".join(lines))


def _unbilled(page: Page, row: dict[str, Any]) -> str:
    """Say why a call has no cost: most tariffs bill outgoing calls alone, once they are over."""
    say = page.say
    if row["outcome"] == "in_progress":
        return say("Its cost is known when it is over.")
    if row["direction"] == "incoming":
        return say("No tariff bills incoming calls here.")
    if row["direction"] == "internal":
        return say("Internal calls cost nothing.")
    return say("No tariff in company.toml bills this call.")


def _timeline(page: Page, row: dict[str, Any]) -> None:
    say = page.say
    heading(say("What happened"))
    told = {"call_id": row["call_id"], "begun": row["started_at"], "events": row["events"]}
    facts = page.ask(questions.facts_of_call, company=page.scope.company, **told).to_dicts()
    table = pl.DataFrame(
        {
            say("Occurred"): [say.moment(fact["time"], zone=page.zone, pattern="d MMM HH:mm:ss") for fact in facts],
            say("Fact"): [say.word(fact["type"]) for fact in facts],
            say("Received"): [
                say.moment(fact["recorded_at"], zone=page.zone, pattern="d MMM HH:mm:ss") for fact in facts
            ],
            say("Later by"): [_lag(page, fact["lag_seconds"]) for fact in facts],
        }
    )
    if len({fact["source"] for fact in facts}) > 1:
        table = table.with_columns(pl.Series(say("Source"), [clean(fact["source"]) for fact in facts]))
    st.dataframe(table, hide_index=True, alt=say("Facts of this call in the order in which they occurred."))
    st.caption(
        plain(
            say("Occurred: by the source's clock. Received: by ours. Facts may come late and out of order."), limit=300
        )
    )
    if not page.viewer.rights.sees_people:
        return
    with st.expander(say("Raw facts"), icon=":material/data_object:"):
        for fact in facts:
            st.caption(plain(f"{say.word(fact['type'])} · {say.moment(fact['time'], zone=page.zone)}", limit=200))
            st.json(json.loads(fact["data"]), expanded=False)


def _lag(page: Page, seconds: float) -> str:
    return page.say.seconds(seconds) + (" ⚠" if seconds > LATE_SECONDS else "") if seconds >= 0 else EMPTY


def _provider(page: Page, row: dict[str, Any]) -> None:
    say = page.say
    heading(say("What the provider says"))
    told = {
        say("Provider"): row["source"],
        say("Its word for the end"): row["provider_status"],
        say("In our words"): say.word(row["disposition"]),
        say("Picked up by"): say.word(row["answered_by"]),
        say("Ended by"): say.word(row["ended_by"]),
        say("Error code"): row["error_code"],
        say("Company's number"): row["company_number"],
        say("Endpoint"): row["operator_endpoint"],
        say("Device"): say.word("mobile" if row["device"] == "phone" else row["device"]),
        say("Legs"): say.number(row["legs"]) if row["legs"] else None,
        say("Transfers"): say.number(row["transfers"]) if row["transfers"] else None,
        say("Provider's id"): row["provider_call_id"],
        say("Our id"): row["call_id"],
    }
    nothing = (None, "", EMPTY, say.word("unknown"))
    lines = [f"{plain(name)}: **{plain(value)}**" for name, value in told.items() if value not in nothing]
    st.markdown("  \n".join(lines))


def _history(page: Page, row: dict[str, Any]) -> None:
    say = page.say
    heading(say("This contact before and after"))
    if not row["contact_key"]:
        st.caption(plain(say("The contact is not known, so nothing can be told of other calls."), limit=200))
        return
    found = page.ask(questions.history, company=page.scope.company, contact_key=row["contact_key"]).to_dicts()
    others = [entry for entry in found if entry["call_id"] != row["call_id"]][:12]
    if not others:
        st.caption(plain(say("This is the only call or message.")))
    for entry in others:
        when = say.moment(entry["happened_at"], zone=page.zone, pattern="d MMM, HH:mm")
        arrow = calls.ARROWS.get(entry["direction"], "")
        if entry["kind"] == "message":
            written = conversations.words(page, entry, limit=300)
            st.markdown(f":material/chat: {plain(f'{when} {arrow}')}  \n{plain(written, limit=300)}")
            continue
        talk = [say.seconds(entry["talk_seconds"])] if entry["talk_seconds"] else []
        label = " · ".join([f"{when} {arrow} {say.word(entry['outcome'])}", *talk])
        page.link(
            "call", plain(label), state=structs.replace(page.state, call=entry["call_id"]), icon=":material/call:"
        )
    theirs = calls.of_contact(page, row["contact_key"], with_left_out=row["is_internal"] or row["is_test"])
    page.link("calls", say("All calls of this contact"), state=theirs, icon=":material/list:")
    whole = structs.replace(without_page(page.state), contact=row["contact_key"])
    page.link("conversations", say("The whole conversation"), state=whole, icon=":material/forum:")
