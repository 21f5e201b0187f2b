"""How well the demo model hears its sentences in voices it was not trained on: word error rates by language."""

import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from streams.audio import SAMPLES_PER_SECOND
from streams.demo_model import words_of
from streams.demo_model.clips import clips, wave
from streams.demo_model.recordings import encode, resample
from streams.transcribe import Transcriber, transcribe

Line = Literal["16 kHz", "8 kHz mu-law"]
LINES: Final[tuple[Line, ...]] = ("16 kHz", "8 kHz mu-law")
_PAUSE_SECONDS: Final = 1.2  # between clips: longer than what joins two segments into a turn


def word_error_rates(transcriber: Transcriber, *, line: Line) -> dict[str, float]:
    """Word error rate of each language over all clips, through files, voice activity and the transcriber."""
    languages = dict.fromkeys(one.language for one in clips())
    return {language: _word_error_rate(language, transcriber=transcriber, line=line) for language in languages}


def word_errors(said: Sequence[str], heard: Sequence[str]) -> int:
    """Fewest substitutions, insertions and deletions of words that turn one text into the other (Levenshtein)."""
    costs = list(range(len(heard) + 1))
    for row, word in enumerate(said, start=1):
        diagonal, costs[0] = costs[0], row
        for column, other in enumerate(heard, start=1):
            substituted = diagonal + (word != other)
            diagonal = costs[column]
            costs[column] = min(substituted, costs[column] + 1, costs[column - 1] + 1)
    return costs[-1]


def _word_error_rate(language: str, *, transcriber: Transcriber, line: Line) -> float:
    """All clips of a language in one recording, one channel, with pauses between them."""
    chosen = [one for one in clips() if one.language == language]
    pause = np.zeros(int(_PAUSE_SECONDS * SAMPLES_PER_SECOND), dtype=np.float32)
    sound = np.concatenate([part for one in chosen for part in (pause, wave(one.file))] + [pause])
    samples = (np.clip(sound, -1, 1) * 32_767).astype(np.int16)[np.newaxis]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "clips.wav"
        path.write_bytes(_as_recorded(samples, line=line))
        heard = transcribe(path, roles=(), language=language, transcriber=transcriber)
    said_words = _words(one.text for one in chosen)
    heard_words = _words(turn.text for turn in heard.turns)
    return word_errors(said_words, heard_words) / len(said_words)


def _as_recorded(samples: NDArray[np.int16], *, line: Line) -> bytes:
    if line == "16 kHz":
        return encode(samples, samples_per_second=SAMPLES_PER_SECOND, form="wav")
    narrow = resample(samples, samples_per_second=SAMPLES_PER_SECOND, to=8_000)
    return encode(narrow, samples_per_second=8_000, form="wav_mulaw")


def _words(texts: Iterable[str]) -> list[str]:
    return [word for text in texts for word in words_of(text)]
