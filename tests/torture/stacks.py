"""Everything of `angime up` in a home of a case: started, disturbed, waited for, and looked into."""

import os
import signal
import time
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path

from msgspec import Struct

from analytics.settings import AnalyticsSettings
from analytics.views import read_views
from analytics.warehouse import Reader, Writer, open_reader, open_writer
from angime import up
from angime.simulator import sending
from angime.simulator.delivery import Parcel
from angime.standing import lags
from pipelines.kafka import local_kafka
from pipelines.kafka.free_ports import free_port
from schemas.errors import NotYet
from tests.angime.front_door import typed
from tests.torture.manifest import Manifest, manifest

STAGES = ("receive", "normalise", "stream", "land")
TABLES = tuple(view.relation for view in read_views() if view.is_table)
DRAIN_SECONDS = 420.0  # a busy machine may need as long; a quiet one ends within seconds
ALIVE_SECONDS = 60.0
LAST_LINES = 120  # of what the stages said, when a case ends with an error
LOOK_AGAIN_SECONDS = 0.5


class Landed(Struct, frozen=True, kw_only=True):
    """What a warehouse holds after a run: the ids of its log and of its calls, and the hashes of all its tables."""

    events: Manifest
    ids: frozenset[str]
    calls: Manifest
    transcribed: int
    hashes: Mapping[str, object]


@contextmanager
def running(
    home: Path, *, stages: tuple[str, ...] = STAGES, model: str = "demo", extra: Mapping[str, str] | None = None
) -> Generator[up.Stack]:
    """Run the stages with a log of their own; ports are chosen once, so that what is killed comes back to the same."""
    ports = {"ANGIME_RECEIVE_PORT": str(free_port()), "ANGIME_PAGES_PORT": str(free_port())}
    home.mkdir(parents=True, exist_ok=True)
    with (
        (home / "stages.log").open("a", encoding="utf-8") as log,
        _settings(ANGIME_HOME=str(home), **ports, **(extra or {})),
    ):
        options = up.Options(
            say=lambda stage, line: print(f"{stage:<10} {line}", file=log, flush=True),
            on_step=lambda line: print(line, file=log, flush=True),
            stages=stages,
            longest_wait_seconds=0.5,
            extra=(("ANGIME_SPEECH_MODEL", model),),
        )
        stack = up.start(options)
        try:
            stack.wait_ready()
            yield stack
        except Exception as error:
            error.add_note(_last_words(home / "stages.log"))
            raise
        finally:
            stack.stop()


def _last_words(log: Path) -> str:
    """Give what the stages said last, for the log goes with its folder."""
    return "\n".join(log.read_text(encoding="utf-8").splitlines()[-LAST_LINES:])


def hit(stack: up.Stack, stage: str, *, number: int = signal.SIGKILL) -> int:
    """Send a signal to a stage as soon as it runs; gives its process. Raises TimeoutError when it never does."""
    deadline = time.monotonic() + ALIVE_SECONDS
    while time.monotonic() < deadline:
        pid = stack.pid(stage)
        if pid is not None:
            os.kill(pid, number)
            return pid
        time.sleep(0.02)
    raise TimeoutError(f"{stage} did not run within {ALIVE_SECONDS:.0f} s")


def comes_to_be(is_so: Callable[[], bool], *, seconds: float) -> bool:
    """Wait for something that a process brings about; False when time is up."""
    deadline = time.monotonic() + seconds
    while not is_so():
        if time.monotonic() > deadline:
            return False
        time.sleep(LOOK_AGAIN_SECONDS)
    return True


def broker_pid(stack: up.Stack) -> int:
    """Give the process of a stack's broker; raises RuntimeError where none runs."""
    pid = local_kafka.status(stack.home).pid
    if pid is None:
        raise RuntimeError("the broker does not run")
    return pid


def send(parcels: Iterable[Parcel], stack: up.Stack, *, seed: int) -> sending.Sent:
    """Send parcels as providers do, again and again until each is accepted."""
    return sending.send(parcels, base_url=stack.receiver_url, seed=seed, on_sent=lambda: None)


