# pyright: reportUnknownMemberType=false
"""Samples become a recording's bytes, in the forms in which telephony and messengers hand recordings over."""

import io
from typing import Final, Literal, cast

import av
import numpy as np
from av.audio import AudioFrame, AudioStream
from numpy.typing import NDArray

Form = Literal["wav", "wav_mulaw", "ogg"]
_CODECS: Final[dict[Form, tuple[str, str]]] = {  # container, codec
    "wav": ("wav", "pcm_s16le"),
    "wav_mulaw": ("wav", "pcm_mulaw"),
    "ogg": ("ogg", "libopus"),
}
_LAYOUTS: Final = {1: "mono", 2: "stereo"}
_OPUS_BITS_PER_SECOND: Final = 24_000  # a channel


def encode(samples: NDArray[np.int16], *, samples_per_second: int, form: Form) -> bytes:
    """Encode int16 samples of shape (1 or 2, n) as 16-bit WAV, mu-law WAV or Opus in Ogg."""
    container, codec = _CODECS[form]
    layout = _LAYOUTS[len(samples)]
    target = io.BytesIO()
    with av.open(target, "w", format=container, options={"fflags": "+bitexact"}) as opened:
        stream = cast("AudioStream", opened.add_stream(codec, rate=samples_per_second, layout=layout))
        if form == "ogg":
            stream.bit_rate = _OPUS_BITS_PER_SECOND * len(samples)
        opened.mux(stream.encode(_frame(samples, rate=samples_per_second)))
        opened.mux(stream.encode(None))
    return target.getvalue()


def resample(samples: NDArray[np.int16], *, samples_per_second: int, to: int) -> NDArray[np.int16]:
    """Give the same sound another rate: int16 samples of shape (1 or 2, n)."""
    if to == samples_per_second:
        return samples
    resampler = av.AudioResampler(format="s16p", layout=_LAYOUTS[len(samples)], rate=to)
    frames = (_frame(samples, rate=samples_per_second), None)
    blocks = [block.to_ndarray() for frame in frames for block in resampler.resample(frame)]
    return np.concatenate(blocks, axis=1).astype(np.int16)


def _frame(samples: NDArray[np.int16], *, rate: int) -> AudioFrame:
    interleaved = np.ascontiguousarray(samples.T).reshape(1, -1)
    frame = AudioFrame.from_ndarray(interleaved, format="s16", layout=_LAYOUTS[len(samples)])
    frame.sample_rate = rate
    return frame
