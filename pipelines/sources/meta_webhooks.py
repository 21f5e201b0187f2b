"""What Meta's webhooks have in common, WhatsApp's, Messenger's and Instagram's: proof, handshake, entries."""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import parse_qs

from pipelines.sources.contract import Answer, Request, Translation
from pipelines.sources.reading import Fields, items, text, word
from pipelines.sources.signatures import is_hmac_sha256_hex, is_same
from pipelines.sources.translations import attempt, each, ignored, numbered
from schemas.errors import InvalidEvent

SIGNATURE_SCHEME = "sha256="
MAX_CHALLENGE_LENGTH = 1000


def is_genuine(request: Request, *, secrets: Sequence[str]) -> bool:
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


def entries(
    body: Fields,
    *,
    about: str,
    called: str,
    read_change: Callable[[], Translation],
    read_entry: Callable[[str, Any], Translation],
) -> Translation:
    """Read every entry of a body about the object `about`; the dashboard's test sends a lone change instead.

    Raises InvalidEvent where the body is about something else, and not about what is `called` so, or has no entry.
    """
    if "entry" not in body and "field" in body and "value" in body:
        return attempt("", read_change)
    name = text(body, "object") or about
    if name != about:
        raise InvalidEvent(f"the body is about {word(name)}, not about {called}")
    if "entry" not in body:
        raise InvalidEvent("the body has no entry")
    listed = items(body, "entry")
    if not listed:
        return ignored("the body has no entries")
    return each(numbered("entry", listed), read_entry)
