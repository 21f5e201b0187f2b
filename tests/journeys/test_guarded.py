"""A Kafka that is encrypted and asks who comes: a call goes the whole way, and who is refused ends in one line.

Every stage comes with an account of its own, which may do what docs/deploy says and no more.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_writer
from pipelines.kafka.free_ports import free_port
from tests.angime.front_door import Said, typed
from tests.certificates import Authority
from tests.forked import forked, running
from tests.guarded_broker import PASSWORD, GuardedBroker, guarded_broker
from tests.journeys.stages import looking_into

PATIENCE_SECONDS = 240.0  # a busy machine may need as long; a quiet one is done within seconds
STAGES = ("receive", "normalise", "stream", "land")
TAIL, ERASE = "tail calls", "erase --identity phone:+77010000001 --yes"
WRONG = "another-planted-password"
TOKEN = "t" * 24
SOUND = b"RIFF: a recording as the provider keeps it"
COMPANY = """
id = "guarded"
name = "Guarded"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "module"
source = "ingest"
secrets = ["env:MODULE_TOKEN"]
recording_hosts = ["127.0.0.1:{port}"]
"""
# Each call's outcome with how many of its recordings are kept.
KEPT = """
    select calls.outcome, count(recordings.stored_at) as kept
    from facts.calls left join facts.recordings using (company, call_id) group by all
"""
AT = "2026-03-01T08:00:00.000Z"

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    """Run one for the tests of this file."""
    with guarded_broker(tmp_path_factory.mktemp("guarded") / "broker", has_rights=True) as running:
        yield running


@pytest.fixture
def provider() -> Iterator[int]:
    """Hand out a recording; gives the port."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-length", str(len(SOUND)))
            self.end_headers()
            self.wfile.write(SOUND)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    yield server.server_port
    server.shutdown()
    server.server_close()


def test_a_call_goes_the_whole_way_through_a_guarded_kafka_and_the_password_stands_nowhere(
    guarded: GuardedBroker, provider: int, tmp_path: Path
) -> None:
    port = free_port()
    (tmp_path / "company.toml").write_text(COMPANY.format(port=provider))
    settings = {**guarded.settings, "ANGIME_RECEIVE_PORT": str(port), "MODULE_TOKEN": TOKEN}

    def ask(*words: str, account: str = "angime") -> Said:
        return typed(*words, home=tmp_path, **{**settings, "ANGIME_KAFKA_USER": account})

    made = ask("topics", "apply")
    with ExitStack() as held:
        for stage in STAGES:
            told = {**settings, "ANGIME_KAFKA_USER": f"angime-{stage}"}
            held.enter_context(_running(stage, home=tmp_path, settings=told))
        assert _in_time(lambda: _post(port, provider=provider))
        with looking_into(AnalyticsSettings(home=tmp_path)) as asked:
            assert _in_time(lambda: asked(KEPT) == [("answered", 1)]), _logs(tmp_path)
        doctor, status, lag = (ask(verb, "--json", account="angime-watch") for verb in ("doctor", "status", "lag"))
        tail, replay = ask("tail", "calls", "--last", "5", "--json"), ask("replay", "--dry-run")
        denied = ask("tail", "calls", account="angime-receive")

    assert (2, True) == (denied.code, "Kafka has no topic angime.calls" in denied.err), denied
    assert [0] * 5 == [said.code for said in (made, status, lag, tail, replay)], (made, status, lag, tail, replay)
    [kafka] = [found for found in json.loads(doctor.out) if found["what"] == "kafka"]
    assert {"what": "kafka", "state": "good", "found": f"{guarded.address('USERS')}, SASL_SSL", "mending": ""} == kafka
    assert guarded.address("USERS") == json.loads(status.out)["kafka"]
    said = [text for one in (made, doctor, status, lag, tail, replay) for text in (one.out, one.err)]
    written = [file.read_bytes().decode(errors="replace") for file in tmp_path.rglob("*") if file.is_file()]
    assert [] == [text for text in (*said, *written) if PASSWORD in text]


@pytest.mark.parametrize("verb", [*STAGES, "collect", "up", TAIL, ERASE])
def test_who_comes_with_a_wrong_password_is_told_so_in_one_line(
    verb: str, guarded: GuardedBroker, tmp_path: Path
) -> None:
    said = _refused(verb, guarded, home=tmp_path, ANGIME_KAFKA_PASSWORD=WRONG)

    assert "does not let this user in with this password: check ANGIME_KAFKA_USER" in said.err


