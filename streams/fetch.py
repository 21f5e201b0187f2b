"""Fetching a recording from its provider: bounded, with the account's secret to named hosts only."""

import asyncio
import base64
import ipaddress
import socket
import ssl
from collections.abc import Iterable, Mapping
from string import punctuation
from typing import cast
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import httpcore

from schemas.company import Account
from schemas.errors import InvalidEvent, NotYet

MAX_RECORDING_BYTES = 256 * 1024 * 1024
MAX_REDIRECTS = 3
CONNECT_SECONDS = 10.0
READ_SECONDS = 30.0
TOTAL_SECONDS = 300.0
TRY_AGAIN = frozenset({401, 403, 404, 408, 425, 429, 500, 502, 503, 504})
REDIRECTS = frozenset({301, 302, 303, 307, 308})


class _PublicOnly(httpcore.AsyncNetworkBackend):
    """Connects to public addresses only, save for the hosts that the account names.

    The address that was judged is the one that is connected to, so a name that resolves differently the second
    time gains nothing.
    """

    def __init__(self, named_hosts: frozenset[str]) -> None:
        self._named_hosts = named_hosts
        self._inner = cast("httpcore.AsyncNetworkBackend", httpcore.AnyIOBackend())

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  # httpcore's port
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.AsyncNetworkStream:
        address = await _address_of(host, port=port, is_named=_is_named(host, port, self._named_hosts))
        return await self._inner.connect_tcp(
            address, port, timeout=timeout, local_address=local_address, socket_options=socket_options
        )

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)


async def fetch(
    url: str, *, account: Account, secret: str | None, total_seconds: float = TOTAL_SECONDS
) -> tuple[bytes, str]:
    """Give the bytes behind `url` and their media type.

    `secret` is sent only to the account's `recording_hosts`. Raises InvalidEvent for what can never be fetched
    (another scheme, a private address, too large) and NotYet for what may come right (a time-out, 404 while the
    provider still writes, 5xx).
    """
    try:
        async with asyncio.timeout(total_seconds):
            return await _fetch(url, account=account, secret=secret)
    except TimeoutError:
        raise NotYet("the provider did not hand out the recording in time") from None
    except (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError, ssl.SSLError) as error:
        raise NotYet(f"the provider could not be reached: {type(error).__name__}") from None


async def _fetch(url: str, *, account: Account, secret: str | None) -> tuple[bytes, str]:
    named_hosts = frozenset(account.recording_hosts)
    async with httpcore.AsyncConnectionPool(network_backend=_PublicOnly(named_hosts)) as pool:
        for _ in range(MAX_REDIRECTS + 1):
            url, host, port = _as_asked(url)
            headers: dict[bytes | str, bytes | str] = {"accept": "audio/*"}
            if secret and _is_named(host, port, named_hosts):
                headers["authorization"] = _authorization(account, secret=secret)
            async with pool.stream("GET", url, headers=headers, extensions=_TIMEOUTS) as response:
                answered = {name.decode("latin-1").lower(): text.decode("latin-1") for name, text in response.headers}
                if response.status in REDIRECTS:
                    url = _redirected(url, answered.get("location", ""))
                    continue
                _check_status(response.status)
                return await _read(response, answered), answered.get("content-type", "")
    raise InvalidEvent("the recording's address redirects too often")


_TIMEOUTS = {"timeout": {"connect": CONNECT_SECONDS, "read": READ_SECONDS, "write": READ_SECONDS, "pool": READ_SECONDS}}


async def _read(response: httpcore.Response, answered: Mapping[str, str]) -> bytes:
    announced = answered.get("content-length", "0")
    if announced.isdigit() and int(announced) > MAX_RECORDING_BYTES:
        raise InvalidEvent(f"the recording is larger than {MAX_RECORDING_BYTES} bytes")
    content = bytearray()
    async for piece in response.aiter_stream():
        content += piece
        if len(content) > MAX_RECORDING_BYTES:
            raise InvalidEvent(f"the recording is larger than {MAX_RECORDING_BYTES} bytes")
    if not content:
        raise NotYet("the provider handed out an empty recording")
    return bytes(content)


def _check_status(status: int) -> None:
    if status in TRY_AGAIN:
        raise NotYet(f"the provider answered {status}")
    if status != 200:
        raise InvalidEvent(f"the provider answered {status}")


def _as_asked(url: str) -> tuple[str, str, int]:
    """Write an address in ASCII, as servers are asked for it, and give its host and port.

    Exchanges name recordings in any script, and providers hand that on unencoded.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        host = (parts.hostname or "").encode("idna").decode()
    except ValueError:
        raise InvalidEvent("the recording's address is no URL") from None
    if parts.scheme not in {"http", "https"} or not host:
        raise InvalidEvent("the recording's address is neither http nor https")
    name = f"[{host}]" if ":" in host else host
    place = name if port is None else f"{name}:{port}"
    path, query = (quote(part, safe=punctuation, errors="replace") for part in (parts.path, parts.query))
    return urlunsplit((parts.scheme, place, path, query, "")), host, port or (443 if parts.scheme == "https" else 80)


def _redirected(url: str, location: str) -> str:
    """Give where a provider sends us; headers are read as Latin-1, and written in UTF-8 by who writes more."""
    try:
        return urljoin(url, location.encode("latin-1").decode("utf-8", "replace"))
    except ValueError:
        raise InvalidEvent("the recording's address redirects to no URL") from None


def _is_named(host: str, port: int, named_hosts: frozenset[str]) -> bool:
    return host in named_hosts or f"{host}:{port}" in named_hosts


def _authorization(account: Account, *, secret: str) -> str:
    if account.fetch_auth == "basic":
        return "Basic " + base64.b64encode(secret.encode()).decode()
    return f"Bearer {secret}"


def _is_public(address: str) -> bool:
    """Whether anybody may be asked at this address, also where it is another one's that a gateway translates."""
    found = ipaddress.ip_address(address)
    if not found.is_global or found.is_multicast:
        return False
    if isinstance(found, ipaddress.IPv4Address):
        return True
    if found in _TRANSLATED:
        return _is_public(str(ipaddress.IPv4Address(int(found) & 0xFFFF_FFFF)))
    return not found.is_site_local and found.sixtofour is None and found not in _COMPATIBLE


# An IPv6 address may hold an IPv4 one, and the network sends what goes there to that: today's way (RFC 6052), and old
# ones (RFC 3056, RFC 4291), at which nobody hands out recordings.
_TRANSLATED = ipaddress.IPv6Network("64:ff9b::/96")
_COMPATIBLE = ipaddress.IPv6Network("::/96")


async def _address_of(host: str, *, port: int, is_named: bool) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError:
        raise NotYet("the provider's host has no address now") from None
    except ValueError:
        raise InvalidEvent("the recording's address names no host") from None
    addresses = [str(entry[4][0]) for entry in found]
    allowed = [address for address in addresses if is_named or _is_public(address)]
    if not allowed:
        raise InvalidEvent("the recording's address is a private one; name its host in recording_hosts to allow it")
    return allowed[0]
