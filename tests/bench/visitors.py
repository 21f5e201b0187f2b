"""Visitors of the pages who speak to their server as a browser does, and draw nothing: what is measured is the server.

Each holds a session of Streamlit's own protocol (its protobufs over a WebSocket) and opens one page after the other.
"""

import asyncio
import time
from collections.abc import Callable

import websockets
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg

from dashboards.state import PAGES

PAUSE_SECONDS = 10.0  # which a person looks at a page
DRAWN_SECONDS = 120.0  # within which a page must be drawn to its end
MESSAGE_BYTES = 64 * 1024 * 1024


class NotDrawn(Exception):
    """A page ended with an error, which it tells."""


async def visit(address: str, *, number: int, is_over: Callable[[], bool]) -> list[float]:
    """Open one page after the other in one session until it is over; gives the seconds of each."""
    seconds: list[float] = []
    async with _session(address) as session:
        while not is_over():
            page = PAGES[(number + len(seconds)) % len(PAGES)]
            seconds.append(await _draw(session, page=page))
            await asyncio.sleep(PAUSE_SECONDS)
    return seconds


async def look_at(address: str, *, page: str) -> float:
    """Open one page in a session of its own; gives the seconds from the request to the page's last word.

    Raises NotDrawn for a page that ends with an error, TimeoutError for one that does not end, and OSError or
    ConnectionClosed where the server is not there, or goes away meanwhile.
    """
    async with _session(address) as session:
        return await _draw(session, page=page)


def _session(address: str) -> websockets.connect:
    place = f"ws{address.removeprefix('http')}/_stcore/stream"
    return websockets.connect(place, subprotocols=["streamlit"], max_size=MESSAGE_BYTES, proxy=None)


async def _draw(session: websockets.ClientConnection, *, page: str) -> float:
    began = time.monotonic()
    await session.send(_asked(page))
    async with asyncio.timeout(DRAWN_SECONDS):
        while True:
            told = ForwardMsg.FromString(await session.recv())
            kind = told.WhichOneof("type")
            if kind == "delta" and told.delta.new_element.WhichOneof("type") == "exception":
                error = told.delta.new_element.exception
                raise NotDrawn(f"{page}: {error.type}: {error.message}")
            if kind == "script_finished":
                return time.monotonic() - began


def _asked(page: str) -> bytes:
    message = BackMsg()
    message.rerun_script.page_name = page
    message.rerun_script.query_string = "period=today"
    return message.SerializeToString()
