"""The yardstick of the receiver: a bare ASGI service that hands each body to Kafka and answers: BOOTSTRAP PORT.

What people write first, done well: uvicorn, confluent-kafka with acks=all and an idempotent producer, and an answer
only when Kafka has the body. It proves no origin, knows no accounts, and has nothing for an hour without Kafka.
"""

import asyncio
import sys
import threading
from typing import Any

import uvicorn
from confluent_kafka import KafkaError, Message, Producer

from schemas.topics import PREFIX

POLL_SECONDS = 0.1
TOPIC = f"{PREFIX}raw"


def main(bootstrap: str, port: int) -> None:
    """Serve until the process is ended."""
    producer = Producer({"bootstrap.servers": bootstrap, "acks": "all", "enable.idempotence": True, "linger.ms": 0})

    def poll() -> None:
        while True:
            producer.poll(POLL_SECONDS)

    threading.Thread(target=poll, daemon=True).start()

    async def app(scope: dict[str, Any], receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        loop = asyncio.get_running_loop()
        body, is_more = b"", True
        while is_more:
            message = await receive()
            body, is_more = body + message.get("body", b""), message.get("more_body", False)
        kept: asyncio.Future[None] = loop.create_future()

        def settle(error: KafkaError | None, _message: Message) -> None:
            if error is not None:
                loop.call_soon_threadsafe(kept.set_exception, RuntimeError(str(error)))
            else:
                loop.call_soon_threadsafe(kept.set_result, None)

        producer.produce(TOPIC, value=body, on_delivery=settle)
        await kept
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})

    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False, lifespan="off")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
