"""A warehouse in memory, built from the very SQL files: for one recording's figures, and for tests that draw tables."""

from collections.abc import Iterable

import polars as pl

from analytics import log, views
from analytics.company import reference
from analytics.connection import LAYERS, Parameters
from analytics.engine.sessions import DuckConnection, open_in_memory
from schemas.company import Company
from schemas.envelope import Event


class Scratch:
    """A warehouse in memory, built from the very SQL files as far as it is asked, for drawn-table tests."""

    def __init__(self, companies: Iterable[Company]) -> None:
        self.connection = DuckConnection(open_in_memory())
        for layer in LAYERS:
            self.connection.execute(f"create schema {layer}")
        log.create_log(self.connection)
        reference.make(self.connection, companies)
        self._views = {view.relation: view for view in views.read_views()}
        self._built: set[str] = set()

    def load_events(self, events: Iterable[Event]) -> None:
        """Append `events` to the log as they are, doubled ones too."""
        log.append_events(self.connection, events, landed_at="2026-01-01T00:00:00.000Z")
        self._built.clear()

    def build(self) -> None:
        """Run every SQL file over what the log holds now, each after those that it reads."""
        self._built.clear()
        self._build(self._views)

    def sql(self, text: str, parameters: Parameters = ()) -> pl.DataFrame:
        """Give the rows of one statement, after a run of the SQL files that it needs."""
        self._build(views.named(text))
        return self.connection.frame(text, parameters)

    def close(self) -> None:
        """Forget everything."""
        self.connection.close()

    def _build(self, relations: Iterable[str]) -> None:
        for relation in relations:
            if relation in self._built or relation not in self._views:
                continue
            self._built.add(relation)
            view = self._views[relation]
            self._build(view.reads)
            kind = "table" if view.is_table else "view"
            self.connection.execute(f"create or replace {kind} {relation} as\n{view.select}")


def scratch(companies: Iterable[Company] = ()) -> Scratch:
    """Open a warehouse in memory with all layers, company data in `reference.*` and no other rows."""
    return Scratch(companies)
