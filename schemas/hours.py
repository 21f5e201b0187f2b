"""Spans of a local day, as company data writes them."""

from collections.abc import Iterable
from datetime import time


def parse_span(span: str) -> tuple[time, time]:
    """Read business hours such as `09:00-13:00`; `24:00` ends a day. Raises ValueError for all else."""
    begin, separator, end = span.partition("-")
    if not separator:
        raise ValueError(span)
    closing = time.max if end.strip() == "24:00" else time.fromisoformat(end.strip())
    opening = time.fromisoformat(begin.strip())
    if opening >= closing:
        raise ValueError(span)
    return opening, closing


def span_at(spans: Iterable[str], at: time) -> tuple[time, time] | None:
    """Give the span in which a time of day lies, its end not included; None where it lies in none of them."""
    return next(((opens, closes) for opens, closes in map(parse_span, spans) if opens <= at < closes), None)
