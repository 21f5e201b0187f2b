"""The answers to webhooks: a request's origin is proved, its bytes are kept, and only then it is answered.

Nothing of a body is parsed here; a source looks into one before its origin is proved only where a provider makes sure
of the address by a POST (a challenge). 200 means the bytes are safe (in Kafka, or on disk while Kafka is away); 401
that their origin is not proved, 404 that nobody by that name is connected, 408 and 413 that they came too slowly or are
too many, 503 that they could not be kept, so that the provider sends them again.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from urllib.parse import parse_qs

import msgspec
import structlog
from msgspec import Struct
from starlette.types import Receive, Scope, Send

from pipelines.origins import Origin, Origins, Secrets, raw_record
from pipelines.receiving.keep import Keeper, Received
from pipelines.receiving.metrics import Metrics
from pipelines.settings import PipelinesSettings
from pipelines.sources.contract import Answer, Request
from pipelines.sources.proof import refusal
from pipelines.tracing import OFF, Tracer, end_all
from schemas.errors import NotYet
from schemas.instants import instant
from schemas.records import KEPT_HTTP_HEADERS, TRACEPARENT

INGEST = "ingest"
UNKNOWN = "nobody is connected by this source and account"
METHODS = {"hooks": ("GET", "HEAD", "POST"), "events": ("POST",)}
BODY_SECONDS = 10.0  # within which a body must have come
RETRY_AFTER_SECONDS = 5
MAX_HEADER_CHARACTERS = 1024  # of each HTTP header that is kept
MAX_QUERY_FIELDS = 100

log = structlog.get_logger()

Place = tuple[str, str]
"""A source and an account, as an address names them; nobody may be connected there."""


class _Refused(Exception):
    """The request is answered with this status."""

    def __init__(self, status: int, word: str) -> None:
        super().__init__(word)
        self.status = status
        self.word = word


class Doors(Struct, frozen=True, kw_only=True):
    """What the service answers from: accounts, their secrets, where bytes are kept, and the clock."""

    settings: PipelinesSettings
    origins: Origins
    secrets: Mapping[Place, Secrets]
    keeper: Keeper
    metrics: Metrics
    now: Callable[[], datetime]
    tracer: Tracer = OFF


def place_of(doors: Doors, scope: Scope) -> Place | None:
    """Give where a webhook's address leads, `/hooks/SOURCE/ACCOUNT` or `/events`; None for an address of other use."""
    if scope["type"] != "http":
        return None
    match scope["path"].split("/"):
        case ["", "hooks", source, account] if source and account:
            return source, account
        case ["", "events"]:
            return INGEST, _ingest_account(doors, scope["query_string"])
        case _:
            return None


