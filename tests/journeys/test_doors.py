"""Replay, repair and open doors on a real broker: however often, the rows are the same and nobody is told twice."""

import json
import os
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import httpx
import pytest

from analytics.landing import letters
from analytics.landing.letters import LetterFilter
from analytics.settings import AnalyticsSettings
from analytics.views import read_views
from analytics.warehouse import Writer, open_reader, open_writer
from angime import printing
from angime.settings import load
from pipelines import redelivery, replay
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin, connect_producer
from pipelines.kafka.free_ports import free_port
from pipelines.kafka.plain_broker import clients, structs
from pipelines.replay import Choice
from pipelines.settings import PipelinesSettings
from schemas.alerts import AlertRaised
from schemas.codec import encode
from schemas.envelope import event
from schemas.ids import fact_id
from schemas.instants import instant
from schemas.records import REPLAYED
from schemas.topics import CANONICAL
from streams.app import GROUP
from tests.angime.front_door import typed
from tests.forked import running
from tests.journeys import stages
from tests.journeys.stages import told, wait_for, work
from tests.web_receiver import Receiver, receiving

CALLS = 20
TABLES = tuple(view.relation for view in read_views() if view.is_table)
COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "{account}"
source = "ingest"

[[alerts.channels]]
id = "hook"
kind = "webhook"
url = "file:hook"

[[alerts.rules]]
id = "missed"
kind = "missed_call"
to = ["hook"]
"""
TOKENS = '[[tokens]]\nname = "crm"\ncompany = "acme"\nscopes = ["calls"]\nsecret = "file:token"\n'
SINCE, UNTIL, NOW = "2026-01-01T00:00:00.000Z", "2026-12-31T00:00:00.000Z", "2026-03-02T00:00:00.000Z"
SECRET = "a-secret-of-the-journey"
NOTED = "__consumer_offsets"  # the broker's own topic

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def hook() -> Iterator[Receiver]:
    with receiving() as server:
        yield server


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, kafka: local_kafka.Running, hook: Receiver) -> Iterator[Path]:
    """Give a home on the real broker with calls that were landed, and as many that were refused for their account."""
    folder = tmp_path_factory.mktemp("doors")
    with closing(Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    connect(folder, account="crm")
    (folder / "hook").write_text(f"http://{hook.url}/alerts")
    (folder / "api.toml").write_text(TOKENS)
    (folder / "token").write_text(SECRET)
    ports = {"ANGIME_API_PORT": str(free_port()), "ANGIME_WATCH_PORT": str(free_port())}
    with pytest.MonkeyPatch.context() as patch:
        for name, setting in {"ANGIME_HOME": str(folder), "ANGIME_KAFKA": kafka.bootstrap, **ports}.items():
            patch.setenv(name, setting)
        receive(range(CALLS), account="crm")
        receive(range(CALLS), account="shop")
        work()
        yield folder


def connect(home: Path, *, account: str) -> None:
    (home / "company.toml").write_text(COMPANY.format(account=account))


def receive(numbers: Sequence[int], *, account: str) -> None:
    """Put one raw record a call onto its topic, and the same call told in an older version onto another."""
    calls = [
        told(f"{account}{number}", "call.ended", {"provider_call_id": f"{number}", "talk_seconds": number})
        for number in numbers
    ]
    stages.receive(calls, company="acme", account=account, at="2026-03-01T08:00:01.000Z")
    old = json.loads((printing.VERSIONS / "call.ended" / "1.whole.pass.json").read_text())
    with closing(connect_producer(load(PipelinesSettings).kafka)) as producer:
        producer.send("calls", key=b"old", value=json.dumps(old, separators=(",", ":"), ensure_ascii=False).encode())
        producer.flush()


def hashes(writer: Writer) -> dict[str, object]:
    """Count the calls' events and hash every table."""
    events = writer.connection.rows("select count(*), count(distinct id) from log.events where type like 'call.%'")
    return {"events": events, **{name: writer.table_hash(name) for name in TABLES}}


