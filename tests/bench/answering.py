"""A webhook's answer: the receiver beside a bare ASGI service that produces with acks=all and proves no origin.

Each runs in a process of its own before the same broker and gets the same signed requests of WhatsApp over as many
connections that are kept open; a sender waits for its answer before it sends the next one.
"""

import asyncio
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path

from msgspec import Struct

from pipelines.kafka.free_ports import free_port
from tests.bench import normalising
from tests.bench.posting import connect, request

CONNECTIONS = 16
WARM_UP = 500
REQUESTS = 4_000
READY_SECONDS = 60.0
HOST = "127.0.0.1"


class Answered(Struct, frozen=True, kw_only=True):
    """Milliseconds from a request to its answer, sorted, and requests a second over all connections."""

    milliseconds: tuple[float, ...]
    per_second: float

    @property
    def median_ms(self) -> float:
        """The middle answer."""
        return statistics.median(self.milliseconds)

    @property
    def p99_ms(self) -> float:
        """The answer that 99 of 100 were not slower than."""
        return self.milliseconds[-(-len(self.milliseconds) * 99 // 100) - 1]


def ours(bootstrap: str, home: Path) -> Answered:
    """Ask the receiver, which proves each signature and knows the account."""
    port = free_port()
    environ = os.environ | {"ANGIME_HOME": str(home), "ANGIME_KAFKA": bootstrap, "ANGIME_RECEIVE_PORT": str(port)}
    return _measure([sys.executable, "-m", "angime", "receive"], environ, port=port)


def bare(bootstrap: str) -> Answered:
    """Ask the bare service."""
    port = free_port()
    return _measure(
        [sys.executable, "-m", "tests.bench.bare_receiver", bootstrap, str(port)], dict(os.environ), port=port
    )


def _measure(command: list[str], environ: dict[str, str], *, port: int) -> Answered:
    requests = list(_signed(port))
    with _serving(command, environ, port=port):
        asyncio.run(_ask(requests[:WARM_UP], port=port))
        began = time.perf_counter()
        milliseconds = asyncio.run(_ask(requests[WARM_UP:], port=port))
        seconds = time.perf_counter() - began
    return Answered(milliseconds=tuple(sorted(milliseconds)), per_second=len(milliseconds) / seconds)


def _signed(port: int) -> Iterator[bytes]:
    for _, parcel in islice(normalising.whatsapp_traffic(), WARM_UP + REQUESTS):
        yield request(parcel, base_url=f"http://{HOST}:{port}", seed=normalising.SEED)


async def _ask(requests: list[bytes], *, port: int) -> list[float]:
    """Send all requests over the connections, each next one when one is free; raises when one is not answered 200."""
    waiting, took = iter(requests), list[float]()

    async def send() -> None:
        with closing(await connect(f"http://{HOST}:{port}")) as connection:
            for asked in waiting:
                began = time.perf_counter()
                await connection.ask(asked)
                took.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(send() for _ in range(CONNECTIONS)))
    return took


@contextmanager
def _serving(command: list[str], environ: dict[str, str], *, port: int) -> Generator[None]:
    process = subprocess.Popen(command, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        asyncio.run(_wait(port))
        yield
    finally:
        process.terminate()
        process.wait(timeout=30)


async def _wait(port: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            _, writer = await asyncio.open_connection(HOST, port)
        except OSError:
            if time.monotonic() > deadline:
                raise
            await asyncio.sleep(0.1)
        else:
            writer.close()
            return
