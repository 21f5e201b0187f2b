"""For how long a company keeps what was written, said and recorded, by our clock alone."""

from datetime import timedelta
from typing import Annotated

from msgspec import Meta, Struct

from schemas.instants import Instant, instant, moment

# A clock that has gone on by more than this, of which nobody else tells, may be wrong: by it nothing is forgotten.
LEAP = timedelta(days=7)
DOUBTED = (
    "by this machine's clock more days have gone by than anybody else tells of: set it (NTP) if it is wrong, "
    "else what is due is forgotten as soon as something new is told, or by `angime forget --yes`"
)

Days = Annotated[int, Meta(ge=1, le=36_500)]


class Retention(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days from the receipt of an event for which something of it is kept; what has no number is kept for ever.

    Texts of messages, words of transcripts, recordings, and the bytes of dead letters. That it happened, when and for
    how long, stays in any case.
    """

    messages_days: Days | None = None
    transcripts_days: Days | None = None
    recordings_days: Days | None = None
    dead_letters_days: Days | None = None


def kept_since(days: int, *, now: Instant) -> Instant:
    """Give the instant from which on something is kept so many days: a whole day of UTC goes at a time."""
    today = moment(now).replace(hour=0, minute=0, second=0, microsecond=0)
    return instant(today - timedelta(days=days))
