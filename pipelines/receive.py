"""The door for webhooks: an HTTP service that proves the origin, keeps the bytes, and only then answers.

Nothing of a body is parsed here; a source looks into one before its origin is proved only where a provider makes sure
of the address by a POST (a challenge). 200 means the bytes are safe (in Kafka, or on disk while Kafka is away); 401
that their origin is not proved, 404 that nobody by that name is connected, 408 and 413 that they came too slowly or are
too many, 503 that they could not be kept, so that the provider sends them again.
"""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import structlog
import uvicorn
from msgspec import Struct
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect
from starlette.requests import Request as HttpRequest
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from pipelines.broker import addresses, connect_producer
from pipelines.keep import FLUSH_SECONDS, Keeper, Received
from pipelines.origins import Origin, Origins, Secrets, load_origins, load_secrets, raw_record
from pipelines.outbox import Outbox
from pipelines.receive_api import openapi
from pipelines.receive_metrics import Metrics
from pipelines.settings import PipelinesSettings
from pipelines.sources.contract import Answer, Request
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant, instant
from schemas.records import KEPT_HTTP_HEADERS

INGEST = "ingest"
UNKNOWN = "nobody is connected by this source and account"
BODY_SECONDS = 10.0  # within which a body must have come
RETRY_AFTER_SECONDS = 5
STOP_SECONDS = 4
MAX_HEADER_CHARACTERS = 1024  # of each HTTP header that is kept
BACKLOG = 1024

log = structlog.get_logger()


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
    secrets: Mapping[tuple[str, str], Secrets]
    keeper: Keeper
    metrics: Metrics
    now: Callable[[], datetime]


