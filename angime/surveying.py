"""Warehouses by the names people give them: the live one, and those that a replay built beside it."""

import re

from analytics.copies.aside import LIVE, folder_of
from analytics.settings import AnalyticsSettings
from angime.settings import load
from angime.suggestions import known
from schemas.errors import Misconfigured

# Lies in the folder of a second warehouse that is not whole.
HALF = "unfinished"

_NAME = re.compile(r"^[a-z][a-z0-9_-]{0,31}$")


def check_name(name: str) -> str:
    """Give a name that a second warehouse may have. Raises Misconfigured for another one."""
    if not _NAME.match(name) or name == LIVE:
        raise Misconfigured(f"{name!r} is no name for a second warehouse: lower case, digits, _ and -, and not {LIVE}")
    return name


def warehouses() -> list[str]:
    """Name the live warehouse, and those that stand beside it."""
    folder = load(AnalyticsSettings).home / "warehouses"
    return [LIVE, *sorted(path.name for path in folder.iterdir() if path.is_dir())] if folder.is_dir() else [LIVE]


def warehouse_of(name: str) -> AnalyticsSettings:
    """Give the settings of the warehouse of this name.

    Raises Misconfigured where there is none, with the nearest, and where there is but a half.
    """
    known(name, names=warehouses(), what="warehouse")
    live = load(AnalyticsSettings)
    found = live if name == LIVE else folder_of(live, name)
    if (found.warehouse / HALF).exists():
        raise Misconfigured(
            f"{name!r} is half a warehouse: `angime replay --into {name}` was broken off; type it again, and it goes on"
        )
    return found
