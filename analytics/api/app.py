"""The API as an ASGI application: who asks, what is given, in one form, with an ETag; and the live feed."""

import asyncio
import functools
import hashlib
import threading
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

import msgspec
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import HTTPConnection, Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from analytics.api import live
from analytics.api.document import openapi
from analytics.api.lists import LISTS, List, WrongRequest, once, one_call, page
from analytics.api.tokens import Scope, Token, known
from analytics.connection import Reader
from analytics.reading.readers import Reader as WarehouseReader
from analytics.reading.shared import SharedReader
from schemas.errors import NotYet

PREFIX = "/api/v1"
MAX_PATH_CHARACTERS = 256
MAX_LISTENERS = 100
MAX_LISTENERS_OF_TOKEN = 20  # each is a question a second, so that one reader leaves nobody without an answer
LOOK_SECONDS = 1.0
POLICY_VIOLATION, TRY_LATER = 1008, 1013


def make_app(tokens: Sequence[Token], *, open_reader: Callable[[], WarehouseReader]) -> Starlette:
    """Make the application; `open_reader` opens the warehouse when it is first asked, and raises NotYet before."""
    desk = _Desk(tokens, open_reader=open_reader)
    routes = [
        Route(f"{PREFIX}/openapi.json", desk.document),
        Route("/healthz", desk.health),
        Route(f"{PREFIX}/calls/{{call_id}}", desk.call),
        *(Route(PREFIX + wanted.path, desk.listing(wanted), name=wanted.name) for wanted in LISTS),
        WebSocketRoute("/live", desk.live),
    ]
    return Starlette(
        routes=routes,
        exception_handlers={HTTPException: _refused, WrongRequest: _wrong, NotYet: _away},
        lifespan=desk.lifespan,
    )


