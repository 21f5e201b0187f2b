"""One program under one fault: it runs, is fed, is killed where it must be, and is left until it writes no more."""

import random
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path

from pipelines.kafka.broker import Producer, connect_producer
from tests.brokers import own_broker
from tests.rivals.programs import Program
from tests.rivals.story import Told

PARTS_A_SECOND = 10
AT_WORK_SECONDS = 90.0
IDLE_SECONDS = 14.0  # longer than a session of the group, after which a program that was killed gets its partitions
MOST_SECONDS = 420.0
MAX_CRASHES = 3  # one after the other, without a write between them
STOP_SECONDS = 20.0


class Runner:
    """Runs a program again whenever it ends, until it has crashed too often; knows when it last wrote."""

    def __init__(self, program: Program, *, bootstrap: str, home: Path) -> None:
        self._command = program.command(bootstrap, home)
        self._says = program.says.encode()
        self._log = (home / "program.log").open("ab")
        self._stopping = False
        self._process: subprocess.Popen[bytes] | None = None
        self._crashes = 0
        self.wrote_at = 0.0
        self.is_stuck = False
        self._watcher = threading.Thread(target=self._watch, daemon=True)
        self._watcher.start()

    def kill(self) -> None:
        """Kill it with -9 at once."""
        if self._process is not None:
            self._process.kill()

    def wait_at_work(self, since: float) -> None:
        """Wait until it has written after `since`, or has given up."""
        deadline = time.monotonic() + AT_WORK_SECONDS
        while self.wrote_at <= since and not self.is_stuck and time.monotonic() < deadline:
            time.sleep(0.02)

    def close(self) -> None:
        """End it for good."""
        self._stopping = True
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._watcher.join(STOP_SECONDS)
        self._log.close()

    def _watch(self) -> None:
        while not self._stopping and not self.is_stuck:
            with subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
            ) as process:
                self._process = process
                for line in process.stdout or ():
                    self._log.write(line)
                    if self._says in line:
                        self.wrote_at = time.monotonic()
                        self._crashes = 0
            if process.returncode != -9:
                self._crashes += 1
                self.is_stuck = self._crashes >= MAX_CRASHES


def run(
    program: Program, *, told: Sequence[Told], kills: int, part_seconds: float, chance: random.Random, home: Path
) -> bool:
    """Feed it part by part, and kill it while it is at work on each but the last; gives whether it gave up."""
    home.mkdir(parents=True)
    with own_broker(home / "broker") as kafka, closing(connect_producer(kafka.bootstrap)) as producer:
        program.command(kafka.bootstrap, home)  # what it needs is installed before the clock runs
        began = since = time.monotonic()
        runner = Runner(program, bootstrap=kafka.bootstrap, home=home)
        try:
            *parts, last = _parts(told, kills + 1)
            for part in parts:
                feeder = threading.Thread(target=_feed, args=(producer, part), kwargs={"seconds": part_seconds})
                feeder.start()
                runner.wait_at_work(since)
                time.sleep(chance.uniform(0, part_seconds))
                runner.kill()
                since = time.monotonic()
                feeder.join()
            _feed(producer, last, seconds=part_seconds)
            runner.wait_at_work(since)
            fed = time.monotonic()
            while (
                not runner.is_stuck
                and time.monotonic() - max(runner.wrote_at, fed) < IDLE_SECONDS
                and time.monotonic() - began < MOST_SECONDS
            ):
                time.sleep(0.1)
        finally:
            runner.close()
    return runner.is_stuck


def _feed(producer: Producer, told: Sequence[Told], *, seconds: float) -> None:
    """Send all at an even pace over so many seconds."""
    began = time.monotonic()
    for number, part in enumerate(_parts(told, round(seconds * PARTS_A_SECOND)), start=1):
        for one in part:
            producer.send("calls", key=one.key, value=one.value)
        producer.flush()
        time.sleep(max(0.0, began + number / PARTS_A_SECOND - time.monotonic()))


def _parts(told: Sequence[Told], count: int) -> Iterator[Sequence[Told]]:
    size = -(-len(told) // count)
    return (told[start : start + size] for start in range(0, len(told), size))
