"""The demo sentences as sound: Ogg files in two voices the model was not trained on, for those without espeak-ng."""

import json
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from schemas.people import Role
from streams.audio import decode
from streams.demo_model import CLIPS_FOLDER

_MANIFEST: Final = "manifest.json"


class Clip(Struct, frozen=True, kw_only=True):
    """One sentence in one voice; `word_starts_seconds` are espeak's own, from the clip's start."""

    file: str
    sentence: str
    language: str
    speaker: Role
    voice: str
    text: str
    seconds: float
    word_starts_seconds: tuple[float, ...]


@cache
def clips() -> tuple[Clip, ...]:
    """Every clip, in the order of the recipe."""
    return msgspec.json.decode((CLIPS_FOLDER / _MANIFEST).read_bytes(), type=tuple[Clip, ...])


@cache
def clip(sentence: str, *, speaker: Role) -> Clip:
    """Find the clip of a sentence (`language.name`) in the operator's or the customer's voice."""
    return next(one for one in clips() if one.sentence == sentence and one.speaker == speaker)


@cache
def wave(file: str) -> NDArray[np.float32]:
    """Read a clip: samples at 16 kHz, shape (n,), not to be written to."""
    samples = decode(CLIPS_FOLDER / file).samples[0]
    samples.flags.writeable = False
    return samples


def write_manifest(made: list[Clip], *, folder: Path) -> None:
    """Write the list of clips beside them, one to a line."""
    lines = (json.dumps(msgspec.to_builtins(one), ensure_ascii=False) for one in made)
    (folder / _MANIFEST).write_text("[\n" + ",\n".join(lines) + "\n]\n", encoding="utf-8")
