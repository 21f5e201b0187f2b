"""`angime transcribe` tells turns, figures and grade of each recording, and why another is none."""

import json
from pathlib import Path

import pytest

from streams.demo_model.dialogues import dialogue, recording_bytes
from tests.angime.front_door import typed

pytestmark = pytest.mark.speech


def test_a_recording_is_told_with_its_figures_and_a_page_is_refused(tmp_path: Path) -> None:
    spoken = dialogue("pt", 1)
    call, page = tmp_path / "call.wav", tmp_path / "page.wav"
    call.write_bytes(recording_bytes(spoken, form="wav_mulaw"))
    page.write_text("<html>gone</html>")

    said = typed("transcribe", str(call), str(page), "--model", "none", "--json", home=tmp_path)

    heard, refused = (json.loads(line) for line in said.out.splitlines())
    assert said.code == 1
    assert (heard["grade"], heard["separation"], heard["model"]) == ("turns", "channels", "none")
    assert [turn["role"] for turn in heard["turns"]] == [turn.role for turn in spoken.turns]
    assert 0 < heard["figures"]["talk_ratio"] < 1
    assert heard["model_load_seconds"] == 0.0
    assert heard["real_time_factor"] > 0
    assert "cannot be decoded as audio" in refused["refused"]