def drain(home: Path, stack: up.Stack, *, events: int) -> float:
    """Wait until so many events are in the log; gives the seconds. More than enough, or too few, is seen afterwards."""
    began = time.monotonic()
    with _reader(home) as reader:
        landed = -1
        while landed < events and time.monotonic() - began < DRAIN_SECONDS:
            if stack.failed is not None:
                raise RuntimeError(f"a stage gave up: {stack.failed}")
            time.sleep(LOOK_AGAIN_SECONDS)
            landed = reader.sql("select count(*) as events from log.events").item()
    return time.monotonic() - began


@contextmanager
def _reader(home: Path) -> Generator[Reader]:
    """Open the warehouse as soon as the lander has made it; to open it anew at each look would take a core."""
    deadline = time.monotonic() + DRAIN_SECONDS
    while True:
        try:
            reader = open_reader(AnalyticsSettings(home=home))
        except NotYet:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_AGAIN_SECONDS)
        else:
            break
    with reader:
        yield reader


def look(home: Path) -> Landed:
    """Look into a warehouse that nobody writes."""
    hashes = _hashes_in(home)
    with open_reader(AnalyticsSettings(home=home)) as reader:
        ids = reader.sql("select id from log.events")["id"].to_list()
        calls = reader.sql("select call_id from facts.calls")["call_id"].to_list()
        transcribed = reader.sql("select count(*) as n from log.events where type = 'call.transcribed'").item()
    return Landed(
        events=manifest(ids), ids=frozenset(ids), calls=manifest(calls), transcribed=transcribed, hashes=hashes
    )


def rebuilt(home: Path) -> Mapping[str, object]:
    """Build all tables anew from the log, and hash them."""
    with open_writer(AnalyticsSettings(home=home)) as warehouse:
        warehouse.rebuild()
        return _hashes(warehouse)


def replayed(home: Path) -> Mapping[str, object]:
    """Send once more all that was received and told, from Kafka and from the log, to a lander that runs; hash."""
    with running(home, stages=("land",)) as stack:
        for words in (("--stage", "normalise", "--origin", "kafka"), ("--origin", "log")):
            said = typed("replay", *words, home=home, ANGIME_KAFKA=stack.environ["ANGIME_KAFKA"])
            if said.code:
                raise RuntimeError(f"the replay {' '.join(words)} ended with {said.code}: {said.err}")
        _land_all(stack)
    return _hashes_in(home)


def landed_anew(home: Path) -> Mapping[str, object]:
    """Set the warehouse aside and land all that Kafka holds into a new one; hash its tables."""
    (home / "warehouse").rename(home / "warehouse.before")
    with running(home, stages=("land",)) as stack:
        _land_all(stack)
    return _hashes_in(home)


def _land_all(stack: up.Stack) -> None:
    """Wait until the lander has landed all that Kafka holds."""

    def is_done() -> bool:
        is_landed = not any(row.waiting for row in lags(stack.environ["ANGIME_KAFKA"]) if row.stage == "land")
        if not is_landed and stack.failed is not None:
            raise RuntimeError(f"the lander did not land all: {stack.failed}")
        return is_landed

    if not comes_to_be(is_done, seconds=DRAIN_SECONDS):
        raise RuntimeError("the lander did not land all")


def _hashes_in(home: Path) -> Mapping[str, object]:
    with open_writer(AnalyticsSettings(home=home)) as warehouse:
        return _hashes(warehouse)


def _hashes(warehouse: Writer) -> Mapping[str, object]:
    return {name: warehouse.table_hash(name) for name in TABLES}


@contextmanager
def _settings(**chosen: str) -> Generator[None]:
    """Let settings that are loaded meanwhile say so."""
    before = {name: os.environ.get(name) for name in chosen}
    os.environ.update(chosen)
    try:
        yield
    finally:
        for name, text in before.items():
            if text is None:
                del os.environ[name]
            else:
                os.environ[name] = text
