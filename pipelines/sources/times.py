"""Times as providers write them, read as instants: epochs, RFC 2822, and local times of a zone."""

import re
from datetime import date, datetime, timedelta
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pipelines.sources.reading import as_number
from schemas.errors import InvalidEvent
from schemas.instants import OUTSIDE, Instant, from_epoch, from_rfc3339, instant, moment

# Assumption: an epoch of twelve digits or more counts milliseconds; in seconds it would be the year 5138 or later.
EARLIEST_MILLISECONDS = 100_000_000_000

_EPOCH = re.compile(r"^[+-]?\d+(\.\d+)?$", re.ASCII)
_SECONDS = re.compile(r"^\d{9,11}(\.\d{1,9})?$", re.ASCII)
_CLOCK = re.compile(
    r"^(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2})(:\d{2}(?::\d{2}(?:\.\d{1,9})?)?) ?(Z|UTC|GMT|[+-]\d{2}:?\d{2})?$",
    re.ASCII | re.IGNORECASE,
)


def from_epoch_field(value: Any, *, what: str) -> Instant:
    """Read an epoch in seconds or milliseconds, a number or its text; raises InvalidEvent for all else."""
    if value is None or value == "":
        raise InvalidEvent(f"{what} is missing")
    count = as_number(value, what=what)
    return from_epoch(count / 1000 if count >= EARLIEST_MILLISECONDS else count)


def from_written(value: Any, *, what: str) -> Instant:
    """Read an epoch in seconds or milliseconds, or a date and a time; one that names no zone is in UTC.

    `2017-11-11 12:45:53 UTC` is read as well, and so is a day or month of one digit. Raises InvalidEvent for all else.
    """
    if not isinstance(value, str) or _EPOCH.match(value.strip()):
        return from_epoch_field(value, what=what)
    found = _CLOCK.match(value.strip())
    if found is None:
        raise InvalidEvent(f"{what} is not a date and a time")
    year, month, day, hour, clock, zone = found.groups()
    offset = zone if zone is not None and zone[0] in "+-" else "+00:00"
    try:
        parsed = datetime.fromisoformat(f"{year}-{month:0>2}-{day:0>2}T{hour:0>2}{clock}{offset}")
    except ValueError:
        raise InvalidEvent(f"{what} is not a date and a time") from None
    return instant(parsed)


def from_rfc2822(text: str, *, what: str) -> Instant:
    """Read `Mon, 02 Mar 2026 09:15:30 +0000`; without a zone it is UTC. Raises InvalidEvent for all else."""
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        raise InvalidEvent(f"{what} is not an RFC 2822 time") from None
    return instant(parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo("UTC")))


def from_local(text: str, *, zone: str, what: str, near: Instant | None = None) -> Instant:
    """Read `2026-03-02 14:15:30`, a clock time in `zone`; a time that names its own zone is taken by it.

    When clocks are put back an hour comes twice: the one closer to `near` is meant, the first without it.
    Raises InvalidEvent for all else.
    """
    try:
        parsed = datetime.fromisoformat(text.strip())
    except ValueError:
        raise InvalidEvent(f"{what} is not a date and a time") from None
    if parsed.tzinfo is not None:
        return from_rfc3339(text.strip())
    if len(text.strip()) <= len("2026-03-02"):
        raise InvalidEvent(f"{what} is not a date and a time")
    first = parsed.replace(tzinfo=_zone(zone))
    second = first.replace(fold=1)
    if near is None or first.utcoffset() == second.utcoffset():
        return instant(first)
    return min(instant(first), instant(second), key=lambda candidate: abs(moment(candidate) - moment(near)))


def from_clock(value: Any, *, zone: str, what: str, near: Instant | None = None) -> Instant:
    """Read an epoch in seconds, a number or its text, or a time as `from_local` does, or raise InvalidEvent."""
    if value is None or value == "":
        raise InvalidEvent(f"{what} is missing")
    if not isinstance(value, str) or _SECONDS.match(value.strip()):
        return from_epoch_field(value, what=what)
    return from_local(value, zone=zone, what=what, near=near)


def local_date(time: Instant, *, zone: str) -> date:
    """Give the date that a clock in `zone` shows at an instant; raises InvalidEvent where the zone is not known."""
    return moment(time).astimezone(_zone(zone)).date()


def after(time: Instant, *, seconds: float) -> Instant:
    """Give the instant `seconds` after `time` (before it when negative); raises InvalidEvent as `instant` does."""
    try:
        return instant(moment(time) + timedelta(seconds=seconds))
    except OverflowError:
        raise InvalidEvent(f"a time {OUTSIDE}") from None


@lru_cache(maxsize=256)
def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise InvalidEvent("the account's time zone is not known") from None
