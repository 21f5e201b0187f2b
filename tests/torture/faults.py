"""The list of faults, and the case in which one of them is inflicted: its folder, its chance, what it found."""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

Figures = dict[str, Any]


class Case:
    """One fault inflicted once: a folder of its own, seeded chance, how much of it, and what came of it."""

    def __init__(self, folder: Path, *, seed: int, name: str, is_quick: bool, on_step: Callable[[str], None]) -> None:
        folder.mkdir(parents=True)
        self.folder = folder
        self.seed = seed
        self.chance = random.Random(f"{seed}/{name}")
        self.is_quick = is_quick
        self.step = on_step
        self.figures: Figures = {}
        self.broken: list[str] = []
        self.untried = ""

    def size(self, *, quick: int, full: int) -> int:
        """Choose how much, by what was asked for."""
        return quick if self.is_quick else full

    def note(self, **figures: Any) -> None:
        """Keep figures for the page."""
        self.figures |= figures

    def give_up(self, reason: str) -> None:
        """Say why nothing could be tried here; then nothing is said to have held."""
        self.untried = reason

    def holds(self, sentence: str, *, expected: object, actual: object) -> None:
        """Compare what must be true with what is; a difference is kept with both sides, and the case goes on."""
        if expected != actual:
            self.broken.append(f"{sentence}: expected {_short(expected)}, found {_short(actual)}")


class Fault(Struct, frozen=True, kw_only=True):
    """A fault by name, what is done and must hold in one sentence, and about how long it takes quickly and in full."""

    name: str
    says: str
    inflict: Callable[[Case], None]
    quick_seconds: float | None
    full_seconds: float


FAULTS: dict[str, Fault] = {}


def fault(says: str, *, quick_seconds: float | None, full_seconds: float) -> Callable[[Callable[[Case], None]], Fault]:
    """Put a function on the list of faults under its name; without `quick_seconds` it is left to the long run."""

    def register(inflict: Callable[[Case], None]) -> Fault:
        found = Fault(
            name=inflict.__name__,
            says=says,
            inflict=inflict,
            quick_seconds=quick_seconds,
            full_seconds=full_seconds,
        )
        FAULTS[found.name] = found
        return found

    return register


def _short(found: object) -> str:
    text = str(found)
    return text if len(text) < 300 else f"{text[:300]}…"
