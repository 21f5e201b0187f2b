"""What is said of a stage that stopped for good and of a broker that cannot start, and what stages are started with."""

import os
import time
from collections.abc import Callable
from pathlib import Path

from angime.up import Options, Stack, environ_of

FAILED_SECONDS = 60.0


def test_why_a_stage_stopped_is_said_as_it_said_it_itself(tmp_path: Path) -> None:
    lines: list[str] = []
    options = Options(say=lambda _, line: lines.append(line), on_step=lines.append, stages=("normalise",))
    stack = Stack(options, environ=_environ(tmp_path), owns_broker=False)
    _wait(lambda: stack.failed is not None)
    stack.stop()

    assert f"angime: {stack.failed}" == lines[-1]


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
        "ANGIME_RECEIVE_PORT": "",
        "ANGIME_PAGES_PORT": "",
    }
    return {**os.environ, **settings}


def test_stages_that_ask_the_warehouse_keep_small_pieces_of_memory_unless_a_person_says_it() -> None:
    name, count, stocks = "GLIBC_TUNABLES", "glibc.malloc.tcache_count=", "glibc.malloc.arena_max=2"

    assert environ_of("land", {"A": "1"}) == {"A": "1", name: f"{count}4000"}
    assert environ_of("pages", {name: f"{count}9"}) == {name: f"{count}4000:{stocks}:{count}9"}
    assert environ_of("stream", {"A": "1"}) == {"A": "1"}
