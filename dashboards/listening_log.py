"""The log of listenings: which recording was handed to whom and when, without a name or a number in it."""

import json
from datetime import datetime
from pathlib import Path

FILE = "listened.jsonl"


def write(  # noqa: PLR0913  # what one line says
    home: Path, *, company: str, call_id: str, recording_id: str, mark: str, now: datetime
) -> None:
    """Add a line for one listening."""
    line = {
        "at": now.isoformat(timespec="seconds"),
        "company": company,
        "call_id": call_id,
        "recording_id": recording_id,
        "viewer": mark,
    }
    with (home / FILE).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")
