"""A person is erased while his recording is on its way, and the streams are replayed: his voice is nowhere."""

import json
import os
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from analytics.privacy.erased import FILE
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from angime import erasing
from angime.settings import load
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin
from schemas.instants import Instant
from streams.app import GROUP
from tests.angime.front_door import typed
from tests.forked import ended, started
from tests.journeys import stages
from tests.journeys.stages import told, wait_for, work

COMPANY = """
id = "erasing"
name = "Erasing"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "crm"
source = "ingest"
recording_hosts = ["{address}"]
"""
RECEIVED: Instant = "2026-03-01T08:00:01.000Z"
PHONES = {"his": "+77015550550", "others": "+77015550551"}
READ = ("calls", "transcripts")

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


class Provider:
    """Hands out of each address what was said there; `asked` counts how often."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                name = self.path.strip("/")
                provider.asked[name] += 1
                self.send_response(200)
                self.send_header("content-length", str(len(said(name))))
                self.end_headers()
                self.wfile.write(said(name))

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        """Hand out no more."""
        self._server.shutdown()
        self._server.server_close()


def said(name: str) -> bytes:
    """Give what was said there."""
    return f"Quandyq said {name}".encode()


@pytest.fixture
def provider() -> Iterator[Provider]:
    with closing(Provider()) as serving:
        yield serving


@pytest.fixture
def home(tmp_path: Path, provider: Provider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give a home with a broker of its own, in which the calls of two persons were landed, and no recording yet."""
    monkeypatch.setenv("ANGIME_HOME", str(tmp_path))
    (tmp_path / "company.toml").write_text(COMPANY.format(address=provider.address))
    monkeypatch.setenv("ANGIME_KAFKA", local_kafka.start(tmp_path, on_step=print).bootstrap)
    with closing(Admin(os.environ["ANGIME_KAFKA"])) as admin:
        topics.apply(admin)
    facts = [
        told(f"{name}-{place}", type_, {"call_id": name, "contact": [{"kind": "phone", "value": phone}], **more})
        for name, phone in PHONES.items()
        for place, (type_, more) in enumerate(
            [
                ("call.ended", {"talk_seconds": 3}),
                (
                    "call.recording_made_available",
                    {"recording_id": name, "url": f"http://{provider.address}/{name}"},
                ),
            ]
        )
    ]
    stages.receive(facts, company="erasing", account="crm", at=RECEIVED)
    work()
    yield tmp_path
    local_kafka.stop(tmp_path)


@contextmanager
def worker(home: Path, *, is_killed: bool = False) -> Iterator[None]:
    """Run `angime stream`; one that is killed, as by a crash, keeps its partitions from the next for some seconds."""
    kafka = os.environ["ANGIME_KAFKA"]
    running = started("stream", home=home, log=home.parent / "worker.log", ANGIME_KAFKA=kafka)
    yield
    assert running.is_alive()
    if is_killed:
        running.kill()
    ended(running)


def has_read_all() -> bool:
    """Whether the worker has done all that lies on its topics."""
    with closing(Admin(os.environ["ANGIME_KAFKA"])) as admin:
        done = admin.committed(GROUP)
        return all(done.get(place) == end for place, end in admin.end_offsets(READ).items() if end)


def sounds(home: Path) -> set[bytes]:
    """Give what the recordings of the store hold."""
    return {file.read_bytes() for file in (home / "recordings").rglob("*") if file.is_file()}


def test_nothing_of_an_erased_person_is_left_whatever_the_worker_fetched_or_is_asked_for_again(
    home: Path, provider: Provider
) -> None:
    with worker(home, is_killed=True):
        wait_for(lambda: has_read_all() and sounds(home) == {said("his"), said("others")})
    receipt = erasing.erase([f"phone:{PHONES['his']}"], now=datetime.now(UTC), say=print)
    on_its_way = sounds(home)
    work()
    landed = sounds(home)

    known = (home / FILE).read_bytes()
    honoured = replay(home)
    (home / FILE).unlink()  # known to nobody who reads no log, as where a stage has a home of its own
    sent = replay(home)
    (home / FILE).write_bytes(known)
    with worker(home):
        wait_for(has_read_all)
    replayed, asked = sounds(home), provider.asked["his"]

    (home / FILE).unlink()
    replay(home)
    with worker(home):
        wait_for(lambda: has_read_all() and sounds(home) == {said("his"), said("others")})
    work()

    assert (receipt.persons, receipt.recordings, on_its_way) == (1, 1, {said("others")})
    assert (landed, replayed, sounds(home)) == ({said("others")},) * 3
    assert asked == 1
    assert [told_of["events"]["call.recording_made_available"] for told_of in (honoured, sent)] == [1, 3]
    beside_kafka = [file for file in home.rglob("*") if file.is_file() and "kafka" not in file.parts]
    assert [file.name for file in beside_kafka if said("his") in file.read_bytes()] == []
    with closing(open_reader(load(AnalyticsSettings))) as reader:
        rows = reader.sql("select type, data ->> '$.contact[0].kind' from log.events where starts_with(type, 'call.')")
    assert sorted(rows.rows()) == [
        ("call.ended", "erased"),
        ("call.ended", "phone"),
        ("call.recording_made_available", "erased"),
        ("call.recording_made_available", "phone"),
        ("call.recording_stored", "phone"),
    ]


def replay(home: Path) -> dict[str, Any]:
    """Send what the streams act on once more."""
    replayed = typed("replay", "--stage", "streams", "--json", home=home, ANGIME_KAFKA=os.environ["ANGIME_KAFKA"])
    assert replayed.code == 0
    return json.loads(replayed.out)
