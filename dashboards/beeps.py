# pyright: reportUnknownMemberType=false
"""Recordings in which what nobody may hear is covered by a tone, in the very bytes that the browser is given."""

import io
import wave
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import av
import numpy as np
from av.error import FFmpegError
from msgspec import Struct

TONE_HERTZ = 1_000
LOUDNESS = 6_000
# Times of words are not exact: what is covered begins a little sooner and ends a little later.
MARGIN_SECONDS = 0.15
MAX_SAMPLES = 400_000_000


class Beep(Struct, frozen=True, kw_only=True):
    """A stretch of one channel that is covered, in seconds from the beginning of the recording."""

    channel: int
    start_seconds: float
    end_seconds: float


def covered(content: bytes, *, beeps: Sequence[Beep]) -> bytes | None:
    """Give a recording as WAV with a tone in place of each stretch; None where it cannot be covered.

    A channel that the recording does not have means all of its channels.
    """
    try:
        samples, rate = _decode(content)
    except (FFmpegError, ValueError, IndexError):
        return None
    for beep in beeps:
        first = max(0, round((beep.start_seconds - MARGIN_SECONDS) * rate))
        last = min(samples.shape[1], round((beep.end_seconds + MARGIN_SECONDS) * rate))
        tone = LOUDNESS * np.sin(2 * np.pi * TONE_HERTZ * np.arange(max(0, last - first)) / rate)
        channels = [beep.channel] if 1 < samples.shape[0] > beep.channel >= 0 else list(range(samples.shape[0]))
        samples[channels, first:last] = tone.astype(np.int16)
    return _write(samples, rate=rate)


def _decode(content: bytes) -> tuple[Any, int]:
    """Read 16-bit samples (channels by time) and their rate."""
    with av.open(io.BytesIO(content), mode="r") as recording:
        stream = recording.streams.audio[0]
        resampler = av.AudioResampler(format="s16p")
        parts: list[Any] = []
        count = 0
        for frame in recording.decode(stream):
            for part in resampler.resample(frame):
                parts.append(part.to_ndarray())
                count += parts[-1].size
                if count > MAX_SAMPLES:
                    raise ValueError("the recording is too long")
        rate = int(stream.rate or 0)
    if not parts or rate <= 0 or any(one.shape[0] != other.shape[0] for one, other in pairwise(parts)):
        raise ValueError("the recording holds no sound of one kind")
    return np.concatenate(parts, axis=1), rate


def _write(samples: Any, *, rate: int) -> bytes:
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(samples.shape[0])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(np.ascontiguousarray(samples.T).astype("<i2").tobytes())
    return written.getvalue()
