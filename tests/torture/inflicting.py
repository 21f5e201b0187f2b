"""A fault inflicted in a process of its own, which says what it does and gives what it found."""

import logging
import time
import traceback
from functools import partial
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import structlog

from tests.torture import damaging, doubling, filling, killing, lacking, poisoning, reading, stalling, upgrading  # noqa: F401  # they fill the list
from tests.torture.faults import FAULTS, Case, Figures

__all__ = ["FAULTS", "Steps", "begin", "inflict"]

Steps = SimpleQueue[tuple[str, str] | None]
_steps: list[Steps] = []  # of this process: where it says what it does


def begin(steps: Steps) -> None:
    """Begin in a process that inflicts faults."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # what fails is counted
    _steps[:] = [steps]


def _step(name: str, step: str) -> None:
    for steps in _steps:
        steps.put((name, step))


def inflict(name: str, folder: Path, *, seed: int, is_quick: bool) -> Figures:
    """Inflict one, and give what it found; an error of the case itself is something that did not hold."""
    fault = FAULTS[name]
    case = Case(folder, seed=seed, name=name, is_quick=is_quick, on_step=partial(_step, name))
    began = time.monotonic()
    try:
        fault.inflict(case)
    except Exception as error:  # noqa: BLE001  # the other faults go on, and this one is shown as fallen
        case.broken.append(f"{type(error).__name__}: {error}")
        traceback.print_exc()
    return {
        "name": name,
        "says": fault.says,
        "seconds": round(time.monotonic() - began, 1),
        "figures": case.figures,
        "broken": case.broken,
        "untried": case.untried,
    }
