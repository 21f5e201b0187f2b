"""Which stages run here: `angime status` and `angime doctor` tell those of a home from those of another one."""

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from angime import presence
from pipelines.kafka import local_kafka
from schemas.errors import Misconfigured
from tests.angime.front_door import typed

COMPANY = 'id = "demo"\nname = "Demo"\ntime_zone = "Asia/Almaty"\ndefault_region = "KZ"\n'
READY_SECONDS = 120.0
NO_KAFKA = "127.0.0.1:1"


class Home:
    """A home whose receiver and pages run, on any ports that are free."""

    def __init__(self, home: Path) -> None:
        self.home = home
        ports = {"ANGIME_RECEIVE_PORT": "0", "ANGIME_PAGES_PORT": "0"}
        (home / "company.toml").write_text(COMPANY)
        environ = {**os.environ, "ANGIME_HOME": str(home), "ANGIME_KAFKA": NO_KAFKA, **ports}
        self._stages = [
            subprocess.Popen([sys.executable, "-m", "angime", stage], env=environ, stderr=subprocess.DEVNULL)
            for stage in ("receive", "pages")
        ]

    def end(self) -> None:
        """End both."""
        for stage in self._stages:
            stage.terminate()
            stage.wait(60)


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Home]:
    home = tmp_path / "home"
    home.mkdir()
    started = Home(home)
    yield started
    started.end()


def _told(home: Path, **settings: str) -> list[str]:
    standing = json.loads(typed("status", "--json", home=home, ANGIME_KAFKA=NO_KAFKA, **settings).out)
    return [standing["receive"], standing["pages"]]


def _ports(home: Path, **settings: str) -> list[str]:
    findings = json.loads(typed("doctor", "--json", home=home, ANGIME_KAFKA=NO_KAFKA, **settings).out)
    return [finding["found"] for finding in findings if finding["what"] == "ports"]


def test_stages_are_told_from_those_of_another_home_on_the_same_ports(running: Home, tmp_path: Path) -> None:
    other = tmp_path / "other"
    deadline = time.monotonic() + READY_SECONDS
    while not all(said.startswith("ready at ") for said in _told(running.home)) and time.monotonic() < deadline:
        time.sleep(0.5)

    addresses = [said.removeprefix("ready at ") for said in _told(running.home)]
    receive, pages = (address.removeprefix("http://127.0.0.1:") for address in addresses)
    ports = {"ANGIME_RECEIVE_PORT": receive, "ANGIME_PAGES_PORT": pages}
    assert _told(other, **ports) == ["none runs here", "none runs here"]
    assert _ports(running.home) == [f"{address} is ours" for address in addresses]
    assert _ports(other, **ports) == [
        f"{port} is taken by another program, or by Angime of another home" for port in (receive, pages)
    ]

    running.end()
    assert _told(running.home) == ["none runs here", "none runs here"]


def test_whether_recordings_are_listened_to_is_asked_of_the_worker(tmp_path: Path) -> None:
    def listening(**settings: str) -> str:
        return json.loads(typed("status", "--json", home=tmp_path, ANGIME_KAFKA=NO_KAFKA, **settings).out)["listening"]

    assert listening(ANGIME_SPEECH_MODEL="demo") == "nobody here"
    presence.tell(tmp_path, "stream", said="small")
    assert listening() == "on, by small"
    assert "✓ model: small" in typed("doctor", home=tmp_path, ANGIME_KAFKA=NO_KAFKA).out


def test_a_broker_that_is_away_is_wrong_while_stages_wait_for_it(tmp_path: Path) -> None:
    def kafka() -> str:
        [line] = [line for line in typed("doctor", home=tmp_path).out.splitlines() if "kafka:" in line]
        return line

    assert "no broker runs" in kafka()
    assert "wait" not in kafka()
    presence.tell(tmp_path, "pages", said="http://127.0.0.1:8501")
    assert "wait" not in kafka()
    presence.tell(tmp_path, "receive", said="http://127.0.0.1:8080")
    presence.tell(tmp_path, "land", said="127.0.0.1:9092")
    assert "✗ kafka: no broker runs, for which receive, land wait" in kafka()
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "broker.json").write_text("{}")
    assert "✗ kafka: no broker runs: the last one ended by itself, for which receive, land wait" in kafka()
    assert not local_kafka.stop(tmp_path)
    assert "✗ kafka: no broker runs, for which receive, land wait" in kafka()


def test_status_tells_what_is_free_and_what_each_folder_takes(tmp_path: Path) -> None:
    (tmp_path / "kafka" / "data").mkdir(parents=True)
    (tmp_path / "kafka" / "data" / "0.log").write_bytes(b"0" * 2_500_000)

    lines = typed("status", home=tmp_path, ANGIME_KAFKA=NO_KAFKA).out.splitlines()
    assert lines[-3].startswith("warehouse: away: there is no warehouse yet at ")
    assert re.fullmatch(r"disk: free [0-9,.]+ MB, kafka 2.5 MB", lines[-1])


STAGE = """
import sys, time
from pathlib import Path
from angime import presence
presence.tell(Path(sys.argv[1]), "land", said="")
print("told", flush=True)
time.sleep(60)
"""
UP = """
import subprocess, sys, time
from pathlib import Path
from angime import presence
held = presence.claim(Path(sys.argv[1]))
subprocess.Popen([sys.executable, "-c", sys.argv[2], sys.argv[1]])
time.sleep(60)
"""


def test_one_runs_the_stages_of_a_home_and_when_it_is_killed_they_end_as_well(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", UP, tmp_path, STAGE], stdout=subprocess.PIPE, text=True) as up:
        assert up.stdout is not None
        assert up.stdout.readline() == "told\n"
        with pytest.raises(Misconfigured, match=f"run already by process {up.pid}: end that first"):
            presence.claim(tmp_path)
        runs = presence.told(tmp_path, "land")
        up.kill()
        assert up.stdout.read() == ""  # until the stage has let go of it, too

    os.close(presence.claim(tmp_path))
    assert (runs, presence.told(tmp_path, "land")) == ("", None)
