"""Why a request is not taken: its origin is not proved, or it was not signed just now, by whosever clock."""

from collections.abc import Sequence

from pipelines.sources.contract import Request, Source
from pipelines.sources.times import from_written
from schemas.errors import InvalidEvent
from schemas.instants import moment

# Whoever has a request of a provider that signs a time can send it again for so long.
MAX_AGE_SECONDS = 300
UNPROVED = "the origin is not proved"


def refusal(source: Source, request: Request, *, secrets: Sequence[str]) -> str:
    """Say why a request is not taken; nothing where it is genuine and, where a time is signed, of the last minutes."""
    if not source.is_genuine(request, secrets=secrets):
        return UNPROVED
    written = source.signed_at(request)
    if written is None:
        return ""
    try:
        signed = moment(from_written(written, what="the time of the signature"))
    except InvalidEvent as error:
        return error.reason
    age_seconds = (moment(request.received_at) - signed).total_seconds()
    if abs(age_seconds) <= MAX_AGE_SECONDS:
        return ""
    when = f"{abs(age_seconds):.0f} s {'ago' if age_seconds > 0 else 'ahead'}"
    return f"it was signed {when} by this machine's clock: it was sent again, or set this clock (NTP)"
