"""Land: what lies on the canonical topics becomes rows of the warehouse, each record once, with its facts."""

import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from datetime import UTC, datetime

import structlog

from analytics import warehouse
from pipelines.kafka import local_kafka
from pipelines.kafka.ports import Consumer, Producer, Record
from pipelines.settings import PipelinesSettings
from pipelines.tracing import OFF, Tracer, end_all, open_tracer
from schemas import codec
from schemas.envelope import topic_of
from schemas.errors import NotYet, OtherLog
from schemas.instants import Instant, instant
from schemas.records import REPLAYED
from schemas.topics import CANONICAL

STAGE = "land"
TOPICS = (*CANONICAL, "dead")
ALERTS = "alerts"
MAX_BATCH_RECORDS = 50_000
MAX_BATCH_BYTES = 64 * 1024 * 1024
# The thread that writes waits for the interpreter after each statement: while records are taken, or for a turn. With
# ten times as many records, and turns of the usual length, also ten times as long, a backlog lands at 0.87 of the rate.
POLLED_RECORDS = 1_000
TURN_SECONDS = 0.0005
BACKLOG_RECORDS = 5_000  # no live traffic brings so many at once
# An idle lander looks up this often; where a backlog has begun to come, the rest of it is waited for so long.
IDLE_SECONDS = 0.5
GATHERING_SECONDS = 0.1
# In a backlog a busy broker may be silent for so long: taken for the end, that has the facts built in the midst of it.
SILENCE_SECONDS = 1.0
# So many steps of maintenance follow a batch; each takes as long as some tens of events.
MAINTENANCE_STEPS = 3
ALERT_SECONDS = 15.0
RECONNECT_SECONDS = 1.0

log = structlog.get_logger()


def run(
    settings: PipelinesSettings,
    analytics: warehouse.AnalyticsSettings,
    *,
    stop: threading.Event,
    forget_recordings: warehouse.ForgetRecordings,
    begins_anew: bool = False,
) -> None:
    """Land until `stop` is set, connecting anew whenever Kafka was away, the catalog, or the store of recordings.

    With `begins_anew` all that Kafka holds is read again. Raises Misconfigured when another process lands into the same
    warehouse; OtherLog when the topics are not those it read, unless the broker is that of this home: it lost records
    then, or was made anew, and is read from where it begins.
    """
    if begins_anew:
        with warehouse.open_writer(analytics) as writer:
            writer.begin_anew()
    while not stop.is_set():
        try:
            _land_as_writer(settings, analytics, stop=stop, forget_recordings=forget_recordings)
        except warehouse.WarehouseAway as refusal:
            log.warning("warehouse_away", reason=refusal.reason)
            stop.wait(RECONNECT_SECONDS)


def _land_as_writer(
    settings: PipelinesSettings,
    analytics: warehouse.AnalyticsSettings,
    *,
    stop: threading.Event,
    forget_recordings: warehouse.ForgetRecordings,
) -> None:
    """Land until `stop` is set, as one writer of the warehouse; raises WarehouseAway when another must follow it."""
    with (
        warehouse.open_writer(analytics, forget_recordings=forget_recordings) as writer,
        closing(Herald(writer.bell(instant(datetime.now(UTC))), owes_replay=writer.was_left_behind)) as herald,
        closing(open_tracer(settings.traces)) as tracer,
    ):
        while not stop.is_set():
            try:
                _land_from_kafka(settings, writer=writer, stop=stop, herald=herald, tracer=tracer)
            except OtherLog as refusal:
                if local_kafka.status(settings.home).bootstrap != settings.kafka:
                    raise
                places = [f"{topic}/{partition}" for topic, partition in sorted(refusal.places)]
                log.warning("partitions_read_anew", reason="Kafka lost records that were landed", places=places)
                writer.begin_anew(refusal.places)
            stop.wait(RECONNECT_SECONDS)


