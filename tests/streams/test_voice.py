"""Voice activity: speech is found where it was put, and a voice leaking in is not."""

import numpy as np
import pytest

from streams.audio import SAMPLES_PER_SECOND
from streams.demo_model.clips import clip, wave
from streams.turns import Span
from streams.voice import SILENT_DECIBELS, levels_decibels, speech_spans, without_bleed

pytestmark = pytest.mark.speech


def spoken_at(start_seconds: float, *, seconds: float) -> tuple[np.ndarray, Span]:
    """One clip in silence, and where it lies."""
    speech = wave(clip("en.greeting", speaker="operator").file)
    samples = np.zeros(int(seconds * SAMPLES_PER_SECOND), dtype=np.float32)
    first = int(start_seconds * SAMPLES_PER_SECOND)
    samples[first : first + len(speech)] = speech
    end_seconds = start_seconds + len(speech) / SAMPLES_PER_SECOND
    return samples, Span(channel=0, start_seconds=start_seconds, end_seconds=end_seconds)


def test_a_sentence_is_one_span_where_it_was_spoken() -> None:
    samples, expected = spoken_at(1.0, seconds=5.0)
    (found,) = speech_spans(samples, channel=0)
    assert expected.start_seconds == pytest.approx(found.start_seconds, abs=0.1)
    assert expected.end_seconds == pytest.approx(found.end_seconds, abs=0.15)


def test_nobody_speaks_in_silence() -> None:
    assert speech_spans(np.zeros(SAMPLES_PER_SECOND, dtype=np.float32), channel=0) == ()
    assert speech_spans(np.zeros(0, dtype=np.float32), channel=0) == ()


def test_noise_is_nobody_speaking() -> None:
    noise = 0.05 * np.random.default_rng(1).standard_normal(5 * SAMPLES_PER_SECOND)
    assert speech_spans(noise.astype(np.float32), channel=0) == ()


def test_a_voice_leaking_into_the_other_channel_is_silenced_there_only() -> None:
    samples, _ = spoken_at(1.0, seconds=5.0)
    kept = without_bleed(np.stack([samples, 0.25 * samples]))
    assert tuple(len(speech_spans(one, channel=channel)) for channel, one in enumerate(kept)) == (1, 0)


def test_two_voices_as_loud_as_each_other_are_both_kept() -> None:
    samples, _ = spoken_at(1.0, seconds=5.0)
    both = np.stack([samples, samples])
    assert np.array_equal(both, without_bleed(both))


def test_levels_are_in_decibels_of_full_scale() -> None:
    samples = np.stack([np.full(SAMPLES_PER_SECOND, 0.1), np.zeros(SAMPLES_PER_SECOND)]).astype(np.float32)
    levels = levels_decibels(samples, span=Span(channel=0, start_seconds=0.2, end_seconds=0.8))
    assert pytest.approx(levels, abs=0.01) == (-20.0, SILENT_DECIBELS)
