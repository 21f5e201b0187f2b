"""A bad wire to Kafka: a proxy between all clients and the broker that delays, tears, cuts and refuses."""

import random
import socket
import struct
import threading
import time
from contextlib import suppress

from pipelines.free_ports import free_port

HOST = "127.0.0.1"
LENGTH = struct.Struct(">i")
CHUNK_BYTES = 65_536
CONNECT_SECONDS = 5.0


class Wire:
    """The wire, open until closed. Set `delay_seconds` and `torn_share` at any time; `cut` and `refuse` act at once.

    The broker tells its clients where it lives; on the way that address becomes the wire's, so that nobody goes around.
    """

    def __init__(self, *, broker_port: int, chance: random.Random) -> None:
        self.port = free_port(but=broker_port)
        self.delay_seconds = 0.0
        self.torn_share = 0.0
        self.frames = 0
        self.torn = 0
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
            for pump, source, sink in ((self._pass_on, client, broker), (self._answer, broker, client)):
                threading.Thread(target=self._run, args=(pump, source, sink), daemon=True).start()

    def _run(self, pump: "object", source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):
            pump(source, sink)  # type: ignore[operator]
        for one in (source, sink):
            _end(one)
        with self._lock:
            self._open -= {source, sink}

    def _pass_on(self, client: socket.socket, broker: socket.socket) -> None:
        while chunk := client.recv(CHUNK_BYTES):
            broker.sendall(chunk)

    def _answer(self, broker: socket.socket, client: socket.socket) -> None:
        """Pass answers on one by one, late, with the wire's address for the broker's; a torn one ends half-way."""
        told, ours = (HOST.encode() + LENGTH.pack(port) for port in (self._broker_port, self.port))
        while head := _read(broker, LENGTH.size):
            answer = head + _read(broker, LENGTH.unpack(head)[0]).replace(told, ours)
            self.frames += 1
            if self.delay_seconds:
                time.sleep(self._chance.random() * self.delay_seconds)
            if self._chance.random() < self.torn_share:
                self.torn += 1
                client.sendall(answer[: len(answer) // 2])
                return
            client.sendall(answer)


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
