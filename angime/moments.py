"""Times as people type them: an instant, a day, or so long ago."""

import re
from datetime import UTC, datetime, timedelta

from schemas.errors import Misconfigured
from schemas.instants import Instant, instant

_AGO = re.compile(r"^(?P<count>\d{1,6})(?P<unit>[smhdw])$")
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
FORMS = "2026-03-01, 2026-03-01T08:30:00Z, or 30m, 2h, 7d ago"


def moment_of(written: str, *, now: datetime) -> Instant:
    """Read a time such as `2026-03-01`, `2026-03-01T08:30:00+05:00` or `2h` (ago); without a zone it is UTC.

    Raises Misconfigured with the forms that are read.
    """
    try:
        if ago := _AGO.match(written.strip()):
            return instant(now - timedelta(seconds=int(ago["count"]) * _SECONDS[ago["unit"]]))
        read = datetime.fromisoformat(written.strip())
    except (ValueError, OverflowError):
        raise Misconfigured(f"{written!r} is no time; write {FORMS}") from None
    return instant(read if read.tzinfo else read.replace(tzinfo=UTC))


def told(moment: datetime) -> str:
    """Write a moment for people."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def now() -> datetime:
    """Give the present moment, by our clock."""
    return datetime.now(UTC)
