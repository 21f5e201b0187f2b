# pyright: reportUnknownMemberType=false
"""What was said in a call: its recording, with secrets beeped, its transcript, and how the talk went."""

from typing import Any

import streamlit as st

from analytics import questions
from analytics.privacy.anonymous import are_masked
from analytics.questions import one_call
from dashboards import beeps, calls, listening_log, player, recordings, shown
from dashboards.beeps import Beep
from dashboards.page import Page, heading
from dashboards.texts import plain


def recording(page: Page, row: dict[str, Any]) -> None:
    """Draw the recording of a call, for those who may hear it, and its transcript."""
    say = page.say
    heading(say("What was said"))
    if row["recording_id"] and not page.viewer.rights.hears:
        st.info(say("Recordings are not for your role."), icon=":material/hearing_disabled:")
    elif row["recording_path"]:
        _play(page, row)
    turns = page.ask(questions.turns, **calls.named(page, row)).to_dicts()
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


def talk(page: Page, row: dict[str, Any]) -> None:
    """Draw how the conversation went, side by side where it has two sides."""
    say = page.say
    found = page.ask(one_call.talk_of_call, **calls.named(page, row))
    if found is None:
        return
    heading(say("How the talk went"))
    figures = (
        (say("Operator's share of speech"), say.figure(found["talk_ratio"], unit="share")),
        (say("Silence"), say.figure(found["silence_share"], unit="share")),
        (say("Pause before an answer"), say.seconds(found["patience_seconds"])),
        (say("Change of speaker"), say.plural("{n} time", "{n} times", found["switches"])),
    )
    shown.side_by_side(figures)
    sides = ("operator", "customer")
    rows = {
        say("Speech"): [say.seconds(found[f"{side}_seconds"]) for side in sides],
        say("Longest monologue"): [say.seconds(found[f"{side}_monologue_seconds"]) for side in sides],
        say("Interruptions"): [say.number(found[f"{side}_interruptions"]) for side in sides],
        say("Questions"): [say.number(found[f"{side}_questions"]) for side in sides],
        say("Words a minute"): [say.number(found[f"{side}_words_per_minute"]) for side in sides],
    }
    columns = {say("Figure"): list(rows)} | {
        say.word(side): [told[place] for told in rows.values()] for place, side in enumerate(sides)
    }
    shown.table(columns, alt=say("How the talk went, for the operator and for the customer."))
    if not found["has_separate_channels"]:
        told = say("Both sides were recorded in one channel: who spoke and who interrupted is only a guess.")
        st.caption(plain(told, limit=300))


def _play(page: Page, row: dict[str, Any]) -> None:
    """Hand out the recording; where a secret is heard in it, the browser is given a tone in its place."""
    say, path = page.say, row["recording_path"]
    content = recordings.load(page.settings.recordings_url, company=page.scope.company, path=path)
    if content is None:
        st.info(say("The recording is not in the store (any longer)."), icon=":material/music_off:")
        return
    found = page.ask(one_call.beeps_of_call, **calls.named(page, row), recording_id=row["recording_id"])
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