def _land_from_kafka(
    settings: PipelinesSettings,
    *,
    writer: warehouse.Writer,
    stop: threading.Event,
    herald: "Herald",
    tracer: Tracer,
) -> None:
    """Land until `stop` is set or Kafka was away; raises OtherLog when offsets count in another log."""
    from pipelines.kafka.broker import assign, connect_producer

    try:
        # The last record that was landed is read again: where another stands in its place, this is another log.
        consumer = assign(
            settings.kafka, topics=TOPICS, offsets=writer.next_offsets(), again=1, transport=settings.transport
        )
    except NotYet as refusal:
        log.warning("kafka_away", reason=refusal.reason)
        return
    log.info("landing")
    try:
        if not herald.is_silent:
            herald.speak_to(connect_producer(settings.kafka, transport=settings.transport))
        land(consumer, writer=writer, stop=stop, herald=None if herald.is_silent else herald, tracer=tracer)
    except warehouse.WarehouseAway:
        raise
    except NotYet as refusal:
        log.warning("landing_waits", reason=refusal.reason)
    finally:
        consumer.close()


class Herald:
    """Publishes each alert of a warehouse once, on the topic `alerts`; what came of a replay is marked as such.

    `owes_replay` says that a replay was landed of which it has not told yet. What a lander that was killed left behind
    counts as one: nobody is notified of a history.
    """

    def __init__(self, bell: warehouse.Bell, *, owes_replay: bool = False) -> None:
        self._bell = bell
        self._producer: Producer | None = None
        self.owes_replay = owes_replay

    @property
    def is_silent(self) -> bool:
        """Whether no company wants to be told of anything."""
        return self._bell.is_silent

    def speak_to(self, producer: Producer) -> None:
        """Send through this producer from now on."""
        self.close()
        self._producer = producer

    def tell(self, now: Instant) -> None:
        """Publish what holds now and was not published before; raises NotYet when Kafka is away."""
        if self._producer is None:
            return
        alerts = self._bell.ring(now)
        for alert in alerts:
            self._producer.send(
                topic_of(alert),
                key=alert.partitionkey.encode(),
                value=codec.encode(alert),
                headers=[(REPLAYED, b"1")] if self.owes_replay else [],
            )
        self._producer.flush()
        self._bell.heard(alerts)
        self.owes_replay = False

    def close(self) -> None:
        """Let go of the producer."""
        if self._producer is not None:
            self._producer.close()


class Deferring:
    """Says of each batch whether its facts are left behind: a fresh warehouse takes in a backlog first.

    Then they are built once, at its end, not batch by batch. A backlog may begin with a trickle: what a client gives
    first can be as little as one record.
    """

    def __init__(self, is_fresh: Callable[[], bool]) -> None:
        self._asks_whether_fresh = is_fresh
        self._is_fresh: bool | None = None
        self._folded = 0

    def defers(self, records: int) -> bool:
        """Say it of a batch of so many records."""
        is_backlog = records >= BACKLOG_RECORDS
        if is_backlog and self._is_fresh is None:
            self._is_fresh = self._folded < BACKLOG_RECORDS and self._asks_whether_fresh()
        if is_backlog and self._is_fresh:
            return True
        if records:
            self._folded += records
            self._is_fresh = None
        return False


