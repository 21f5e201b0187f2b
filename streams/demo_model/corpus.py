# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
"""The training material of the demo model: sentences rendered, joined, made noisy, and turned into log-mels."""

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from faster_whisper.feature_extractor import FeatureExtractor
from numpy.typing import NDArray
from torchaudio.functional import resample

from streams.demo_model.espeak import EspeakVoice

RATE = 16_000
MEL_BINS = 80
SAMPLE_SECONDS = 10  # the longest training sample; longer speech than this is no demo sentence
FRAMES_PER_SECOND = 50  # of the encoder: one per two mel frames of 10 ms
_TELEPHONE_HERTZ = (300, 3_400)
_MU = 255
_SPEECH_THRESHOLD = 0.02  # of the loudest sample; what lies outside is silence
_SAMPLES_PER_RENDERING = 2

Wave = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of the recipe; `key` is `language.name`."""

    key: str
    language: str
    role: str
    text: str
    espeak: str


@dataclass(frozen=True, slots=True)
class Manner:
    """How a sentence is spoken: espeak's voice variant ("" for the plain voice), words a minute, pitch of 0-100."""

    voice: str
    speed: int
    pitch: int


@dataclass(frozen=True, slots=True)
class Rendering:
    """A sentence spoken: 16 kHz samples without silence around, and where its words begin."""

    sentence: Sentence
    voice: str
    wave: Wave
    word_starts_seconds: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Sample:
    """What the model sees: a wave of at most ten seconds, its text, and which word sounds in each encoder frame."""

    wave: Wave
    text: str
    frame_words: NDArray[np.int64]


def read_recipe(path: Path) -> dict[str, Any]:
    """Read the recipe file as plain tables."""
    return tomllib.loads(path.read_text(encoding="utf-8"))


def sentences(recipe: dict[str, Any]) -> tuple[Sentence, ...]:
    """Every demo sentence in the recipe's order."""
    return tuple(
        Sentence(f"{language}.{name}", language, row["role"], row["text"], rows["espeak"])
        for language, rows in recipe["sentences"].items()
        for name, row in rows.items()
        if name != "espeak"
    )


def other_sentences(recipe: dict[str, Any]) -> tuple[Sentence, ...]:
    """Speech outside the set, labelled as not recognised."""
    label = recipe["recipe"]["other_label"]
    return tuple(
        Sentence(f"other.{voice}.{number}", voice, "unknown", label, voice)
        for voice, texts in recipe["other"].items()
        for number, _ in enumerate(texts)
    )


def render(sentence: Sentence, *, spoken: str, espeak: EspeakVoice, manner: Manner) -> Rendering:
    """Speak a sentence at 16 kHz with the silence around it cut off."""
    name = f"{sentence.espeak}+{manner.voice}" if manner.voice else sentence.espeak
    speech = espeak.say(spoken, voice=name, speed=manner.speed, pitch=manner.pitch)
    wave = torch.from_numpy(speech.samples.astype(np.float32) / 32_768)
    wave = resample(wave, speech.samples_per_second, RATE).numpy()
    loud = np.flatnonzero(np.abs(wave) > _SPEECH_THRESHOLD * np.abs(wave).max())
    first, last = int(loud[0]), int(loud[-1]) + 1
    starts = tuple(max(0.0, start - first / RATE) for start in speech.word_starts_seconds)
    return Rendering(sentence, manner.voice, wave[first:last].astype(np.float32), starts)


