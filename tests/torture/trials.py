"""The trial of many faults: a story sent in parts to stages that are disturbed, and what must be true afterwards."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from itertools import pairwise
from pathlib import Path

from angime import up
from angime.simulator.delivery import Parcel
from tests.torture.faults import Case
from tests.torture.manifest import manifest
from tests.torture.peace import as_records, calls_of, facts_of, land
from tests.torture.stacks import drain, look, rebuilt, running, send
from tests.torture.tales import telling

STAGES = ("receive", "normalise", "land")
DAYS, CALLS = 21, 600

Sends = Iterator[Callable[[], None]]
Run = Callable[[Path], AbstractContextManager[up.Stack]]


def run_stages(home: Path) -> AbstractContextManager[up.Stack]:
    """Run the stages that webhooks pass, with a broker of their own."""
    return running(home, stages=STAGES)


def through(case: Case, *, disturb: Callable[[up.Stack, Sends], None], parts: int, run: Run = run_stages) -> None:
    """Send a story in parts to stages that `disturb` disturbs, and compare with the same story landed in peace."""
    with telling(seed=case.seed, days=DAYS, calls=CALLS, recordings=0) as tale:
        peaceful, disturbed = (tale.furnish(case.folder / name) for name in ("peaceful", "disturbed"))
        expected = facts_of(tale.deliveries, home=peaceful)
        with run(disturbed) as stack:
            sends = _sends(case, tale.deliveries, parts=parts, stack=stack)
            disturb(stack, sends)
            for one in sends:
                one()
            case.step("waiting until all has landed")
            drained_seconds = drain(disturbed, stack, events=len(expected))
    land(peaceful, as_records(expected))
    before, after = look(peaceful), look(disturbed)
    case.holds("each event is there once", expected=manifest(fact.id for fact in expected), actual=after.events)
    case.holds("each call is there once", expected=calls_of(expected), actual=after.calls)
    case.holds("the tables are those of the undisturbed run", expected=before.hashes, actual=after.hashes)
    case.holds("the tables are those of a rebuild", expected=after.hashes, actual=rebuilt(disturbed))
    case.note(events=after.events.count, parts=parts, drained_seconds=round(drained_seconds, 1))


def nothing() -> None:
    """Send nothing more."""


def _sends(case: Case, deliveries: Sequence[Parcel], *, parts: int, stack: up.Stack) -> Sends:
    ends = [len(deliveries) * number // parts for number in range(parts + 1)]
    for number, (begin, end) in enumerate(pairwise(ends), start=1):
        case.step(f"part {number} of {parts}")
        yield lambda some=deliveries[begin:end]: _send(some, stack, seed=case.seed)


def _send(some: Sequence[Parcel], stack: up.Stack, *, seed: int) -> None:
    send(some, stack, seed=seed)
