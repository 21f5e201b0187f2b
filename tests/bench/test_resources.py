"""What is read of processes: those of a group, each counted to its own."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager

from tests.bench.resources import used_by

# Two processes of one group, of which the second says when it has worked for some ticks of the processor's clock.
CHILD = """
import time
while time.process_time() < 0.05: pass
print(flush=True)
input()
"""
WITH_A_CHILD = f"""
import subprocess, sys
child = subprocess.Popen([sys.executable, "-I", "-S", "-c", {CHILD!r}], stdin=sys.stdin)
child.wait()
"""


@contextmanager
def _group() -> Generator[int]:
    command = [sys.executable, "-I", "-S", "-c", WITH_A_CHILD]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen(command, start_new_session=True, **pipes) as process:
        process.stdout.readline()
        yield process.pid
        process.stdin.write(b"\n")


def test_the_processes_of_a_group_are_summed_up_and_those_of_another_are_not() -> None:
    with _group() as group:
        used = used_by({"other": group, "ours": os.getpgrp(), "gone": None})
    assert ["other", "ours"] == list(used)
    assert 6 <= used["other"].handles <= 10  # three each, and the pipe between them
    assert 2.0 < used["other"].rss_mib < used["ours"].rss_mib
    assert 0.0 < used["other"].cpu_seconds < used["ours"].cpu_seconds
