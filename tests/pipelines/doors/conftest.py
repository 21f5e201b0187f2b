"""A fresh installation for each test of a door, and patience."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pipelines.doors.world import World

LOOKS = 3000


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.stop.set()
    made.close()


@pytest.fixture
def until() -> Callable[[Callable[[], bool]], bool]:
    """Give a wait for a claim to come true, half a minute at most."""

    def wait(claim: Callable[[], bool]) -> bool:
        never = threading.Event()
        return any(claim() or never.wait(0.01) for _ in range(LOOKS)) or claim()

    return wait
