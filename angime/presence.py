"""Which stages of a home run on this machine: each says so in a file there that it keeps locked while it lives.

The lock, not a port, says whose a stage is: on the same port may answer that of another home, and the demo takes other
ports where somebody has taken its own.
"""

import fcntl
import os
import signal
import threading
import time
from contextlib import closing, suppress
from pathlib import Path
from typing import Literal, get_args

from schemas.errors import Misconfigured

Stage = Literal["receive", "collect", "normalise", "stream", "land", "pages", "api"]

STAGES: tuple[Stage, ...] = get_args(Stage)

UP = "up"  # the file of who runs all stages of a home
PARENT_SECONDS = 1.0

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
    follow(home)


def claim(home: Path) -> int:
    """Say that this process runs the stages of `home`, until what is given is closed.

    Raises Misconfigured while another one does.
    """
    file = _file(home, UP)
    file.parent.mkdir(parents=True, exist_ok=True)
    held = os.open(file, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        said = os.read(held, 20).decode()
        os.close(held)
        raise Misconfigured(
            f"the stages of {home} are run already by process {said}: end that first, or name another ANGIME_HOME"
        ) from None
    with suppress(OSError):  # on a full disk it is run all the same
        os.ftruncate(held, 0)
        os.write(held, str(os.getpid()).encode())
    return held


def follow(home: Path) -> None:
    """End this process in good order when the one that runs all stages of `home`, and started it, is gone.

    One that was killed ends nobody: what it leaves behind would hold ports and the warehouse against its successor.
    """
    parent = os.getppid()
    if told(home, UP) == str(parent):
        threading.Thread(target=_end_with, args=(parent,), daemon=True).start()


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_SECONDS)
    os.kill(os.getpid(), signal.SIGTERM)


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


def told(home: Path, stage: str) -> str | None:
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
