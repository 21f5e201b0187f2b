"""What is said of a stage that stopped for good, and what stages are started with."""

import os
import time
from pathlib import Path

from angime.up import Options, Stack, environ_of

FAILED_SECONDS = 60.0


def test_why_a_stage_stopped_is_said_as_it_said_it_itself(tmp_path: Path) -> None:
    lines: list[str] = []
    options = Options(say=lambda _, line: lines.append(line), on_step=lines.append, stages=("normalise",))
    settings = {
        "ANGIME_HOME": str(tmp_path),
        "ANGIME_KAFKA": "127.0.0.1:1",
        "ANGIME_RECEIVE_HOST": "",
        "ANGIME_RECEIVE_PORT": "",
        "ANGIME_PAGES_PORT": "",
    }
    stack = Stack(options, environ={**os.environ, **settings}, owns_broker=False)
    deadline = time.monotonic() + FAILED_SECONDS
    while stack.failed is None and time.monotonic() < deadline:
        time.sleep(0.1)
    stack.stop()

    assert f"angime: {stack.failed}" == lines[-1]


def test_stages_that_ask_the_warehouse_keep_small_pieces_of_memory_unless_a_person_says_it() -> None:
    name, count, stocks = "GLIBC_TUNABLES", "glibc.malloc.tcache_count=", "glibc.malloc.arena_max=2"

    assert environ_of("land", {"A": "1"}) == {"A": "1", name: f"{count}4000"}
    assert environ_of("pages", {name: f"{count}9"}) == {name: f"{count}4000:{stocks}:{count}9"}
    assert environ_of("stream", {"A": "1"}) == {"A": "1"}
