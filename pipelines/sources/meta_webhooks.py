"""How Meta proves its webhooks and makes sure of an address: the same for WhatsApp, Messenger and Instagram."""

from collections.abc import Sequence
from urllib.parse import parse_qs

from pipelines.sources.contract import Answer, Request
from pipelines.sources.signatures import is_hmac_sha256_hex, is_same
from schemas.instants import Instant

SIGNATURE_SCHEME = "sha256="
MAX_CHALLENGE_LENGTH = 1000


def is_genuine(request: Request, *, secrets: Sequence[str], now: Instant) -> bool:  # noqa: ARG001  # no time is signed
    """Check `X-Hub-Signature-256`: HMAC-SHA256 of the raw body with the app secret (Meta, Webhooks, validating)."""
    given = request.headers.get("x-hub-signature-256", "")
    has_scheme = given.startswith(SIGNATURE_SCHEME)
    digest = given.removeprefix(SIGNATURE_SCHEME)
    return is_hmac_sha256_hex(request.body, given=digest, secrets=secrets) and has_scheme


def handshake(request: Request, *, verify_secret: str | None) -> Answer | None:
    """Answer Meta's GET with its challenge when it knows our verify token."""
    _, _, query = request.url.partition("?")
    asked = {name: values[0] for name, values in parse_qs(query).items()}
    challenge = asked.get("hub.challenge", "")
    is_known = is_same(asked.get("hub.verify_token"), verify_secret or "")
    is_plain = challenge.isascii() and challenge.isprintable() and 0 < len(challenge) <= MAX_CHALLENGE_LENGTH
    if is_known and is_plain and request.method == "GET" and asked.get("hub.mode") == "subscribe":
        return Answer(body=challenge)
    return None