@pytest.mark.parametrize("verb", STAGES)
def test_who_trusts_another_authority_is_told_so_in_one_line(verb: str, guarded: GuardedBroker, tmp_path: Path) -> None:
    said = _refused(verb, guarded, home=tmp_path, ANGIME_KAFKA_CA=str(Authority(tmp_path / "stranger").ca))

    assert "is not trusted (self-signed certificate in certificate chain): name in ANGIME_KAFKA_CA" in said.err


@pytest.mark.parametrize("verb", ["normalise", "stream"])
def test_who_goes_to_another_name_is_told_so_in_one_line(verb: str, guarded: GuardedBroker, tmp_path: Path) -> None:
    elsewhere = guarded.address("USERS").replace("127.0.0.1", "localhost")
    said = _refused(verb, guarded, home=tmp_path, ANGIME_KAFKA=elsewhere)

    assert "is not for the name localhost: name it in ANGIME_KAFKA" in said.err


def test_the_doctor_names_what_refuses_us(guarded: GuardedBroker, tmp_path: Path) -> None:
    missing = tmp_path / "no.pem"
    told = {
        "does not let this user in with this password": {"ANGIME_KAFKA_PASSWORD": WRONG},
        f"ANGIME_KAFKA_CA is {missing}, which cannot be read": {"ANGIME_KAFKA_CA": str(missing)},
        "is not for the name localhost": {"ANGIME_KAFKA": guarded.address("USERS").replace("127.0.0.1", "localhost")},
    }
    for sentence, change in told.items():
        said = typed("doctor", "--json", home=tmp_path, **{**guarded.settings, **change})
        [kafka] = [found for found in json.loads(said.out) if found["what"] == "kafka"]

        assert (1, "wrong", True) == (said.code, kafka["state"], sentence in kafka["mending"]), kafka
        assert WRONG not in said.out + said.err


def _refused(verb: str, guarded: GuardedBroker, *, home: Path, **change: str) -> Said:
    """Run a verb with a setting that Kafka refuses; it ends by itself, and tells in one line why."""
    (home / "company.toml").write_text(COMPANY.format(port=1))
    if verb == ERASE:
        open_writer(AnalyticsSettings(home=home)).close()  # it must find one
    ports = {"ANGIME_RECEIVE_PORT": str(free_port()), "ANGIME_PAGES_PORT": str(free_port()), "MODULE_TOKEN": TOKEN}
    run = typed if verb in (TAIL, ERASE) else forked  # who runs for long takes signals, of its own process
    said = run(*verb.split(), home=home, **{**guarded.settings, **ports, **change})

    assert (2, 1) == (said.code, len([line for line in said.err.splitlines() if line.startswith("angime: ")])), said
    assert [] == [word for word in ("Traceback", WRONG, PASSWORD) if word in said.out + said.err]
    return said


@contextmanager
def _running(stage: str, *, home: Path, settings: dict[str, str]) -> Iterator[None]:
    (home / "logs").mkdir(exist_ok=True)
    with running(stage, home=home, log=home / "logs" / f"{stage}.log", **settings):
        yield


def _in_time(claim: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(0.2)
    return False


def _post(port: int, *, provider: int) -> bool:
    told: dict[str, Any] = {"call_id": "c1", "direction": "incoming", "channel": "phone", "talk_seconds": 30}
    recording = {"call_id": "c1", "recording_id": "r1", "url": f"http://127.0.0.1:{provider}/r1"}
    about = {"specversion": "1.0", "source": "/m", "time": AT}
    events = [
        {**about, "id": "1", "type": "call.ended", "data": {**told, "outcome": "answered"}},
        {**about, "id": "2", "type": "call.recording_made_available", "data": recording},
    ]
    try:
        answer = httpx.post(
            f"http://127.0.0.1:{port}/hooks/ingest/module",
            json=events,
            headers={"authorization": f"Bearer {TOKEN}"},
            timeout=10.0,
            trust_env=False,
        )
    except httpx.HTTPError:
        return False
    return answer.status_code == 200


def _logs(home: Path) -> str:
    return "\n".join(file.read_text() for file in (home / "logs").iterdir())
