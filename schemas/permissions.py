"""Facts about a contact's consent to be called by an account."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

from schemas.calls import ShortText
from schemas.instants import Instant
from schemas.people import Channel, Identity


class PermissionFact(Struct, frozen=True, kw_only=True):
    """Whose permission, at which number of the company."""

    contact: Annotated[tuple[Identity, ...], Meta(min_length=1, max_length=16)]
    channel: Channel = "waba"
    company_number: ShortText | None = None
    request_message_id: ShortText | None = None


class PermissionRequested(PermissionFact, frozen=True, kw_only=True):
    """The company asked the contact for permission to call."""


class PermissionGranted(PermissionFact, frozen=True, kw_only=True):
    """The contact agreed; `expires_at` is the provider's word, None for permanent or unsaid."""

    kind: Literal["temporary", "permanent"] = "temporary"
    expires_at: Instant | None = None
    given_by: Literal["user_action", "automatic", "unknown"] = "unknown"


class PermissionDenied(PermissionFact, frozen=True, kw_only=True):
    """The contact declined."""

    given_by: Literal["user_action", "automatic", "unknown"] = "unknown"


class PermissionRevoked(PermissionFact, frozen=True, kw_only=True):
    """A permission given earlier was taken back, by the contact or by the provider."""

    given_by: Literal["user_action", "automatic", "unknown"] = "unknown"