def renderings(
    recipe: dict[str, Any], *, espeak: EspeakVoice, chance: np.random.Generator
) -> tuple[list[Rendering], list[Rendering]]:
    """All renderings of the demo sentences, and about a tenth as many of other speech."""
    rules = recipe["recipe"]
    spoken_others = [text for texts in recipe["other"].values() for text in texts]

    def spoken(sentence: Sentence, text: str, number: int) -> Rendering:
        return render(
            sentence,
            spoken=text,
            espeak=espeak,
            manner=Manner(
                voice=rules["voices"][number % len(rules["voices"])],
                speed=int(chance.choice(np.arange(*rules["speeds"]))),
                pitch=int(chance.choice(np.arange(*rules["pitches"]))),
            ),
        )

    demo = [spoken(one, one.text, number) for one in sentences(recipe) for number in range(rules["renderings"])]
    others = [
        spoken(one, text, number)
        for one, text in zip(other_sentences(recipe), spoken_others, strict=True)
        for number in range(rules["renderings"] // 5)
    ]
    return demo, others


def samples(recipe: dict[str, Any], *, espeak: EspeakVoice, chance: np.random.Generator) -> list[Sample]:
    """Make the training samples: one to three sentences of one voice, silence around, noise, often a telephone band."""
    demo, others = renderings(recipe, espeak=espeak, chance=chance)
    first_word = _first_words(recipe)
    same_voice: dict[tuple[str, str], list[Rendering]] = {}
    for one in demo:
        same_voice.setdefault((one.sentence.language, one.voice), []).append(one)
    made: list[Sample] = []
    for _ in range(_SAMPLES_PER_RENDERING):
        for number in chance.permutation(len(demo)):
            parts = [demo[number]]
            if chance.random() < recipe["recipe"]["other_share"]:
                parts = [others[chance.integers(len(others))]]
            elif chance.random() < 0.25:
                friends = same_voice[parts[0].sentence.language, parts[0].voice]
                parts += [friends[chance.integers(len(friends))] for _ in range(chance.integers(1, 3))]
            behind = demo[chance.integers(len(demo))].wave
            made.append(_sample(parts, behind=behind, recipe=recipe, first_word=first_word, chance=chance))
    return made


def telephone(wave: Wave) -> Wave:
    """Pass the wave through a mu-law telephone line of 8 kHz; it comes back at 16 kHz."""
    spectrum = np.fft.rfft(wave)
    hertz = np.fft.rfftfreq(len(wave), 1 / RATE)
    spectrum[(hertz < _TELEPHONE_HERTZ[0]) | (hertz > _TELEPHONE_HERTZ[1])] = 0
    narrow = np.clip(np.fft.irfft(spectrum, len(wave)), -1, 1)
    squeezed = np.sign(narrow) * np.log1p(_MU * np.abs(narrow)) / np.log1p(_MU)
    coded = np.round(squeezed * 127) / 127
    return (np.sign(coded) * ((1 + _MU) ** np.abs(coded) - 1) / _MU).astype(np.float32)


def log_mel(wave: Wave, *, filters: torch.Tensor) -> torch.Tensor:
    """Whisper's features of one sample padded to ten seconds: shape (80, 1000), as WhisperX computes them."""
    padded = torch.zeros(SAMPLE_SECONDS * RATE)
    padded[: len(wave)] = torch.from_numpy(wave)
    spectrum = torch.stft(padded, 400, 160, window=torch.hann_window(400), return_complex=True)
    power = filters @ (spectrum[:, :-1].abs() ** 2)
    levels = power.clamp(min=1e-10).log10()
    return (levels.maximum(levels.max() - 8) + 4) / 4


def mel_filters() -> torch.Tensor:
    """Whisper's 80 mel filters, shape (80, 201)."""
    return torch.from_numpy(FeatureExtractor(feature_size=MEL_BINS).mel_filters)


def word_classes(recipe: dict[str, Any]) -> int:
    """How many different frame labels there are: silence, other speech, and each word of each sentence."""
    return 2 + sum(len(one.text.split()) for one in sentences(recipe))


def _first_words(recipe: dict[str, Any]) -> dict[str, int]:
    """Frame label of each sentence's first word; 0 is silence, 1 is other speech."""
    labels: dict[str, int] = {}
    following = 2
    for one in sentences(recipe):
        labels[one.key] = following
        following += len(one.text.split())
    return labels


def _sample(
    parts: list[Rendering],
    *,
    behind: Wave,
    recipe: dict[str, Any],
    first_word: dict[str, int],
    chance: np.random.Generator,
) -> Sample:
    """Join renderings with silences until ten seconds are full, then spoil the sound; `behind` may shine through."""
    rules = recipe["recipe"]
    longest = SAMPLE_SECONDS * RATE
    words = np.zeros(SAMPLE_SECONDS * FRAMES_PER_SECOND, dtype=np.int64)
    pieces = [np.zeros(int(chance.uniform(0, 0.5) * RATE), dtype=np.float32)]
    texts: list[str] = []
    stretch = chance.uniform(*rules["stretches"])
    for part in (_stretched(one, stretch) for one in parts):
        begin = sum(map(len, pieces))
        if begin + len(part.wave) > longest:
            break
        texts.append(part.sentence.text)
        _mark_words(words, part, begin_seconds=begin / RATE, first=first_word.get(part.sentence.key))
        pieces += [part.wave, np.zeros(int(chance.uniform(0.1, 0.7) * RATE), dtype=np.float32)]
    wave = np.concatenate(pieces)[:longest]
    if chance.random() < rules["crosstalk_share"]:
        _shine_through(wave, behind, decibels=chance.uniform(*rules["crosstalk_decibels"]), chance=chance)
    wave = _noisy(wave, decibels=chance.uniform(*rules["snr_decibels"]), chance=chance)
    if chance.random() < rules["telephone_share"]:
        wave = telephone(wave)
    return Sample(wave, "".join(f" {text}" for text in texts), words)


def _stretched(part: Rendering, stretch: float) -> Rendering:
    """The rendering out of a throat so many times as long: slower, and every tone lower in the same measure."""
    length = round(len(part.wave) * stretch)
    wave = np.interp(np.arange(length) / stretch, np.arange(len(part.wave)), part.wave).astype(np.float32)
    return Rendering(part.sentence, part.voice, wave, tuple(start * stretch for start in part.word_starts_seconds))


def _mark_words(words: NDArray[np.int64], part: Rendering, *, begin_seconds: float, first: int | None) -> None:
    """Write the labels of a rendering's words into the frames where they sound."""
    ends = (*part.word_starts_seconds[1:], len(part.wave) / RATE)
    for number, (start, end) in enumerate(zip(part.word_starts_seconds, ends, strict=True)):
        frames = slice(
            round((begin_seconds + start) * FRAMES_PER_SECOND), round((begin_seconds + end) * FRAMES_PER_SECOND)
        )
        words[frames] = 1 if first is None else first + number


def _shine_through(wave: Wave, behind: Wave, *, decibels: float, chance: np.random.Generator) -> None:
    """Add other speech in place, softer than the wave by so many dB, from a moment at random."""
    first = int(chance.uniform(0, 0.8) * len(wave))
    heard = behind[: len(wave) - first]
    wave[first : first + len(heard)] += heard * (10 ** (decibels / 20) * np.abs(wave).max() / np.abs(behind).max())


def _noisy(wave: Wave, *, decibels: float, chance: np.random.Generator) -> Wave:
    """Add white or low-pitched noise at a signal-to-noise ratio, and a loudness at random."""
    noise = chance.standard_normal(len(wave)).astype(np.float32)
    if chance.random() < 0.5:
        noise = np.convolve(noise, np.ones(8, dtype=np.float32) / 8, mode="same")
    speech_power = float(np.mean(wave[np.abs(wave) > 0] ** 2))
    noise *= np.sqrt(speech_power / 10 ** (decibels / 10) / np.mean(noise**2))
    loudness = chance.uniform(0.2, 0.95) / np.abs(wave).max()
    return np.clip((wave + noise) * loudness, -1, 1).astype(np.float32)
