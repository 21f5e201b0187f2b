"""From a recording's file to a transcript by speaker; what the stream's agents and `angime transcribe` call."""

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Literal, Protocol

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.people import Role
from schemas.transcripts import Grade, Separation, Turn
from streams.audio import Audio, AudioLimits, decode
from streams.turns import Segment, Span, grade, is_bleed, turns
from streams.voice import levels_decibels, speech_spans, without_bleed

UNKNOWN_LANGUAGE: Final = "unknown"
_SAME_SOUND_SHARE: Final = 1e-4  # of the power may differ between two channels that are one mono recording


class Recognition(Struct, frozen=True, kw_only=True):
    """What a model heard in one channel: a segment for each span, in their order, and the language it took."""

    segments: tuple[Segment, ...]
    language: str


class Transcriber(Protocol):
    """Speech to text of one channel. Implementations load their model on first use and keep it.

    `recognise` may take minutes and blocks; call it away from an event loop. It gives exactly one segment for each
    span, with empty text where it understood nothing. It raises Misconfigured when there is no model to use.
    """

    @property
    def model_name(self) -> str:
        """The model as reports name it."""
        ...

    @property
    def is_demo_model(self) -> bool:
        """Whether the words come from our demo model, which knows forty sentences and nothing else."""
        ...

    @property
    def engine(self) -> str:
        """What really ran, for example `whisperx 3.8.6 whisperx.asr.FasterWhisperPipeline`; empty before use."""
        ...

    def load(self) -> float:
        """Make the model ready; the seconds that took, 0 when it was ready already."""
        ...

    def recognise(self, samples: NDArray[np.float32], *, spans: Sequence[Span], language: str | None) -> Recognition:
        """Words for spans of one channel's 16 kHz samples of shape (n,); language None: find out."""
        ...


class Transcript(Struct, frozen=True, kw_only=True):
    """What `call.transcribed` says, without the ids of the call, and what it cost."""

    model: str
    is_demo_model: bool
    language: str
    grade: Grade
    duration_seconds: float
    channels: int
    turns: tuple[Turn, ...]
    engine: str
    model_load_seconds: float
    transcribe_seconds: float
    separation: Separation = "none"
    origin: Literal["whisperx"] = "whisperx"

    @property
    def real_time_factor(self) -> float:
        """Seconds of work for a second of recording, the model's loading left out."""
        return self.transcribe_seconds / self.duration_seconds


def transcribe_file(
    path: Path,
    *,
    roles: tuple[Role, ...],
    language: str | None,
    transcriber: Transcriber,
    limits: AudioLimits = AudioLimits(),  # noqa: B008 - the limits are frozen
) -> Transcript:
    """Transcribe each channel of a recording by itself and order the turns; roles name the channels' speakers.

    One channel mixes its speakers: its turns are of role unknown unless exactly one role is given. A recording in
    which nobody speaks has no turns. Raises InvalidEvent for a file that is no usable audio, Misconfigured when
    there is no model.
    """
    model_load_seconds = transcriber.load()
    began = time.perf_counter()
    audio = decode(path, limits=limits)
    samples = _distinct_channels(audio)
    spans = _spoken_spans(samples)
    heard_language, segments = _recognised(samples, spans=spans, language=language, transcriber=transcriber)
    made = turns(segments, roles=roles if len(samples) > 1 or len(roles) == 1 else ())
    return Transcript(
        model=transcriber.model_name,
        is_demo_model=transcriber.is_demo_model,
        language=heard_language,
        grade=grade(made),
        duration_seconds=round(audio.duration_seconds, 3),
        channels=audio.channels,
        turns=made,
        engine=transcriber.engine,
        model_load_seconds=round(model_load_seconds, 3),
        transcribe_seconds=round(time.perf_counter() - began, 3),
        separation="channels" if len(samples) > 1 else "none",
    )


def _distinct_channels(audio: Audio) -> NDArray[np.float32]:
    """Keep the channels worth hearing: a mono recording stored twice would say everything twice."""
    first = audio.samples[0]
    others: Sequence[NDArray[np.float32]] = [audio.samples[channel] for channel in range(1, audio.channels)]
    allowed = _SAME_SOUND_SHARE * _power(first)
    is_one_sound = allowed > 0 and all(_power(other - first) <= allowed for other in others)
    return audio.samples[:1] if is_one_sound else audio.samples


def _spoken_spans(samples: NDArray[np.float32]) -> list[tuple[Span, ...]]:
    """Per channel, where its own speaker is heard; another channel's voice leaking in is left out."""
    found = (speech_spans(one, channel=channel) for channel, one in enumerate(without_bleed(samples)))
    return [
        tuple(span for span in spans if not is_bleed(span, levels_decibels=levels_decibels(samples, span=span)))
        for spans in found
    ]


def _recognised(
    samples: NDArray[np.float32],
    *,
    spans: Sequence[tuple[Span, ...]],
    language: str | None,
    transcriber: Transcriber,
) -> tuple[str, list[Segment]]:
    """All segments, and the language; where none is given, the channel with most speech decides it for all."""
    segments: list[Segment] = []
    taken = language
    for channel in sorted(range(len(spans)), key=lambda one: -_spoken_seconds(spans[one])):
        if not spans[channel]:
            continue
        heard = transcriber.recognise(samples[channel], spans=spans[channel], language=taken)
        segments += heard.segments
        taken = heard.language if taken is None and heard.language != UNKNOWN_LANGUAGE else taken
    return taken or UNKNOWN_LANGUAGE, segments


def _spoken_seconds(spans: Sequence[Span]) -> float:
    return sum(span.end_seconds - span.start_seconds for span in spans)


def _power(samples: NDArray[np.float32]) -> float:
    return float(np.mean(np.square(samples)))
