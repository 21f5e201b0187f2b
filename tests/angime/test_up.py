"""What is said of a stage that stopped for good."""

import os
import time
from pathlib import Path

from angime.up import Options, Stack

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
