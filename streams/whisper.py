# pyright: reportUnknownMemberType=false, reportIncompatibleMethodOverride=false
"""The door to WhisperX: the one module that imports it, only in the process that transcribes and only when it does."""

import contextlib
import io
import logging
import math
import os
import sys
import time
import warnings
from collections.abc import Generator, Sequence
from importlib.metadata import version
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from schemas.errors import Misconfigured
from schemas.transcripts import Word
from streams.audio import SAMPLES_PER_SECOND
from streams.demo_model import MODEL_FOLDER, MODEL_NAME, language_of
from streams.transcribe import NO_MODEL, UNKNOWN_LANGUAGE, Recognition, Transcriber, TurnsOnly
from streams.turns import Segment, Span

DEMO: Final = "demo"  # the settings' name for the model in this repository
SETTING: Final = "ANGIME_SPEECH_MODEL"
ALIGNER_SETTING: Final = "ANGIME_SPEECH_ALIGNER"
DEFAULT_ALIGNER: Final = "default"
CHUNK_PADDING_SECONDS: Final = 0.2  # of sound kept around a span, so that no first or last sound is cut
BATCH_CHUNKS: Final = 8  # heard at a time on a GPU, and by the demo model, which is small
BATCH_CHUNKS_ON_CPU: Final = 2  # each more takes 87 MB of the size `base`, and saves no time
DEFAULT_COMPUTE_TYPE: Final = "default"
# Libraries that transformers imports where it finds them, for what is not done here: three seconds of each start.
NEEDLESS: Final = ("scipy", "sklearn", "torchvision")
# Forty sentences are told apart by their first words; wider beams come to prefer other, longer ones.
_DEMO_OPTIONS: Final = {"beam_size": 1}
_ENGLISH_ONLY: Final = "en"  # what WhisperX must be told for a model without language tokens

_log = logging.getLogger(__name__)


class SpeechSettings(Struct, frozen=True, kw_only=True):
    """Which model runs where. `model` is "demo", "none", a folder, or a WhisperX model's name such as "small".

    `device` is cpu, cuda or auto. `compute_type` is CTranslate2's; "default" is int8 on a processor, and what the model
    was saved with on a GPU. `offline` means that nothing is fetched: a name must be in the local cache.
    `aligner` places words in time: a folder or name of a wav2vec2 model, with {language} where there is one a language,
    or "default", what WhisperX knows for the language; empty: segments have times, words have none.
    """

    model: str = DEMO
    device: str = "auto"
    compute_type: str = DEFAULT_COMPUTE_TYPE
    threads: int = 2
    aligner: str = ""
    offline: bool = True


def open_transcriber(settings: SpeechSettings) -> Transcriber:
    """Give what listens by these settings; "none" tells who speaks when, without words."""
    return TurnsOnly() if settings.model == NO_MODEL else WhisperTranscriber(settings)