async def answer(doors: Doors, scope: Scope, receive: Receive, send: Send, *, place: Place) -> None:
    """Answer a provider; whatever happens is counted, and nothing that was sent is logged."""
    began = time.perf_counter()
    origin = doors.origins.get(place)
    label = place[0] if origin is not None else "unknown"
    try:
        given, told = await _answered(doors, scope, receive, origin=origin), ()
    except _Refused as refused:
        log.info("request_refused", source=label, status=refused.status, reason=refused.word)
        given, told = _problem(refused), _told(refused, scope)
    doors.metrics.count(source=label, status=given.status, seconds=time.perf_counter() - began)
    body = given.body.encode()
    charset = "; charset=utf-8" if given.content_type.startswith("text/") else ""
    headers = [
        (b"content-length", str(len(body)).encode()),
        (b"content-type", f"{given.content_type}{charset}".encode()),
        *told,
    ]
    await send({"type": "http.response.start", "status": given.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def _answered(doors: Doors, scope: Scope, receive: Receive, *, origin: Origin | None) -> Answer:
    method = scope["method"]
    if method not in _methods(scope):
        raise _Refused(405, "this method is not taken here")
    if origin is None:
        raise _Refused(404, UNKNOWN)
    # Where a header stands twice, the first counts.
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in reversed(scope["headers"])}
    is_sent = method == "POST"
    body = await _body(receive, headers, max_bytes=doors.settings.max_body_bytes) if is_sent else b""
    now = instant(doors.now())
    url = _url(scope, headers, origin=origin)
    request = Request(method=method, url=url, headers=headers, body=body, received_at=now)
    return await (_keep if is_sent else _handshake)(doors, request, origin=origin)


async def _handshake(doors: Doors, request: Request, *, origin: Origin) -> Answer:
    secret = doors.secrets[origin.account.source, origin.account.id].verify_secret
    given = origin.source.handshake(request, verify_secret=secret)
    if given is None:
        raise _Refused(401, "the handshake is not proved")
    return given


async def _keep(doors: Doors, request: Request, *, origin: Origin) -> Answer:
    known = doors.secrets[origin.account.source, origin.account.id]
    challenged = origin.source.challenge(request, secrets=known.secrets, verify_secret=known.verify_secret)
    if challenged is not None:
        return challenged
    if reason := refusal(origin.source, request, secrets=known.secrets):
        raise _Refused(401, reason)
    content_type = request.headers.get("content-type", "")[:MAX_HEADER_CHARACTERS]
    body = origin.source.kept(request)
    raw = raw_record(origin, body, received_at=request.received_at, content_type=content_type)
    kept_headers = tuple(
        (name, request.headers[name][:MAX_HEADER_CHARACTERS]) for name in KEPT_HTTP_HEADERS if name in request.headers
    )
    span = doors.tracer.span("receive", request.headers.get(TRACEPARENT), may_begin=True)
    if span is not None:
        kept_headers += ((TRACEPARENT, span.traceparent),)
    try:
        await doors.keeper.keep(Received(raw, kept_headers))
    except NotYet as error:
        raise _Refused(503, error.reason) from None
    finally:
        end_all([span])
    return origin.source.answer


async def _body(receive: Receive, headers: Mapping[str, str], *, max_bytes: int) -> bytes:
    """Read the body, no further than the limit; a length that is announced is believed before anything is read."""
    announced = headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _too_large(max_bytes)
    chunks: list[bytes] = []
    size, is_more = 0, True
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while is_more:
                message = await receive()
                if message["type"] == "http.disconnect":
                    raise _Refused(400, "the sender went away")
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > max_bytes:
                    raise _too_large(max_bytes)
                chunks.append(chunk)
                is_more = message.get("more_body", False)
    except TimeoutError:
        raise _Refused(408, "the body came too slowly") from None
    return b"".join(chunks)


def _url(scope: Scope, headers: Mapping[str, str], *, origin: Origin) -> str:
    """Give the address as it was called: providers sign it byte by byte, so nothing of it is normalised."""
    path = scope.get("raw_path", b"").decode("latin-1")
    query = scope["query_string"].decode("latin-1")
    public = origin.account.setting("public_url").rstrip("/")
    beginning = public or f"{scope['scheme']}://{headers.get('host', '')}"
    return f"{beginning}{path}{f'?{query}' if query else ''}"


def _ingest_account(doors: Doors, query: bytes) -> str:
    """Take the account that `?account=` names, or the only one there is; "" when that is not clear."""
    try:
        named = parse_qs(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        return ""
    if "account" in named:
        return named["account"][-1]
    known = [account for source, account in doors.origins if source == INGEST]
    return known[0] if len(known) == 1 else ""


def _too_large(max_bytes: int) -> _Refused:
    return _Refused(413, f"the body is larger than {max_bytes} bytes")


def _methods(scope: Scope) -> tuple[str, ...]:
    return METHODS[scope["path"].split("/")[1]]


def _problem(refused: _Refused) -> Answer:
    body = msgspec.json.encode({"reason": refused.word}).decode()
    return Answer(status=refused.status, body=body, content_type="application/json")


def _told(refused: _Refused, scope: Scope) -> tuple[tuple[bytes, bytes], ...]:
    """Give the headers that belong to an answer with this status."""
    match refused.status:
        case 405:
            return ((b"allow", ", ".join(_methods(scope)).encode()),)
        case 413:
            return ((b"connection", b"close"),)
        case 503:
            return ((b"retry-after", str(RETRY_AFTER_SECONDS).encode()),)
        case _:
            return ()
