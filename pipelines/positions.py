"""Where each door and each import stands: one small JSON file each, replaced as a whole."""

import json
import re
from errno import EDQUOT, EIO, ENOSPC
from pathlib import Path
from typing import Any

import structlog

from pipelines.whole_files import write_whole
from schemas.errors import Misconfigured, NotYet

# A disk that is full or that fails now may take it later; all else is for a person to mend.
_MAY_PASS = frozenset({ENOSPC, EDQUOT, EIO})
_NAME = re.compile(r"[^A-Za-z0-9._-]+")

log = structlog.get_logger()


class Positions:
    """A folder of positions. A position is written after what lies before it is safe in Kafka, never sooner."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def load(self, name: str) -> dict[str, Any]:
        """Give what was stored under `name`; empty when nothing was, or when the disk damaged it."""
        try:
            stored = json.loads(self._path(name).read_text(encoding="utf-8"))
        except FileNotFoundError:
            return {}
        except (OSError, ValueError):
            log.warning("position_unreadable", door=name)
            return {}
        return stored if isinstance(stored, dict) else {}  # pyright: ignore[reportUnknownVariableType]

    def save(self, name: str, position: dict[str, Any]) -> None:
        """Store `position` under `name`; on return it is on the disk.

        Raises NotYet while the disk is full, Misconfigured where nothing can be written at all.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            write_whole(self._path(name), json.dumps(position).encode())
        except OSError as error:
            if error.errno in _MAY_PASS:
                raise NotYet(f"{self._folder} cannot be written now: {error.strerror}") from None
            raise Misconfigured(f"{self._folder} cannot be written: check ANGIME_HOME and its rights") from None

    def _path(self, name: str) -> Path:
        return self._folder / f"{_NAME.sub('_', name)}.json"