class _Desk:
    """Answers requests from one reader, one question at a time: the engine works with all its threads on each."""

    def __init__(self, tokens: Sequence[Token], *, open_reader: Callable[[], WarehouseReader]) -> None:
        self._tokens = tokens
        self._open_reader = open_reader
        self._reader: SharedReader | None = None
        self._lock = threading.Lock()
        self._listeners = Counter[str]()

    @asynccontextmanager
    async def lifespan(self, _app: Starlette) -> AsyncGenerator[None]:
        """Close the reader in the end."""
        yield
        if self._reader is not None:
            self._reader.close()

    async def document(self, _request: Request) -> Response:
        """Give the OpenAPI document."""
        return _json(openapi())

    async def health(self, _request: Request) -> Response:
        """Say that the process lives."""
        return _json({"status": "alive"})

    async def call(self, request: Request) -> Response:
        """Give one call."""
        token = self._token(request, scope="calls")
        call_id = _path_text(request, "call_id")

        def ask(reader: Reader) -> dict[str, Any] | None:
            return one_call(reader, company=token.company, call_id=call_id)

        found, tag = await self._ask(request, ask, token=token)
        if found is None:
            raise HTTPException(404, "no call of this company goes by this id")
        return _tagged(request, found, tag=tag)

    def listing(self, wanted: List) -> Callable[[Request], Any]:
        """Give the answerer of one list."""

        async def answer(request: Request) -> Response:
            token = self._token(request, scope=wanted.scope)
            of = _path_text(request, wanted.of) if wanted.of else ""
            asked = once(request.query_params.multi_items())

            def ask(reader: Reader) -> dict[str, Any]:
                given = page(reader, wanted, company=token.company, of=of, asked=asked)
                return {wanted.name: given.rows, "next": given.next}

            found, tag = await self._ask(request, ask, token=token)
            return _tagged(request, found, tag=tag)

        return answer

    async def live(self, socket: WebSocket) -> None:
        """Tell of calls of the token's company as they are folded, until the listener leaves."""
        try:
            token = self._token(socket, scope="live")
        except HTTPException as refusal:
            await _close(socket, POLICY_VIOLATION, refusal.detail)
            return
        if self._listeners[token.name] >= MAX_LISTENERS_OF_TOKEN:
            await _close(socket, TRY_LATER, f"{MAX_LISTENERS_OF_TOKEN} listen with this token already")
            return
        if self._listeners.total() >= MAX_LISTENERS:
            await _close(socket, TRY_LATER, f"{MAX_LISTENERS} listen already")
            return
        self._listeners[token.name] += 1
        try:
            await socket.accept()
            await self._tell(socket, token)
        except WebSocketDisconnect:
            pass
        finally:
            self._listeners[token.name] -= 1

    async def _tell(self, socket: WebSocket, token: Token) -> None:
        mark = await run_in_threadpool(self._with_reader, live.newest)
        leaving = asyncio.ensure_future(socket.receive())
        try:
            while not leaving.done():
                ask = functools.partial(live.since, company=token.company, mark=mark)
                happened, mark = await run_in_threadpool(self._with_reader, ask)
                for one in happened:
                    await socket.send_text(msgspec.json.encode(one).decode())
                await asyncio.wait([leaving], timeout=LOOK_SECONDS)
        finally:
            leaving.cancel()
            with suppress(asyncio.CancelledError, RuntimeError):
                await leaving

    def _token(self, request: HTTPConnection, *, scope: Scope) -> Token:
        token = known(self._tokens, request.headers.get("authorization", ""))
        if token is None:
            raise HTTPException(401, "send a token as Authorization: Bearer …", {"WWW-Authenticate": "Bearer"})
        if scope not in token.scopes:
            raise HTTPException(403, f"this token has not the scope {scope}")
        return token

    async def _ask(self, request: Request, ask: Callable[[Reader], Any], *, token: Token) -> tuple[Any, str]:
        """Ask in a thread; the tag names the state of the warehouse that answered, the asker and the question."""

        def asked(reader: Reader) -> tuple[Any, str]:
            state = reader.snapshot_id()
            told = f"{state}\n{token.name}\n{request.url.path}\n{request.url.query}"
            return ask(reader), f'W/"{hashlib.sha256(told.encode()).hexdigest()[:32]}"'

        return await run_in_threadpool(self._with_reader, asked)

    def _with_reader(self, ask: Callable[[Reader], Any]) -> Any:
        with self._lock:
            if self._reader is None:
                self._reader = SharedReader(self._open_reader, sessions=1)
            return ask(self._reader)


async def _close(socket: WebSocket, code: int, reason: str) -> None:
    """Close a WebSocket with a sentence, which only one that was accepted carries to whoever asked for it."""
    await socket.accept()
    await socket.close(code, reason)


def _path_text(request: Request, name: str) -> str:
    written = str(request.path_params[name])
    if "\x00" in written or len(written) > MAX_PATH_CHARACTERS:
        raise WrongRequest(f"{name} is a text of at most {MAX_PATH_CHARACTERS} characters")
    return written


def _tagged(request: Request, content: Any, *, tag: str) -> Response:
    headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Authorization"}
    wanted = {one.strip() for one in request.headers.get("if-none-match", "").split(",")}
    if tag in wanted or "*" in wanted:
        return Response(status_code=304, headers=headers)
    return _json(content, headers=headers)


def _json(content: Any, *, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(content), status, headers, "application/json")


# What Starlette says of a path or a method that is none of ours.
_SENTENCES = {
    "Not Found": "there is nothing at this path; /api/v1/openapi.json lists what there is",
    "Method Not Allowed": "this can only be read: ask with GET",
}


async def _refused(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    detail = error.detail if isinstance(error, HTTPException) else ""
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    return _json({"error": _SENTENCES.get(detail, detail)}, status=status, headers=headers)


async def _wrong(_request: Request, error: Exception) -> Response:
    return _json({"error": str(error)}, status=400)


async def _away(_request: Request, error: Exception) -> Response:
    reason = error.reason if isinstance(error, NotYet) else ""
    return _json({"error": reason}, status=503, headers={"Retry-After": "5"})
