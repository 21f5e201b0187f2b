"""Signatures as Standard Webhooks say, of what is sent to us and of what we send."""

import base64
import hmac

SECRET_PREFIX = "whsec_"  # noqa: S105  # how a secret is marked
VERSION = "v1,"


def signature(key: bytes, *, message_id: str, timestamp: str, body: bytes) -> str:
    """Give the HMAC-SHA256 of `id.timestamp.body` in base64, without its version; `key` is a secret, decoded."""
    signed = f"{message_id}.{timestamp}.".encode(errors="backslashreplace") + body
    return base64.b64encode(hmac.digest(key, signed, "sha256")).decode()
