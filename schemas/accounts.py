"""Facts about connected numbers and sessions: linked, online, restricted, and how good the provider finds them."""

from msgspec import Struct

from schemas.calls import ShortText
from schemas.instants import Instant


class AccountFact(Struct, frozen=True, kw_only=True):
    """Which number or session, and the provider's own word."""

    company_number: ShortText | None = None
    provider_status: ShortText | None = None


class AccountLinked(AccountFact, frozen=True, kw_only=True):
    """The account was connected (a QR code was scanned, a number was verified)."""


class AccountUnlinked(AccountFact, frozen=True, kw_only=True):
    """The account was disconnected or logged out."""


class AccountCameOnline(AccountFact, frozen=True, kw_only=True):
    """The linked phone can be reached again."""


class AccountWentOffline(AccountFact, frozen=True, kw_only=True):
    """The linked phone cannot be reached."""


class AccountRestricted(AccountFact, frozen=True, kw_only=True):
    """The provider limits what the account may do, until `expires_at` where it says so."""

    restriction: ShortText | None = None
    expires_at: Instant | None = None


class AccountQualityChanged(AccountFact, frozen=True, kw_only=True):
    """The provider judges the account's quality anew, or warns of it."""

    quality: ShortText | None = None
