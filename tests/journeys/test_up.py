"""`angime up`: everything starts, what ends starts again, and Ctrl-C ends it all within fifteen seconds."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from pipelines.kafka import local_kafka
from pipelines.kafka.free_ports import free_port

COMPANY = 'id = "demo"\nname = "Demo"\ntime_zone = "Asia/Almaty"\ndefault_region = "KZ"\n'
# Packages of these names stand in the folder in which a person types: many projects have some.
OF_OTHERS = ("analytics", "angime", "dashboards", "pipelines", "schemas", "streamlit", "streams")
READY_SECONDS = 90.0
STOP_SECONDS = 15.0

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]


class Running:
    """`angime up` as a person started it, with the lines that it printed."""

    def __init__(self, home: Path) -> None:
        self.port, pages = free_port(), free_port()
        environ = {name: text for name, text in os.environ.items() if not name.startswith("ANGIME_")}
        settings = {
            "ANGIME_HOME": str(home),
            "ANGIME_RECEIVE_PORT": str(self.port),
            "ANGIME_PAGES_PORT": str(pages),
        }
        typed_in = home / "project"
        for name in OF_OTHERS:
            (typed_in / name).mkdir(parents=True)
            (typed_in / name / "__init__.py").write_text('raise SystemExit("another project runs")')
        self.process = subprocess.Popen(
            [str(Path(sys.executable).with_name("angime")), "up"],
            cwd=typed_in,
            env={**environ, **settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        for line in self.process.stderr or ():
            self.lines.append(line.rstrip())

    def says(self, words: str) -> bool:
        """Say whether a line with these words was printed."""
        return any(words in line for line in self.lines)

    def end(self) -> None:
        """Press Ctrl-C, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait(60)
        self._reader.join(5)
        if self.process.stderr:
            self.process.stderr.close()


def _wait(claim: Callable[[], bool], *, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if claim():
            return True
        time.sleep(0.2)
    return False


@pytest.fixture
def running(tmp_path: Path) -> Iterator[Running]:
    (tmp_path / "company.toml").write_text(COMPANY)
    started = Running(tmp_path)
    yield started
    started.end()
    local_kafka.stop(tmp_path)


def test_a_crashed_stage_and_a_lost_broker_start_again_and_ctrl_c_ends_everything_soon(
    running: Running, tmp_path: Path
) -> None:
    assert _wait(lambda: running.says("Pages: http"), seconds=READY_SECONDS), running.lines

    ready = httpx.get(f"http://127.0.0.1:{running.port}/readyz", trust_env=False)
    assert ready.status_code == 200

    nicer = {word: _niceness(running.process.pid, word=word) for word in ("land", "streamlit", "stream")}
    most = 19 - os.getpriority(os.PRIO_PROCESS, running.process.pid)  # nobody is nicer than 19
    assert nicer == {"land": 0, "streamlit": min(10, most), "stream": min(15, most)}

    for pid in _children(running.process.pid, word="receive"):
        os.kill(pid, signal.SIGKILL)
    assert _wait(lambda: running.says("receive ended with -9; it starts again"), seconds=READY_SECONDS), running.lines
    assert _wait(lambda: _is_ready(running.port), seconds=READY_SECONDS)

    first = local_kafka.status(tmp_path)
    os.kill(first.pid or 0, signal.SIGKILL)
    assert _wait(lambda: running.says("broker ended; it starts again in 0.5 s"), seconds=READY_SECONDS), running.lines
    assert _wait(lambda: running.says("broker runs again"), seconds=READY_SECONDS), running.lines
    again = local_kafka.status(tmp_path)
    assert _wait(lambda: _tells_kafka_near(running.port), seconds=READY_SECONDS)
    assert (True, first.bootstrap) == (again.is_running, again.bootstrap)
    assert again.pid != first.pid

    began = time.monotonic()
    running.process.send_signal(signal.SIGINT)
    code = running.process.wait(60)

    assert code == 0
    assert time.monotonic() - began < STOP_SECONDS
    assert local_kafka.status(tmp_path).is_running is False
    assert 1 == sum("broker ended" in line for line in running.lines)


def test_a_home_without_company_data_ends_with_one_line(tmp_path: Path) -> None:
    running = Running(tmp_path)
    try:
        assert running.process.wait(READY_SECONDS) == 2
    finally:
        running.end()
        local_kafka.stop(tmp_path)

    assert "company" in running.lines[-1]


def _is_ready(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def _tells_kafka_near(port: int) -> bool:
    return httpx.get(f"http://127.0.0.1:{port}/readyz", trust_env=False).json()["kafka"] == "near"


def _niceness(parent: int, *, word: str) -> int:
    """Say by how much a stage is nicer than what started it."""
    [pid] = _children(parent, word=word)
    return os.getpriority(os.PRIO_PROCESS, pid) - os.getpriority(os.PRIO_PROCESS, parent)


def _children(parent: int, *, word: str) -> list[int]:
    found: list[int] = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            status = (folder / "status").read_text()
            command = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        if f"PPid:\t{parent}\n" in status and word in command:
            found.append(int(folder.name))
    return found
