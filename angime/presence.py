"""Which stages of a home run on this machine: each says so in a file there that it keeps locked while it lives.

The lock, not a port, says whose a stage is: on the same port may answer that of another home, and the demo takes other
ports where somebody has taken its own.
"""

import fcntl
import os
import threading
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal, get_args

Stage = Literal["receive", "collect", "normalise", "stream", "land", "pages", "api"]

STAGES: tuple[Stage, ...] = get_args(Stage)

_held: list[int] = []  # the files of this process, as long as it is a stage


def tell(home: Path, stage: Stage, *, said: str) -> None:
    """Say that this process is a stage of `home` until it ends, also as a program that it becomes.

    What is `said` is the address at which it listens, its Kafka, or the speech model by which the worker hears.
    """
    file = _file(home, stage)
    with suppress(OSError):  # on a full disk a stage does what it can, though nobody is told that it runs
        file.parent.mkdir(parents=True, exist_ok=True)
        held = os.open(file, os.O_WRONLY | os.O_CREAT, 0o644)
        os.set_inheritable(held, True)
        fcntl.flock(held, fcntl.LOCK_SH)  # nobody keeps it to himself for longer than a look
        os.ftruncate(held, 0)
        os.write(held, said.encode())
        _held.append(held)


def beat() -> None:
    """Give a sign of life of the stage that this process is: the time of its file tells it."""
    for held in _held:
        os.utime(held)


class Beating(threading.Event):
    """What asks a stage to end. As often as the stage looks, it gives a sign of life."""

    def is_set(self) -> bool:
        """Say whether it was asked to end."""
        beat()
        return super().is_set()


def last_beat(home: Path, stage: str) -> float:
    """Give the time of the last sign of life of a stage, 0 where there was none."""
    try:
        return _file(home, stage).stat().st_mtime
    except FileNotFoundError:
        return 0.0


def told(home: Path, stage: Stage) -> str | None:
    """Give what a stage of this home said that runs now, None where none runs."""
    try:
        file = _file(home, stage).open("rb")
    except FileNotFoundError:
        return None
    with closing(file):
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return file.read().decode()
    return None


def _file(home: Path, stage: str) -> Path:
    return home / "stages" / stage
