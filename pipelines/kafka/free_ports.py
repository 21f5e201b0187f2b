"""Ports of this machine's loopback address: which is free, and one that stays ours."""

import secrets
import socket

from schemas.errors import Misconfigured

# Below every system's range for outgoing connections: a client that retries a server at rest cannot be given the
# server's own port to call from, and so connect to itself.
PORTS = range(20_000, 32_000)


def free_port(*, but: int = 0) -> int:
    """Choose a free port at random, other than `but`. Raises Misconfigured when there is none."""
    first = secrets.randbelow(len(PORTS))
    for port in (*PORTS[first:], *PORTS[:first]):
        if port != but and is_free(port):
            return port
    raise Misconfigured(f"No port between {PORTS[0]} and {PORTS[-1]} is free on 127.0.0.1.")


def is_free(port: int) -> bool:
    """Say whether a server could listen on `port` now; port 0, not yet chosen, is not free."""
    if port == 0:
        return False
    with socket.socket() as candidate:
        candidate.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            candidate.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
