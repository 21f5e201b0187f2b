"""Two-channel calls with known times, hard to hear: overlaps, bleed, noise, digital silence, clicks."""

from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.people import Role
from streams.audio import SAMPLES_PER_SECOND
from streams.demo_model.clips import clip, wave
from streams.demo_model.recordings import encode

SIDES: Final[tuple[Role, Role]] = ("operator", "customer")
SENTENCES: Final = ("greeting", "about_order", "ask_number", "give_number", "delivery", "ask_price", "price", "goodbye")
PEAK: Final = 0.6
BLEED_DECIBELS: Final = -12.0
NOISE_DECIBELS: Final = -55.0
CLICKS: Final = 12
HOLD_SECONDS: Final = 8.0  # of digital silence in the middle, as a muted line has


class Spoken(Struct, frozen=True, kw_only=True):
    """One stretch of speech, and who was heard in it."""

    channel: int
    start_seconds: float
    end_seconds: float


class Composed(Struct, frozen=True, kw_only=True):
    """A composed call and its truth."""

    samples: NDArray[np.int16]
    spoken: tuple[Spoken, ...]
    overlaps: int

    @property
    def duration_seconds(self) -> float:
        """Length of the recording."""
        return self.samples.shape[1] / SAMPLES_PER_SECOND

    def wav(self) -> bytes:
        """Write the call as telephony stores it."""
        return encode(self.samples, samples_per_second=SAMPLES_PER_SECOND, form="wav_mulaw")


def composed(language: str, *, seed: int) -> Composed:
    """Compose a call: every third turn begins while the other side still speaks, by more than a second."""
    chance = np.random.default_rng(seed)
    at = 1.0
    spoken: list[Spoken] = []
    waves: list[NDArray[np.float32]] = []
    overlaps = 0
    for place, name in enumerate(SENTENCES):
        channel = place % len(SIDES)
        one = _without_edges(wave(clip(f"{language}.{name}", speaker=SIDES[channel]).file))
        if place % 3 == 2:
            at = spoken[-1].end_seconds - 0.6 - 0.3 * chance.random()
            overlaps += 1
        if place == len(SENTENCES) // 2:
            at += HOLD_SECONDS
        spoken.append(Spoken(channel=channel, start_seconds=at, end_seconds=at + len(one) / SAMPLES_PER_SECOND))
        waves.append(one)
        at = spoken[-1].end_seconds + 0.9 + chance.random()
    clean = np.zeros((len(SIDES), int((spoken[-1].end_seconds + 1.5) * SAMPLES_PER_SECOND)))
    for turn, one in zip(spoken, waves, strict=True):
        first = int(turn.start_seconds * SAMPLES_PER_SECOND)
        clean[turn.channel, first : first + len(one)] += one * (PEAK / np.abs(one).max())
    mixed = clean + _amplitude(BLEED_DECIBELS) * clean[::-1]
    mixed += _amplitude(NOISE_DECIBELS) * chance.standard_normal(mixed.shape)
    for place in chance.integers(0, mixed.shape[1] - 8, CLICKS):
        mixed[chance.integers(len(SIDES)), place : place + 8] += 0.5
    hold = int((spoken[len(SENTENCES) // 2].start_seconds - HOLD_SECONDS + 0.5) * SAMPLES_PER_SECOND)
    mixed[:, hold : hold + int((HOLD_SECONDS - 1.0) * SAMPLES_PER_SECOND)] = 0.0
    samples = (np.clip(mixed, -1, 1) * 32_767).astype(np.int16)
    return Composed(samples=samples, spoken=tuple(spoken), overlaps=overlaps)


def _without_edges(one: NDArray[np.float32]) -> NDArray[np.float32]:
    """A clip without the silence at its ends, so that its times are those of the speech."""
    heard = np.flatnonzero(np.abs(one) > 0.02 * np.abs(one).max())
    return one[heard[0] : heard[-1] + 1]


def _amplitude(decibels: float) -> float:
    return 10 ** (decibels / 20)
