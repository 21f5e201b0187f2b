"""One normaliser over what lies on `raw`, for the benchmark: BOOTSTRAP COUNT TRANSPORT."""

import json
import sys
import time
from datetime import UTC, datetime

from angime import logs
from pipelines import dead
from pipelines.kafka import fast_broker  # noqa: F401  # what is imported is not counted, as it is not with the others
from pipelines.kafka.broker import connect_producer, join_group
from pipelines.normalise import STAGE, TOPIC, settled, step
from pipelines.settings import PipelinesSettings
from schemas.instants import Instant, instant


class _Counting:
    """A producer that counts what passes to the real one."""

    def __init__(self, bootstrap: str, *, transport: str) -> None:
        producer = connect_producer(bootstrap, transport=transport)
        self.flush, self.close, self._send = producer.flush, producer.close, producer.send
        self.sent = 0

    def send(self, topic: str, *, key: bytes, value: bytes, headers: tuple[tuple[str, bytes], ...] = ()) -> None:
        """Count a record and pass it on."""
        self.sent += 1
        self._send(topic, key=key, value=value, headers=headers)


def main(bootstrap: str, count: int, transport: str) -> None:
    """Normalise `count` records of `raw` and print how many events they were, and how much processor time it took."""
    logs.set_up()  # as every stage does
    origins = settled(PipelinesSettings())
    began = time.process_time()
    producer = _Counting(bootstrap, transport=transport)
    consumer = join_group(bootstrap, group=f"bench-{began}", topics=[TOPIC], transport=transport)
    breaker = dead.Breaker(STAGE)
    done = 0
    while done < count:
        done += step(consumer, producer=producer, origins=origins, breaker=breaker, now=_now)
    consumer.close()
    producer.close()
    print(json.dumps({"events": producer.sent, "cpu_seconds": time.process_time() - began}))


def _now() -> Instant:
    return instant(datetime.now(UTC))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3])
