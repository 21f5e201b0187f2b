"""The smallest question to a Kafka broker, on a bare socket: which cluster it serves, and whether it is ready."""

import socket
import struct

METADATA_KEY = 3
METADATA_VERSION = 2  # the first whose answer names the cluster
CORRELATION = 1
MAX_ANSWER_BYTES = 1 << 20
TIMEOUT_SECONDS = 2.0

# Header (key, version, correlation, no client id), then an empty list of topics: none are asked about.
_BODY = struct.pack(">hhihi", METADATA_KEY, METADATA_VERSION, CORRELATION, -1, 0)
QUESTION = struct.pack(">i", len(_BODY)) + _BODY


def cluster_id(port: int) -> str | None:
    """Ask whoever listens on 127.0.0.1 which cluster it serves; None when nobody there is a broker that is ready.

    A broker is ready when it lists itself among the cluster's brokers. The layout is Kafka's Metadata request and
    answer, version 2 (https://kafka.apache.org/protocol).
    """
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as connection:
            connection.sendall(QUESTION)
            (size,) = struct.unpack(">i", _receive(connection, size=4))
            if not 0 < size <= MAX_ANSWER_BYTES:
                return None
            return _read_answer(_receive(connection, size=size))
    except (OSError, EOFError, struct.error, UnicodeDecodeError):
        return None  # nobody there, or somebody who does not speak Kafka


def _receive(connection: socket.socket, *, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received


def _read_answer(answer: bytes) -> str | None:
    correlation, brokers = struct.unpack_from(">ii", answer)
    if correlation != CORRELATION or brokers < 1:
        return None
    at = 8
    for _ in range(brokers):
        at += 4  # node id
        at = _skip_text(answer, at=at)  # host
        at += 4  # port
        at = _skip_text(answer, at=at)  # rack
    end = _skip_text(answer, at=at)
    return answer[at + 2 : end].decode()


def _skip_text(answer: bytes, *, at: int) -> int:
    (length,) = struct.unpack_from(">h", answer, at)
    return at + 2 + max(length, 0)  # -1 stands for no text
