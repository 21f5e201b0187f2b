"""What a stage leaves in the home for others to tell a person: that listening waits for its model, and why."""

import msgspec
from msgspec import Struct

from schemas.instants import Instant

# Below the home. It is there while the stage waits, and at no other time.
WAITING_FILE = "streams/waiting.json"


class Waiting(Struct, frozen=True, kw_only=True):
    """Since when recordings wait for a model that cannot be loaded, and in one sentence why."""

    since: Instant
    reason: str


def waiting_to_json(waiting: Waiting) -> bytes:
    """Write it down."""
    return msgspec.json.encode(waiting)


def waiting_from_json(written: bytes) -> Waiting | None:
    """Read it; None for what is none."""
    try:
        return msgspec.json.decode(written, type=Waiting)
    except msgspec.DecodeError:
        return None
