"""Synthetic two-channel calls with known truth, composed of the clips: operator left, customer right."""

from typing import Final, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.people import Role
from streams.audio import SAMPLES_PER_SECOND
from streams.demo_model.clips import clip, wave
from streams.demo_model.recordings import Form, encode, resample

LANGUAGES: Final = ("ru", "kk", "pt", "en")
SPEAKERS: Final[tuple[Role, Role]] = ("operator", "customer")
_OPENING: Final = ("greeting", "about_order", "ask_number", "give_number", "delivery")
_PRICE: Final = ("ask_price", "price")
_CALLBACK: Final = ("ask_callback", "callback")
_CLOSING: Final = ("goodbye",)
_SCRIPTS: Final = (
    _OPENING + _PRICE + _CALLBACK + _CLOSING,
    _OPENING + _PRICE + _CLOSING,
    _OPENING + _CALLBACK + _CLOSING,
    _OPENING + _CALLBACK + _PRICE + _CLOSING,
)
_LEAD_SECONDS: Final = (0.4, 1.2)
_GAP_SECONDS: Final = (0.3, 1.5)
_TAIL_SECONDS: Final = (0.5, 1.5)
_PEAK: Final = 0.7  # of full scale


class TrueTurn(Struct, frozen=True, kw_only=True):
    """What was really said, by whom, and when; seconds from the recording's start."""

    channel: int
    role: Role
    start_seconds: float
    end_seconds: float
    text: str


class Dialogue(Struct, frozen=True, kw_only=True):
    """A composed call: int16 samples of shape (2, n), operator first, and its truth."""

    language: str
    samples: NDArray[np.int16]
    samples_per_second: int
    turns: tuple[TrueTurn, ...]

    @property
    def duration_seconds(self) -> float:
        """Length of the recording."""
        return self.samples.shape[1] / self.samples_per_second


def dialogue(
    language: str,
    number: int,
    *,
    samples_per_second: Literal[8_000, 16_000] = 8_000,
    noise_decibels: float = -55.0,
    bleed_decibels: float | None = None,
) -> Dialogue:
    """Compose a call of 8 or 10 turns; `number` is the seed, and the same arguments give the same samples.

    `noise_decibels` is white noise in dB of full scale, `bleed_decibels` how loud each side is heard in the other
    side's channel (for example -12), None for not at all.
    """
    chance = np.random.default_rng([number, LANGUAGES.index(language)])
    script = _SCRIPTS[chance.integers(len(_SCRIPTS))]
    at_seconds = chance.uniform(*_LEAD_SECONDS)
    said: list[TrueTurn] = []
    waves: list[NDArray[np.float32]] = []
    for position, name in enumerate(script):
        channel = position % len(SPEAKERS)
        spoken = clip(f"{language}.{name}", speaker=SPEAKERS[channel])
        waves.append(wave(spoken.file))
        end_seconds = at_seconds + len(waves[-1]) / SAMPLES_PER_SECOND
        said.append(
            TrueTurn(
                channel=channel,
                role=SPEAKERS[channel],
                start_seconds=round(at_seconds, 3),
                end_seconds=round(end_seconds, 3),
                text=spoken.text,
            )
        )
        at_seconds = end_seconds + chance.uniform(*_GAP_SECONDS)
    seconds = said[-1].end_seconds + chance.uniform(*_TAIL_SECONDS)
    mixed = _mix(said, waves, seconds=seconds, bleed_decibels=bleed_decibels)
    mixed += _amplitude(noise_decibels) * chance.standard_normal(mixed.shape)
    samples = (np.clip(mixed, -1, 1) * 32_767).astype(np.int16)
    samples = resample(samples, samples_per_second=SAMPLES_PER_SECOND, to=samples_per_second)
    return Dialogue(language=language, samples=samples, samples_per_second=samples_per_second, turns=tuple(said))


def dialogues(count: int, *, seed: int, samples_per_second: Literal[8_000, 16_000] = 8_000) -> tuple[Dialogue, ...]:
    """Several calls, the languages in turn; the same seed gives the same calls."""
    return tuple(
        dialogue(LANGUAGES[number % len(LANGUAGES)], seed + number, samples_per_second=samples_per_second)
        for number in range(count)
    )


def recording_bytes(spoken: Dialogue, *, form: Form = "wav") -> bytes:
    """Write the call as a file's bytes: 16-bit WAV, mu-law WAV as telephony stores it, or Opus in Ogg."""
    return encode(spoken.samples, samples_per_second=spoken.samples_per_second, form=form)


def _mix(
    said: list[TrueTurn], waves: list[NDArray[np.float32]], *, seconds: float, bleed_decibels: float | None
) -> NDArray[np.float64]:
    """Each side in its channel, at one loudness, and as much of it in the other channel as leaks."""
    mixed = np.zeros((len(SPEAKERS), int(seconds * SAMPLES_PER_SECOND)))
    for turn, one in zip(said, waves, strict=True):
        first = int(turn.start_seconds * SAMPLES_PER_SECOND)
        mixed[turn.channel, first : first + len(one)] += one * (_PEAK / np.abs(one).max())
    if bleed_decibels is None:
        return mixed
    return mixed + _amplitude(bleed_decibels) * mixed[::-1]


def _amplitude(decibels: float) -> float:
    return 10 ** (decibels / 20)
