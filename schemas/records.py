"""What travels in Kafka beside canonical events: raw records and dead letters, as value and headers."""

from collections.abc import Mapping, Sequence

from msgspec import Struct

from schemas.errors import InvalidEvent

Headers = list[tuple[str, bytes]]

# The only HTTP headers that are kept. None of them can hold a secret.
KEPT_HTTP_HEADERS = ("content-type", "content-encoding", "user-agent", "i-twilio-idempotency-token")


# Marks a record that a replay sent again, or that came of one: nobody is notified of it.
REPLAYED = "angime-replayed"

# The trace that a record belongs to, as it came with the webhook or began with it; transport, never data.
TRACEPARENT = "traceparent"


class RawRecord(Struct, frozen=True, kw_only=True):
    """Bytes as a provider sent them, after their origin was proved; `received_at` is our clock, an instant."""

    raw_id: str
    source: str
    account: str
    company: str
    received_at: str
    content_type: str = ""
    body: bytes = b""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """Bytes we had to refuse, untouched, and where, when and why; `part` points into a body of many things."""

    reason: str
    stage: str
    topic: str
    partition: int
    offset: int
    died_at: str
    version: str
    part: str = ""
    source: str = ""
    account: str = ""
    company: str = ""
    key: bytes = b""
    body: bytes = b""
    headers: tuple[tuple[str, bytes], ...] = ()


_RAW_FIELDS = ("raw_id", "source", "account", "company", "received_at", "content_type")
_RAW_HEADERS = tuple(f"angime-{name}" for name in _RAW_FIELDS)
_DEAD_FIELDS = ("reason", "stage", "topic", "died_at", "version", "part", "source", "account", "company")
_DEAD_NUMBERS = ("partition", "offset")


def raw_to_kafka(raw: RawRecord) -> tuple[bytes, bytes, Headers]:
    """Give key, value and headers of a raw record."""
    headers: Headers = [(f"angime-{name}", getattr(raw, name).encode()) for name in _RAW_FIELDS]
    return f"{raw.source}/{raw.account}".encode(), raw.body, headers


def raw_from_kafka(value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> RawRecord:
    """Read a raw record back; raises InvalidEvent where it is not one of ours."""
    given = dict(headers)
    try:
        words = [given[header].decode("utf-8", "replace") for header in _RAW_HEADERS]
    except KeyError:
        words = []
    if value is None or not words:
        raise InvalidEvent("the record lacks the headers of a raw record")
    raw_id, source, account, company, received, content_type = words
    return RawRecord(
        raw_id=raw_id,
        source=source,
        account=account,
        company=company,
        received_at=received,
        content_type=content_type,
        body=value,
    )


def received_at(headers: Sequence[tuple[str, bytes]]) -> str | None:
    """Give when a raw record was received, by its headers; None where they are not those of one."""
    return _ours(headers).get("received_at")


def dead_to_kafka(letter: DeadLetter) -> tuple[bytes, bytes, Headers]:
    """Give key, value and headers of a dead letter; the record's own headers follow behind ours."""
    headers: Headers = [(f"angime-dead-{name}", str(getattr(letter, name)).encode()) for name in _DEAD_FIELDS]
    headers += [(f"angime-dead-{name}", str(getattr(letter, name)).encode()) for name in _DEAD_NUMBERS]
    return letter.key, letter.body, headers + list(letter.headers)


def dead_from_kafka(key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes]]) -> DeadLetter:
    """Read a dead letter back; raises InvalidEvent where it is not one of ours."""
    dead = {name.removeprefix("dead-"): text for name, text in _ours(headers).items() if name.startswith("dead-")}
    try:
        partition, offset = (int(dead[name]) for name in _DEAD_NUMBERS)
        words = {name: dead[name] for name in _DEAD_FIELDS}
    except (KeyError, ValueError):
        raise InvalidEvent("the record lacks the headers of a dead letter") from None
    own = tuple((name, content) for name, content in headers if not name.startswith("angime-dead-"))
    return DeadLetter(key=key or b"", body=value or b"", headers=own, partition=partition, offset=offset, **words)


def _ours(headers: Sequence[tuple[str, bytes]]) -> Mapping[str, str]:
    return {
        name.removeprefix("angime-"): content.decode("utf-8", "replace")
        for name, content in headers
        if name.startswith("angime-")
    }
