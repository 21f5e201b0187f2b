"""Proofs of origin on raw bytes, compared in constant time against each of the (up to two) secrets."""

import base64
import binascii
import hmac
from collections.abc import Sequence
from urllib.parse import parse_qsl

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from pipelines.sources.contract import Request

BEARER = "bearer "
BASIC = "basic "
TOKEN = "token"  # noqa: S105  # the name under which a secret stands in an address
MAX_QUERY_FIELDS = 100


def is_same(given: str | None, wanted: str) -> bool:
    """Compare two texts in constant time; an empty or missing one is never right."""
    told = (given or "").encode(errors="backslashreplace")
    return bool(wanted) and hmac.compare_digest(told, wanted.encode(errors="backslashreplace"))


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


def holds_password(headers: dict[str, str], *, secrets: Sequence[str]) -> bool:
    """Say whether `Authorization: Basic …` carries one of the secrets: `user:password`, or the password alone."""
    authorization = headers.get("authorization", "")
    is_basic = authorization[: len(BASIC)].lower() == BASIC
    told = key_of_base64(authorization[len(BASIC) :].strip()).decode(errors="replace") if is_basic else ""
    offered = (told, told.partition(":")[2])
    return any([is_same(one, secret) for one in offered for secret in secrets])  # noqa: C419  # all are compared


def is_hmac_sha256_hex(body: bytes, *, given: str | None, secrets: Sequence[str]) -> bool:
    """Say whether `given` is the HMAC-SHA256 of `body` in hex, with any of the secrets."""
    wanted = [hmac_hex(body, key=secret.encode(), algorithm="sha256") for secret in secrets if secret]
    return any([is_same(given, digest) for digest in wanted])  # noqa: C419  # all are compared


def hmac_base64(content: bytes, *, key: bytes, algorithm: str) -> str:
    """Give the HMAC of `content` in base64, by `sha1` or `sha256`."""
    return base64.b64encode(hmac.digest(key, content, algorithm)).decode()


def hmac_hex(content: bytes, *, key: bytes, algorithm: str) -> str:
    """Give the HMAC of `content` in hex, by `sha256` or `sha512`."""
    return hmac.digest(key, content, algorithm).hex()


def is_ed25519(content: bytes, *, given: str, keys: Sequence[str]) -> bool:
    """Say whether `given`, in base64, is the Ed25519 signature of `content` by the owner of a public key in base64."""
    signature = key_of_base64(given.strip())
    return any([_is_signed_by(content, signature=signature, key=key_of_base64(key.strip())) for key in keys])  # noqa: C419  # all are tried


def _is_signed_by(content: bytes, *, signature: bytes, key: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, content)
    except (InvalidSignature, ValueError):
        return False
    return True


def key_of_base64(secret: str) -> bytes:
    """Give the bytes that a base64 secret stands for, empty when it is no base64."""
    try:
        return base64.b64decode(secret, validate=True)
    except (binascii.Error, ValueError):
        return b""
