"""Keeps raw records safe before anybody is told so: in Kafka, or on disk while Kafka is away.

Many requests share one flush: a thread takes whatever waits, sends it, and settles all of it at once. While Kafka is
away, and until everything that waited on disk has been sent, new records go behind those in the outbox, so that the
order in which they came is the order in which Kafka gets them. A second thread drains the outbox, and a third one asks
while nothing comes whether Kafka still answers. A Kafka that no longer lets us in is away as well: its certificate has
expired, say, and providers send what they send meanwhile.
"""

import asyncio
import threading
from collections import deque
from collections.abc import Callable, Sequence

import msgspec
import structlog
from msgspec import Struct

from pipelines.kafka.ports import Headers, Producer
from pipelines.receiving.outbox import Outbox
from schemas.errors import Misconfigured, NotYet
from schemas.records import TRACEPARENT, RawRecord, raw_to_kafka

TOPIC = "raw"
FLUSH_SECONDS = 3.0  # providers wait 5 s and more; what Kafka does not acknowledge by then goes to the outbox
BATCH_RECORDS = 1_000
BATCH_BYTES = 4 * 1024 * 1024
SLOW_BYTES = 64 * 1024  # so few are sent at a time where a slow way to Kafka took no more within a flush
MAX_WAITING = 10_000
MAX_WAITING_BYTES = 64 * 1024 * 1024
KNOCKING_SECONDS = 5.0
RETRY_SECONDS = (0.2, 0.5, 1.0, 2.0)
STOP_SECONDS = 6.0
HTTP_HEADER = "http-"

log = structlog.get_logger()


class Received(Struct, frozen=True):
    """A raw record with the HTTP headers that are kept beside it."""

    raw: RawRecord
    http_headers: tuple[tuple[str, str], ...] = ()


class Figures(Struct, frozen=True, kw_only=True):
    """What the keeper can tell of itself; bytes are those of the outbox."""

    is_kafka_near: bool
    kept_by_kafka: int
    kept_by_outbox: int
    drained: int
    waiting: int
    outbox_bytes: int
    outbox_bytes_free: int


class _Waiting(Struct, frozen=True):
    received: Received
    loop: asyncio.AbstractEventLoop
    kept: "asyncio.Future[None]"