def app(doors: Doors) -> Starlette:
    """Give the service; its keeper must have been started."""

    async def hook(http: HttpRequest) -> Response:
        source, account = http.path_params["source"], http.path_params["account"]
        return await _answered(doors, http, source=source, account=account)

    async def events(http: HttpRequest) -> Response:
        return await _answered(doors, http, source=INGEST, account=_ingest_account(doors, http))

    async def healthz(_http: HttpRequest) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_http: HttpRequest) -> Response:
        figures = doors.keeper.figures()
        can_keep = figures.is_kafka_near or figures.outbox_bytes_free > doors.settings.max_body_bytes
        state = {
            "status": "ready" if can_keep else "full",
            "kafka": "near" if figures.is_kafka_near else "away",
            "outbox_bytes": figures.outbox_bytes,
        }
        return JSONResponse(state, status_code=200 if can_keep else 503)

    async def metrics(_http: HttpRequest) -> Response:
        return Response(generate_latest(doors.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def api(_http: HttpRequest) -> Response:
        return JSONResponse(openapi())

    return Starlette(
        routes=[
            Route("/hooks/{source}/{account}", hook, methods=["GET", "POST"]),
            Route("/events", events, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
            Route("/metrics", metrics),
            Route("/openapi.json", api),
        ]
    )


def http_server(doors: Doors) -> uvicorn.Server:
    """Give the HTTP server of the app; run it on a socket of one's own, beside the main thread."""
    return uvicorn.Server(
        uvicorn.Config(
            app(doors),
            log_config=None,
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=STOP_SECONDS,
        )
    )


def run(
    settings: PipelinesSettings,
    *,
    stop: threading.Event,
    on_ready: Callable[[str], None] = lambda _address: None,
) -> None:
    """Serve until `stop` is set; `on_ready` is told the address, such as http://127.0.0.1:8080.

    Raises Misconfigured for company files, secrets, an address or an outbox that are not as they must be. Kafka may be
    away: then the outbox takes what comes. An error that nobody foresaw ends the service and is raised here.
    """
    origins = load_origins(settings)
    secrets = load_secrets(origins, settings=settings)
    addresses(settings.kafka)
    listening = _listen(settings)
    outbox = Outbox(settings.outbox_folder, max_bytes=settings.outbox_bytes)
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        stop.set()

    keeper = Keeper(
        outbox,
        connect=lambda: connect_producer(settings.kafka, transport=settings.transport, delivery_seconds=FLUSH_SECONDS),
        on_failure=fail,
    )
    doors = Doors(
        settings=settings,
        origins=origins,
        secrets=secrets,
        keeper=keeper,
        metrics=Metrics(keeper.figures),
        now=lambda: datetime.now(UTC),
    )
    server = http_server(doors)
    # Beside the main thread uvicorn leaves signals alone: they belong to the front door, which sets `stop`.
    serving = threading.Thread(target=_serve, args=(server, listening, fail), name="http", daemon=True)
    keeper.start()
    serving.start()
    host, port = listening.getsockname()[:2]
    log.info("receiving", host=host, port=port, accounts=len(origins))
    on_ready(f"http://{host}:{port}")
    try:
        stop.wait()
    finally:
        server.should_exit = True
        serving.join(STOP_SECONDS + 1)
        keeper.close()
        listening.close()
    if failures:
        raise failures[0]


def _serve(server: uvicorn.Server, listening: socket.socket, fail: Callable[[BaseException], None]) -> None:
    try:
        server.run(sockets=[listening])
    except BaseException as error:  # noqa: BLE001  # it is raised again by the thread that waits
        fail(error)


def _listen(settings: PipelinesSettings) -> socket.socket:
    address = (settings.receive_host, settings.receive_port)
    try:
        return socket.create_server(address, backlog=BACKLOG)
    except OSError as error:
        raise Misconfigured(
            f"cannot listen on {address[0]}:{address[1]} ({error.strerror}): "
            "set ANGIME_RECEIVE_HOST and ANGIME_RECEIVE_PORT to an address of this machine that is free"
        ) from None


async def _answered(doors: Doors, http: HttpRequest, *, source: str, account: str) -> Response:
    """Answer a provider; whatever happens is counted, and nothing that was sent is logged."""
    began = time.perf_counter()
    origin = doors.origins.get((source, account))
    label = source if origin is not None else "unknown"
    try:
        answer = await (_handshake if http.method in {"GET", "HEAD"} else _keep)(doors, http, origin)
        response = Response(answer.body, status_code=answer.status, media_type=answer.content_type)
    except _Refused as refused:
        log.info("request_refused", source=label, status=refused.status, reason=refused.word)
        response = _problem(refused.status, refused.word)
    doors.metrics.count(source=label, status=response.status_code, seconds=time.perf_counter() - began)
    return response


async def _handshake(doors: Doors, http: HttpRequest, origin: Origin | None) -> Answer:
    if origin is None:
        raise _Refused(404, UNKNOWN)
    request = _request(http, origin=origin, body=b"", received_at=instant(doors.now()))
    secret = doors.secrets[origin.account.source, origin.account.id].verify_secret
    answer = origin.source.handshake(request, verify_secret=secret)
    if answer is None:
        raise _Refused(401, "the handshake is not proved")
    return answer


async def _keep(doors: Doors, http: HttpRequest, origin: Origin | None) -> Answer:
    if origin is None:
        raise _Refused(404, UNKNOWN)
    body = await _body(http, max_bytes=doors.settings.max_body_bytes)
    now = instant(doors.now())
    request = _request(http, origin=origin, body=body, received_at=now)
    known = doors.secrets[origin.account.source, origin.account.id]
    challenged = origin.source.challenge(request, secrets=known.secrets, verify_secret=known.verify_secret)
    if challenged is not None:
        return challenged
    if not origin.source.is_genuine(request, secrets=known.secrets, now=now):
        raise _Refused(401, "the origin is not proved")
    content_type = request.headers.get("content-type", "")[:MAX_HEADER_CHARACTERS]
    raw = raw_record(origin, body, received_at=now, content_type=content_type)
    kept_headers = tuple(
        (name, request.headers[name][:MAX_HEADER_CHARACTERS]) for name in KEPT_HTTP_HEADERS if name in request.headers
    )
    try:
        await doors.keeper.keep(Received(raw, kept_headers))
    except NotYet as error:
        raise _Refused(503, error.reason) from None
    return origin.source.answer


async def _body(http: HttpRequest, *, max_bytes: int) -> bytes:
    """Read the body, no further than the limit; a length that is announced is believed before anything is read."""
    announced = http.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > max_bytes:
        raise _Refused(413, f"the body is larger than {max_bytes} bytes")
    chunks: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in http.stream():
                size += len(chunk)
                if size > max_bytes:
                    raise _Refused(413, f"the body is larger than {max_bytes} bytes")
                chunks.append(chunk)
    except TimeoutError:
        raise _Refused(408, "the body came too slowly") from None
    except ClientDisconnect:
        raise _Refused(400, "the sender went away") from None
    return b"".join(chunks)


def _request(http: HttpRequest, *, origin: Origin, body: bytes, received_at: Instant) -> Request:
    """Give the request as it was sent: providers sign the address byte by byte, so nothing of it is normalised."""
    path = http.scope.get("raw_path", b"").decode("latin-1")
    query = http.scope.get("query_string", b"").decode("latin-1")
    public = str(origin.account.settings.get("public_url", "")).rstrip("/")
    beginning = public or f"{http.scope['scheme']}://{http.headers.get('host', '')}"
    return Request(
        method=http.method,
        url=f"{beginning}{path}{f'?{query}' if query else ''}",
        headers=dict(http.headers),
        body=body,
        received_at=received_at,
    )


def _ingest_account(doors: Doors, http: HttpRequest) -> str:
    """Take the account that `?account=` names, or the only one there is; "" when that is not clear."""
    named = http.query_params.get("account")
    if named is not None:
        return named
    known = [account for source, account in doors.origins if source == INGEST]
    return known[0] if len(known) == 1 else ""


def _problem(status: int, word: str) -> Response:
    headers = {"retry-after": str(RETRY_AFTER_SECONDS)} if status == 503 else {}
    if status == 413:
        headers["connection"] = "close"
    return JSONResponse({"reason": word}, status_code=status, headers=headers)
