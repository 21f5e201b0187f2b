"""`make torture`: inflicts every fault, shows what held, and writes the figures where it is asked to."""

import argparse
import json
import logging
import os
import random
import sys
import tempfile
import time
import traceback
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import structlog
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.proof import keep_faults, machine, stamped
from tests.torture import damaging, doubling, filling, killing, lacking, poisoning, reading, stalling, upgrading  # noqa: F401  # they fill the list
from tests.torture.faults import FAULTS, Case, Fault, Figures


def main() -> int:
    """Inflict what was asked for; 1 when something did not hold."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.torture", description=__doc__, epilog="Example: make torture ARGS='--only kills --seed 7'"
    )
    parser.add_argument("--quick", action="store_true", help="less of each, within five minutes; what CI runs")
    parser.add_argument("--seed", type=int, help="repeat the run of this seed; else one is drawn and printed")
    parser.add_argument("--only", choices=sorted(FAULTS), action="append", help="inflict this one (may be repeated)")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/proof, for docs/proof.md")
    asked = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))  # what fails is counted
    os.environ.setdefault("ANGIME_WAREHOUSE_THREADS", "1")  # two cores, and the stages are processes of their own
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1_000_000)
    chosen = [one for one in FAULTS.values() if _is_chosen(one, only=asked.only, is_quick=asked.quick)]
    console = Console(stderr=True)
    console.print(f"seed {seed}, {machine()}, {len(chosen)} faults")
    began = time.monotonic()
    found = _inflict_all(chosen, seed=seed, is_quick=asked.quick, console=console)
    program = "python -m tests.torture" + (" --quick" if asked.quick else "")
    command = " ".join([program, *(f"--only {one}" for one in asked.only or ()), f"--seed {seed}"])
    figures = stamped(command, seconds=time.monotonic() - began, seed=seed, faults=found)
    if asked.write:
        file = keep_faults("torture-quick" if asked.quick else "torture", figures | {"program": program}, known=FAULTS)
        console.print(f"written to {file}; print the page by `angime docs`")
    if asked.json:
        print(json.dumps(figures, indent=2, ensure_ascii=False))
    else:
        _show(found)
    return 1 if any(one["broken"] for one in found) else 0


def _is_chosen(fault: Fault, *, only: Sequence[str] | None, is_quick: bool) -> bool:
    if only:
        return fault.name in only
    return not is_quick or fault.quick_seconds is not None


def _inflict_all(faults: Sequence[Fault], *, seed: int, is_quick: bool, console: Console) -> list[Figures]:
    """Inflict one after the other; the bar moves by how long each is known to take."""
    found: list[Figures] = []
    seconds = [_seconds(fault, is_quick=is_quick) for fault in faults]
    with (
        tempfile.TemporaryDirectory(prefix="angime-torture-") as folder,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %, left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        ) as progress,
    ):
        task = progress.add_task("", total=sum(seconds))
        for fault, weight in zip(faults, seconds, strict=True):
            on_step = partial(_describe, progress, task, fault.name)
            one = _inflict(fault, Path(folder) / fault.name, seed=seed, is_quick=is_quick, on_step=on_step)
            found.append(one)
            progress.advance(task, weight)
            word = "FELL" if one["broken"] else f"not tried, {one['untried']}" if one["untried"] else "held"
            console.print(f"{fault.name}: {word} ({one['seconds']:.0f} s)", markup=False)
            for sentence in one["broken"]:
                console.print(f"  {sentence}", markup=False)
    return found


def _describe(progress: Progress, task: object, name: str, step: str) -> None:
    progress.update(task, description=f"{name}: {step}")  # type: ignore[arg-type]


def _inflict(fault: Fault, folder: Path, *, seed: int, is_quick: bool, on_step: object) -> Figures:
    """Inflict one, and give what it found; an error of the case itself is something that did not hold."""
    case = Case(folder, seed=seed, name=fault.name, is_quick=is_quick, on_step=on_step)  # type: ignore[arg-type]
    began = time.monotonic()
    try:
        fault.inflict(case)
    except Exception as error:  # noqa: BLE001  # the other faults go on, and this one is shown as fallen
        case.broken.append(f"{type(error).__name__}: {error}")
        traceback.print_exc()
    return {
        "name": fault.name,
        "says": fault.says,
        "seconds": round(time.monotonic() - began, 1),
        "figures": case.figures,
        "broken": case.broken,
        "untried": case.untried,
    }


def _seconds(fault: Fault, *, is_quick: bool) -> float:
    return fault.quick_seconds if is_quick and fault.quick_seconds is not None else fault.full_seconds


def _show(found: Sequence[Figures]) -> None:
    table = Table("fault", "held", "seconds", "figures", box=None, header_style="bold")
    for one in found:
        figures = ", ".join(f"{name.replace('_', ' ')} {figure}" for name, figure in one["figures"].items())
        held = "no" if one["broken"] else "not tried" if one["untried"] else "yes"
        table.add_row(one["name"], held, f"{one['seconds']:.0f}", figures)
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
