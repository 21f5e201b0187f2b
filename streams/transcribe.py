"""From a recording to a transcript by speaker; what the stream's agents and `angime transcribe` call."""

import ctypes
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal, Protocol

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from schemas.people import Role
from schemas.transcripts import Grade, Separation, Turn, Word
from streams.audio import SAMPLES_PER_SECOND, Audio, AudioLimits, Recording, decode, floats
from streams.turns import Segment, Span, grade, is_bleed, turns
from streams.voice import MAX_SPEECH_SECONDS, MIN_SILENCE_SECONDS, levels_decibels, speech_spans, without_bleed
from streams.voices import with_voices

UNKNOWN_LANGUAGE: Final = "unknown"
NO_MODEL: Final = "none"  # what a transcript's model is called where nobody wrote its words
# Worked on at a time, so that a long recording needs no more memory than a short one: Silero takes half a megabyte for
# each second that it hears at once, and a model wants its batches full.
VOICE_SECONDS: Final = 120
BLOCK_SECONDS: Final = 600
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


class TurnsOnly:
    """No model at all: who speaks when, without a word; implements Transcriber."""

    model_name = NO_MODEL
    is_demo_model = False
    engine = ""

    def load(self) -> float:
        """Be ready at once."""
        return 0.0

    def recognise(self, samples: NDArray[np.float32], *, spans: Sequence[Span], language: str | None) -> Recognition:
        """Understand nothing of any span."""
        del samples
        return Recognition(
            segments=tuple(Segment(span=span, text="") for span in spans), language=language or UNKNOWN_LANGUAGE
        )


class Progress(Struct, frozen=True, kw_only=True):
    """How far a recording is heard: seconds of speech that are done, of how many, and how long that took."""

    done_seconds: float
    all_seconds: float
    spent_seconds: float

    @property
    def share(self) -> float:
        """What is done, 0-1."""
        return self.done_seconds / self.all_seconds if self.all_seconds else 1.0

    @property
    def left_seconds(self) -> float | None:
        """How long the rest will take at this pace; None before anything is done."""
        return self.spent_seconds * (1 / self.share - 1) if self.share else None


OnProgress = Callable[[Progress], None]


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


def transcribe(  # noqa: PLR0913  # what is said of a recording, and who listens
    recording: Recording,
    *,
    roles: tuple[Role, ...],
    language: str | None,
    transcriber: Transcriber,
    limits: AudioLimits = AudioLimits(),  # noqa: B008 - the limits are frozen
    on_progress: OnProgress = lambda _: None,
) -> Transcript:
    """Transcribe each channel of a recording by itself and order the turns; roles name the channels' speakers.

    Two voices in one channel are told apart by their sound, and are of role unknown; exactly one role means one voice.
    A recording in which nobody speaks has no turns. Raises InvalidEvent for one that is no usable audio,
    Misconfigured when there is no model.
    """
    model_load_seconds = transcriber.load()
    began = time.perf_counter()
    audio = decode(recording, limits=limits)
    spans = _spoken_spans(audio, channels=_distinct_channels(audio))
    is_mixed = len(spans) == 1 and len(roles) != 1
    if is_mixed:
        spans = [with_voices(lambda first, last: audio.piece(first, last)[0], spans=spans[0])]
    _give_memory_back()
    has_voices = any(span.speaker is not None for span in spans[0])
    heard_language, segments = _recognised(
        audio,
        spans=spans,
        language=language,
        transcriber=transcriber,
        on_done=lambda done, whole: on_progress(
            Progress(done_seconds=done, all_seconds=whole, spent_seconds=time.perf_counter() - began)
        ),
    )
    made = turns(segments, roles=() if is_mixed else roles)
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
        separation="channels" if len(spans) > 1 else "voices" if has_voices else "none",
    )