class Keeper:
    """Holds the producer, the outbox and three threads. `on_failure` is told of an error that nobody foresaw.

    `knock` raises NotYet while nobody answers, Misconfigured where Kafka does not let us in.
    """

    def __init__(
        self,
        outbox: Outbox,
        *,
        connect: Callable[[], Producer],
        knock: Callable[[], None],
        on_failure: Callable[[BaseException], None],
        knocking_seconds: float = KNOCKING_SECONDS,
    ) -> None:
        self._outbox = outbox
        self._connect = connect
        self._knock = knock
        self._knocking_seconds = knocking_seconds
        self._is_answering = True
        self._on_failure = on_failure
        self._producer: Producer | None = None
        self._waiting: deque[_Waiting] = deque()
        self._waiting_bytes = 0
        self._has_work = threading.Condition()
        self._mode = threading.Condition()  # guards the two lines below: which way records go
        self._is_direct = outbox.is_empty
        self._is_stopping = threading.Event()
        self._counts = {"kafka": 0, "outbox": 0, "drained": 0}
        self._drained_before = 0  # in outages that were told of as over
        self._threads = [
            threading.Thread(target=self._run, args=(body,), name=name, daemon=True)
            for name, body in (
                ("keeper", self._keep_batches),
                ("drainer", self._drain),
                ("knocker", self._knock_while_idle),
            )
        ]

    def start(self) -> None:
        """Begin to keep, and to drain what an earlier process left."""
        for thread in self._threads:
            thread.start()

    async def keep(self, received: Received) -> None:
        """Return when the record is safe; raises NotYet when neither Kafka nor the outbox takes it."""
        loop = asyncio.get_running_loop()
        kept: asyncio.Future[None] = loop.create_future()
        with self._has_work:
            is_too_much = self._waiting_bytes + len(received.raw.body) > MAX_WAITING_BYTES
            if is_too_much or len(self._waiting) >= MAX_WAITING or self._is_stopping.is_set():
                raise NotYet("too many requests wait to be kept")
            self._waiting.append(_Waiting(received, loop, kept))
            self._waiting_bytes += len(received.raw.body)
            self._has_work.notify()
        await kept

    def figures(self) -> Figures:
        """Tell how things stand."""
        return Figures(
            is_kafka_near=self._is_direct and self._is_answering,
            kept_by_kafka=self._counts["kafka"],
            kept_by_outbox=self._counts["outbox"],
            drained=self._counts["drained"],
            waiting=len(self._waiting),
            outbox_bytes=self._outbox.bytes_kept,
            outbox_bytes_free=self._outbox.bytes_free,
        )

    def close(self) -> None:
        """Keep what still waits, then let everything go; the outbox is drained by the next process."""
        with self._has_work:
            self._is_stopping.set()
            self._has_work.notify_all()
        with self._mode:
            self._mode.notify_all()
        for thread in self._threads:
            thread.join(STOP_SECONDS)
        if self._producer is not None:
            self._producer.close()
        self._outbox.close()

    def _run(self, body: Callable[[], None]) -> None:
        try:
            body()
        except BaseException as error:  # a bug ends the process, not only its thread
            self._on_failure(error)
            raise

    def _keep_batches(self) -> None:
        while True:
            batch = self._take()
            if not batch:
                return
            refusal = self._store([waiting.received for waiting in batch])
            _settle(batch, refusal=refusal)

    def _take(self) -> list[_Waiting]:
        """Wait for records and take a batch of them; none means that the keeper stops."""
        with self._has_work:
            while not self._waiting and not self._is_stopping.is_set():
                self._has_work.wait()
            batch: list[_Waiting] = []
            size = 0
            while self._waiting and len(batch) < BATCH_RECORDS and size < BATCH_BYTES:
                waiting = self._waiting.popleft()
                batch.append(waiting)
                size += len(waiting.received.raw.body)
            self._waiting_bytes -= size
            return batch

    def _store(self, records: Sequence[Received]) -> NotYet | None:
        if self._is_direct:
            try:
                self._send(records)
            except (NotYet, Misconfigured) as error:
                log.warning("kafka_away", reason=error.reason, records=len(records))
            else:
                self._counts["kafka"] += len(records)
                return None
        with self._mode:
            # Still direct here means the send above failed: from now on the drainer alone sends.
            self._is_direct = False
            self._mode.notify()
            try:
                self._outbox.append([_ENCODER.encode(received) for received in records])
            except NotYet as error:
                log.warning("webhooks_refused", reason=error.reason, records=len(records))
                return error
        self._counts["outbox"] += len(records)
        return None

    def _drain(self) -> None:
        retries, size_bytes = 0, BATCH_BYTES
        while not self._is_stopping.is_set():
            if not self._has_to_drain():
                retries, size_bytes = 0, BATCH_BYTES
                continue
            entries = self._outbox.oldest(max_bytes=size_bytes)
            try:
                self._send([_DECODER.decode(entry) for entry in entries])
            except (NotYet, Misconfigured) as error:
                log.info("outbox_waits", reason=error.reason, bytes=self._outbox.bytes_kept)
                self._is_stopping.wait(RETRY_SECONDS[min(retries, len(RETRY_SECONDS) - 1)])
                retries += 1
                size_bytes = max(SLOW_BYTES, size_bytes // 2)
                continue
            self._outbox.forget(entries)
            self._counts["drained"] += len(entries)
            retries, size_bytes = 0, min(BATCH_BYTES, size_bytes * 2)

    def _knock_while_idle(self) -> None:
        """Ask whether Kafka answers whenever nothing was sent that would have told."""
        sent = -1
        while not self._is_stopping.is_set():
            before, sent = sent, self._counts["kafka"] + self._counts["drained"]
            try:
                if before == sent or before < 0:
                    self._knock()
            except (NotYet, Misconfigured) as error:
                if self._is_answering:
                    log.warning("kafka_away", reason=error.reason, records=0)
                self._is_answering = False
            else:
                self._is_answering = True
            self._is_stopping.wait(self._knocking_seconds)

    def _has_to_drain(self) -> bool:
        """Go back to sending directly once the outbox is empty; wait while nothing is to be done."""
        with self._mode:
            if not self._is_direct and self._outbox.is_empty:
                if drained := self._counts["drained"] - self._drained_before:  # a full disk took none
                    log.info("outbox_drained", records=drained)
                self._drained_before += drained
                self._is_direct = True
            while self._is_direct and not self._is_stopping.is_set():
                self._mode.wait()
        return not self._is_stopping.is_set() and not self._outbox.is_empty

    def _send(self, records: Sequence[Received]) -> None:
        if self._producer is None:
            self._producer = self._connect()
        for received in records:
            key, value, headers = raw_to_kafka(received.raw)
            self._producer.send(TOPIC, key=key, value=value, headers=[*headers, *http_headers(received)])
        self._producer.flush(timeout_seconds=FLUSH_SECONDS + 1)


def http_headers(received: Received) -> Headers:
    """Give the kept HTTP headers as headers of a Kafka record."""
    return [
        (name if name == TRACEPARENT else HTTP_HEADER + name, content.encode("latin-1", "replace"))
        for name, content in received.http_headers
    ]


def _settle(batch: Sequence[_Waiting], *, refusal: NotYet | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiting in batch:
        by_loop.setdefault(waiting.loop, []).append(waiting.kept)
    for loop, futures in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_resolve, futures, refusal)


def _resolve(futures: Sequence["asyncio.Future[None]"], refusal: NotYet | None) -> None:
    for kept in futures:
        if kept.done():
            continue  # its request was given up meanwhile
        if refusal is None:
            kept.set_result(None)
        else:
            kept.set_exception(NotYet(refusal.reason))


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Received)
