"""Processes that die or stand still in the middle of their work."""

import time
from collections.abc import Iterator, Sequence

from angime.simulator.delivery import Parcel
from tests.torture.faults import Case, fault
from tests.torture.manifest import manifest
from tests.torture.peace import as_records, calls_of, facts_in_log, facts_of, land
from tests.torture.stacks import STAGES, drain, hit, landed_anew, look, rebuilt, replayed, running, send
from tests.torture.tales import telling

DAYS, CALLS, RECORDINGS = 21, 3_000, 2
EVENTS_AT_LEAST = 20_000
# In quick: seven of each stage but the one that listens, which takes seconds of a processor to come back.
QUICK_KILLS = ("receive", "normalise", "land", "stream", "receive", "normalise", "land") * 3
FULL_KILLS = ("land", "receive", "land", "normalise", "land", "stream") * 30


@fault(
    "Receiver, normaliser, streams worker and lander are killed with -9 at random moments while a company's webhooks "
    "come in: each acknowledged webhook is there once, and every table is as after an undisturbed run, after replays "
    "from Kafka and from the log, and as rebuilt; in full, also as in a new warehouse of what Kafka holds.",
    quick_seconds=150,
    full_seconds=840,
)
def kills(case: Case) -> None:
    """Send a story to stages that are killed, and compare with the same story told in peace.

    In full, peace is a whole run of all stages; in quick, the same events and the same transcripts landed at once.
    """
    strokes = QUICK_KILLS if case.is_quick else FULL_KILLS
    with telling(seed=case.seed, days=DAYS, calls=CALLS, recordings=RECORDINGS) as tale:
        peaceful, disturbed = (tale.furnish(case.folder / name) for name in ("peaceful", "disturbed"))
        expected = facts_of(tale.deliveries, home=peaceful)
        wanted = len(expected) + 2 * RECORDINGS  # a stored recording and a transcript each
        with running(disturbed) as stack:
            for number, (stage, part) in enumerate(zip(strokes, _parts(tale.deliveries, len(strokes)), strict=True)):
                case.step(f"kill {number + 1} of {len(strokes)}: {stage}")
                time.sleep(case.chance.random())
                hit(stack, stage)
                send(part, stack, seed=case.seed)
            case.step("waiting until all has landed")
            drained_seconds = drain(disturbed, stack, events=wanted)
        case.step("the same in peace")
        if case.is_quick:
            land(peaceful, as_records([*expected, *facts_in_log(disturbed, topic="transcripts")]))
        else:
            with running(peaceful) as stack:
                send(tale.deliveries, stack, seed=case.seed)
                drain(peaceful, stack, events=wanted)
    case.step("comparing")
    before, after = look(peaceful), look(disturbed)
    case.holds("the story is long enough", expected=True, actual=len(expected) >= EVENTS_AT_LEAST)
    case.holds("each acknowledged event is there", expected=set(), actual={fact.id for fact in expected} - after.ids)
    case.holds("each event is there once", expected=manifest(after.ids), actual=after.events)
    case.holds("the log is that of the undisturbed run", expected=before.events, actual=after.events)
    case.holds("each call is there once", expected=calls_of(expected), actual=after.calls)
    case.holds("each recording was transcribed once", expected=RECORDINGS, actual=after.transcribed)
    case.holds("the tables are those of the undisturbed run", expected=before.hashes, actual=after.hashes)
    case.step("replaying and building anew")
    case.holds("replays change no table", expected=after.hashes, actual=replayed(disturbed))
    case.holds("the tables are those of a rebuild", expected=after.hashes, actual=rebuilt(disturbed))
    if not case.is_quick:
        case.holds("the tables are those of what Kafka holds", expected=after.hashes, actual=landed_anew(disturbed))
    case.note(
        events=after.events.count,
        **{f"kills_{stage}": strokes.count(stage) for stage in STAGES},
        drained_seconds=round(drained_seconds, 1),
    )


def _parts(deliveries: Sequence[Parcel], count: int) -> Iterator[Sequence[Parcel]]:
    size = -(-len(deliveries) // count)
    return (deliveries[number * size : (number + 1) * size] for number in range(count))