def _give_memory_back() -> None:
    """Let the system have what voice activity needed: glibc would keep 100 MB beside what the model needs next."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
    if trim is not None:
        trim(0)


def _distinct_channels(audio: Audio) -> int:
    """Count the channels worth hearing: a mono recording stored twice would say everything twice."""
    own = np.zeros(1)
    apart = np.zeros(max(1, audio.channels - 1))
    for piece in audio.blocks(seconds=VOICE_SECONDS):
        samples = floats(piece)
        own += np.sum(np.square(samples[:1], dtype=np.float64), axis=1)
        if audio.channels > 1:
            apart += np.sum(np.square(samples[1:] - samples[:1], dtype=np.float64), axis=1)
    allowed = _SAME_SOUND_SHARE * own[0]
    is_one_sound = allowed > 0 and bool(np.all(apart <= allowed))
    return 1 if is_one_sound else audio.channels


def _spoken_spans(audio: Audio, *, channels: int) -> list[tuple[Span, ...]]:
    """Per channel, where its own speaker is heard; another channel's voice leaking in is left out."""
    found: list[list[Span]] = [[] for _ in range(channels)]
    for number, piece in enumerate(audio.blocks(seconds=VOICE_SECONDS)):
        samples = floats(piece[:channels])
        for channel, one in enumerate(without_bleed(samples)):
            for span in speech_spans(one, channel=channel):
                if not is_bleed(span, levels_decibels=levels_decibels(samples, span=span)):
                    _add(found[channel], _moved(span, seconds=number * VOICE_SECONDS))
    return [tuple(spans) for spans in found]


def _add(spans: list[Span], span: Span) -> None:
    """Add a span; what a border between two blocks cut is one span again."""
    border = span.start_seconds // VOICE_SECONDS * VOICE_SECONDS
    last = spans[-1] if spans else None
    is_cut = (
        last is not None
        and last.end_seconds <= border
        and span.start_seconds - last.end_seconds < MIN_SILENCE_SECONDS
        and span.end_seconds - last.start_seconds <= MAX_SPEECH_SECONDS
    )
    if last is not None and is_cut:
        spans[-1] = structs.replace(last, end_seconds=span.end_seconds)
    else:
        spans.append(span)


def _moved(span: Span, *, seconds: float) -> Span:
    return structs.replace(span, start_seconds=span.start_seconds + seconds, end_seconds=span.end_seconds + seconds)


def _recognised(
    audio: Audio,
    *,
    spans: Sequence[tuple[Span, ...]],
    language: str | None,
    transcriber: Transcriber,
    on_done: Callable[[float, float], None],
) -> tuple[str, list[Segment]]:
    """All segments, and the language; where none is given, the channel with most speech decides it for all."""
    segments: list[Segment] = []
    taken = language
    whole, done = sum(_spoken_seconds(one) for one in spans), 0.0
    for channel in sorted(range(len(spans)), key=lambda one: -_spoken_seconds(spans[one])):
        for batch in _batches(spans[channel]):
            heard = _heard(audio, batch, language=taken, transcriber=transcriber)
            segments += heard.segments
            taken = heard.language if taken is None and heard.language != UNKNOWN_LANGUAGE else taken
            done += _spoken_seconds(batch)
            on_done(done, whole)
    return taken or UNKNOWN_LANGUAGE, segments


def _batches(spans: Sequence[Span]) -> list[list[Span]]:
    """Spans in pieces of the recording that are no longer than a block."""
    batches: list[list[Span]] = []
    for span in spans:
        if batches and span.end_seconds - batches[-1][0].start_seconds <= BLOCK_SECONDS:
            batches[-1].append(span)
        else:
            batches.append([span])
    return batches


def _heard(audio: Audio, spans: Sequence[Span], *, language: str | None, transcriber: Transcriber) -> Recognition:
    """Let the model hear the piece of a channel that holds these spans of it, with a second around it."""
    begin = max(0, int(spans[0].start_seconds) - 1)
    end = int(spans[-1].end_seconds) + 2
    samples = floats(audio.piece(begin * SAMPLES_PER_SECOND, end * SAMPLES_PER_SECOND)[spans[0].channel])
    heard = transcriber.recognise(samples, spans=[_moved(one, seconds=-begin) for one in spans], language=language)
    segments = tuple(
        structs.replace(segment, span=span, words=tuple(_later(word, seconds=begin) for word in segment.words))
        for segment, span in zip(heard.segments, spans, strict=True)
    )
    return structs.replace(heard, segments=segments)


def _later(word: Word, *, seconds: float) -> Word:
    if word.start_seconds is None or word.end_seconds is None:
        return word
    return structs.replace(word, start_seconds=word.start_seconds + seconds, end_seconds=word.end_seconds + seconds)


def _spoken_seconds(spans: Sequence[Span]) -> float:
    return sum(span.end_seconds - span.start_seconds for span in spans)
