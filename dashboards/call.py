# pyright: reportUnknownMemberType=false
"""One call: why it counts as it does, its recording with what was said, its facts by both clocks, its contact."""

import json
from typing import Any, Literal

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from dashboards import calls, listening_log, player, recordings
from dashboards.page import Page, heading
from dashboards.texts import EMPTY, clean, plain

OUTCOME_COLOURS: dict[str, Literal["green", "red", "orange", "blue"]] = {
    "answered": "green",
    "missed": "red",
    "abandoned": "orange",
    "in_progress": "blue",
}
LATE_SECONDS = 30


def draw(page: Page) -> None:
    """Draw the page."""
    say = page.say
    calls.back(page)
    row = page.ask(questions.call, company=page.scope.company, call_id=page.state.call)
    if row is None:
        heading(say("No such call"), level=2)
        st.write(plain(say("The link is wrong, or the call belongs to another company."), limit=300))
        return
    heading(calls.contact(row) or say("Unknown contact"), level=2)
    _badges(page, row)
    st.markdown(plain(row["outcome_reason"], limit=1_000))
    _figures(page, row)
    left, right = st.columns([3, 2], gap="large")
    with left:
        _recording(page, row)
        _timeline(page, row)
    with right:
        _provider(page, row)
        _history(page, row)


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
    is_answered = row["answer_seconds"] is not None
    shown = (
        (say("When"), say.moment(row["started_at"], zone=page.zone, pattern="EEE d MMM, HH:mm")),
        (
            say("Time to answer") if is_answered else say("Rang"),
            say.seconds(row["answer_seconds"] or row["ring_seconds"]),
        ),
        (say("Talk"), say.seconds(row["talk_seconds"])),
        (say("Operator"), clean(row["operator"]) or EMPTY),
    )
    with st.container(horizontal=True, gap="large"):
        for label, value in shown:
            st.markdown(f":gray[{plain(label)}]  \n**{plain(value)}**", width="content")


def _recording(page: Page, row: dict[str, Any]) -> None:
    say = page.say
    heading(say("What was said"))
    if row["recording_id"] and not page.viewer.rights.hears:
        st.info(say("Recordings are not for your role."), icon=":material/hearing_disabled:")
    elif row["recording_path"]:
        url = page.settings.recordings_url
        content = recordings.load(url, company=page.scope.company, path=row["recording_path"])
        if content is None:
            st.info(say("The recording is not in the store (any longer)."), icon=":material/music_off:")
        else:
            _note_listening(page, row)
            player.audio(page, content, media_type=recordings.media_type(row["recording_path"]))
    turns = page.ask(questions.turns, company=page.scope.company, call_id=row["call_id"]).to_dicts()
    if turns:
        player.transcript(page, turns)
        model = say(
            "Transcript by {model}, language {language}.",
            model=row["transcript_model"],
            language=row["transcript_language"],
        )
        st.caption(plain(model, limit=300))
    elif row["recording_path"]:
        st.caption(plain(say("There is no transcript (yet)."), limit=200))
    else:
        st.caption(plain(say("This call was not recorded."), limit=200))


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


def _timeline(page: Page, row: dict[str, Any]) -> None:
    say = page.say
    heading(say("What happened"))
    facts = page.ask(questions.facts_of_call, company=page.scope.company, call_id=row["call_id"]).to_dicts()
    table = pl.DataFrame(
        {
            say("Occurred"): [say.moment(fact["time"], zone=page.zone, pattern="d MMM HH:mm:ss") for fact in facts],
            say("Fact"): [say.word(fact["type"]) for fact in facts],
            say("Received"): [
                say.moment(fact["recorded_at"], zone=page.zone, pattern="d MMM HH:mm:ss") for fact in facts
            ],
            say("Later by"): [_lag(page, fact["lag_seconds"]) for fact in facts],
            say("Source"): [clean(fact["source"]) for fact in facts],
        }
    )
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
    lines = [f"{plain(name)}: **{plain(value)}**" for name, value in shown.items() if value and value != EMPTY]
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
        if entry["kind"] == "message":
            told = f"{when} · {say.word(entry['direction'])}"
            st.markdown(f":material/chat: {plain(told)}  \n{plain(entry['text'], limit=300)}")
            continue
        parts = (when, say.word(entry["direction"]), say.word(entry["outcome"]), say.seconds(entry["talk_seconds"]))
        label = " · ".join(parts)
        page.link(
            "call", plain(label), state=structs.replace(page.state, call=entry["call_id"]), icon=":material/call:"
        )
    number = row["contact_key"].partition(":")[2]
    page.link("calls", say("All calls of this contact"), state=calls.of_contact(page, number), icon=":material/list:")
