"""Drawn calls: rows of facts.calls as tests draw what they expect of them, where `call` is the provider's id."""

from analytics.folding.scratch import Scratch
from tests.analytics.drawn import draw, drawn_events, tidy, warehouse


def folded(facts: str, *, like: str, source: str = "twilio") -> list[str]:
    """Fold the calls of drawn facts, and draw the columns that the table `like` has."""
    return calls_of(warehouse(drawn_events(facts, source=source)), like=like)


def calls_of(built: Scratch, *, like: str) -> list[str]:
    """Draw the calls of a warehouse in the columns that the table `like` has."""
    return draw(built.sql("from facts.calls"), like=_named(like))


def drawn(expected: str) -> list[str]:
    """Draw the expected table as the others are."""
    return tidy(_named(expected))


def _named(table: str) -> str:
    return table.replace("call ", "provider_call_id ", 1)
