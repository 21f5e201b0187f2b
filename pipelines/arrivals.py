"""How bytes that we fetched ourselves reach Kafka: as raw records, just as a webhook's do."""

import threading
from collections.abc import Callable, Sequence

import structlog

from pipelines.kafka.ports import Producer
from pipelines.origins import Origin, raw_record
from schemas.errors import NotYet
from schemas.instants import Instant
from schemas.records import raw_to_kafka
from schemas.topics import MAX_RECORD_BYTES

TOPIC = "raw"
RETRY_SECONDS = (0.5, 1.0, 2.0, 5.0, 10.0)

log = structlog.get_logger()


class Arrivals:
    """Holds one producer for all doors of a process; its methods may be called from any thread."""

    def __init__(self, *, connect: Callable[[], Producer], now: Callable[[], Instant]) -> None:
        self._connect = connect
        self._now = now
        self._turn = threading.Lock()
        self._producer: Producer | None = None

    def keep(self, origin: Origin, bodies: Sequence[bytes], *, content_type: str = "") -> None:
        """Return when Kafka has all `bodies`, in their order; raises NotYet when it is away.

        After NotYet some may lie there; whoever sends them again makes the same facts. A body that no record can hold
        is left out and logged.
        """
        now = self._now()
        with self._turn:
            if self._producer is None:
                self._producer = self._connect()
            for body in bodies:
                if len(body) > MAX_RECORD_BYTES:
                    log.warning("arrival_too_large", source=origin.account.source, bytes=len(body))
                    continue
                record = raw_record(origin, body, received_at=now, content_type=content_type)
                key, value, headers = raw_to_kafka(record)
                self._producer.send(TOPIC, key=key, value=value, headers=headers)
            self._producer.flush()

    def keep_patiently(
        self, origin: Origin, bodies: Sequence[bytes], *, stop: threading.Event, content_type: str = ""
    ) -> bool:
        """Keep `bodies` however long Kafka is away; False, and nothing promised, when `stop` was set before."""
        retries = 0
        while not stop.is_set():
            try:
                self.keep(origin, bodies, content_type=content_type)
            except NotYet as error:
                log.warning("arrivals_wait", source=origin.account.source, reason=error.reason)
                stop.wait(RETRY_SECONDS[min(retries, len(RETRY_SECONDS) - 1)])
                retries += 1
            else:
                return True
        return False

    def close(self) -> None:
        """Let the connection go."""
        with self._turn:
            if self._producer is not None:
                self._producer.close()
                self._producer = None
