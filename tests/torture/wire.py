"""A bad wire to Kafka: a proxy between all clients and the broker that delays, tears, cuts, refuses and lies."""

import random
import socket
import struct
import threading
import time
from collections import Counter
from contextlib import suppress
from functools import partial

from pipelines.kafka.free_ports import free_port
from tests.torture.answers import Asked, errors_of, read_request, refused

HOST = "127.0.0.1"
LENGTH = struct.Struct(">i")
CHUNK_BYTES = 65_536
CONNECT_SECONDS = 5.0


class Wire:
    """The wire, open until closed. Set `delay_seconds` and the shares at any time; `cut` and `refuse` act at once.

    Of writes and commits that the broker did, `denied_share` are said to have failed. It tells its clients where it
    lives; on the way that address becomes the wire's, so that nobody goes around.
    """

    def __init__(self, *, broker_port: int, chance: random.Random) -> None:
        self.port = free_port(but=broker_port)
        self.delay_seconds = 0.0
        self.torn_share = 0.0
        self.denied_share = 0.0
        self.frames = 0
        self.torn = 0
        self.denied: Counter[str] = Counter()
        self._chance = chance
        self._broker_port = broker_port
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener: socket.socket | None = None
        self.listen()

    def listen(self) -> None:
        """Take connections, after `refuse` again."""
        self._listener = socket.create_server((HOST, self.port))
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def refuse(self) -> None:
        """Take no more connections, and end those that are open."""
        if self._listener is not None:
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)  # a thread that waits for a client wakes up
            self._listener.close()
            self._listener = None
        self.cut()

    def cut(self) -> None:
        """End all connections that are open, in the middle of whatever they say."""
        with self._lock:
            for one in self._open:
                _end(one)
            self._open.clear()

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            try:
                broker = socket.create_connection((HOST, self._broker_port), timeout=CONNECT_SECONDS)
            except OSError:
                _end(client)
                continue
            broker.settimeout(None)
            with self._lock:
                self._open |= {client, broker}
            asked: dict[int, Asked] = {}
            pass_on, answer = partial(self._pass_on, asked=asked), partial(self._answer, asked=asked)
            for pump, source, sink in ((pass_on, client, broker), (answer, broker, client)):
                threading.Thread(target=self._run, args=(pump, source, sink), daemon=True).start()

    def _run(self, pump: "object", source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            pump(source, sink)  # type: ignore[operator]
        for one in (source, sink):
            _end(one)
        with self._lock:
            self._open -= {source, sink}

    def _pass_on(self, client: socket.socket, broker: socket.socket, *, asked: dict[int, Asked]) -> None:
        """Pass requests on, and remember what they ask until they are answered."""
        while head := _read(client, LENGTH.size):
            request = _read(client, LENGTH.unpack(head)[0])
            if not request:
                return
            correlation, one = read_request(request)
            asked[correlation] = one
            broker.sendall(head + request)

    def _answer(self, broker: socket.socket, client: socket.socket, *, asked: dict[int, Asked]) -> None:
        """Pass answers on one by one, late, with the wire's address for the broker's; a torn one ends half-way."""
        told, ours = (HOST.encode() + LENGTH.pack(port) for port in (self._broker_port, self.port))
        while head := _read(broker, LENGTH.size):
            answer = _read(broker, LENGTH.unpack(head)[0])
            if not answer:
                return
            [correlation] = LENGTH.unpack_from(answer)
            answer = head + self._denied(answer, asked.pop(correlation)).replace(told, ours)
            self.frames += 1
            if self.delay_seconds:
                time.sleep(self._chance.random() * self.delay_seconds)
            if self._chance.random() < self.torn_share:
                self.torn += 1
                client.sendall(answer[: len(answer) // 2])
                return
            client.sendall(answer)

    def _denied(self, answer: bytes, asked: Asked) -> bytes:
        """Say of some of what was done that it was not, by each code once at the first occasion.

        Of all else what the broker says.
        """
        errors = errors_of(asked) if self.denied_share else ()
        error = min(errors, key=lambda one: self.denied[one], default=None)
        if error is None or (self.denied[error] and self._chance.random() >= self.denied_share):
            return answer
        self.denied[error] += 1
        return refused(answer, asked, error=error)


def _read(source: socket.socket, size: int) -> bytes:
    """Read so many bytes, or none where the other side is gone."""
    found = bytearray()
    while len(found) < size:
        chunk = source.recv(min(CHUNK_BYTES, size - len(found)))
        if not chunk:
            return b""
        found += chunk
    return bytes(found)


def _end(one: socket.socket) -> None:
    with suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
