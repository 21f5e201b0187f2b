"""Golden bodies by their names, and the one event that a body must have become."""

from pathlib import Path

from pipelines.sources.contract import Translation
from schemas.envelope import Event

GOLDEN = Path(__file__).parent / "golden"


def body(name: str) -> bytes:
    """Give the bytes of a golden JSON body, such as `waha/call_received`."""
    return (GOLDEN / f"{name}.json").read_bytes()


def only(translation: Translation) -> Event:
    """Give the one event of a translation that refused nothing."""
    assert translation.refused == ()
    (event,) = translation.events
    return event
