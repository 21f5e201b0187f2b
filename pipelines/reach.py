"""Whether anybody answers at Kafka's addresses: asked before a client is made, which would find out only later."""

import contextlib
import socket

from pipelines.ports import CONNECT_SECONDS
from schemas.errors import Misconfigured, NotYet


def addresses(bootstrap: str) -> list[tuple[str, int]]:
    """Read a list of addresses; raises Misconfigured when it is none."""
    found: list[tuple[str, int]] = []
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise Misconfigured(f"ANGIME_KAFKA must list addresses such as 127.0.0.1:9092, but has {address!r}")
        found.append((host.strip("[]"), int(port)))
    return found


def reach(bootstrap: str) -> None:
    """Raise NotYet at once when nobody answers at any of the addresses, Misconfigured when they are none.

    The clients would find out by themselves, but only after seconds, and kafka-python leaves its sockets open.
    """
    for address in addresses(bootstrap):
        with contextlib.suppress(OSError):
            socket.create_connection(address, timeout=CONNECT_SECONDS).close()
            return
    raise NotYet(f"Kafka is not ready: nobody answers at {bootstrap}")
