"""Webhooks over connections that are kept open, each at its moment, at as little processor time as may be.

What sends shares the machine with what is measured: a request is one write, and its answer one wakeup.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TypeVar
from urllib.parse import urlsplit

from angime.simulator.delivery import Parcel, headers

END = b"\r\n\r\n"  # of an answer's head
LENGTH = b"content-length: "

Known = TypeVar("Known")


def request(parcel: Parcel, *, base_url: str, seed: int) -> bytes:
    """Give the bytes of a whole request, signed."""
    named = headers(parcel, url=base_url + parcel.path, seed=seed)
    lines = [
        f"POST {parcel.path} HTTP/1.1",
        f"host: {base_url.removeprefix('http://')}",
        f"content-length: {len(parcel.body)}",
        *(f"{name}: {value}" for name, value in named.items()),
    ]
    return "\r\n".join([*lines, "", ""]).encode() + parcel.body


class Connection(asyncio.Protocol):
    """A connection to a receiver; whoever asks waits for the answer before the next one asks."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._answered: asyncio.Future[None] | None = None
        self._told = b""

    def ask(self, asked: bytes) -> "asyncio.Future[None]":
        """Send a request; what is given raises RuntimeError where the answer is not 200, or does not come."""
        self._answered = self._loop.create_future()
        if self._transport.is_closing():
            self.connection_lost(None)
        else:
            self._transport.write(asked)
        return self._answered

    def close(self) -> None:
        """Let the connection go."""
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep what is written to; the loop calls it."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Take a part of an answer, mostly all of it; the loop calls it."""
        self._told += data
        head, end, body = self._told.partition(END)
        head = head.lower()
        if not end or len(body) < int(head.partition(LENGTH)[2].partition(b"\r")[0]):
            return
        self._told = b""
        if head.startswith(b"http/1.1 200"):
            self._answered.set_result(None)
        else:
            self._answered.set_exception(RuntimeError(f"answered {head[9:12]!r}"))

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  # the base class's form
        """Let nobody wait for an answer that cannot come; the loop calls it."""
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(RuntimeError("the receiver went away"))


async def connect(base_url: str) -> Connection:
    """Open a connection to where a receiver listens."""
    place = urlsplit(base_url)
    _, connection = await asyncio.get_running_loop().create_connection(Connection, place.hostname, place.port)
    return connection


async def post(
    requests: Iterable[tuple[bytes, Known]],
    *,
    base_url: str,
    connections: int,
    a_second: float,
    on_answer: Callable[[Known], None],
) -> float:
    """Send requests in their order, so many a second as far as they are answered; gives how late the last was sent.

    What stands beside a request is told on its answer.
    """
    began = time.monotonic()
    waiting = enumerate(requests)
    late_seconds = 0.0

    async def work() -> None:
        nonlocal late_seconds
        with closing(await connect(base_url)) as connection:
            for number, (asked, known) in waiting:
                due_at = began + number / a_second
                await asyncio.sleep(due_at - time.monotonic())
                late_seconds = time.monotonic() - due_at
                await connection.ask(asked)
                on_answer(known)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(connections):
            tasks.create_task(work())
    return late_seconds
