"""The front door: the command line, `up` and `demo`, and `connect` for Python; it composes the folders.

It owns no logic.
"""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from analytics.warehouse import Engine

__all__ = ["connect"]


def connect(place: Path | str | None = None) -> "Engine":
    """Connect to the live warehouse of a home (by default that of the settings), or to a snapshot's folder or file.

    Gives DuckDB's own connection, to read: `.sql(question)` is a relation, and its `.pl()` a Polars frame. Close it, or
    use it in a `with`. Raises NotYet where there is nothing yet.
    """
    from analytics.settings import AnalyticsSettings
    from analytics.warehouse import connect as connect_live
    from analytics.warehouse import connect_file
    from angime.settings import load

    folder = Path(place) if place is not None else None
    for file in (folder, folder / "angime.duckdb") if folder is not None else ():
        if file.is_file():
            return connect_file(file)
    settings = load(AnalyticsSettings)
    return connect_live(settings.model_copy(update={"home": folder}) if folder is not None else settings)
