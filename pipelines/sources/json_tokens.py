"""Signed JSON Web Tokens (RFC 7519) of the one kind that providers send here: HS256, with a hash of the body inside."""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence

from pipelines.sources.reading import Fields, as_object
from pipelines.sources.signatures import is_same
from schemas.codec import parse_json
from schemas.errors import InvalidEvent

PARTS = 3
MAX_TOKEN_LENGTH = 8192


def claims(token: str, *, secrets: Sequence[str]) -> Fields | None:
    """Give what a token claims when its HMAC-SHA256 proves it with one of the secrets, else None.

    Only HS256 is taken: a token that names another algorithm, or none, proves nothing.
    """
    parts = token.split(".")
    if len(token) > MAX_TOKEN_LENGTH or len(parts) != PARTS:
        return None
    head, body, signature = parts
    signed = f"{head}.{body}".encode(errors="backslashreplace")
    wanted = [_unpadded(hmac.digest(secret.encode(), signed, "sha256")) for secret in secrets if secret]
    is_signed = any([is_same(signature, one) for one in wanted])  # noqa: C419  # all are compared
    header, told = _object(head), _object(body)
    if not is_signed or header is None or header.get("alg") != "HS256":
        return None
    return told


def hashes_body(told: Fields, body: bytes, *, name: str) -> bool:
    """Say whether the claim `name` is the SHA-256 of the body, in hex."""
    given = told.get(name)
    return isinstance(given, str) and is_same(given, hashlib.sha256(body).hexdigest())


def issued(token: str) -> str:
    """Give when a token that is proved says that it was issued (`iat`); empty where it does not."""
    told = _object(token.split(".")[1]) or {}
    return str(told.get("iat", ""))


def _unpadded(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).rstrip(b"=").decode()


def _object(part: str) -> Fields | None:
    try:
        decoded = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
        return as_object(parse_json(decoded), what="the token")
    except (binascii.Error, ValueError, InvalidEvent):
        return None