def said(*words: str, home: Path) -> dict[str, Any]:
    """Type a verb, and give what it printed."""
    done = typed(*words, "--json", home=home)
    assert done.code == 0, done.err
    return json.loads(done.out)


def test_replayed_from_kafka_and_from_the_log_after_a_repair_every_row_is_the_same(home: Path) -> None:
    connect(home, account="shop")  # what was refused for want of its account is mended
    with closing(open_reader(load(AnalyticsSettings))) as reader:
        places = [letter.place for letter in letters.find(reader, LetterFilter(source="ingest"))]
        refused = letters.whole(reader, places)
    with closing(connect_producer(load(PipelinesSettings).kafka)) as producer:
        assert redelivery.retry(refused, producer=producer, note="connected", now=NOW) >= CALLS
    work()
    with open_writer(load(AnalyticsSettings)) as writer:
        repaired = hashes(writer)

    by_time = [said("replay", "--stage", "normalise", "--company", "acme", "--from", "1d", home=home) for _ in "12"]
    by_offset = said("replay", "--topic", "calls", "--from", "0", home=home)
    wanted = Choice(stage="land", topics=CANONICAL, since=SINCE, until=UNTIL, company="acme")
    with (
        closing(connect_producer(load(PipelinesSettings).kafka)) as producer,
        closing(open_reader(load(AnalyticsSettings))) as reader,
    ):
        from_log = replay.from_log(reader, wanted, producer=producer)
    work()

    with closing(Admin(load(PipelinesSettings).kafka)) as admin:
        assert admin.offsets_at(["calls"], timestamp_ms=0) == admin.begin_offsets(["calls"])
        assert admin.offsets_at(["calls"], timestamp_ms=round(time.time() * 1000)) == admin.end_offsets(["calls"])
    # Of raw records the account that is connected now: refused, and sent again.
    assert [(one["origin"], one["sent"]) for one in by_time] == [("kafka", 2 * CALLS)] * 2
    assert (by_offset["origin"], by_offset["sent"]) == ("kafka", sum(by_offset["events"].values()))
    assert by_offset["sent"] >= 4 * CALLS
    assert from_log.made["call.ended"] == 2 * CALLS
    with open_writer(load(AnalyticsSettings)) as writer:
        assert hashes(writer) == repaired
        writer.rebuild()
        assert hashes(writer) == repaired


def test_api_figures_and_alerts_are_served_by_processes_of_their_own(home: Path, hook: Receiver) -> None:
    raise_alerts((1, []), (1, []), (2, [(REPLAYED, b"1")]), (3, []))
    api, figures = (f"http://127.0.0.1:{os.environ[f'ANGIME_{name}_PORT']}" for name in ("API", "WATCH"))
    acknowledged = _acknowledgements()

    with _running("api", home=home), _running("watch", home=home), _running("stream", home=home):
        wait_for(lambda: _get(f"{api}/healthz") is not None)
        answer = _get(f"{api}/api/v1/calls?limit=500", authorization=f"Bearer {SECRET}")
        wait_for(lambda: _get(f"{figures}/metrics") is not None)
        shown = _get(f"{figures}/metrics")
        wait_for(lambda: _alert_id(3) in _told(hook))
        wait_for(lambda: _waiting_for_streams() == 0)
        acknowledged = _acknowledgements() - acknowledged

    with closing(Admin(load(PipelinesSettings).kafka)) as admin:
        read = sum(admin.end_offsets(["calls"]).values())
    assert 0 < acknowledged < read / 5
    assert answer is not None
    assert len(answer.json()["calls"]) >= CALLS
    assert shown is not None
    assert 'angime_lag_records{stage="land",topic="alerts"} 4.0' in shown.text
    assert _told(hook) == [_alert_id(1), _alert_id(3)]


