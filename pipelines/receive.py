"""The door for webhooks: the HTTP service, what it answers beside webhooks, and its running; `hooks` answers these."""

import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import structlog
import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from pipelines.kafka.access import addresses
from pipelines.kafka.broker import connect_producer, reach
from pipelines.origins import load_origins, load_secrets
from pipelines.receiving.api import openapi
from pipelines.receiving.heads import BoundedHeads
from pipelines.receiving.hooks import Doors, answer, place_of
from pipelines.receiving.keep import FLUSH_SECONDS, Keeper
from pipelines.receiving.metrics import Metrics
from pipelines.receiving.outbox import Outbox
from pipelines.settings import PipelinesSettings
from pipelines.tracing import open_tracer
from schemas.errors import Misconfigured, NotYet

STOP_SECONDS = 4
BACKLOG = 1024

log = structlog.get_logger()


def app(doors: Doors) -> ASGIApp:
    """Give the service; its keeper must have been started.

    Webhooks pass by Starlette, whose routing, requests and responses take longer than proving and keeping one.
    """
    others = _others(doors)

    async def service(scope: Scope, receive: Receive, send: Send) -> None:
        place = place_of(doors, scope)
        if place is None:
            await others(scope, receive, send)
        else:
            await answer(doors, scope, receive, send, place=place)

    return service


def _others(doors: Doors) -> Starlette:
    """Give what people and their tools ask: whether it lives, how it does, and what it takes."""

    async def healthz(_http: Request) -> Response:
        return JSONResponse({"status": "alive"})

    async def readyz(_http: Request) -> Response:
        figures = doors.keeper.figures()
        can_keep = figures.is_kafka_near or figures.outbox_bytes_free > doors.settings.max_body_bytes
        state = {
            "status": "ready" if can_keep else "full",
            "kafka": "near" if figures.is_kafka_near else "away",
            "outbox_bytes": figures.outbox_bytes,
        }
        return JSONResponse(state, status_code=200 if can_keep else 503)

    async def metrics(_http: Request) -> Response:
        return Response(generate_latest(doors.metrics.registry), media_type=CONTENT_TYPE_LATEST)

    async def api(_http: Request) -> Response:
        return JSONResponse(openapi())

    return Starlette(
        routes=[
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
            http=BoundedHeads,
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

    Raises Misconfigured for company files, secrets, an address or an outbox that are not as they must be, and where
    Kafka refuses us as we begin. Kafka may be away, or refuse us later: then the outbox takes what comes. An error that
    nobody foresaw ends the service and is raised here.
    """
    origins = load_origins(settings)
    secrets = load_secrets(origins, settings=settings)
    addresses(settings.kafka)
    listening = _listen(settings)
    tracer = open_tracer(settings.traces)
    outbox = Outbox(settings.outbox_folder, max_bytes=settings.outbox_bytes)
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        stop.set()

    keeper = Keeper(
        outbox,
        connect=lambda: connect_producer(settings.kafka, transport=settings.transport, delivery_seconds=FLUSH_SECONDS),
        knock=lambda: reach(settings.kafka),
        on_failure=fail,
    )
    doors = Doors(
        settings=settings,
        origins=origins,
        secrets=secrets,
        keeper=keeper,
        metrics=Metrics(keeper.figures),
        now=lambda: datetime.now(UTC),
        tracer=tracer,
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
        with suppress(NotYet):
            reach(settings.kafka)
        stop.wait()
    finally:
        server.should_exit = True
        serving.join(STOP_SECONDS + 1)
        keeper.close()
        listening.close()
        tracer.close()
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
