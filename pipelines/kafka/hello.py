"""The smallest questions to a Kafka broker, on a bare socket: who it is, whom else it names, and whether it knows us.

The clients ask the same, but of a broker that refuses them they tell no more than that there was none, or nothing.
Layouts are Kafka's (https://kafka.apache.org/protocol).
"""

import base64
import hashlib
import hmac
import secrets
import socket
import struct
from collections.abc import Generator, Sequence

from msgspec import Struct

from schemas.errors import Misconfigured
from schemas.kafka_access import Access

METADATA_KEY, METADATA_VERSION = 3, 4  # the first that can ask for a topic without making it
MECHANISM_KEY, PROOF_KEY, SASL_VERSION = 17, 36, 1
NO_ERROR, UNKNOWN_MECHANISM, WRONG_PROOF, NOT_ASKED = 0, 33, 58, 34
UNKNOWN_TOPIC, HIDDEN_TOPIC = 3, 29
CORRELATION = 1
MAX_ANSWER_BYTES = 1 << 20
TIMEOUT_SECONDS = 2.0
MAX_ROUNDS = 1_000_000  # of hashing that a broker may ask for


class Cluster(Struct, frozen=True):
    """What a broker tells of its cluster: its id, where its brokers are to be met, and which topics are not there.

    A topic that is not shown to us counts as one of these.
    """

    id: str
    brokers: tuple[tuple[str, int], ...]
    missing: tuple[str, ...]


def cluster_id(port: int) -> str | None:
    """Ask whoever listens on 127.0.0.1 which cluster it serves; None when nobody there is a broker that is ready."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=TIMEOUT_SECONDS) as connection:
            found = cluster(connection)
    except (OSError, EOFError, struct.error, UnicodeDecodeError):
        return None  # nobody there, or somebody who does not speak Kafka
    return found.id if found is not None else None


def cluster(connection: socket.socket, topics: Sequence[str] = ()) -> Cluster | None:
    """Ask a broker of its cluster, and of topics by their whole names; none of them is made by it.

    None when it is not ready, as long as it does not list itself. Raises OSError, EOFError, struct.error or
    UnicodeDecodeError where it is no broker, or goes away.
    """
    asked = struct.pack(">i", len(topics)) + b"".join(map(_text, topics)) + struct.pack(">?", False)
    return _read_cluster(_ask(connection, METADATA_KEY, METADATA_VERSION, asked))


def prove_user(connection: socket.socket, access: Access, *, where: str) -> None:
    """Say who we are, and prove it by our password.

    Raises Misconfigured where we are not taken, and what `cluster` raises.
    """
    answer = _ask(connection, MECHANISM_KEY, SASL_VERSION, _text(access.mechanism))
    code, count = struct.unpack_from(">hi", answer)
    if code == UNKNOWN_MECHANISM:
        known: list[str] = []
        at = 6
        for _ in range(count):
            end = _skip_text(answer, at=at)
            known.append(answer[at + 2 : end].decode())
            at = end
        raise Misconfigured(
            f"Kafka at {where} does not take {access.mechanism}, but {', '.join(known)}: set ANGIME_KAFKA_MECHANISM to "
            "one of these"
        )
    if code == NOT_ASKED:
        raise Misconfigured(f"Kafka at {where} asks for no user: set ANGIME_KAFKA_SECURITY without SASL")
    proving = _plain(access) if access.mechanism == "PLAIN" else _scram(access)
    token = next(proving)
    while True:
        answer = _ask(connection, PROOF_KEY, SASL_VERSION, struct.pack(">i", len(token)) + token)
        (code,) = struct.unpack_from(">h", answer)
        if code != NO_ERROR:
            raise Misconfigured(
                f"Kafka at {where} does not let this user in with this password: check ANGIME_KAFKA_USER, "
                "ANGIME_KAFKA_PASSWORD or ANGIME_KAFKA_PASSWORD_FILE, and ANGIME_KAFKA_MECHANISM"
            )
        at = _skip_text(answer, at=2)
        (size,) = struct.unpack_from(">i", answer, at)
        try:
            token = proving.send(answer[at + 4 : at + 4 + max(size, 0)])
        except StopIteration:
            return
        except (KeyError, ValueError):
            raise EOFError from None  # this is no proof


def _plain(access: Access) -> Generator[bytes, bytes]:
    """Send the password itself (RFC 4616)."""
    yield f"\0{access.user}\0{access.password}".encode()


def _scram(access: Access) -> Generator[bytes, bytes]:
    """Prove that we know the password, and see that the broker does, without sending it (RFC 5802)."""
    name = access.mechanism.removeprefix("SCRAM-").replace("-", "").lower()
    user = access.user.replace("=", "=3D").replace(",", "=2C")
    nonce = secrets.token_hex(16)
    greeting = f"n={user},r={nonce}"
    challenge = (yield f"n,,{greeting}".encode()).decode()
    told = _parts(challenge)
    if not told["r"].startswith(nonce):
        raise ValueError
    rounds = min(int(told["i"]), MAX_ROUNDS)
    salted = hashlib.pbkdf2_hmac(name, access.password.encode(), base64.b64decode(told["s"]), rounds)
    unproved = f"c=biws,r={told['r']}"
    all_said = f"{greeting},{challenge},{unproved}".encode()
    ours = hmac.digest(salted, b"Client Key", name)
    signature = hmac.digest(hashlib.new(name, ours).digest(), all_said, name)
    proof = bytes(one ^ other for one, other in zip(ours, signature, strict=True))
    verdict = yield f"{unproved},p={base64.b64encode(proof).decode()}".encode()
    theirs = hmac.digest(hmac.digest(salted, b"Server Key", name), all_said, name)
    if not hmac.compare_digest(base64.b64encode(theirs).decode(), _parts(verdict.decode()).get("v", "")):
        raise Misconfigured("who answers at ANGIME_KAFKA does not know the password of this user: it is not your Kafka")


def _parts(said: str) -> dict[str, str]:
    return {name: text for name, _, text in (part.partition("=") for part in said.split(","))}


def _ask(connection: socket.socket, key: int, version: int, body: bytes) -> bytes:
    """Ask, and give the answer without what every answer begins with. The header says no client's name."""
    question = struct.pack(">hhih", key, version, CORRELATION, -1) + body
    connection.sendall(struct.pack(">i", len(question)) + question)
    (size,) = struct.unpack(">i", _receive(connection, size=4))
    if not 4 <= size <= MAX_ANSWER_BYTES:
        raise EOFError
    answer = _receive(connection, size=size)
    (correlation,) = struct.unpack_from(">i", answer)
    if correlation != CORRELATION:
        raise EOFError
    return answer[4:]


