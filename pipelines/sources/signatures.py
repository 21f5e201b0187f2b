"""Proofs of origin on raw bytes, compared in constant time against each of the (up to two) secrets."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from urllib.parse import parse_qsl

from pipelines.sources.contract import Request

BEARER = "bearer "
TOKEN = "token"  # noqa: S105  # the name under which a secret stands in an address
MAX_QUERY_FIELDS = 100


def is_same(given: str | None, wanted: str) -> bool:
    """Compare two texts in constant time; an empty or missing one is never right."""
    return (
        bool(given)
        and bool(wanted)
        and hmac.compare_digest(
            (given or "").encode(errors="backslashreplace"), wanted.encode(errors="backslashreplace")
        )
    )


def holds_token(headers: dict[str, str], *, secrets: Sequence[str], names: Sequence[str] = ()) -> bool:
    """Say whether `Authorization: Bearer …`, or one of the headers `names`, carries one of the secrets."""
    authorization = headers.get("authorization", "")
    tokens = [headers.get(name, "").strip() for name in names]
    if authorization[: len(BEARER)].lower() == BEARER:
        tokens.append(authorization[len(BEARER) :].strip())
    return any([is_same(token, secret) for token in tokens for secret in secrets])  # noqa: C419  # all are compared


def is_one_of(given: str | None, secrets: Sequence[str]) -> bool:
    """Say whether `given` is one of the secrets."""
    return any([is_same(given, secret) for secret in secrets])  # noqa: C419  # all are compared


def holds_shared_secret(request: Request, *, secrets: Sequence[str], names: Sequence[str] = ()) -> bool:
    """Say whether a request of a provider that signs nothing carries one of the secrets that we share with it.

    It may stand in the address as `?token=…`, in `Authorization: Bearer …`, or in one of the headers `names`.
    """
    _, _, query = request.url.partition("?")
    try:
        asked = parse_qsl(query, max_num_fields=MAX_QUERY_FIELDS)
    except ValueError:
        asked = []
    tokens = [value for name, value in asked if name == TOKEN]
    is_in_address = any([is_one_of(token, secrets) for token in tokens])  # noqa: C419  # all are compared
    return holds_token(request.headers, secrets=secrets, names=names) or is_in_address


def is_hmac_sha256_hex(body: bytes, *, given: str | None, secrets: Sequence[str]) -> bool:
    """Say whether `given` is the HMAC-SHA256 of `body` in hex, with any of the secrets."""
    wanted = [hmac.new(secret.encode(), body, hashlib.sha256).hexdigest() for secret in secrets if secret]
    return any([is_same(given, digest) for digest in wanted])  # noqa: C419  # all are compared


def hmac_base64(content: bytes, *, key: bytes, algorithm: str) -> str:
    """Give the HMAC of `content` in base64, by `sha1` or `sha256`."""
    return base64.b64encode(hmac.digest(key, content, algorithm)).decode()


def hmac_hex(content: bytes, *, key: bytes, algorithm: str) -> str:
    """Give the HMAC of `content` in hex, by `sha256` or `sha512`."""
    return hmac.digest(key, content, algorithm).hex()


def key_of_base64(secret: str) -> bytes:
    """Give the bytes that a base64 secret stands for, empty when it is no base64."""
    try:
        return base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return b""
