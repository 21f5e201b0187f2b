"""The local broker on real processes and sockets: started, found, killed, started again, stopped."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Generator
from pathlib import Path

import msgspec
import pytest

from analytics.warehouse import open_reader
from angime.liveness import asked_of_broker
from pipelines import land
from pipelines.kafka import broker, hello, local_kafka, program, starting, topics
from pipelines.settings import PipelinesSettings
from schemas import codec
from schemas.envelope import Event, topic_of
from schemas.errors import Misconfigured, NotYet
from schemas.topics import TOPICS
from tests.analytics.landing_cases import call_events, settings_at
from tests.brokers import silent, values_of
from tests.runbooks import Runbook

ON_DISK_SECONDS = 20.0  # a second or two, on a busy machine


@pytest.fixture
def home(tmp_path: Path) -> Generator[Path]:
    """Give a home whose path would need quoting nearly everywhere, and leave no broker in it."""
    home = tmp_path / "үй, a home"
    yield home
    local_kafka.stop(home)


def port_of(running: local_kafka.Running) -> int:
    return int(running.bootstrap.rpartition(":")[2])


def wait_until_lost(home: Path) -> None:
    deadline = time.monotonic() + 30
    while not local_kafka.is_lost(home):
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.kafka
def test_a_broker_that_runs_is_found_instead_of_started_again(kafka: local_kafka.Running) -> None:
    home = kafka.data_folder.parent.parent
    steps: list[str] = []

    assert local_kafka.start(home, on_step=steps.append) == kafka
    assert steps == []
    assert local_kafka.status(home) == local_kafka.Status(
        is_running=True,
        is_lost=False,
        bootstrap=kafka.bootstrap,
        pid=kafka.pid,
        data_folder=home / "kafka" / "data",
        log_file=home / "kafka" / "logs" / "broker.log",
    )
    assert "Kafka Server started" in kafka.log_file.read_text()


@pytest.mark.kafka
def test_a_broker_lives_in_a_session_of_its_own_so_that_ctrl_c_in_the_terminal_does_not_reach_it(
    kafka: local_kafka.Running,
) -> None:
    assert os.getsid(kafka.pid) == kafka.pid


@pytest.mark.kafka
def test_a_broker_listens_on_loopback_only(kafka: local_kafka.Running) -> None:
    assert kafka.bootstrap == f"127.0.0.1:{port_of(kafka)}"
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", port_of(kafka)), timeout=2)


@pytest.mark.kafka
@pytest.mark.timeout(600)
def test_the_broker_of_a_copied_home_is_not_taken_for_the_one_that_starts(kafka: local_kafka.Running) -> None:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"]) as starts:
        came_up = starting.comes_up(starts, folder=kafka.data_folder.parent, port=port_of(kafka), on_step=silent)

    assert not came_up


def test_a_killed_broker_starts_again_with_every_acknowledged_record_and_a_damaged_one_with_what_nobody_had_read(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ANGIME_RECEIVE_PORT", "ANGIME_PAGES_PORT"):  # somebody may be there, of whom the doctor would tell
        monkeypatch.setenv(name, "0")
    values = [str(number).encode() for number in range(500)]
    first = local_kafka.start(home, on_step=silent)
    with contextlib.closing(broker.Admin(first.bootstrap)) as admin:
        topics.apply(admin, topics={"raw": TOPICS["raw"]})
    producer = broker.connect_producer(first.bootstrap)
    for value in values:
        producer.send("raw", key=value, value=value)
    producer.flush()
    producer.close()

    assert not local_kafka.is_lost(home)
    wait_until_on_the_disk(home, records=len(values))
    os.kill(first.pid, signal.SIGKILL)
    wait_until_lost(home)
    book = Runbook("broker-lost", home=home, kafka="")
    seen = book.type("angime status")
    examined = book.type("angime doctor")
    book.type("angime broker start")
    again = book.type("angime broker status")
    read = values_of(first.bootstrap, "raw", count=len(values))
    with contextlib.closing(broker.Admin(first.bootstrap)) as admin:
        topics.apply(admin)
    waiting = book.type("angime lag")
    book.done()

    assert "kafka: none runs: the broker ended by itself" in seen.out
    assert "no broker runs: the last one ended by itself" in examined.out
    assert not local_kafka.is_lost(home)
    assert f"bootstrap: {first.bootstrap}" in again.out
    assert sorted(read) == sorted(values)
    assert str(len(values)) in next(line for line in waiting.out.splitlines() if "normalise" in line)
    tell(first.bootstrap, call_events(1))
    land_all(home, first.bootstrap, events=5)
    tell(first.bootstrap, call_events(2))
    is_heard = asked_of_broker(home)
    local_kafka.stop(home)
    damage(home / "kafka" / "data")
    with pytest.raises(Misconfigured, match="angime broker rescue"):
        local_kafka.start(home, on_step=silent)
    walk_with_a_damaged_log(home, values=values)
    assert (is_heard is not None, asked_of_broker(home) is None) == (True, False)


def wait_until_on_the_disk(home: Path, *, records: int) -> None:
    """Wait until the broker notes that so many raw records need not be looked at after a power failure."""
    notes = home / "kafka" / "data" / "recovery-point-offset-checkpoint"
    deadline = time.monotonic() + ON_DISK_SECONDS
    while records > sum(int(line.split()[-1]) for line in notes.read_text().splitlines() if "angime.raw " in line):
        assert time.monotonic() < deadline, "what was acknowledged is not on the disk"
        time.sleep(0.1)


def damage(log: Path) -> None:
    """Empty a file without which no broker starts, and make a hole in a segment of raw records."""
    (log / "meta.properties").write_bytes(b"")
    largest = max(log.glob("angime.raw-*/*.log"), key=lambda file: file.stat().st_size)
    content = bytearray(largest.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 9] = bytes(9)
    largest.write_bytes(content)


def walk_with_a_damaged_log(home: Path, *, values: list[bytes]) -> None:
    """Do what the runbook says, and see that all is there that can be, once."""
    book = Runbook("damaged-kafka", home=home, kafka="")
    book.type("angime broker stop")
    rescued = book.type("angime broker rescue")
    book.read("angime up")
    again = local_kafka.start(home, on_step=silent)
    landed = land_all(home, again.bootstrap, events=10)
    found = values_of(again.bootstrap, "raw", count=1)
    waiting = book.type("angime lag")
    examined = book.type("angime doctor")
    book.done()

    assert landed == [(10, 10)]
    assert (0 < len(found) < len(values), set(found) <= set(values)) == (True, True)
    assert f"records: {len(found) + 10}" in rescued.out  # no worker had read any of the ten
    assert str(len(found)) in next(line for line in waiting.out.splitlines() if "normalise" in line)
    assert str(home / "damaged_kafka") in examined.out


def tell(bootstrap: str, facts: list[Event]) -> None:
    with contextlib.closing(broker.connect_producer(bootstrap)) as producer:
        for fact in facts:
            producer.send(topic_of(fact), key=fact.partitionkey.encode(), value=codec.encode(fact))
        producer.flush()


def land_all(home: Path, bootstrap: str, *, events: int) -> list[tuple[int, int]]:
    """Run the lander until so many events are there; gives how many there are, and how many different ones."""
    stop = threading.Event()
    settings = PipelinesSettings(home=home, kafka=bootstrap)
    landing = threading.Thread(
        target=land.run,
        args=(settings, settings_at(home)),
        kwargs={"stop": stop, "forget_recordings": lambda _: None},
    )
    landing.start()
    deadline = time.monotonic() + 120
    counted: list[tuple[int, int]] = []
    while counted != [(events, events)] and time.monotonic() < deadline:
        time.sleep(0.2)
        with contextlib.suppress(NotYet), contextlib.closing(open_reader(settings_at(home))) as reader:
            counted = reader.sql("select count(*), count(distinct id) from log.events").rows()
    stop.set()
    landing.join()
    return counted


@pytest.mark.kafka
def test_a_stopped_broker_whose_ports_were_taken_starts_at_others_and_is_the_same_cluster(home: Path) -> None:
    first = local_kafka.start(home, on_step=silent)
    cluster = hello.cluster_id(port_of(first))
    assert local_kafka.stop(home)
    assert not local_kafka.is_lost(home)
    assert not local_kafka.stop(home)
    was = msgspec.json.decode((home / "kafka" / "broker.json").read_bytes(), type=dict[str, int])

    with socket.create_server(("127.0.0.1", was["port"])), socket.create_server(("127.0.0.1", was["controller_port"])):
        again = local_kafka.start(home, on_step=silent)

    assert port_of(again) not in {was["port"], was["controller_port"]}
    assert hello.cluster_id(port_of(again)) == cluster


@pytest.mark.kafka
def test_three_who_start_a_broker_at_once_get_the_same_one(home: Path) -> None:
    program = (
        "import pathlib, sys; from pipelines.kafka import local_kafka; "
        "print(local_kafka.start(pathlib.Path(sys.argv[1]), on_step=lambda step: None).pid)"
    )
    starters = [
        subprocess.Popen([sys.executable, "-c", program, home], stdout=subprocess.PIPE, text=True) for _ in range(3)
    ]

    pids = [starter.communicate()[0] for starter in starters]

    assert pids == [f"{local_kafka.status(home).pid}\n"] * 3


def test_a_number_left_by_a_killed_broker_is_not_mistaken_for_ours_when_another_program_has_it(home: Path) -> None:
    folder = home / "kafka"
    folder.mkdir(parents=True)
    (folder / "held").touch()
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as other:
        (folder / "broker.json").write_bytes(
            msgspec.json.encode({"port": 20_001, "controller_port": 20_002, "pid": other.pid})
        )

        seen = local_kafka.status(home)
        was_stopped = local_kafka.stop(home)
        other_lives = other.poll() is None
        other.kill()

    assert seen.pid is None
    assert not seen.is_running
    assert not was_stopped
    assert other_lives


def test_a_home_that_never_had_a_broker_has_none(tmp_path: Path) -> None:
    assert local_kafka.status(tmp_path) == local_kafka.Status(
        is_running=False,
        is_lost=False,
        bootstrap=None,
        pid=None,
        data_folder=tmp_path / "kafka" / "data",
        log_file=tmp_path / "kafka" / "logs" / "broker.log",
    )
    assert list(tmp_path.iterdir()) == []


def test_a_home_that_cannot_be_written_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")

    with pytest.raises(Misconfigured, match=r"file/kafka cannot be written .*; make it writable or .* ANGIME_HOME"):
        local_kafka.start(tmp_path / "file", on_step=silent)


def test_a_damaged_state_file_is_named_with_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "broker.json").write_text("{")

    with pytest.raises(Misconfigured, match=r"broker\.json is damaged; delete it"):
        local_kafka.start(tmp_path, on_step=silent)


def test_somebody_who_does_not_speak_kafka_is_no_broker() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        web_server = f"""
import socket
connection, _ = socket.socket(fileno={server.fileno()}).accept()
connection.recv(1024)
connection.sendall(b"HTTP/1.1 400 Bad Request\\r\\n\\r\\n")
"""
        with subprocess.Popen([sys.executable, "-c", web_server], pass_fds=[server.fileno()]):
            assert hello.cluster_id(server.getsockname()[1]) is None


def test_nobody_is_no_broker() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))

        assert hello.cluster_id(unused.getsockname()[1]) is None


def test_every_jar_is_locked_by_its_checksum_and_the_lock_names_no_address() -> None:
    jars = program.locked_jars()

    assert [jar for jar in jars if len(jar.sha256) != 64] == []
    assert ("kafka_2.13", "4.3.0") in [(jar.artifact_id, jar.version) for jar in jars]
    assert "://" not in program.LOCK_FILE.read_text()
