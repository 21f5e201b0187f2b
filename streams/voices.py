# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false, reportUnknownVariableType=false
"""Voices of one channel: who speaks in each span, by a speaker network from the Resemblyzer wheel and by clustering."""

import importlib.util
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from msgspec import Struct, structs
from numpy.typing import NDArray

from streams.audio import SAMPLES_PER_SECOND, floats
from streams.turns import Span

VOICES: Final = 2  # of a call, when both sides share a channel
WINDOW_SECONDS: Final = 1.6  # what the network was trained on
STEP_SECONDS: Final = 0.4
SAME_VOICE_SIMILARITY: Final = 0.83  # two groups as much alike as this are one voice
MIN_PIECE_SECONDS: Final = 0.4  # shorter changes of voice are taken for none
_MELS: Final = 40
_FRAME_SAMPLES: Final = 400
_HOP_SAMPLES: Final = 160
_WINDOW_FRAMES: Final = round(WINDOW_SECONDS * SAMPLES_PER_SECOND / _HOP_SAMPLES)
_BATCH: Final = 64
_ROUNDS: Final = 50
_LOUDNESS: Final = 10 ** (-30 / 20)  # root mean square that the network is used to
_QUIET_SAMPLES: Final = SAMPLES_PER_SECOND // 50


Read = Callable[[int, int], NDArray[np.int16]]  # the 16 kHz samples of a channel from one place to another


class _Window(Struct, frozen=True):
    span: int
    middle_seconds: float


def are_there_voices() -> bool:
    """Whether the weights are installed (the extra `voices`)."""
    return _weights() is not None


def with_voices(read: Read, *, spans: Sequence[Span]) -> tuple[Span, ...]:
    """Tell two voices of one channel apart: its spans, cut where the voice changes.

    Speaker 0 is who speaks first. Where only one voice is heard, or the weights are not installed, spans come back as
    they are. Deterministic.
    """
    windows = [window for number, span in enumerate(spans) for window in _windows(span, number=number)]
    if len(windows) < VOICES or not are_there_voices():
        return tuple(spans)
    labels = _grouped(_embedded(read, spans=spans, windows=windows))
    if labels is None:
        return tuple(spans)
    first = labels[0]
    pieces: list[Span] = []
    for number, span in enumerate(spans):
        own = [place for place, window in enumerate(windows) if window.span == number]
        said = _smoothed([int(labels[place] != first) for place in own])
        pieces += _cut(read, span=span, middles=[windows[place].middle_seconds for place in own], said=said)
    return tuple(pieces)


def _windows(span: Span, *, number: int) -> list[_Window]:
    length = span.end_seconds - span.start_seconds
    if length <= WINDOW_SECONDS:
        return [_Window(number, (span.start_seconds + span.end_seconds) / 2)]
    count = int((length - WINDOW_SECONDS) / STEP_SECONDS) + 1
    begin = span.start_seconds + WINDOW_SECONDS / 2
    return [_Window(number, begin + step * STEP_SECONDS) for step in range(count)]


def _embedded(read: Read, *, spans: Sequence[Span], windows: Sequence[_Window]) -> NDArray[np.float32]:
    """One unit vector of 256 a window."""
    import torch

    network, linear = _network()
    vectors: list[NDArray[np.float32]] = []
    with torch.inference_mode():
        for begin in range(0, len(windows), _BATCH):
            mels = np.stack([_heard(read, spans[one.span], one) for one in windows[begin : begin + _BATCH]])
            _, (hidden, _) = network(torch.from_numpy(mels))
            raw: Any = torch.relu(linear(hidden[-1]))
            vectors.append((raw / raw.norm(dim=1, keepdim=True).clamp_min(1e-9)).numpy())
    return np.concatenate(vectors)


