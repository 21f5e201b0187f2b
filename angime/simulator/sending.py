"""Sends parcels to the receiver as providers do: many at once, and again while it answers that it cannot now."""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable, Iterator
from functools import cache

import httpx
from msgspec import Struct

from angime.simulator.delivery import Parcel, headers
from schemas.errors import Misconfigured

# Each sender holds one connection of its own: httpx walks through all connections of a pool at each request.
AT_ONCE = 16
TIMEOUT_SECONDS = 30.0
FIRST_WAIT_SECONDS = 0.2
LONGEST_WAIT_SECONDS = 5.0
MAX_TRIES = 20
TRY_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class Sent(Struct, frozen=True, kw_only=True):
    """How the sending went: requests that were accepted, repeated tries among them, and how long it all took."""

    requests: int
    repeated: int
    seconds: float


def send(parcels: Iterable[Parcel], *, base_url: str, seed: int, on_sent: Callable[[], None]) -> Sent:
    """Send all parcels, in their order as far as many at once allow, and say after each that it was accepted.

    Raises Misconfigured when the receiver refuses one or cannot be reached for long: what is sent here is right.
    """
    return asyncio.run(_send_all(iter(parcels), base_url=base_url, seed=seed, on_sent=on_sent))


async def post(client: httpx.AsyncClient, parcel: Parcel, *, base_url: str, seed: int) -> int:
    """Send one parcel until it is accepted, and give how many tries it took; raises Misconfigured as `send` does."""
    url = base_url + parcel.path
    signed = headers(parcel, url=url, seed=seed)
    wait_seconds = FIRST_WAIT_SECONDS
    reason = "no answer"
    for tries in range(1, MAX_TRIES + 1):
        try:
            answer = await client.post(url, content=parcel.body, headers=signed)
        except httpx.TransportError as error:
            reason = type(error).__name__
        else:
            if answer.status_code == 200:
                return tries
            reason = f"status {answer.status_code}"
            if answer.status_code not in TRY_AGAIN:
                break
        await asyncio.sleep(wait_seconds)
        wait_seconds = min(wait_seconds * 2, LONGEST_WAIT_SECONDS)
    raise Misconfigured(f"the receiver did not take a delivery to {parcel.path}: {reason}; its log says more")


def connect() -> httpx.AsyncClient:
    """Open the connection of one sender; proxies of the environment are for the outer world."""
    limits = httpx.Limits(max_connections=1, max_keepalive_connections=1)
    return httpx.AsyncClient(limits=limits, timeout=TIMEOUT_SECONDS, trust_env=False, verify=_trusted())


@cache
def _trusted() -> ssl.SSLContext:
    """Read once whom to trust: for each sender anew it would take longer than what he sends."""
    return httpx.create_ssl_context(trust_env=False)


async def _send_all(parcels: Iterator[Parcel], *, base_url: str, seed: int, on_sent: Callable[[], None]) -> Sent:
    began = time.monotonic()
    requests, tries = 0, 0

    async def work() -> None:
        nonlocal requests, tries
        async with connect() as client:
            for parcel in parcels:
                took = await post(client, parcel, base_url=base_url, seed=seed)
                tries += took  # not in one: the others count while this one waits
                requests += 1
                on_sent()

    # The first refusal is raised as it is, and ends the other senders with the loop.
    await asyncio.gather(*(work() for _ in range(AT_ONCE)))
    return Sent(requests=requests, repeated=tries - requests, seconds=time.monotonic() - began)
