"""Asking a provider over HTTP, so that no refusal and no log line ever holds an address: it may hold a token."""

from typing import Any

import httpx
import msgspec

from schemas.errors import NotYet

CONNECT_SECONDS = 10.0
MAX_ANSWER_BYTES = 32 * 1024 * 1024


def client(*, read_seconds: float = 30.0, headers: dict[str, str] | None = None) -> httpx.Client:
    """Give a client with bounded waits, which follows no redirects: a token goes where it was meant to go."""
    return httpx.Client(timeout=httpx.Timeout(CONNECT_SECONDS, read=read_seconds), headers=headers or {})


def ask(http: httpx.Client, method: str, url: str, *, who: str, **more: Any) -> bytes:
    """Give the body of the answer; raises NotYet where `who` is away, refuses, or says too much."""
    try:
        with http.stream(method, url, **more) as response:
            if response.status_code != 200:
                raise NotYet(f"{who} answers with {response.status_code}")
            chunks: list[bytes] = []
            size = 0
            for chunk in response.iter_bytes():
                size += len(chunk)
                if size > MAX_ANSWER_BYTES:
                    raise NotYet(f"{who} answers with more than {MAX_ANSWER_BYTES} bytes")
                chunks.append(chunk)
            return b"".join(chunks)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise NotYet(f"{who} cannot be reached ({type(error).__name__})") from None


def decoded(content: bytes, kind: Any, *, who: str) -> Any:
    """Decode an answer as `kind`; raises NotYet where it is something else."""
    try:
        return msgspec.json.decode(content, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotYet(f"{who} answers with something else than it documents") from None
