"""Each runbook walked on what it is for: the failure is made, its commands are typed as printed, and all is well."""

import asyncio
import os
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from angime.settings import load
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin, assign
from schemas.codec import decode
from schemas.envelope import Event
from schemas.instants import Instant
from schemas.records import REPLAYED
from streams.listening import store_recording
from streams.settings import StreamsSettings
from streams.worker import open_ears
from tests.journeys import stages
from tests.journeys.stages import told, work
from tests.runbooks import Runbook

COMPANY_ID = "walked"
COMPANY = """
id = "walked"
name = "Walked"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "{account}"
source = "ingest"
recording_hosts = ["127.0.0.1:{port}"]
"""
RECEIVED: Instant = "2026-03-01T08:00:01.000Z"
SOUND = b"RIFF: a recording as the provider keeps it"
FILE_BYTES = 20_000  # no file of the lander may become longer, as on a disk that is full

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


class Provider(BaseHTTPRequestHandler):
    """Hands out the recording that it is asked for."""

    def do_GET(self) -> None:
        """Answer with the recording."""
        self.send_response(200)
        self.send_header("Content-Type", "audio/wav")
        self.send_header("Content-Length", str(len(SOUND)))
        self.end_headers()
        self.wfile.write(SOUND)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the name that is overridden
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[int]:
    """Run a provider; gives its port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Provider)
    serving = threading.Thread(target=server.serve_forever, daemon=True)
    serving.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    serving.join()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory, kafka: local_kafka.Running) -> Iterator[Path]:
    """Give a home on the real broker with calls that were landed."""
    folder = tmp_path_factory.mktemp("runbooks")
    with closing(Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    connect(folder, account="crm")
    with pytest.MonkeyPatch.context() as patch:
        for name, setting in {"ANGIME_HOME": str(folder), "ANGIME_KAFKA": kafka.bootstrap}.items():
            patch.setenv(name, setting)
        receive("landed", 3, account="crm")
        work()
        yield folder


def connect(home: Path, *, account: str, port: int = 1) -> None:
    (home / "company.toml").write_text(COMPANY.format(account=account, port=port))


def receive(name: str, count: int, *, account: str) -> None:
    """Put `count` calls of this name onto the topic of raw records, as they came of an account."""
    names = [f"{name}{number}" for number in range(count)]
    calls = [told(one, "call.ended", {"provider_call_id": one, "talk_seconds": 3}) for one in names]
    stages.receive(calls, company=COMPANY_ID, account=account, at=RECEIVED)


def landed(name: str) -> int:
    """Count the company's calls of this name."""
    with closing(open_reader(load(AnalyticsSettings))) as reader:
        text = "select count(*) from facts.calls where company = $company and starts_with(provider_call_id, $name)"
        return reader.sql(text, {"company": COMPANY_ID, "name": name}).item()


def recordings_told(bootstrap: str) -> list[tuple[Event, bool]]:
    """Give what Kafka holds of the company's recordings, and whether each was sent by a replay."""
    with closing(Admin(bootstrap)) as admin:
        begins, ends = admin.begin_offsets(["calls"]), admin.end_offsets(["calls"])
    records: list[Any] = []
    with closing(assign(bootstrap, topics=["calls"], offsets=begins)) as consumer:
        while len(records) < sum(ends.values()) - sum(begins.values()):
            records += consumer.poll(max_records=10_000, timeout_seconds=1.0)
    facts = [
        (decode(record.value), (REPLAYED, b"1") in record.headers) for record in records if b"walked" in record.value
    ]
    return [(fact, is_again) for fact, is_again in facts if fact.type == "call.recording_made_available"]


@pytest.fixture
def book(home: Path, kafka: local_kafka.Running, request: pytest.FixtureRequest) -> Iterator[Runbook]:
    """Give the runbook that the test is marked with; all of it must be walked."""
    walked = Runbook(request.param, home=home, kafka=kafka.bootstrap)
    yield walked
    walked.done()


@pytest.mark.parametrize("book", ["wrong-deploy"], indirect=True)
def test_what_wrong_settings_made_otherwise_or_not_at_all_is_mended_by_the_right_ones(
    book: Runbook, home: Path
) -> None:
    receive("doubled", 2, account="crm")
    receive("missed", 4, account="shop")  # a company.toml of before, which knows no such account
    work()
    connect(home, account="shop")
    with (home / "company.toml").open("a") as company:
        company.write("\n[[accounts]]\nid = 'crm'\nsource = 'ingest'\ntells_calls = false\n")
    of_crm = landed("")

    rebuilt = book.type("angime rebuild --verify")
    counted = book.type("angime replay --stage normalise --correct --from 2h --dry-run")
    sent = book.type("angime replay --stage normalise --correct --from 2h --yes")
    work()
    again = book.type("angime replay --stage normalise --correct --from 2h --yes")
    book.type("angime replay --into trial")
    compared = book.type("angime compare live trial")

    assert "False" not in rebuilt.out
    told = [line for line in counted.out.splitlines() if "call.ended" in line]
    assert told == ["new: call.ended 4", f"withdrawn: call.ended {of_crm}"]
    assert told == [line for line in sent.out.splitlines() if "call.ended" in line]
    assert "sent: 0" in again.out
    assert (of_crm >= 2, landed("doubled"), landed("missed"), landed("")) == (True, 0, 4, 4)
    assert "every row of every table is the same" in compared.out


