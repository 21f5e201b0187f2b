"""The stages worked by hand on a real broker, at the home that the settings name, until nothing is left to do."""

import json
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

from analytics.settings import AnalyticsSettings
from analytics.warehouse import Reader, open_reader, open_writer
from angime.recordings import forget_recordings
from angime.settings import load
from pipelines import land, normalise
from pipelines.kafka.broker import Admin, assign, connect_producer
from pipelines.settings import PipelinesSettings
from schemas.errors import NotYet
from schemas.ids import raw_id
from schemas.instants import Instant
from schemas.records import RawRecord, raw_to_kafka

PATIENCE_SECONDS = 150.0  # a busy machine may need as long; a quiet one is done within seconds
LOOK_AGAIN_SECONDS = 0.1


def told(name: str, type_: str, data: dict[str, Any]) -> dict[str, Any]:
    """Give an event as our own source `ingest` takes it."""
    return {
        "specversion": "1.0",
        "id": name,
        "source": "/m",
        "type": type_,
        "time": "2026-03-01T08:00:00Z",
        "data": data,
    }


def receive(events: Iterable[dict[str, Any]], *, company: str, account: str, at: Instant) -> None:
    """Put one raw record an event onto its topic."""
    with closing(connect_producer(load(PipelinesSettings).kafka)) as producer:
        for told_event in events:
            body = json.dumps(told_event).encode()
            raw = RawRecord(
                raw_id=raw_id("ingest", account, body.hex()), source="ingest", account=account, company=company,
                received_at=at, content_type="application/json", body=body,
            )  # fmt: skip
            key, value, headers = raw_to_kafka(raw)
            producer.send("raw", key=key, value=value, headers=headers)
        producer.flush()


def wait_for(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(LOOK_AGAIN_SECONDS)


@contextmanager
def looking_into(settings: AnalyticsSettings) -> Generator[Callable[[str], list[tuple[Any, ...]]]]:
    """Give what asks the warehouse for rows, none before it is made; through one reader, for each opened costs a lot.

    Where the catalog went away under it, the next question opens another.
    """
    with ExitStack() as held:
        readers: list[Reader] = []

        def ask(text: str) -> list[tuple[Any, ...]]:
            try:
                if not readers:
                    readers.append(held.enter_context(open_reader(settings)))
                return readers[0].sql(text).rows()
            except NotYet:
                readers.clear()
                return []

        yield ask


def work(*, is_landing: bool = True) -> None:
    """Normalise and, unless the lander is stopped, land until nothing is left on any topic."""
    settings = load(PipelinesSettings)
    with closing(Admin(settings.kafka)) as admin, ThreadPoolExecutor(1) as hands:
        _work_until(lambda: _is_normalised(admin), hands=hands, stage=lambda stop: normalise.run(settings, stop=stop))
        if is_landing:
            _land(admin, bootstrap=settings.kafka, hands=hands)


def _is_normalised(admin: Admin) -> bool:
    with suppress(NotYet):  # a broker that has just started knows no groups yet
        done = admin.committed(normalise.GROUP)
        return all(done.get(place) == end for place, end in admin.end_offsets(["raw"]).items() if end)
    return False


def _land(admin: Admin, *, bootstrap: str, hands: ThreadPoolExecutor) -> None:
    """Land as the lander does; how far it is is asked of its writer, for a reader opened at each look takes a core."""
    ends = {place: end for place, end in admin.end_offsets(land.TOPICS).items() if end}
    with open_writer(load(AnalyticsSettings), forget_recordings=forget_recordings) as writer:
        offsets = writer.next_offsets()
        with closing(assign(bootstrap, topics=land.TOPICS, offsets=offsets)) as consumer:
            _work_until(
                lambda: all(writer.next_offsets().get(place, 0) >= end for place, end in ends.items()),
                hands=hands,
                stage=lambda stop: land.land(consumer, writer=writer, stop=stop),
            )


def _work_until(
    is_done: Callable[[], bool], *, hands: ThreadPoolExecutor, stage: Callable[[threading.Event], Any]
) -> None:
    stop = threading.Event()
    running = hands.submit(stage, stop)
    try:
        wait_for(lambda: running.done() or is_done())
    finally:
        stop.set()
    running.result(PATIENCE_SECONDS)
