"""Nothing lost, nothing doubled: every stage is killed again and again while events flow, and the rows are the same."""

import os
import random
import signal
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from msgspec import Struct
from msgspec.structs import replace

from analytics.settings import AnalyticsSettings
from analytics.views import read_views
from analytics.warehouse import open_reader, open_writer
from angime import up
from angime.simulator import sending
from angime.simulator.delivery import Parcel, parcels
from angime.simulator.house import Told, furnish
from angime.simulator.recordings import RecordingServer, speak
from angime.simulator.traffic import tell
from pipelines.free_ports import free_port
from pipelines.origins import load_origins
from pipelines.settings import PipelinesSettings
from pipelines.sources import SOURCES
from schemas.errors import NotYet
from schemas.records import RawRecord

SEED = 7
DAYS, CALLS, RECORDINGS = 21, 3_000, 2
TABLES = tuple(view.relation for view in read_views() if view.is_table)
STAGES = ("receive", "normalise", "stream", "land")
KILLS = 24
EVENTS_AT_LEAST = 20_000
DRAIN_SECONDS = 420.0  # a busy machine may need as long; a quiet one ends within seconds
LOOK_AGAIN_SECONDS = 0.5

pytestmark = [pytest.mark.kafka, pytest.mark.speech, pytest.mark.timeout(1200)]


class Landed(Struct, frozen=True, kw_only=True):
    """What a warehouse holds after a run: the ids of its log, and its tables' hashes."""

    ids: list[str]
    transcribed: int
    hashes: Mapping[str, object]


@pytest.fixture(scope="module")
def provider() -> Iterator[RecordingServer]:
    server = RecordingServer(seed=SEED)
    yield server
    server.close()


@pytest.fixture(scope="module")
def deliveries(provider: RecordingServer) -> tuple[Parcel, ...]:
    spoken = speak(seed=SEED, count=RECORDINGS)
    lengths = tuple((one.language, one.seconds) for one in spoken)
    story = tell(seed=SEED, now=1_790_000_000, days=DAYS, calls=CALLS, spoken=lengths)
    return parcels(story, audio=provider.hold(story, spoken=spoken))


def test_twenty_four_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, provider: RecordingServer, deliveries: tuple[Parcel, ...]
) -> None:
    chance = random.Random(SEED)
    homes = {name: tmp_path / name for name in ("undisturbed", "disturbed")}
    for home in homes.values():
        told = Told(seed=SEED, now=1_790_000_000, days=DAYS, calls=CALLS)
        furnish(home, told=replace(told, recordings_port=provider.port), recordings_host=provider.host)
    for port in ("ANGIME_RECEIVE_PORT", "ANGIME_PAGES_PORT"):  # ours alone: a killed receiver comes back to the same
        monkeypatch.setenv(port, str(free_port()))
    monkeypatch.setenv("ANGIME_HOME", str(homes["undisturbed"]))
    expected = _translated(deliveries)
    assert len(expected) >= EVENTS_AT_LEAST

    with _running() as stack:
        sending.send(deliveries, base_url=stack.receiver_url, seed=SEED, on_sent=lambda: None)
        _drain(homes["undisturbed"], stack, events=len(expected))
    undisturbed = _look(homes["undisturbed"])

    monkeypatch.setenv("ANGIME_HOME", str(homes["disturbed"]))
    killed = 0
    with _running() as stack:
        for number, part in enumerate(_parts(deliveries, count=KILLS)):
            killed += _kill(stack, STAGES[number % len(STAGES)], after_seconds=chance.random())
            sending.send(part, base_url=stack.receiver_url, seed=SEED, on_sent=lambda: None)
        _drain(homes["disturbed"], stack, events=len(expected))
    disturbed = _look(homes["disturbed"])

    assert killed == KILLS
    assert len(disturbed.ids) == len(set(disturbed.ids))
    assert expected <= set(disturbed.ids)
    assert set(undisturbed.ids) == set(disturbed.ids)
    assert (undisturbed.transcribed, disturbed.transcribed) == (RECORDINGS, RECORDINGS)
    assert disturbed.hashes == undisturbed.hashes
    assert disturbed.hashes == _rebuilt(homes["disturbed"])


def _translated(deliveries: Sequence[Parcel]) -> set[str]:
    """The ids of the events that the deliveries hold, without Kafka and without a process."""
    origins = load_origins(PipelinesSettings())
    ids: set[str] = set()
    for parcel in deliveries:
        _, _, source, account = parcel.path.split("/")
        origin = origins[source, account]
        raw = RawRecord(
            raw_id="8f0b1c5e-27ce-5f0a-9a2f-61d1a4c3b7e1",
            source=source,
            account=account,
            company=origin.company.id,
            received_at="2026-10-01T00:00:00.000Z",
            content_type=parcel.content_type if parcel.form is None else "application/x-www-form-urlencoded",
            body=parcel.body,
        )
        translation = SOURCES[source].translate(raw, company=origin.company, account=origin.account)
        assert translation.refused == ()
        ids |= {event.id for event in translation.events}
    return ids


@contextmanager
def _running() -> Iterator[up.Stack]:
    options = up.Options(
        say=lambda stage, line: print(f"{stage:<10} {line}"),
        on_step=print,
        stages=STAGES,
        may_choose_ports=False,
        longest_wait_seconds=0.5,
        extra=(("ANGIME_SPEECH_MODEL", "demo"),),
    )
    stack = up.start(options)
    try:
        stack.wait_ready()
        yield stack
    finally:
        stack.stop()


def _kill(stack: up.Stack, stage: str, *, after_seconds: float) -> int:
    """Kill a stage that runs, at a moment nobody chose; gives how many were killed."""
    time.sleep(after_seconds)
    deadline = time.monotonic() + 30.0
    while time.monotonic() < deadline:
        pid = stack.pid(stage)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
            return 1
        time.sleep(0.05)
    return 0


def _drain(home: Path, stack: up.Stack, *, events: int) -> None:
    """Wait until all events and all transcripts are in the log and nothing more comes."""
    wanted = events + 2 * RECORDINGS
    deadline = time.monotonic() + DRAIN_SECONDS
    landed = -1
    while landed < wanted and time.monotonic() < deadline:
        assert stack.failed is None
        time.sleep(LOOK_AGAIN_SECONDS)
        with suppress(NotYet), open_reader(AnalyticsSettings(home=home)) as reader:  # the lander may still make it
            landed = reader.sql("select count(*) as events from log.events").item()


def _look(home: Path) -> Landed:
    with open_writer(AnalyticsSettings(home=home)) as warehouse:
        hashes = {name: warehouse.table_hash(name) for name in TABLES}
    with open_reader(AnalyticsSettings(home=home)) as reader:
        ids = reader.sql("select id from log.events")["id"].to_list()
        transcribed = reader.sql("select count(*) as n from log.events where type = 'call.transcribed'").item()
    return Landed(ids=ids, transcribed=transcribed, hashes=hashes)


def _rebuilt(home: Path) -> Mapping[str, object]:
    with open_writer(AnalyticsSettings(home=home)) as warehouse:
        warehouse.rebuild()
        return {name: warehouse.table_hash(name) for name in TABLES}


def _parts(deliveries: Sequence[Parcel], *, count: int) -> Iterator[Sequence[Parcel]]:
    size = -(-len(deliveries) // count)
    return (deliveries[start : start + size] for start in range(0, len(deliveries), size))
