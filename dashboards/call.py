# pyright: reportUnknownMemberType=false
"""One call: why it counts as it does, its recording with what was said, its facts by both clocks, its contact."""

import json
import re
from typing import Any, Literal

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.privacy.anonymous import are_masked
from analytics.questions import one_call
from dashboards import (
    beeps,
    calls,
    controls,
    conversations,
    costs,
    listening_log,
    permissions,
    player,
    reasons,
    recordings,
    shown,
)
from dashboards.beeps import Beep
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
        _recording(page, row)
        _talk(page, row)
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
    shown = (
        (say("When"), say.moment(row["started_at"], zone=page.zone, pattern="EEE d MMM, HH:mm")),
        (
            say("Time to answer") if row["outcome"] == "answered" else say("Rang"),
            say.seconds(row["ring_seconds"]),
        ),
        (say("Talk"), say.seconds(row["talk_seconds"])),
        (say("Operator"), clean(row["operator"]) or EMPTY),
    )
    with st.container(horizontal=True, gap="medium"):
        for label, value in shown:
            st.markdown(f":gray[{plain(label)}]  \n**{plain(value)}**", width="content")


def _of(page: Page, row: dict[str, Any]) -> dict[str, Any]:
    """Name the call that a question is about, with the day on which it is found."""
    return {"company": page.scope.company, "call_id": row["call_id"], "day": row["day"]}


def _recording(page: Page, row: dict[str, Any]) -> None:
    say = page.say
    heading(say("What was said"))
    if row["recording_id"] and not page.viewer.rights.hears:
        st.info(say("Recordings are not for your role."), icon=":material/hearing_disabled:")
    elif row["recording_path"]:
        _play(page, row)
    turns = page.ask(questions.turns, **_of(page, row)).to_dicts()
    if turns:
        player.transcript(page, turns)
        if are_masked(turn["text"] for turn in turns):
            told = say("What was said is kept for a time only, and that is over: each letter became an x.")
            st.info(plain(told, limit=300), icon=":material/auto_delete:")
        model = say(
            "Transcript by {model}, language {language}.",
            model=say("demo model") if row["is_demo_transcript"] else row["transcript_model"],
            language=say.tongue(row["transcript_language"]),
        )
        st.caption(plain(model, limit=300))
    elif row["recording_path"]:
        st.caption(plain(say("There is no transcript (yet)."), limit=200))
    else:
        st.caption(plain(say("This call was not recorded."), limit=200))


def _play(page: Page, row: dict[str, Any]) -> None:
    """Hand out the recording; where a secret is heard in it, the browser is given a tone in its place."""
    say, path = page.say, row["recording_path"]
    content = recordings.load(page.settings.recordings_url, company=page.scope.company, path=path)
    if content is None:
        st.info(say("The recording is not in the store (any longer)."), icon=":material/music_off:")
        return
    found = page.ask(one_call.beeps_of_call, **_of(page, row), recording_id=row["recording_id"])
    spans = [Beep(**span) for span in found.to_dicts()]
    kind = recordings.media_type(path)
    if spans:
        content, kind = beeps.covered(content, beeps=spans), "audio/wav"
    if content is None:
        told = say("A secret is heard in this recording and cannot be covered, so it is not played.")
        st.info(told, icon=":material/hearing_disabled:")
        return
    _note_listening(page, row)
    player.audio(page, content, media_type=kind)
    if spans:
        told = say.plural(
            "{n} stretch with a number that must stay secret is beeped.",
            "{n} stretches with numbers that must stay secret are beeped.",
            len(spans),
        )
        st.caption(plain(told, limit=200))


def _note_listening(page: Page, row: dict[str, Any]) -> None:
    """Log, once a visit, that a recording was handed out."""
    heard: set[str] = st.session_state.setdefault("heard", set())
    if row["recording_id"] in heard:
        return
    heard.add(row["recording_id"])
    listening_log.write(
        page.settings.home,
        company=page.scope.company,
        call_id=row["call_id"],
        recording_id=row["recording_id"],
        mark=page.viewer.mark,
        now=page.now,
    )


def _talk(page: Page, row: dict[str, Any]) -> None:
    """Tell how the conversation went, side by side where it has two sides."""
    say = page.say
    talk = page.ask(one_call.talk_of_call, **_of(page, row))
    if talk is None:
        return
    heading(say("How the talk went"))
    with st.container(horizontal=True, gap="medium"):
        for label, value in (
            (say("Operator's share of speech"), say.figure(talk["talk_ratio"], unit="share")),
            (say("Silence"), say.figure(talk["silence_share"], unit="share")),
            (say("Pause before an answer"), say.seconds(talk["patience_seconds"])),
            (say("Change of speaker"), say.plural("{n} time", "{n} times", talk["switches"])),
        ):
            st.markdown(f":gray[{plain(label)}]  \n**{plain(value)}**", width="content")
    sides = ("operator", "customer")
    rows = {
        say("Speech"): [say.seconds(talk[f"{side}_seconds"]) for side in sides],
        say("Longest monologue"): [say.seconds(talk[f"{side}_monologue_seconds"]) for side in sides],
        say("Interruptions"): [say.number(talk[f"{side}_interruptions"]) for side in sides],
        say("Questions"): [say.number(talk[f"{side}_questions"]) for side in sides],
        say("Words a minute"): [say.number(talk[f"{side}_words_per_minute"]) for side in sides],
    }
    columns = {say("Figure"): list(rows)} | {
        say.word(side): [told[place] for told in rows.values()] for place, side in enumerate(sides)
    }
    shown.table(columns, alt=say("How the talk went, for the operator and for the customer."))
    if not talk["has_separate_channels"]:
        told = say("Both sides were recorded in one channel: who spoke and who interrupted is only a guess.")
        st.caption(plain(told, limit=300))


def _permission(page: Page, row: dict[str, Any]) -> None:
    """Tell whether we might call when we did; other calls need no asking."""
    say = page.say
    found = page.ask(one_call.permission_of_call, **_of(page, row))
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
    found = page.ask(one_call.cost_of_call, **_of(page, row))
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
    shown = {
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
    lines = [f"{plain(name)}: **{plain(value)}**" for name, value in shown.items() if value not in nothing]
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
