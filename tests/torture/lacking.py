"""What others lack for a while: a broker's wire or its disk, a store that is away, a model that is not there."""

import resource
import shutil
import time
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from analytics.questions.waiting import waiting
from angime import up
from pipelines.kafka import local_kafka
from streams.demo_model import MODEL_FOLDER
from tests.brokers import silent
from tests.torture.answers import ERRORS
from tests.torture.bucket import Bucket
from tests.torture.faults import Case, fault
from tests.torture.peace import Fact, as_records, calls_of, facts_in_log, facts_of, land
from tests.torture.stacks import broker_pid, comes_to_be, drain, look, rebuilt, running, send
from tests.torture.tales import telling
from tests.torture.trials import STAGES, Sends, nothing, through
from tests.torture.wire import Wire

SLOW_SECONDS = 1.0
TORN_SHARE = 0.05
DENIED_SHARE = 0.25
DENYING_SECONDS = 0.1
BAD_SECONDS = 12.0
DISK_SECONDS = 90.0
ROOM_BYTES = 200_000
RECORDINGS = 3
RECORDED = b'"call.recording_made_available"'
AWAY_SECONDS = 20.0
SAID_SECONDS = 120.0
NO_MODEL = "no-such-model"


@fault(
    "Between all stages and the broker answers come up to a second late, end half-way, connections are cut, and for "
    "seconds none is taken: each acknowledged webhook is there once.",
    quick_seconds=None,
    full_seconds=140,
)
def bad_wire(case: Case) -> None:
    """Let all stages reach the broker through a wire that does one bad thing after the other."""

    def disturb(wire: Wire, sends: Sends) -> None:
        for number, one in enumerate(sends):
            (partial(_slow, wire), partial(_tearing, wire), wire.cut, wire.refuse)[number % 4]()
            one()
            time.sleep(case.chance.random() * BAD_SECONDS)
            if number % 4 == 3:
                wire.listen()
        wire.delay_seconds = wire.torn_share = 0.0

    wire = _through_wire(case, disturb=disturb, parts=case.size(quick=4, full=12))
    case.note(answers=wire.frames, answers_torn=wire.torn)


@fault(
    "A slow broker does what it is asked and says of every fourth write and commit that it failed, by each code after "
    "which one is to try again: each acknowledged webhook is there once.",
    quick_seconds=None,
    full_seconds=90,
)
def denying_broker(case: Case) -> None:
    """Put error codes into the answers that all stages get, and let them come late."""

    def disturb(wire: Wire, sends: Sends) -> None:
        wire.delay_seconds, wire.denied_share = DENYING_SECONDS, DENIED_SHARE
        for one in sends:
            one()
        wire.delay_seconds = wire.denied_share = 0.0

    wire = _through_wire(case, disturb=disturb, parts=case.size(quick=4, full=12))
    case.holds("every code was said", expected=ERRORS, actual=set(wire.denied))
    case.note(answers=wire.frames, answers_denied=sum(wire.denied.values()))


def _through_wire(case: Case, *, disturb: Callable[[Wire, Sends], None], parts: int) -> Wire:
    """Let all stages reach the broker through a wire, which `disturb` makes bad; gives the wire as it was left."""
    wires: list[Wire] = []

    @contextmanager
    def run(home: Path) -> Generator[up.Stack]:
        bootstrap = local_kafka.start(home, on_step=silent).bootstrap
        wire = Wire(broker_port=int(bootstrap.rpartition(":")[2]), chance=case.chance)
        wires.append(wire)
        try:
            with running(home, stages=STAGES, extra={"ANGIME_KAFKA": f"127.0.0.1:{wire.port}"}) as stack:
                yield stack
        finally:
            wire.refuse()
            local_kafka.stop(home)

    through(case, disturb=lambda _, sends: disturb(wires[0], sends), parts=parts, run=run)
    return wires[0]


def _slow(wire: Wire) -> None:
    wire.delay_seconds, wire.torn_share = SLOW_SECONDS, 0.0


def _tearing(wire: Wire) -> None:
    wire.delay_seconds, wire.torn_share = 0.0, TORN_SHARE


