"""`make torture`: inflicts every fault, shows what held, and writes the figures where it is asked to."""

import argparse
import json
import multiprocessing
import os
import random
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from tests.proof import keep_faults, machine, stamped
from tests.torture.faults import Fault, Figures
from tests.torture.inflicting import FAULTS, Steps, begin, inflict

# At a time: half of a fault is waiting, for sessions to end and processes to start.
AT_ONCE = 2


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
    """Inflict them, the longest first; the bar moves by how long each is known to take."""
    found: dict[str, Figures] = {}
    seconds = {fault.name: _seconds(fault, is_quick=is_quick) for fault in faults}
    context = multiprocessing.get_context("spawn")
    steps: Steps = context.SimpleQueue()
    with (
        tempfile.TemporaryDirectory(prefix="angime-torture-") as folder,
        ProcessPoolExecutor(AT_ONCE, mp_context=context, initializer=begin, initargs=(steps,)) as pool,
        Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:.0f} %, left"),
            TimeRemainingColumn(),
            console=console,
            transient=True,
        ) as progress,
    ):
        task = progress.add_task("", total=sum(seconds.values()))
        telling = threading.Thread(target=_tell, args=(steps, partial(progress.update, task)), daemon=True)
        telling.start()
        longest_first = sorted(seconds, key=lambda name: -seconds[name])
        inflicted = [
            pool.submit(inflict, name, Path(folder) / name, seed=seed, is_quick=is_quick) for name in longest_first
        ]
        for one in (future.result() for future in as_completed(inflicted)):
            found[one["name"]] = one
            progress.advance(task, seconds[one["name"]])
            word = "FELL" if one["broken"] else f"not tried, {one['untried']}" if one["untried"] else "held"
            console.print(f"{one['name']}: {word} ({one['seconds']:.0f} s)", markup=False)
            for sentence in one["broken"]:
                console.print(f"  {sentence}", markup=False)
        steps.put(None)
        telling.join()
    return [found[fault.name] for fault in faults]


def _tell(steps: Steps, describe: partial[None]) -> None:
    """Say what is done now, until None comes."""
    while (step := steps.get()) is not None:
        describe(description=": ".join(step))


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