class WhisperTranscriber:
    """WhisperX with one model held open; implements streams.transcribe.Transcriber.

    `demo_folder` is another training's demo model, to be measured.
    """

    def __init__(self, settings: SpeechSettings, *, demo_folder: Path = MODEL_FOLDER) -> None:
        self._settings = settings
        self._demo_folder = demo_folder
        self._pipeline: Any = None
        self._activity: Any = None
        self._aligners: dict[str, Any] = {}

    @property
    def model_name(self) -> str:
        """Name the model as people see it: "demo model", a model's name, or a folder's last part."""
        if self.is_demo_model:
            return MODEL_NAME
        return Path(self._settings.model).name

    @property
    def is_demo_model(self) -> bool:
        """Whether this is the model of the repository."""
        return self._settings.model == DEMO

    @property
    def engine(self) -> str:
        """Version and class of WhisperX's pipeline that runs, taken from the object itself."""
        if self._pipeline is None:
            return ""
        kind = next(one for one in type(self._pipeline).__mro__ if one.__module__.startswith("whisperx."))
        return f"whisperx {version('whisperx')} {kind.__module__}.{kind.__qualname__}"

    def load(self) -> float:
        """Import WhisperX and load the model, once; the seconds that took."""
        if self._pipeline is not None:
            return 0.0
        began = time.perf_counter()
        self._pipeline, self._activity = _open_pipeline(self._settings, demo_folder=self._demo_folder)
        return time.perf_counter() - began

    def recognise(self, samples: NDArray[np.float32], *, spans: Sequence[Span], language: str | None) -> Recognition:
        """One span is one chunk: WhisperX's own merging would mix sentences and lose their times."""
        self.load()
        if not spans:
            return Recognition(segments=(), language=language or UNKNOWN_LANGUAGE)
        chunks = [_chunk(span, seconds=len(samples) / SAMPLES_PER_SECOND) for span in spans]
        is_multilingual = bool(self._pipeline.model.model.is_multilingual)
        spoken = language or (self._detected(samples, chunks=chunks) if is_multilingual else None)
        if is_multilingual and spoken not in self._pipeline.model.supported_languages:
            raise Misconfigured(f"The model {self.model_name} does not know the language {spoken}.")
        self._activity.chunks = chunks
        answer = self._pipeline.transcribe(
            samples, batch_size=_batch_chunks(self._settings), language=spoken if is_multilingual else _ENGLISH_ONLY
        )
        heard = answer["segments"]
        segments = tuple(_segment(one, span=span) for one, span in zip(heard, spans, strict=True))
        if self.is_demo_model and spoken is None:
            spoken = language_of(segment.text for segment in segments)
        if self._settings.aligner and spoken:
            segments = self._aligned(samples, segments=segments, chunks=chunks, language=spoken)
        return Recognition(segments=segments, language=spoken or UNKNOWN_LANGUAGE)

    def _aligned(
        self,
        samples: NDArray[np.float32],
        *,
        segments: Sequence[Segment],
        chunks: Sequence[tuple[float, float]],
        language: str,
    ) -> tuple[Segment, ...]:
        """Place the words in time, where there is an aligner for the language; what it cannot place has no time."""
        if language not in self._aligners:
            self._aligners[language] = _open_aligner(self._settings, language=language)
        aligner = self._aligners[language]
        if aligner is None:
            return tuple(segments)
        return tuple(
            structs.replace(segment, words=_placed(segment.words, heard=aligner(samples, segment.text, chunk)))
            for segment, chunk in zip(segments, chunks, strict=True)
        )

    def _detected(self, samples: NDArray[np.float32], *, chunks: Sequence[tuple[float, float]]) -> str:
        """Detect the language of what is spoken; the recording's start may be silence, so only speech is shown."""
        speech = [samples[int(start * SAMPLES_PER_SECOND) : int(end * SAMPLES_PER_SECOND)] for start, end in chunks]
        return str(self._pipeline.detect_language(np.concatenate(speech)))


def _chunk(span: Span, *, seconds: float) -> tuple[float, float]:
    start = max(0.0, span.start_seconds - CHUNK_PADDING_SECONDS)
    return start, min(seconds, span.end_seconds + CHUNK_PADDING_SECONDS)


def _segment(heard: dict[str, Any], *, span: Span) -> Segment:
    """WhisperX's mean log probability of a token becomes a confidence of 0-1; its words have no times yet."""
    confidence = round(min(1.0, math.exp(float(heard["avg_logprob"]))), 4)
    text = str(heard["text"]).strip()
    words = tuple(Word(text=word) for word in text.split())
    return Segment(span=span, text=text, confidence=confidence, words=words)


def _placed(words: tuple[Word, ...], *, heard: Sequence[dict[str, Any]]) -> tuple[Word, ...]:
    if [word.text for word in words] != [one["word"] for one in heard]:
        return words
    return tuple(
        structs.replace(word, start_seconds=round(float(one["start"]), 3), end_seconds=round(float(one["end"]), 3))
        if "start" in one and "end" in one
        else word
        for word, one in zip(words, heard, strict=True)
    )


