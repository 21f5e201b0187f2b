"""Ending: a stage whose terminal is closed ends in good order, and one that was started to outlive it goes on."""

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

STAGE = """
import signal, sys
from angime.commands.output import one_log_stream
from angime.commands.surroundings import stop_on_signal

stopped = stop_on_signal()
say = one_log_stream()
say("stage", "runs")
stopped.wait()
say("stage", "ends")
with open(sys.argv[1], "w") as file:
    file.write("ended in good order")
"""


@pytest.fixture(autouse=True)
def _heeded() -> Iterator[None]:
    """Let what is started heed the end of its terminal, also where the tests were started to outlive theirs."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


def test_a_stage_ends_in_good_order_when_its_terminal_is_closed(tmp_path: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-c", STAGE, str(tmp_path / "ended")])  # noqa: S606  # our own words
    assert b"runs" in os.read(terminal, 1_000)
    os.close(terminal)
    assert os.waitpid(pid, 0) == (pid, 0)
    assert (tmp_path / "ended").read_text() == "ended in good order"


def test_a_stage_that_was_started_to_outlive_its_terminal_does_not_heed_its_end() -> None:
    asked = "from angime.ending import ending_signals; print(*(one.name for one in ending_signals()))"
    for before, heeded in (([], "SIGTERM SIGINT SIGHUP\n"), (["nohup"], "SIGTERM SIGINT\n")):
        said = subprocess.run([*before, sys.executable, "-c", asked], capture_output=True, text=True, check=True)
        assert said.stdout == heeded


def test_work_goes_on_where_the_log_has_no_room_or_is_read_no_longer(tmp_path: Path) -> None:
    works = (
        "import logging, structlog; from angime import logs; from angime.commands.output import step; logs.set_up(); "
        "step('begins'); structlog.get_logger().warning('kafka_away'); logging.getLogger('faust').error('away'); "
        "step('ends'); print('done', flush=True)"
    )
    read, closed = os.pipe()
    os.close(read)
    for disk in (os.open("/dev/full", os.O_WRONLY), closed):
        said = subprocess.run(
            [sys.executable, "-c", works], stdout=subprocess.PIPE, stderr=disk, text=True, check=False
        )
        refused = subprocess.run(
            [sys.executable, "-m", "angime", "call", "CA1"],
            env={**os.environ, "ANGIME_HOME": str(tmp_path)},
            stderr=disk,
            check=False,
        )
        os.close(disk)
        assert (said.stdout, refused.returncode) == ("done\n", 2)
