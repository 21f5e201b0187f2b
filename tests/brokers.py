"""A broker of one's own, for a test, a benchmark or a contest, and what lies on its topics."""

import time
from collections.abc import Callable, Generator
from contextlib import closing, contextmanager
from pathlib import Path

from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin, Record, assign

READ_SECONDS = 90.0


def silent(_: str) -> None:
    """Take a step without a word."""


@contextmanager
def own_broker(home: Path, *, on_step: Callable[[str], None] = silent) -> Generator[local_kafka.Running]:
    """Run a broker with the declared topics, which is stopped at the end."""
    running = local_kafka.start(home, on_step=on_step)
    try:
        with closing(Admin(running.bootstrap)) as admin:
            topics.apply(admin)
        yield running
    finally:
        local_kafka.stop(home)


def values_of(bootstrap: str, topic: str, *, count: int) -> list[bytes | None]:
    """Read a topic until `count` records are there, and a little longer to see whether there are more."""
    found: list[Record] = []
    silent_polls = 0
    deadline = time.monotonic() + READ_SECONDS
    with closing(assign(bootstrap, topics=[topic], offsets={})) as consumer:
        while silent_polls < 3 and time.monotonic() < deadline:
            records = consumer.poll(max_records=1000, timeout_seconds=0.3)
            found += records
            silent_polls = 0 if records or len(found) < count else silent_polls + 1
    return [record.value for record in found]
