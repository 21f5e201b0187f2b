"""`make rivals`: throws the same faults at what people write first and at Angime, and counts what each got wrong."""

import argparse
import json
import random
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from msgspec import Struct
from rich.console import Console
from rich.table import Table

from tests.proof import keep, machine, stamped
from tests.rivals import contest
from tests.rivals.judge import calls_of, judge
from tests.rivals.programs import Program, all_of_them
from tests.rivals.story import Told, mixed, poisoned, row_of, tell

EVENTS = 12_000
KILLS = 6
PART_SECONDS = 6.0

Figures = dict[str, Any]
Change = Callable[[Sequence[Told], random.Random], list[Told]]


class Fault(Struct, frozen=True, kw_only=True):
    """What is done to a program: how the story is changed, and how often it is killed."""

    says: str
    change: Change
    kills: int


FAULTS = {
    "nothing": Fault(says="nothing", change=lambda told, _: list(told), kills=0),
    "kills": Fault(says="killed with -9 while it is fed", change=lambda told, _: list(told), kills=KILLS),
    "doubling": Fault(
        says="each event one to five times, in any order, some once more with other content",
        change=lambda told, chance: mixed(told, chance=chance),
        kills=0,
    ),
    "poison": Fault(
        says="one in a hundred has a torn body before it",
        change=lambda told, chance: poisoned(told, chance=chance),
        kills=0,
    ),
}


def main() -> int:
    """Compare what was asked for; 1 when Angime itself lost, doubled or had something wrong."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.rivals", description=__doc__, epilog="Example: make rivals ARGS='--only kills --seed 7'"
    )
    parser.add_argument("--seed", type=int, help="repeat the run of this seed; else one is drawn and printed")
    parser.add_argument("--only", choices=sorted(FAULTS), action="append", help="throw this fault (may be repeated)")
    parser.add_argument("--program", action="append", help="compare programs with this in their names")
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/proof, for docs/proof.md")
    asked = parser.parse_args()
    seed = asked.seed if asked.seed is not None else random.SystemRandom().randrange(1_000_000)
    console = Console(stderr=True)
    console.print(f"seed {seed}, {machine()}")
    began = time.monotonic()
    found: list[Figures] = []
    with tempfile.TemporaryDirectory(prefix="angime-rivals-") as name:
        folder = Path(name)
        programs = [
            one for one in all_of_them(folder) if not asked.program or any(part in one.name for part in asked.program)
        ]
        for key in asked.only or FAULTS:
            for number, program in enumerate(programs):
                one = _throw(FAULTS[key], program, seed=seed, home=folder / f"{key}{number}")
                counts = ", ".join(f"{word} {one[word]}" for word in ("lost", "doubled", "wrong"))
                console.print(f"{one['program']}, {one['fault']}: {counts}", soft_wrap=True)
                found.append(one)
    words = [*(f"--only {one}" for one in asked.only or ()), *(f"--program {one}" for one in asked.program or ())]
    command = " ".join(["python -m tests.rivals", *words, f"--seed {seed}"])
    figures = stamped(command, seconds=time.monotonic() - began, seed=seed, rivals=found)
    if asked.write:
        console.print(f"written to {keep('-'.join(['rivals', *(asked.only or ())]), figures)}")
    if asked.json:
        print(json.dumps(figures, indent=2, ensure_ascii=False))
    else:
        _show(found)
    return 1 if any(one["lost"] + one["doubled"] + one["wrong"] for one in found if one["program"] == "angime") else 0


def _throw(fault: Fault, program: Program, *, seed: int, home: Path) -> Figures:
    """Throw one fault at one program; the story and its changes are the same for all of them."""
    told = tell(EVENTS)
    story = [row_of(one) for one in told]
    sent = fault.change(told, random.Random(f"{seed}/{fault.says}"))
    gave_up = contest.run(
        program,
        told=sent,
        kills=fault.kills,
        part_seconds=PART_SECONDS,
        chance=random.Random(f"{seed}/{program.name}"),
        home=home,
    )
    kept = program.read(home)
    judged = judge(story, ids=kept.ids, calls=kept.calls, expected=calls_of(story))
    return {
        "program": program.name,
        "fault": fault.says + (f", {fault.kills} times" if fault.kills else "") + ("; it gave up" if gave_up else ""),
        "events": judged.events,
        "lost": judged.lost,
        "doubled": judged.doubled,
        "wrong": judged.wrong,
    }


def _show(found: Sequence[Figures]) -> None:
    names = ("program", "fault", "events", "lost", "doubled", "wrong")
    table = Table(*names, box=None, header_style="bold")
    for one in found:
        table.add_row(*(str(one[name]) for name in names))
    Console().print(table)


if __name__ == "__main__":
    sys.exit(main())
