"""Calls that are hard to hear become the turns that were spoken, and the figures that follow from them."""

from pathlib import Path

import numpy as np
import pytest

from angime.hearing import talk_figures
from streams.transcribe import Transcript, TurnsOnly, transcribe
from tests.streams.composed import SIDES, Composed, composed

pytestmark = pytest.mark.speech
STEP_SECONDS = 0.01


def _heard(call: Composed, folder: Path) -> Transcript:
    path = folder / "call.wav"
    path.write_bytes(call.wav())
    return transcribe(path, roles=SIDES, language=None, transcriber=TurnsOnly())


def _speaks(call: Composed, channel: int) -> np.ndarray:
    moments = np.arange(0, call.duration_seconds, STEP_SECONDS)
    return np.any(
        [
            (moments >= turn.start_seconds) & (moments < turn.end_seconds)
            for turn in call.spoken
            if turn.channel == channel
        ],
        axis=0,
    )


@pytest.mark.parametrize(("language", "seed"), [("en", 1), ("ru", 2), ("kk", 3), ("pt", 4)])
def test_overlap_bleed_noise_silence_and_clicks_change_neither_speakers_nor_figures(
    tmp_path: Path, language: str, seed: int
) -> None:
    call = composed(language, seed=seed)
    heard = _heard(call, tmp_path)
    operator, customer = _speaks(call, 0), _speaks(call, 1)
    figures = talk_figures(heard)

    assert [turn.channel for turn in call.spoken] == [turn.channel for turn in heard.turns]
    errors = [
        abs(said - found)
        for turn, own in zip(call.spoken, heard.turns, strict=True)
        for said, found in ((turn.start_seconds, own.start_seconds), (turn.end_seconds, own.end_seconds))
    ]
    print(language, "boundary", np.mean(errors), max(errors))
    assert np.mean(errors) <= 0.10
    assert figures["talk_ratio"] == pytest.approx(operator.sum() / (operator.sum() + customer.sum()), abs=0.02)
    assert figures["silence_share"] == pytest.approx(float(np.mean(~operator & ~customer)), abs=0.03)
    assert figures["operator_interruptions"] + figures["customer_interruptions"] == call.overlaps
    assert figures["has_separate_channels"]