def _open_aligner(settings: SpeechSettings, *, language: str) -> Any:
    """Give what tells the times of a text's words in a chunk; None, and a warning, where the language has no model."""
    import whisperx.alignment

    alignment: Any = whisperx.alignment
    name = settings.aligner.replace("{language}", language)
    if name == DEFAULT_ALIGNER:
        known = {**alignment.DEFAULT_ALIGN_MODELS_HF, **alignment.DEFAULT_ALIGN_MODELS_TORCH}
        name = known.get(language, "")
    device = _device(settings.device)
    loaded: Any = None
    if name and not (settings.offline and _is_far(name)):
        with contextlib.suppress(ValueError, OSError), contextlib.redirect_stdout(io.StringIO()):
            loaded = alignment.load_align_model(language, device, name, model_cache_only=settings.offline)
    if loaded is None:
        _log.warning(
            "no word times in %s: the aligner %r of %s is not there",
            language,
            name or settings.aligner,
            ALIGNER_SETTING,
        )
        return None
    model, about = loaded
    alignment.nltk_load = _WholeText  # its sentence splitter would be fetched; a chunk stays one segment

    def align(samples: NDArray[np.float32], text: str, chunk: tuple[float, float]) -> list[Any]:
        said: Any = [{"text": text, "start": chunk[0], "end": chunk[1]}]
        return list(alignment.align(said, model, about, samples, device)["word_segments"]) if text else []

    return align


def _is_far(name: str) -> bool:
    """Whether a model of torchaudio's would be fetched: these come by addresses of their own, offline or not."""
    from torch import hub
    from torchaudio import pipelines

    if name not in pipelines.__all__:
        return False
    address: str = getattr(pipelines, name)._path  # noqa: SLF001 - nothing else names the file
    return not (Path(hub.get_dir()) / "checkpoints" / Path(address).name).is_file()


class _WholeText:
    """A sentence splitter that splits nothing."""

    def __init__(self, _path: str) -> None:
        pass

    @staticmethod
    def span_tokenize(text: str) -> list[tuple[int, int]]:
        return [(0, len(text))]


def _model_source(settings: SpeechSettings, *, demo_folder: Path) -> str:
    """Decide what WhisperX is given: our folder, a folder of the user's, or a name it knows."""
    if not settings.model:
        raise Misconfigured(f'No speech model is set: give {SETTING} a model name, a folder, or "{DEMO}".')
    source = demo_folder if settings.model == DEMO else Path(settings.model)
    is_folder = settings.model == DEMO or source.is_absolute() or source.is_dir()
    if is_folder and not (source / "model.bin").is_file():
        raise Misconfigured(f"{SETTING} names {source}, but there is no CTranslate2 model (model.bin) in it.")
    return str(source) if is_folder else settings.model


def _open_pipeline(settings: SpeechSettings, *, demo_folder: Path) -> tuple[Any, Any]:
    """Open the WhisperX pipeline, and the voice activity object that hands it our chunks."""
    source = _model_source(settings, demo_folder=demo_folder)
    if settings.offline:
        os.environ["HF_HUB_OFFLINE"] = "1"
    activity = _GivenChunks()
    _stand_for_voice_activity()
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()), _not_importing(*NEEDLESS):
        warnings.simplefilter("ignore")  # about files and features not used here
        try:
            import whisperx
        except ModuleNotFoundError as reason:
            raise Misconfigured("WhisperX is not installed: install angime[speech].") from reason
        try:
            pipeline = whisperx.load_model(
                source,
                _device(settings.device),
                compute_type=_compute_type(settings),
                asr_options=_DEMO_OPTIONS if settings.model == DEMO else None,
                vad_model=activity,
                local_files_only=settings.offline,
                threads=settings.threads,
            )
        except (OSError, ValueError, RuntimeError) as reason:
            raise Misconfigured(
                f"WhisperX cannot load the model of {SETTING} ({settings.model}, {settings.device},"
                f" {settings.compute_type}): {type(reason).__name__}. Give a model's folder, one that is already in"
                f' the local cache, or "{DEMO}".'
            ) from reason
    _quieten()
    return _padded_late(pipeline, activity=activity), activity


