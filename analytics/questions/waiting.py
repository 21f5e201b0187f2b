"""Whether recordings wait for a model that cannot be loaded, as the stage that listens says in the home."""

from pathlib import Path

from schemas.standing import WAITING_FILE, Waiting, waiting_from_json


def waiting(home: Path) -> Waiting | None:
    """Give since when they wait and why; None where they don't."""
    try:
        return waiting_from_json((home / WAITING_FILE).read_bytes())
    except OSError:
        return None
