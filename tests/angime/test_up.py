"""What is said of a stage that hangs or finds its settings wrong, or a lost broker; what stages start with."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from angime.liveness import HANGING_LOOKS, Asked, Watch
from angime.presence import last_beat
from angime.up import Options, Stack, environ_of

FAILED_SECONDS = 60.0
COMPANY = 'id = "acme"\nname = "Acme"\ntime_zone = "UTC"\ndefault_region = "KZ"\n'


def test_a_stage_that_hangs_starts_again_and_waits_for_settings_that_were_broken_meanwhile(tmp_path: Path) -> None:
    company = tmp_path / "company.toml"
    company.write_text(COMPANY)
    lines: list[str] = []
    options = Options(
        say=lambda _, line: lines.append(line), on_step=lines.append, stages=("normalise",), look_seconds=0.2
    )
    stack = Stack(options, environ=_environ(tmp_path), owns_broker=False)
    _wait(lambda: last_beat(tmp_path, "normalise") > 0 and any("Kafka is not ready" in line for line in lines))
    company.write_text("")
    pid = stack.pid("normalise")
    assert pid is not None, lines
    os.kill(pid, signal.SIGSTOP)
    _wait(lambda: any("mend what it said" in line for line in lines))
    broken = len(lines)
    company.write_text(COMPANY)
    _wait(lambda: any("Kafka is not ready" in line for line in lines[broken:]))
    stack.stop()

    said = [line for line in lines if line.startswith("normalise ")]
    assert said[:3] == [
        "normalise hangs: it runs, and gave no sign of life for 0 minutes; it is ended",
        "normalise ended with -9; it starts again in 0.5 s",
        "normalise ended with 2: mend what it said; it starts again in 1.0 s",
    ]
    assert lines[broken - 2].startswith(f"angime: {company}")
    assert any("Kafka is not ready" in line for line in lines[broken:])
    assert stack.failed is None


def test_a_stage_whose_settings_are_wrong_as_it_first_starts_ends_everything(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text("")
    lines: list[str] = []
    options = Options(say=lambda _, line: lines.append(line), on_step=lines.append, stages=("normalise",))
    stack = Stack(options, environ=_environ(tmp_path), owns_broker=False)
    _wait(lambda: stack.failed is not None)
    stack.stop()

    assert lines == [f"angime: {stack.failed}"]


def test_one_that_folds_for_long_is_at_work_and_one_that_stands_still_hangs() -> None:
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as folding:
        asked = Asked(pid=folding.pid, sign=lambda: 0.0, works_long=True)
        watch = Watch()
        at_work = [_looked(watch, asked) for _ in range(HANGING_LOOKS + 2)]
        folding.send_signal(signal.SIGSTOP)
        standing = [_looked(watch, asked) for _ in range(HANGING_LOOKS + 2)]
        folding.kill()

    assert [names for names in at_work if names] == []
    assert [names for names in standing if names] == [["land"]]


def _looked(watch: Watch, asked: Asked) -> list[str]:
    time.sleep(0.02)  # the system counts the time of processors by its hundredths of a second
    return watch.look({"land": asked})


def test_one_that_answered_once_hangs_when_it_answers_no_more_whatever_it_does_meanwhile() -> None:
    signs = iter([0.0, 1.0, *[0.0] * HANGING_LOOKS])
    with subprocess.Popen([sys.executable, "-c", "while True: pass"]) as spinning:
        asked = Asked(pid=spinning.pid, sign=lambda: next(signs))
        watch = Watch()
        looked = [watch.look({"pages": asked}) for _ in range(HANGING_LOOKS + 2)]
        spinning.kill()

    assert looked == [[]] * (HANGING_LOOKS + 1) + [["pages"]]


def test_what_hinders_a_lost_broker_from_starting_is_said_once_while_it_is_tried_again(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "broker.json").write_text("{")
    said: list[str] = []
    steps: list[str] = []
    options = Options(say=lambda _, line: said.append(line), on_step=steps.append, stages=(), longest_wait_seconds=0.01)
    stack = Stack(options, environ=_environ(tmp_path), owns_broker=True)
    _wait(lambda: bool(steps))
    time.sleep(0.3)  # in which it is tried again more than once
    stack.stop()

    assert said == ["broker ended; it starts again in 0.5 s"]
    assert steps == [
        f"The broker cannot start, and is tried again: {tmp_path}/kafka/broker.json is damaged; "
        "delete it, a new one is made at the next start."
    ]


def _wait(claim: Callable[[], bool]) -> None:
    deadline = time.monotonic() + FAILED_SECONDS
    while not claim() and time.monotonic() < deadline:
        time.sleep(0.02)


def _environ(home: Path) -> dict[str, str]:
    settings = {
        "ANGIME_HOME": str(home),
        "ANGIME_KAFKA": "127.0.0.1:1",
        "ANGIME_RECEIVE_HOST": "",
        "ANGIME_RECEIVE_PORT": "1",
        "ANGIME_PAGES_PORT": "1",
    }
    return {**os.environ, **settings}


def test_stages_that_ask_the_warehouse_keep_small_pieces_of_memory_unless_a_person_says_it() -> None:
    name, count, stocks = "GLIBC_TUNABLES", "glibc.malloc.tcache_count=", "glibc.malloc.arena_max=2"

    assert environ_of("land", {"A": "1"}) == {"A": "1", name: f"{count}4000"}
    assert environ_of("pages", {name: f"{count}9"}) == {name: f"{count}4000:{stocks}:{count}9"}
    assert environ_of("stream", {"A": "1"}) == {"A": "1"}
