"""Voice activity: where in a channel somebody speaks, by Silero's model from the faster-whisper wheel, and how loud."""

from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from schemas.errors import Misconfigured
from streams.audio import SAMPLES_PER_SECOND
from streams.turns import BLEED_DECIBELS, Span

SPEECH_PROBABILITY: Final = 0.5
MIN_SPEECH_SECONDS: Final = 0.2
MIN_SILENCE_SECONDS: Final = 0.45  # shorter pauses, such as those at a comma, stay inside a segment
MAX_SPEECH_SECONDS: Final = 28.0  # Whisper hears thirty seconds at a time
PADDING_SECONDS: Final = 0.03
SILENT_DECIBELS: Final = -100.0  # what digital silence counts as
_FRAME_SAMPLES: Final = SAMPLES_PER_SECOND // 100  # 10 ms, in which loudness is compared
_SMOOTHED_FRAMES: Final = 20  # speech swings too much from frame to frame to compare less than 0.2 s
# Minutes of digital silence (a muted microphone, music on hold cut out) leave Silero slow to hear the next word by up
# to 0.3 s; a hiss nobody hears keeps it awake.
_HISS: Final = 10 ** (-70 / 20)
_MIN_PEAK: Final = 1e-4  # quieter than one step of 14-bit audio: nobody speaks


def speech_spans(samples: NDArray[np.float32], *, channel: int) -> tuple[Span, ...]:
    """Spans in which a voice sounds, in order, without overlap, in one channel's 16 kHz samples of shape (n,)."""
    if samples.size == 0 or float(np.abs(samples).max()) < _MIN_PEAK:
        return ()
    try:
        from faster_whisper.vad import (
            VadOptions,
            get_speech_timestamps,  # pyright: ignore[reportUnknownVariableType] - the wheel leaves dict open
        )
    except ModuleNotFoundError as reason:
        raise Misconfigured("Voice activity needs the speech extra: install angime[speech].") from reason
    options = VadOptions(
        threshold=SPEECH_PROBABILITY,
        min_speech_duration_ms=round(MIN_SPEECH_SECONDS * 1000),
        min_silence_duration_ms=round(MIN_SILENCE_SECONDS * 1000),
        max_speech_duration_s=MAX_SPEECH_SECONDS,
        speech_pad_ms=round(PADDING_SECONDS * 1000),
    )
    hissing = samples + np.float32(_HISS) * np.random.default_rng(0).standard_normal(len(samples), dtype=np.float32)
    found = cast("list[dict[str, int]]", get_speech_timestamps(hissing, options, sampling_rate=SAMPLES_PER_SECOND))
    return tuple(
        Span(
            channel=channel,
            start_seconds=one["start"] / SAMPLES_PER_SECOND,
            end_seconds=one["end"] / SAMPLES_PER_SECOND,
        )
        for one in found
    )


def without_bleed(samples: NDArray[np.float32]) -> NDArray[np.float32]:
    """Silence each channel where another one is more than 6 dB louder; shape (channels, n) stays.

    For voice activity only: else the other's voice, leaking in, would lengthen the turns. What is said softly under
    a much louder voice on the other side is lost with it.
    """
    channels, length = samples.shape
    frames = -(-length // _FRAME_SAMPLES)
    if channels == 1 or frames < _SMOOTHED_FRAMES:
        return samples
    padded = np.pad(samples, ((0, 0), (0, frames * _FRAME_SAMPLES - length)))
    powers = np.mean(np.square(padded.reshape(channels, frames, _FRAME_SAMPLES)), axis=2)
    window = np.ones(_SMOOTHED_FRAMES) / _SMOOTHED_FRAMES
    smooth = np.stack([np.convolve(one, window, mode="same") for one in powers])
    others = np.stack([np.delete(smooth, channel, axis=0).max(axis=0) for channel in range(channels)])
    is_own = others <= smooth * 10 ** (BLEED_DECIBELS / 10)
    return samples * np.repeat(is_own, _FRAME_SAMPLES, axis=1)[:, :length]


def levels_decibels(samples: NDArray[np.float32], *, span: Span) -> tuple[float, ...]:
    """Loudness of every channel during a span, in dB of full scale; `samples` has shape (channels, n)."""
    first = int(span.start_seconds * SAMPLES_PER_SECOND)
    last = max(first + 1, int(span.end_seconds * SAMPLES_PER_SECOND))
    powers = np.mean(np.square(samples[:, first:last], dtype=np.float64), axis=1)
    return tuple(float(max(SILENT_DECIBELS, 10 * np.log10(power + 1e-12))) for power in powers)