@fault(
    "The broker's disk is full at any byte of its log while webhooks come in, and it gives up; with room it starts "
    "again: each acknowledged webhook is there once.",
    quick_seconds=None,
    full_seconds=140,
)
def full_broker_disk(case: Case) -> None:
    """Let no file of the broker grow any more, wait until it has ended, and start it again with room."""
    ended: list[int] = []

    def disturb(stack: up.Stack, sends: Sends) -> None:
        for one in sends:
            one()
            pid = broker_pid(stack)
            largest = max(file.stat().st_size for file in (stack.home / "kafka" / "data").rglob("*.log"))
            limit_bytes = largest + case.chance.randrange(ROOM_BYTES)
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes))
            next(sends, nothing)()
            if comes_to_be(lambda was=pid: local_kafka.status(stack.home).pid != was, seconds=DISK_SECONDS):
                ended.append(limit_bytes)
            else:
                local_kafka.stop(stack.home)
            local_kafka.start(stack.home, on_step=silent)

    through(case, disturb=disturb, parts=case.size(quick=2, full=8))
    case.holds("the disk was too small at least once", expected=True, actual=bool(ended))
    case.note(full_disks=len(ended))


@fault(
    "The store of recordings is away when calls with recordings come in, it answers 503 or hangs up; when it is back, "
    "each recording is kept and transcribed once.",
    quick_seconds=None,
    full_seconds=90,
)
def store_away(case: Case) -> None:
    """Keep recordings in a bucket that is away at first, and see that something was refused before it comes back."""
    with Bucket() as bucket, telling(seed=case.seed, days=2, calls=60, recordings=RECORDINGS) as tale:
        home = tale.furnish(case.folder / "home")
        expected = facts_of(tale.deliveries, home=home)
        bucket.is_away = True
        with running(home, extra=bucket.settings) as stack:
            send(tale.deliveries, stack, seed=case.seed)
            if not comes_to_be(lambda: bucket.refused > 0, seconds=SAID_SECONDS):
                raise TimeoutError(f"the store was asked for nothing within {SAID_SECONDS:.0f} s")
            time.sleep(case.chance.random() * AWAY_SECONDS)
            case.holds("nothing was kept meanwhile", expected=0, actual=len(bucket.kept))
            bucket.is_away = False
            drain(home, stack, events=len(expected) + 2 * _recorded(expected))
    _compare(case, home, expected=expected)
    case.holds("each recording is kept", expected=_recorded(expected), actual=len(bucket.kept))
    case.note(refused=bucket.refused)


@fault(
    "The model that listens is not there: the stage says that it waits and everything else goes on; with the model in "
    "its place each recording is transcribed once, and nothing was started anew.",
    quick_seconds=None,
    full_seconds=90,
)
def model_missing(case: Case) -> None:
    """Name a folder that is not there, and put a model into it when recordings wait."""
    with telling(seed=case.seed, days=2, calls=60, recordings=RECORDINGS) as tale:
        home = tale.furnish(case.folder / "home")
        expected = facts_of(tale.deliveries, home=home)
        recorded = _recorded(expected)
        model = case.folder / NO_MODEL
        with running(home, model=str(model)) as stack:
            send(tale.deliveries, stack, seed=case.seed)
            drain(home, stack, events=len(expected) + recorded)
            if not comes_to_be(lambda: waiting(home) is not None, seconds=SAID_SECONDS):
                raise TimeoutError(f"nothing was said to wait within {SAID_SECONDS:.0f} s")
            waits = waiting(home)
            listens = stack.pid("stream")
            shutil.copytree(MODEL_FOLDER, model)
            drain(home, stack, events=len(expected) + 2 * recorded)
            case.holds("the same process listens", expected=listens, actual=stack.pid("stream"))
    case.holds("it says which model it waits for", expected=True, actual=waits is not None and NO_MODEL in waits.reason)
    case.holds("it no longer says that it waits", expected=None, actual=waiting(home))
    _compare(case, home, expected=expected)


def _compare(case: Case, home: Path, *, expected: list[Fact]) -> None:
    """Compare a warehouse with what was sent and with the transcripts that it made of it."""
    peaceful = case.folder / "peaceful"
    shutil.copytree(home, peaceful, ignore=lambda *_: {"warehouse", "kafka", "streams"})
    heard = facts_in_log(home, topic="transcripts")
    land(peaceful, as_records([*expected, *heard]))
    before, after = look(peaceful), look(home)
    case.holds("each event is there once", expected=before.events, actual=after.events)
    case.holds("each call is there once", expected=calls_of(expected), actual=after.calls)
    case.holds("each recording was transcribed once", expected=_recorded(expected), actual=after.transcribed)
    case.holds("the tables are those of a peaceful run", expected=before.hashes, actual=after.hashes)
    case.holds("the tables are those of a rebuild", expected=after.hashes, actual=rebuilt(home))
    case.note(events=after.events.count, transcribed=after.transcribed)


def _recorded(facts: Iterable[Fact]) -> int:
    """Count the recordings of which events tell; each brings one that it is kept, and one of what was said."""
    return sum(RECORDED in fact.value for fact in facts)