def _heard(read: Read, span: Span, window: _Window) -> NDArray[np.float32]:
    """Mel powers (160, 40) of a window that does not leave its span; a shorter span is repeated."""
    start = max(span.start_seconds, window.middle_seconds - WINDOW_SECONDS / 2)
    end = min(span.end_seconds, window.middle_seconds + WINDOW_SECONDS / 2)
    piece = floats(read(int(start * SAMPLES_PER_SECOND), int(end * SAMPLES_PER_SECOND)))
    loudness = float(np.sqrt(np.mean(np.square(piece)))) if piece.size else 0.0
    if 0 < loudness < _LOUDNESS:
        piece = piece * np.float32(_LOUDNESS / loudness)
    mels = _mel_powers(piece)
    repeated = np.tile(mels, (-(-_WINDOW_FRAMES // len(mels)), 1))
    return repeated[:_WINDOW_FRAMES]


def _mel_powers(piece: NDArray[np.float32]) -> NDArray[np.float32]:
    padded = np.pad(piece, _FRAME_SAMPLES // 2)
    if len(padded) < _FRAME_SAMPLES:
        padded = np.pad(padded, (0, _FRAME_SAMPLES - len(padded)))
    frames = np.lib.stride_tricks.sliding_window_view(padded, _FRAME_SAMPLES)[::_HOP_SAMPLES]
    bell = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME_SAMPLES) / _FRAME_SAMPLES)
    powers = np.square(np.abs(np.fft.rfft(frames * bell)))
    return (powers @ _filters().T).astype(np.float32)


@cache
def _filters() -> NDArray[np.float64]:
    """Triangles (40, 201) of equal area, evenly spaced on Slaney's mel scale from 0 to 8 kHz."""
    linear_step, bend_hertz, growth = 200 / 3, 1000.0, np.log(6.4) / 27
    bend = bend_hertz / linear_step
    top = bend + np.log(SAMPLES_PER_SECOND / 2 / bend_hertz) / growth
    mels: NDArray[np.float64] = np.linspace(0, top, _MELS + 2)
    hertz: NDArray[np.float64] = np.where(mels < bend, mels * linear_step, bend_hertz * np.exp(growth * (mels - bend)))
    bins = np.linspace(0, SAMPLES_PER_SECOND / 2, _FRAME_SAMPLES // 2 + 1)
    rising = (bins - hertz[:-2, None]) / (hertz[1:-1] - hertz[:-2])[:, None]
    falling = (hertz[2:, None] - bins) / (hertz[2:] - hertz[1:-1])[:, None]
    return np.maximum(0, np.minimum(rising, falling)) * (2 / (hertz[2:] - hertz[:-2]))[:, None]


def _grouped(vectors: NDArray[np.float32]) -> NDArray[np.intp] | None:
    """Two groups of unit vectors by k-means from the two that differ most; None where they are one voice.

    What all have in common (the language, the line) is taken away first, for it hides the difference.
    """
    own = _units(vectors - vectors.mean(axis=0))
    outlier = int(np.argmax(np.linalg.norm(vectors - vectors.mean(axis=0), axis=1)))
    centres = own[[outlier, int(np.argmin(own @ own[outlier]))]]
    labels = np.full(len(vectors), -1, dtype=np.intp)
    for _ in range(_ROUNDS):
        found = np.argmax(own @ centres.T, axis=1)
        if len(set(found.tolist())) < VOICES:
            return None
        if np.array_equal(found, labels):
            break
        labels = found
        centres = _units(np.stack([own[labels == voice].mean(axis=0) for voice in range(VOICES)]))
    one, other = _units(np.stack([vectors[labels == voice].mean(axis=0) for voice in range(VOICES)]))
    return None if float(one @ other) > SAME_VOICE_SIMILARITY else labels


def _units(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)


def _smoothed(said: Sequence[int]) -> list[int]:
    """A single window between two of the other voice is a slip."""
    smooth = list(said)
    for place in range(1, len(said) - 1):
        if said[place - 1] == said[place + 1] != said[place]:
            smooth[place] = said[place - 1]
    return smooth


def _cut(read: Read, *, span: Span, middles: Sequence[float], said: Sequence[int]) -> list[Span]:
    """Cut a span where the voice changes, at the quietest moment between the two windows."""
    changes = [place for place in range(1, len(said)) if said[place] != said[place - 1]]
    bounds = [_quietest(read, middles[place - 1], middles[place]) for place in changes]
    starts = [span.start_seconds, *bounds]
    ends = [*bounds, span.end_seconds]
    pieces: list[Span] = []
    for start, end, place in zip(starts, ends, [0, *changes], strict=True):
        if pieces and (end - start < MIN_PIECE_SECONDS or pieces[-1].speaker == said[place]):
            pieces[-1] = structs.replace(pieces[-1], end_seconds=end)
        else:
            pieces.append(structs.replace(span, start_seconds=start, end_seconds=end, speaker=said[place]))
    if len(pieces) > 1 and pieces[0].end_seconds - pieces[0].start_seconds < MIN_PIECE_SECONDS:
        pieces[:2] = [structs.replace(pieces[1], start_seconds=span.start_seconds)]
    return pieces


def _quietest(read: Read, begin: float, end: float) -> float:
    first = int(begin * SAMPLES_PER_SECOND)
    piece = floats(read(first, int(end * SAMPLES_PER_SECOND)))
    count = max(1, len(piece) // _QUIET_SAMPLES)
    powers = np.square(piece[: count * _QUIET_SAMPLES]).reshape(count, -1).mean(axis=1)
    return (first + (int(np.argmin(powers)) + 0.5) * _QUIET_SAMPLES) / SAMPLES_PER_SECOND


@cache
def _weights() -> Path | None:
    """The network's weights, in a wheel whose code is not used: it would need a compiler and a stack of packages."""
    found = importlib.util.find_spec("resemblyzer")
    folders = [Path(place) for place in (found.submodule_search_locations or ())] if found else []
    return next((folder / "pretrained.pt" for folder in folders if (folder / "pretrained.pt").is_file()), None)


@cache
def _network() -> tuple[Any, Any]:
    """Three LSTM layers and a linear one (Wan et al. 2018, Generalized end-to-end loss for speaker verification)."""
    import torch

    state: dict[str, Any] = torch.load(str(_weights()), map_location="cpu", weights_only=True)["model_state"]
    network = torch.nn.LSTM(_MELS, 256, 3, batch_first=True)
    linear = torch.nn.Linear(256, 256)
    network.load_state_dict({name.removeprefix("lstm."): one for name, one in state.items() if name.startswith("lstm")})
    linear.load_state_dict(
        {name.removeprefix("linear."): one for name, one in state.items() if name.startswith("linear")}
    )
    return network.eval(), linear.eval()