def _receive(connection: socket.socket, *, size: int) -> bytes:
    received = b""
    while len(received) < size:
        piece = connection.recv(size - len(received))
        if not piece:
            raise EOFError
        received += piece
    return received


def _read_cluster(answer: bytes) -> Cluster | None:
    _, count = struct.unpack_from(">ii", answer)  # for how long we are to be slower, and how many brokers
    if count < 1:
        return None
    at = 8
    brokers: list[tuple[str, int]] = []
    for _ in range(count):
        at += 4  # node id
        end = _skip_text(answer, at=at)
        host = answer[at + 2 : end].decode()
        brokers.append((host, *struct.unpack_from(">i", answer, end)))
        at = _skip_text(answer, at=end + 4)  # rack
    end = _skip_text(answer, at=at)
    missing = _read_missing(answer, at=end + 4)  # behind the id of the controller
    return Cluster(answer[at + 2 : end].decode(), tuple(brokers), missing)


def _read_missing(answer: bytes, *, at: int) -> tuple[str, ...]:
    """Give the topics that are not there, or not shown to us."""
    (count,) = struct.unpack_from(">i", answer, at)
    at += 4
    missing: list[str] = []
    for _ in range(count):
        (code,) = struct.unpack_from(">h", answer, at)
        end = _skip_text(answer, at=at + 2)
        if code in {UNKNOWN_TOPIC, HIDDEN_TOPIC}:
            missing.append(answer[at + 4 : end].decode())
        (partitions,) = struct.unpack_from(">i", answer, end + 1)  # behind whether it is Kafka's own
        at = end + 5
        for _ in range(partitions):
            at = _skip_numbers(answer, at=_skip_numbers(answer, at=at + 10))  # error, number, leader, and two lists
    return tuple(missing)


def _skip_numbers(answer: bytes, *, at: int) -> int:
    (count,) = struct.unpack_from(">i", answer, at)
    return at + 4 + 4 * count


def _text(text: str) -> bytes:
    return struct.pack(">h", len(text.encode())) + text.encode()


def _skip_text(answer: bytes, *, at: int) -> int:
    (length,) = struct.unpack_from(">h", answer, at)
    return at + 2 + max(length, 0)  # -1 stands for no text
