"""Joining what the parts of a body became: events go on, a broken part is refused alone, and silence gets a reason."""

from collections.abc import Callable, Iterable
from typing import Any

from pipelines.sources.contract import Refusal, Translation
from schemas.envelope import Event
from schemas.errors import InvalidEvent

MAX_IGNORED_REASONS = 8
NOTHING = Translation()


def found(*events: Event | None) -> Translation:
    """Say that a part holds these facts."""
    return Translation(events=tuple(event for event in events if event is not None))


def ignored(reason: str) -> Translation:
    """Say that a part is understood and holds no fact of ours."""
    return Translation(ignored=reason)


def attempt(part: str, read: Callable[[], Translation]) -> Translation:
    """Read one part; when it raises InvalidEvent the part, a JSON path, is refused with that reason."""
    try:
        return read()
    except InvalidEvent as error:
        return _refused(part, error)


def numbered(path: str, values: list[Any]) -> list[tuple[str, Any]]:
    """Give each value of a list with its JSON path."""
    if len(values) == 1:  # as most lists are
        return [(f"{path}[0]", values[0])]
    return [(f"{path}[{number}]", value) for number, value in enumerate(values)]


def each(places: Iterable[tuple[str, Any]], read: Callable[[str, Any], Translation]) -> Translation:
    """Read what stands at each place, a JSON path, by itself: a broken one is refused alone and the rest goes on."""
    read_parts: list[Translation] = []
    for part, value in places:
        try:
            read_parts.append(read(part, value))
        except InvalidEvent as error:
            read_parts.append(_refused(part, error))
    return read_parts[0] if len(read_parts) == 1 else joined(read_parts)


def joined(parts: Iterable[Translation]) -> Translation:
    """Join parts in their order; a reason to ignore stands only when nothing was found and nothing refused."""
    read = [part for part in parts if part != NOTHING]
    if len(read) == 1:
        return read[0]
    events = tuple(event for part in read for event in part.events)
    refused = tuple(refusal for part in read for refusal in part.refused)
    if events or refused:
        return Translation(events=events, refused=refused)
    reasons = dict.fromkeys(part.ignored for part in read if part.ignored)
    return Translation(ignored="; ".join(list(reasons)[:MAX_IGNORED_REASONS]))


def _refused(part: str, error: InvalidEvent) -> Translation:
    return Translation(refused=(Refusal(part=part, reason=error.reason),))