class _GivenChunks:
    """Voice activity that was found already, as WhisperX asks for it."""

    chunks: Sequence[tuple[float, float]] = ()

    def __call__(self, _audio: object) -> Sequence[tuple[float, float]]:
        return self.chunks

    @staticmethod
    def preprocess_audio(audio: NDArray[np.float32]) -> NDArray[np.float32]:
        return audio

    @staticmethod
    def merge_chunks(
        segments: Sequence[tuple[float, float]],
        chunk_size: int,  # noqa: ARG004 - WhisperX gives it; our chunks are as long as they are
        **_thresholds: float,
    ) -> list[dict[str, Any]]:
        return [{"start": start, "end": end, "segments": [(start, end)]} for start, end in segments]


def _stand_for_voice_activity() -> None:
    """Let WhisperX import the chunks given as the only voice activity there is: its own is large, and never asked."""
    given: Any = ModuleType("whisperx.vads")
    given.Vad, given.Silero, given.Pyannote = _GivenChunks, None, None
    sys.modules[given.__name__] = given


@contextlib.contextmanager
def _not_importing(*names: str) -> Generator[None]:
    """Let these libraries be taken for not installed meanwhile, unless they are imported already."""
    withheld: dict[str, Any] = {name: None for name in names if name not in sys.modules}
    sys.modules.update(withheld)
    try:
        yield
    finally:
        for name in withheld:
            del sys.modules[name]


def _padded_late(loaded: Any, *, activity: Any) -> Any:
    """Give WhisperX's pipeline, whose features come from the sound alone and are padded afterwards.

    WhisperX pads a chunk with silence to thirty seconds first, so that a short answer costs as much as a long one; the
    features are the same, for silence has one value, which stands in the last frame.
    """
    from torch.nn.functional import pad
    from whisperx.asr import FasterWhisperPipeline
    from whisperx.audio import HOP_LENGTH, N_FFT, N_FRAMES, log_mel_spectrogram

    mels = int(loaded.model.feat_kwargs.get("feature_size") or 80)

    class PaddedLate(FasterWhisperPipeline):
        def preprocess(self, audio: dict[str, Any]) -> dict[str, Any]:
            features = log_mel_spectrogram(audio["inputs"], n_mels=mels, padding=N_FFT + HOP_LENGTH)
            return {"inputs": pad(features, (0, N_FRAMES - features.shape[1]), value=float(features.min()))}

    return PaddedLate(
        model=loaded.model,
        vad=activity,
        vad_params=loaded._vad_params,  # noqa: SLF001 - what WhisperX's own loader set
        options=loaded.options,
        tokenizer=loaded.tokenizer,
        language=loaded.preset_language,
        suppress_numerals=loaded.suppress_numerals,
    )


def _device(name: str) -> str:
    if name != "auto":
        return name
    import ctranslate2

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"


def _batch_chunks(settings: SpeechSettings) -> int:
    has_room = settings.model == DEMO or _device(settings.device) != "cpu"
    return BATCH_CHUNKS if has_room else BATCH_CHUNKS_ON_CPU


def _compute_type(settings: SpeechSettings) -> str:
    """On a processor int8 takes a quarter of the memory for the weights, and less time; the demo model stays exact."""
    is_left_to_us = settings.compute_type == DEFAULT_COMPUTE_TYPE and settings.model != DEMO
    return "int8" if is_left_to_us and _device(settings.device) == "cpu" else settings.compute_type


def _quieten() -> None:
    """WhisperX writes its own log to standard output, where a command's answer belongs."""
    library = logging.getLogger("whisperx")
    library.handlers.clear()
    library.propagate = True
    library.setLevel(logging.WARNING)
