"""Instants as text: UTC, RFC 3339, always milliseconds and `Z`, so that equal instants are equal bytes."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta

from schemas.errors import InvalidEvent

Instant = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$",
        description="UTC, RFC 3339 with milliseconds, such as 2026-03-01T08:30:00.000Z",
    ),
]

# Calendars end with 9999. Of what happens in the last hours of that year the local day would be none in the east.
FIRST_YEAR, LAST_YEAR = 1970, 9998
EARLIEST = datetime(FIRST_YEAR, 1, 1, tzinfo=UTC)
LATEST = datetime(LAST_YEAR, 12, 31, 23, 59, 59, 999_000, tzinfo=UTC)
OUTSIDE = f"lies outside the years {FIRST_YEAR} to {LAST_YEAR}"
_EPOCH, _END = (end.replace(tzinfo=None) for end in (EARLIEST, LATEST))


def instant(moment: datetime) -> Instant:
    """Write an aware `moment` as an instant, cut (not rounded) to milliseconds.

    Raises InvalidEvent for a moment without a zone, or outside the years FIRST_YEAR to LAST_YEAR.
    """
    if moment.tzinfo is None:
        raise InvalidEvent("a time has no zone")
    try:
        utc = moment.astimezone(UTC)
    except OverflowError:
        raise InvalidEvent(f"a time {OUTSIDE}") from None
    if not EARLIEST <= utc <= LATEST:
        raise InvalidEvent(f"a time {OUTSIDE}")
    return utc.replace(tzinfo=None).isoformat("T", "milliseconds") + "Z"


def from_epoch(seconds: float) -> Instant:
    """Write epoch `seconds` (may carry a fraction) as an instant; raises InvalidEvent as `instant` does."""
    try:
        utc = _EPOCH + timedelta(0, 0, 0, round(seconds * 1000))  # milliseconds; by name they take twice as long
    except (OverflowError, ValueError):
        raise InvalidEvent(f"a time {OUTSIDE}") from None
    if not _EPOCH <= utc <= _END:
        raise InvalidEvent(f"a time {OUTSIDE}")
    return utc.isoformat("T", "milliseconds") + "Z"


def from_rfc3339(text: str) -> Instant:
    """Read any RFC 3339 or ISO 8601 time that names its zone; raises InvalidEvent for all else."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidEvent("a time is not RFC 3339") from None
    return instant(moment)


def moment(text: Instant) -> datetime:
    """Give the aware UTC datetime that an instant writes."""
    return datetime.fromisoformat(text)
