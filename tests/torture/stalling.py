"""Processes that stand still, wake up, come and go, and a broker that dies, comes back or forgets a topic."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_writer
from angime import up
from pipelines.kafka import local_kafka
from pipelines.kafka.admin import Admin
from pipelines.kafka.plain_broker import clients
from pipelines.kafka.ports import LOOK_AGAIN_SECONDS, SESSION_SECONDS
from schemas.topics import TOPICS
from tests.brokers import silent
from tests.torture.faults import Case, fault
from tests.torture.manifest import manifest
from tests.torture.peace import as_records, facts_of, land
from tests.torture.stacks import broker_pid, drain, hit, look, rebuilt, running, send
from tests.torture.tales import telling
from tests.torture.trials import CALLS, DAYS, STAGES, Sends, nothing, through

NOBODY = "127.0.0.1:9"  # where no Kafka is
END_SECONDS = 120.0
AWAY_SECONDS = 20.0
LONG_AWAY_SECONDS = 120.0  # once in full


@fault(
    "A normaliser stands still for longer than its session, another takes its partitions over, and it wakes up: "
    "nothing of what it believes to hold is committed, and each event is there once.",
    quick_seconds=None,
    full_seconds=120,
)
def zombies(case: Case) -> None:
    """Stop and wake each of two normalisers while webhooks come in."""

    def disturb(stack: up.Stack, sends: Sends) -> None:
        with _another(stack, "normalise") as second:
            for number, one in enumerate(sends):
                one()
                pid = hit(stack, "normalise", number=signal.SIGSTOP) if number % 2 else second.pid
                os.kill(pid, signal.SIGSTOP)
                next(sends, nothing)()
                time.sleep(SESSION_SECONDS * (1.2 + case.chance.random()))
                os.kill(pid, signal.SIGCONT)

    through(case, disturb=disturb, parts=case.size(quick=2, full=8))


@fault(
    "Normalisers come and go, from one to four and back, while webhooks come in: each event is there once.",
    quick_seconds=None,
    full_seconds=120,
)
def rebalances(case: Case) -> None:
    """Start three more, one after the other, and end them in the same way, again and again."""

    def disturb(stack: up.Stack, sends: Sends) -> None:
        while True:
            with ExitStack() as crowd:
                for _ in range(3):
                    crowd.enter_context(_another(stack, "normalise"))
                    one = next(sends, None)
                    if one is None:
                        return
                    one()
                    time.sleep(case.chance.random())

    through(case, disturb=disturb, parts=case.size(quick=3, full=12))


@fault(
    "The broker is killed with -9, stays away for up to twenty seconds, and once for two minutes, while webhooks come "
    "in, and starts again: each acknowledged webhook is there once.",
    quick_seconds=None,
    full_seconds=260,
)
def broker_restarts(case: Case) -> None:
    """Kill the broker before every second part."""

    def disturb(stack: up.Stack, sends: Sends) -> None:
        for number, one in enumerate(sends):
            one()
            os.kill(broker_pid(stack), signal.SIGKILL)
            next(sends, nothing)()
            is_long = number == 1 and not case.is_quick
            time.sleep(LONG_AWAY_SECONDS if is_long else case.chance.random() * AWAY_SECONDS)
            local_kafka.start(stack.home, on_step=silent)

    through(case, disturb=disturb, parts=case.size(quick=2, full=8), run=_beside_a_broker)


@contextmanager
def _beside_a_broker(home: Path) -> Generator[up.Stack]:
    """Run the stages at a broker that is not theirs to start again."""
    bootstrap = local_kafka.start(home, on_step=silent).bootstrap
    try:
        with running(home, stages=STAGES, extra={"ANGIME_KAFKA": bootstrap}) as stack:
            yield stack
    finally:
        local_kafka.stop(home)


@fault(
    "A topic is deleted and made anew, so that its offsets begin at 0: nothing of what comes is passed over, and each "
    "event is there once.",
    quick_seconds=None,
    full_seconds=90,
)
def deleted_topic(case: Case) -> None:
    """Land half of a story, delete the topic of calls, and land the rest."""
    with telling(seed=case.seed, days=DAYS, calls=CALLS, recordings=0) as tale:
        home = tale.furnish(case.folder / "home")
        half = len(tale.deliveries) // 2
        expected = facts_of(tale.deliveries, home=home)
        with running(home, stages=STAGES) as stack:
            send(tale.deliveries[:half], stack, seed=case.seed)
            drain(home, stack, events=len(facts_of(tale.deliveries[:half], home=home)))
        bootstrap = local_kafka.start(home, on_step=silent).bootstrap
        _delete(bootstrap, "calls")
        with running(home, stages=STAGES) as stack:
            send(tale.deliveries[half:], stack, seed=case.seed)
            drain(home, stack, events=len(expected))
    after = look(home)
    case.holds("each event is there once", expected=manifest(fact.id for fact in expected), actual=after.events)
    case.holds("the tables are those of a rebuild", expected=after.hashes, actual=rebuilt(home))
    case.note(events=after.events.count)


@fault(
    "A second lander is started by mistake: it says in one line that there is one, and ends; the first goes on.",
    quick_seconds=None,
    full_seconds=6,
)
def two_landers(case: Case) -> None:
    """Hold a warehouse, start `angime land` beside, and land."""
    with telling(seed=case.seed, days=2, calls=60, recordings=0) as tale:
        home = tale.furnish(case.folder / "home")
        facts = facts_of(tale.deliveries, home=home)
    with open_writer(AnalyticsSettings(home=home)):
        done = _land_at(home, bootstrap=NOBODY)
    land(home, as_records(facts))
    case.holds("the second one ends for a person", expected=2, actual=done.returncode)
    case.holds("it says why", expected=True, actual="another process writes the warehouse" in done.stderr)
    case.holds("each event is there once", expected=manifest(fact.id for fact in facts), actual=look(home).events)
    case.note(events=len(facts))


@contextmanager
def _another(stack: up.Stack, stage: str) -> Iterator[subprocess.Popen[bytes]]:
    """Run one more process of a stage beside the stack's; it is ended as a supervisor does."""
    with subprocess.Popen(
        [sys.executable, "-m", "angime", stage],
        env=dict(stack.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            yield process
        finally:
            process.send_signal(signal.SIGCONT)
            process.terminate()
            try:
                process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                raise


def _land_at(home: Path, *, bootstrap: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "angime", "land"],
        env={**os.environ, "ANGIME_HOME": str(home), "ANGIME_KAFKA": bootstrap},
        capture_output=True,
        text=True,
        timeout=END_SECONDS,
        check=False,
    )


def _delete(bootstrap: str, topic: str) -> None:
    """Delete a topic and wait until the broker has forgotten it; `up` makes those that are missing."""
    with closing(clients.KafkaAdminClient(bootstrap_servers=bootstrap)) as client:
        client.delete_topics([TOPICS[topic].kafka_name])
    deadline = time.monotonic() + END_SECONDS
    with closing(Admin(bootstrap)) as admin:
        while topic in admin.topics():
            if time.monotonic() > deadline:
                raise TimeoutError("the topic was not deleted")
            time.sleep(LOOK_AGAIN_SECONDS)