def test_a_worker_killed_while_it_tells_tells_nobody_twice(home: Path, hook: Receiver) -> None:
    hook.may_answer.clear()
    raise_alerts((4, []))
    with _running("stream", home=home, ends_by=-signal.SIGKILL) as worker:
        wait_for(lambda: _alert_id(4) in _told(hook))
        worker.kill()
    hook.may_answer.set()
    # Kafka hands the alert out again, for nobody acknowledged it; it is published once more, and replayed.
    raise_alerts((4, []), (4, [(REPLAYED, b"1")]), (5, []))
    with _running("stream", home=home):
        wait_for(lambda: _alert_id(5) in _told(hook))

    assert [_told(hook).count(_alert_id(number)) for number in (4, 5)] == [1, 1]


def test_kafka_forgets_what_every_stage_has_read_and_the_log_does_not(home: Path) -> None:
    work()
    with closing(Admin(load(PipelinesSettings).kafka)) as admin:
        held = admin.end_offsets(["raw", "messages"])
        with open_writer(load(AnalyticsSettings)) as writer:
            before = hashes(writer)

        counted = said("topics", "forget", home=home)
        begins = admin.begin_offsets(["raw"])
        deleted = said("topics", "forget", "--yes", home=home)

        assert counted == deleted
        assert {one["topic"]: one["records"] for one in deleted}["raw"] == sum(
            end - begins[place] for place, end in held.items() if place in begins
        )
        assert admin.begin_offsets(["raw", "messages"]) == admin.end_offsets(["raw", "messages"]) == held
    with open_writer(load(AnalyticsSettings)) as writer:
        writer.rebuild()
        assert hashes(writer) == before


def raise_alerts(*alerts: tuple[int, list[tuple[str, bytes]]]) -> None:
    """Publish alerts by number, each with its headers."""
    with closing(connect_producer(load(PipelinesSettings).kafka)) as producer:
        for number, headers in alerts:
            now = instant(datetime.now(UTC))
            told = AlertRaised(
                rule="missed", kind="missed_call", about=f"call-{number}", since=now, count=1, minutes=20
            )
            alert = event(
                told, id=_alert_id(number), source="angime", account="angime", company="acme", time=now, recordedat=now,
                key=f"call-{number}",
            )  # fmt: skip
            producer.send("alerts", key=alert.partitionkey.encode(), value=encode(alert), headers=headers)
        producer.flush()


def _waiting_for_streams() -> int:
    """Count what the worker has before it on the topic of calls."""
    with closing(Admin(load(PipelinesSettings).kafka)) as admin:
        done = admin.committed(GROUP)
        return sum(end - done.get(place, 0) for place, end in admin.end_offsets(["calls"]).items())


def _acknowledgements() -> int:
    """Count what stages have told Kafka of how far they are: each time it writes that down."""
    with closing(clients.KafkaConsumer(bootstrap_servers=load(PipelinesSettings).kafka)) as consumer:
        places = [structs.TopicPartition(NOTED, number) for number in consumer.partitions_for_topic(NOTED) or ()]
        return sum(consumer.end_offsets(places).values())


def _told(hook: Receiver) -> list[str]:
    return [request.headers["webhook-id"] for request in hook.requests]


def _alert_id(number: int) -> str:
    return fact_id("angime", "acme", "alert.raised", "missed", str(number))


def _get(url: str, **headers: str) -> httpx.Response | None:
    try:
        return httpx.get(url, headers=headers, timeout=30.0, trust_env=False)
    except httpx.HTTPError:
        return None


@contextmanager
def _running(stage: str, *, home: Path, ends_by: int = -signal.SIGTERM) -> Iterator[ForkServerProcess]:
    settings = {name: text for name, text in os.environ.items() if name.startswith("ANGIME_") and name != "ANGIME_HOME"}
    with running(stage, home=home, log=home / f"{stage}.log", **settings) as process:
        yield process
    assert process.exitcode in {0, ends_by}  # the API's server ends by the very signal