@pytest.mark.parametrize("book", ["copies"], indirect=True)
def test_a_copy_that_is_put_back_lands_what_came_since(book: Runbook, home: Path, tmp_path: Path) -> None:
    connect(home, account="crm")
    copy, lost = tmp_path / "copy", tmp_path / "lost"
    shutil.copytree(home, copy)
    receive("since", 2, account="crm")
    work()
    before = landed("")

    book.home = copy
    seen = book.type("angime doctor")
    proved = book.type("angime rebuild --verify")
    home.rename(lost)
    copy.rename(home)
    put_back = landed("")
    book.home = home
    work()
    waiting = book.type("angime lag")
    book.read("angime import")
    rebuilt = book.type("angime rebuild --verify")

    assert "wrong" not in seen.out
    assert ("False" in proved.out, "False" in rebuilt.out) == (False, False)
    assert (put_back, landed("")) == (before - 2, before)
    assert {row.split()[2] for row in waiting.out.splitlines() if row.startswith("land ")} == {"0"}


@pytest.mark.parametrize("book", ["corrupt-catalog"], indirect=True)
def test_a_broken_catalog_is_landed_anew(book: Runbook, home: Path) -> None:
    connect(home, account="crm")
    before = landed("")
    warehouse = home / "warehouse"
    for file in warehouse.glob("catalog.sqlite*"):
        file.write_bytes(b"\0" * 4_096)

    seen = book.type("angime status")
    shutil.move(warehouse, home / "broken")
    book.read("angime land")
    work()
    book.type("angime schema check")
    book.type("angime doctor")

    assert "cannot be read" in seen.out
    assert landed("") == before


@pytest.mark.parametrize("book", ["disk-full"], indirect=True)
def test_a_lander_that_could_not_write_goes_on_where_the_home_has_room(
    book: Runbook, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive("full", 300, account="crm")
    work(is_landing=False)
    with subprocess.Popen(
        [sys.executable, "-m", "angime", "land"],
        env={**os.environ, "ANGIME_HOME": str(home)},
        stderr=subprocess.PIPE,
        text=True,
    ) as lander:
        resource.prlimit(lander.pid, resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
        said = next((line for line in lander.stderr or () if "has no room" in line), "")
        lander.terminate()
    left = landed("full")

    book.type("angime doctor")
    book.type("angime status")
    book.type("angime topics list")
    book.home = home.rename(tmp_path / "larger")
    monkeypatch.setenv("ANGIME_HOME", str(book.home))
    book.read("angime land")
    work()
    rebuilt = book.type("angime rebuild --verify")

    assert ("warehouse_away" in said, left) == (True, 0)
    assert (landed("full"), "False" in rebuilt.out) == (300, False)
    book.home.rename(home)


@pytest.mark.parametrize("book", ["lost-recordings"], indirect=True)
def test_a_recording_that_the_store_lost_is_fetched_again(book: Runbook, home: Path, provider: int) -> None:
    connect(home, account="crm", port=provider)
    told_of = {"call_id": "heard", "recording_id": "R-1", "url": f"http://127.0.0.1:{provider}/heard.wav"}
    heard = told("heard", "call.recording_made_available", told_of)
    stages.receive([heard], company=COMPANY_ID, account="crm", at=RECEIVED)
    work()
    [(available, _)] = recordings_told(book.kafka)
    stored = fetched(available)
    shutil.rmtree(home / "recordings")

    shown = book.type("angime call ID", ID="heard")
    sent = book.type("angime replay --stage streams --from 7d")
    [again] = [fact for fact, is_again in recordings_told(book.kafka) if is_again]
    stored_again = fetched(again)
    letters = book.type("angime dead list --stage streams")
    retried = book.type("angime dead retry --stage streams --yes")

    assert "call.recording_made_available" in shown.out
    assert "call.recording_made_available 1" in sent.out
    assert (stored_again.id, stored_again.data) == (stored.id, stored.data)
    assert [file.read_bytes() for file in (home / "recordings").rglob("*") if file.is_file()] == [SOUND]
    assert ("no dead letter" in letters.out, "retried: 0" in retried.out) == (True, True)


def fetched(available: Event) -> Event:
    """Do what the streams do with a recording that is available."""
    ears = open_ears(load(StreamsSettings), environ={})
    stored = asyncio.run(store_recording(available, ears=ears, now=available.recordedat))
    assert stored is not None
    return stored
