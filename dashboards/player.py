"""A recording with its transcript: a line is a button that seeks the player; data goes to the browser as JSON only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2 import component

from dashboards.page import Page
from dashboards.texts import clean

MAX_CHARACTERS_OF_A_TURN = 20_000


def audio(page: Page, content: bytes, *, media_type: str) -> None:
    """Draw the player, where the transcript finds it."""
    with st.container(key="player"):
        st.audio(content, format=media_type, alt=page.say("Recording of this call"))


def transcript(page: Page, turns: Sequence[dict[str, Any]]) -> None:
    """Draw what was said, by speaker."""
    mount = component("angime_transcript", html='<div class="turns"></div>', css=_read("css"), js=_read("js"))
    mount(key="transcript", data={"turns": [_line(page, turn) for turn in turns]})


def _line(page: Page, turn: dict[str, Any]) -> dict[str, Any]:
    return {
        "start": turn["start_seconds"],
        "end": turn["end_seconds"],
        "time": page.say.place(turn["start_seconds"]),
        "role": turn["role"],
        "who": page.say.word(turn["role"]),
        "text": clean(turn["text"], limit=MAX_CHARACTERS_OF_A_TURN),
    }


def _read(suffix: str) -> str:
    return Path(__file__).with_name(f"player.{suffix}").read_text(encoding="utf-8")
