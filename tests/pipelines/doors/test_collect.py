"""The stage of doors: it opens what accounts ask for, opens again what fell shut, and stops with its work stored."""

import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from pipelines import collect
from pipelines.arrivals import Arrivals
from pipelines.doors.contract import LONGEST_WAIT_SECONDS, Door, wait_after
from pipelines.kafka import broker, local_kafka, topics
from pipelines.origins import load_origins
from pipelines.settings import PipelinesSettings
from schemas.errors import Misconfigured, NotYet
from schemas.records import raw_from_kafka
from tests.fakes import MemoryKafka

COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "{account}"
source = "{source}"
{settings}
"""
WAIT_SECONDS = 60.0


def settings(
    home: Path, *, account: str = "pbx", source: str = "asterisk", lines: str = "", kafka: str = ""
) -> PipelinesSettings:
    (home / "company.toml").write_text(COMPANY.format(account=account, source=source, settings=lines))
    return PipelinesSettings(home=home, kafka=kafka)


class Flapping:
    """A door that falls shut twice, then stays open."""

    name = "asterisk-pbx-flapping"

    def __init__(self) -> None:
        self.runs = 0
        self.is_open = threading.Event()

    def run(self, stop: threading.Event) -> None:
        """Fall shut, or stay."""
        self.runs += 1
        if self.runs <= 2:
            raise NotYet("the other side is away")
        self.is_open.set()
        stop.wait(WAIT_SECONDS)


def test_the_stage_is_needed_where_an_account_has_such_a_door(tmp_path: Path) -> None:
    assert not collect.is_needed(load_origins(settings(tmp_path)))
    assert collect.is_needed(load_origins(settings(tmp_path, lines='settings = { cdr_file = "/x/Master.csv" }')))
    folders = 'settings = { cdr_folder = ["/x", "/y"] }'
    assert collect.is_needed(load_origins(settings(tmp_path, source="freeswitch", lines=folders)))


REMOTE = """
[[accounts]]
id = "linked"
source = "green_api"
settings = {{ poll_instance = "7103", api_token = "{token}" }}

[[accounts]]
id = "waha"
source = "waha"
settings = {{ socket_url = "http://waha:3000" }}
"""


def doors(home: Path, *, token: str, lines: str = "", **environ: str) -> list[Door]:
    made = settings(home, lines=lines)
    with (home / "company.toml").open("a") as file:
        file.write(REMOTE.format(token=token))
    arrivals = Arrivals(connect=MemoryKafka({"raw": 1}).producer, now=lambda: "2026-03-02T12:00:00.000Z")
    return collect.doors_of(load_origins(made), arrivals=arrivals, settings=made, environ=environ)


def test_every_door_that_the_settings_ask_for_is_made_and_each_has_a_name_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "ari.txt").write_text("user:password\n")
    lines = (
        'settings = { cdr_file = ["/a/Master.csv", "/b/Master.csv"], ari_url = "http://x", ari_login = "file:ari.txt" }'
    )
    names = [door.name for door in doors(tmp_path, token="env:TOKEN", lines=lines, TOKEN="t0ken")]

    assert len(set(names)) == len(names) == 5
    assert {"asterisk-pbx-socket", "green_api-linked-queue", "waha-waha-socket"} <= set(names)


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ("t0ken", "account 'linked' of green_api: write the secret in its settings as env:NAME or file:PATH"),
        ("env:TOKEN", "account 'linked' of green_api: .* set the environment variable TOKEN"),
    ],
)
def test_a_secret_that_is_missing_or_written_out_is_said_in_a_sentence(
    tmp_path: Path, token: str, sentence: str
) -> None:
    with pytest.raises(Misconfigured, match=sentence) as refusal:
        doors(tmp_path, token=token)

    assert "t0ken" not in refusal.value.reason


def test_waits_grow_and_are_bounded() -> None:
    waits = [wait_after(failures) for failures in range(100)]

    assert waits == sorted(waits)
    assert (waits[0], waits[-1]) == (0.5, LONGEST_WAIT_SECONDS)


def test_a_door_that_fell_shut_is_opened_again() -> None:
    door, stop, failures = Flapping(), threading.Event(), []
    holding = threading.Thread(target=collect.hold_open, args=(door, stop, failures.append), daemon=True)
    holding.start()

    assert door.is_open.wait(WAIT_SECONDS)
    stop.set()
    holding.join(WAIT_SECONDS)
    assert (door.runs, failures, holding.is_alive()) == (3, [], False)


@pytest.mark.kafka
def test_lines_of_a_file_become_raw_records(
    kafka: local_kafka.Running, tmp_path: Path, until: Callable[[Callable[[], bool]], bool]
) -> None:
    with closing(broker.Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    file = tmp_path / "Master.csv"
    file.write_text("one\ntwo\n")
    made = settings(tmp_path, account="followed", lines=f'settings = {{ cdr_file = "{file}" }}', kafka=kafka.bootstrap)
    stop, ready = threading.Event(), threading.Event()
    running = threading.Thread(
        target=collect.run, args=(made,), kwargs={"stop": stop, "on_ready": ready.set}, daemon=True
    )
    running.start()
    assert ready.wait(WAIT_SECONDS)
    consumer = broker.assign(kafka.bootstrap, topics=["raw"], offsets={})
    found: list[bytes] = []

    def has_both() -> bool:
        for record in consumer.poll(max_records=500, timeout_seconds=0.2):
            raw = raw_from_kafka(record.value, record.headers)
            if raw.account == "followed":
                found.append(raw.body)
        return len(found) >= 2

    assert until(has_both)
    stop.set()
    running.join(WAIT_SECONDS)
    consumer.close()
    assert found == [b"one\n", b"two\n"]
    assert not running.is_alive()
