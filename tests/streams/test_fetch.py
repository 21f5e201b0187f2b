"""A recording is fetched whole or refused with a reason; the secret goes nowhere else."""

import asyncio
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from schemas.company import Account
from schemas.errors import InvalidEvent, NotYet
from streams.fetch import fetch

Provider = tuple[str, list[str | None]]

STALL_SECONDS = 1.0
PATHS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "/good": (200, {"content-type": "audio/wav"}, b"RIFF"),
    "/empty": (200, {}, b""),
    "/%D0%B7%D0%B2%D0%BE%D0%BD%D0%BE%D0%BA%201.wav?%D1%8B=a%2Bb": (200, {}, b"RIFF"),
    "/gone": (410, {}, b"gone"),
    "/not-yet": (404, {}, b""),
    "/broken": (500, {}, b""),
    "/loop": (302, {"location": "/loop"}, b""),
    "/moved": (302, {"location": "/good"}, b""),
    "/moved-nowhere": (302, {"location": "http://[bad/"}, b""),
    "/to-private": (302, {"location": "http://localhost:1/latest"}, b""),
    "/stalls": (200, {"content-length": "1000"}, b"RIFF"),
    "/huge": (200, {"content-length": str(10**12)}, b""),
}


class _Answers(BaseHTTPRequestHandler):
    seen: list[str | None]

    def do_GET(self) -> None:
        status, headers, body = PATHS[self.path]
        self.seen.append(self.headers.get("authorization"))
        self.send_response(status)
        for name, text in {"content-length": str(len(body)), **headers}.items():
            self.send_header(name, text)
        self.end_headers()
        self.wfile.write(body)
        if self.path == "/stalls":
            self.wfile.flush()
            time.sleep(STALL_SECONDS)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def provider() -> Iterator[Provider]:
    handler = type("Handler", (_Answers,), {"seen": []})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"127.0.0.1:{server.server_address[1]}", handler.seen
    server.shutdown()
    server.server_close()
    thread.join()


def _account(host: str, **fields: Any) -> Account:
    return msgspec.structs.replace(Account(id="main", source="twilio", recording_hosts=(host,)), **fields)


def _fetch(url: str, *, account: Account, secret: str | None = "s3cret") -> tuple[bytes, str]:
    return asyncio.run(fetch(url, account=account, secret=secret))


def test_a_recording_comes_with_its_media_type_and_the_secret_opens_it(provider: Provider) -> None:
    host, seen = provider

    assert _fetch(f"http://{host}/good", account=_account(host)) == (b"RIFF", "audio/wav")
    assert _fetch(f"http://{host}/moved", account=_account(host)) == (b"RIFF", "audio/wav")
    assert seen == ["Bearer s3cret"] * 3


def test_an_address_in_any_script_is_asked_for_as_servers_know_it(provider: Provider) -> None:
    host, _ = provider

    assert _fetch(f"http://{host}/звонок 1.wav?ы=a%2Bb#конец", account=_account(host))[0] == b"RIFF"


def test_a_provider_that_stalls_in_the_middle_is_tried_again_later(provider: Provider) -> None:
    host, _ = provider

    with pytest.raises(NotYet, match="in time"):
        asyncio.run(fetch(f"http://{host}/stalls", account=_account(host), secret=None, total_seconds=0.3))


def test_basic_authorisation_is_written_as_http_wants_it(provider: Provider) -> None:
    host, seen = provider

    _fetch(f"http://{host}/good", account=_account(host, fetch_auth="basic"), secret="user:pass")

    assert seen == ["Basic dXNlcjpwYXNz"]


def test_a_private_address_is_refused_unless_its_host_is_named(provider: Provider) -> None:
    host, seen = provider

    hidden = ("::1", "::ffff:10.0.0.1", "64:ff9b::a9fe:a9fe", "2002:7f00:1::", "::127.0.0.1", "fec0::1", "ff02::1")
    private = (*(f"[{address}]" for address in hidden), "169.254.169.254", "224.0.0.1", "0.0.0.0", "localhost")  # noqa: S104
    for url in (f"http://{host}/good", *(f"http://{address}/latest" for address in private)):
        with pytest.raises(InvalidEvent, match="private"):
            _fetch(url, account=Account(id="main", source="twilio"))
    assert seen == []


def test_a_redirect_to_a_private_address_is_refused(provider: Provider) -> None:
    host, _ = provider

    with pytest.raises(InvalidEvent, match="private"):
        _fetch(f"http://{host}/to-private", account=_account(host))


@pytest.mark.parametrize(
    ("path", "error", "reason"),
    [
        ("/empty", NotYet, "empty"),
        ("/gone", InvalidEvent, "410"),
        ("/not-yet", NotYet, "404"),
        ("/broken", NotYet, "500"),
        ("/loop", InvalidEvent, "redirects too often"),
        ("/moved-nowhere", InvalidEvent, "redirects to no URL"),
        ("/huge", InvalidEvent, "larger than"),
    ],
)
def test_each_answer_says_whether_to_try_again(
    provider: Provider, path: str, error: type[Exception], reason: str
) -> None:
    host, _ = provider

    with pytest.raises(error, match=reason):
        _fetch(f"http://{host}{path}", account=_account(host))


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc/passwd",
        "gopher://x/",
        "no url",
        "http://[bad/",
        "https://",
        "http://a..b/x",
        f"http://{'a' * 64}.kz/",
    ],
)
def test_what_is_no_web_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidEvent):
        _fetch(url, account=Account(id="main", source="twilio"))


def test_a_host_that_does_not_answer_is_tried_again_later() -> None:
    with pytest.raises(NotYet, match="could not be reached"):
        _fetch("http://127.0.0.1:1/x", account=_account("127.0.0.1"))