def land(  # noqa: PLR0913  # ports, told apart by name
    consumer: Consumer,
    *,
    writer: warehouse.Writer,
    stop: threading.Event,
    herald: Herald | None = None,
    tracer: Tracer = OFF,
    now: Callable[[], Instant] = lambda: instant(datetime.now(UTC)),
) -> None:
    """Land what `consumer` gives until `stop` is set, one transaction a batch, with maintenance and alerts between.

    Alerts are judged when no backlog waits, for half a story raises alarms that its end would take back.

    Raises NotYet when the consumer is of no more use; nothing is lost then, because the offsets lie with the rows.
    """
    told = time.monotonic()
    deferring = Deferring(writer.is_fresh)
    with _short_turns(), ThreadPoolExecutor(1, thread_name_prefix="gather") as hands:
        coming = hands.submit(_next_batch, consumer)
        while not stop.is_set():
            batch = coming.result()
            records = batch.records
            is_backlog = len(records) >= BACKLOG_RECORDS
            # The next batch of a backlog is gathered and read while one is written; in a trickle it grows meanwhile.
            if is_backlog:
                coming = hands.submit(_next_batch, consumer, is_in_backlog=True)
            # What a correction told anew left the facts behind: they are built once, where more of it waits.
            defers = deferring.defers(len(records)) or (is_backlog and writer.is_behind)
            if not defers:
                writer.catch_up(now())
            is_replayed = herald is not None and holds_replayed(records)
            is_time = time.monotonic() - told >= ALERT_SECONDS
            # What holds already is news, unless a replay brought it whose facts were left behind; what this one brings
            # is none.
            if herald is not None and not defers and (herald.owes_replay or (is_replayed and not is_backlog)):
                herald.tell(now())
            if records:
                spans = tracer.spans(STAGE, (record.headers for record in records))
                _land(batch, writer=writer, now=now(), folds=not defers)
                end_all(spans)
            if writer.is_behind and not is_backlog:
                writer.catch_up(now())
            if herald is not None and is_replayed:
                herald.owes_replay = True
            if herald is not None and not defers and (is_replayed or (is_time and not is_backlog)):
                herald.tell(now())
                told = time.monotonic()
            writer.maintain(now(), steps=MAINTENANCE_STEPS)
            if not is_backlog:
                coming = hands.submit(_next_batch, consumer)


@contextmanager
def _short_turns() -> Generator[None]:
    """Let two threads take turns often."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _next_batch(consumer: Consumer, *, is_in_backlog: bool = False) -> warehouse.Batch:
    return warehouse.Batch(gather(consumer, is_in_backlog=is_in_backlog))


def _land(batch: warehouse.Batch, *, writer: warehouse.Writer, now: Instant, folds: bool) -> None:
    landed = writer.land(batch, now=now, folds=folds)
    log.debug("landed", events=landed.events, duplicates=landed.duplicates, dead=landed.dead)
    if landed.dead or landed.conflicts:
        log.warning("refused_records_kept", dead=landed.dead, conflicts=landed.conflicts)


def holds_replayed(records: Iterable[warehouse.LandRecord]) -> bool:
    """Whether a replay sent some of these; an alert that came of one brings no facts and does not count."""
    return any(name == REPLAYED for record in records if record.topic != ALERTS for name, _ in record.headers)


def gather(consumer: Consumer, *, is_in_backlog: bool = False) -> list[Record]:
    """Wait for records, then take what is there, up to a batch; a trickle is not waited for.

    In a backlog, what comes first can be as little as a trickle: a client that was just emptied gives what it has, and
    a busy broker lets wait for the rest. Kafka gives these by tenths of a second already, and while one batch is
    written the next one grows in the consumer, so that batches are as large as traffic demands.
    """
    first_wait = SILENCE_SECONDS if is_in_backlog else IDLE_SECONDS
    records = consumer.poll(max_records=POLLED_RECORDS, timeout_seconds=first_wait)
    size_bytes = _size_bytes(records)
    began = time.monotonic()
    while records and len(records) < MAX_BATCH_RECORDS and size_bytes < MAX_BATCH_BYTES:
        if len(records) >= BACKLOG_RECORDS:
            patience_seconds = GATHERING_SECONDS
        else:
            patience_seconds = SILENCE_SECONDS if is_in_backlog else 0.0
        more = consumer.poll(
            max_records=min(POLLED_RECORDS, MAX_BATCH_RECORDS - len(records)),
            timeout_seconds=max(0.0, began + patience_seconds - time.monotonic()),
        )
        if not more:
            break
        records += more
        size_bytes += _size_bytes(more)
    return records


def _size_bytes(records: list[Record]) -> int:
    return sum(len(record.value or b"") for record in records)
