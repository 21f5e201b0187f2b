"""Who is who in an event of JustCall, which call it is of, and when that began."""

from typing import Any

from pipelines.sources.facts import Scene
from pipelines.sources.phones import phone_identity, together, written_number
from pipelines.sources.reading import Fields, loose, required, text
from pipelines.sources.times import from_written
from schemas.errors import InvalidEvent
from schemas.ids import call_id
from schemas.instants import Instant
from schemas.people import Direction, Identity

_DIRECTIONS: dict[str, Direction] = {
    "incoming": "incoming",
    "inbound": "incoming",
    "i": "incoming",
    "1": "incoming",
    "outgoing": "outgoing",
    "outbound": "outgoing",
    "o": "outgoing",
    "2": "outgoing",
}


def about_call(scene: Scene, fields: Fields) -> dict[str, Any]:
    """Give what every fact of a call says; its `call_sid` is the same in all events, its `id` comes only at the end."""
    provider_id = required(fields, "call_sid", "id", "callid", "call_id")
    information = loose(fields, "call_info")
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_id),
        "provider_call_id": provider_id,
        "channel": "phone",
        "direction": direction_of(fields),
        "contact": contact(fields),
        "contact_name": text(fields, "contact_name"),
        "company_number": company_number(scene, fields),
        "operator": text(fields, "agent_email", "agent_id", "agent_name"),
        "provider_status": text(information, "type"),
    }


def direction_of(fields: Fields) -> Direction:
    """Tell the direction; raises InvalidEvent where its word is unknown."""
    written = text(loose(fields, "call_info"), "direction") or text(fields, "direction")
    if written is None:
        return "unknown"
    direction = _DIRECTIONS.get(written.strip().lower())
    if direction is None:
        raise InvalidEvent("the direction is none of JustCall's")
    return direction


def contact(fields: Fields) -> tuple[Identity, ...]:
    """Give the contact's number, which JustCall writes with its country and without a plus."""
    return together(phone_identity(text(fields, "contact_number"), region=None))


def company_number(scene: Scene, fields: Fields) -> str | None:
    """Give the company's number, the account's where none is written."""
    written = text(fields, "justcall_number")
    if written is None:
        return written_number(scene.account.address, region=scene.region)
    return written_number(written, region=None)


def began_at(fields: Fields, *, kind: str = "call") -> Instant | None:
    """Read a day and a clock in UTC, whose hour may have one digit, or `datetime` of the first version, in UTC too."""
    day, clock = text(fields, f"{kind}_date"), text(fields, f"{kind}_time")
    if day and clock:
        return from_written(f"{day.strip()} {clock.strip()}", what=f"{kind}_time")
    written = text(fields, "datetime")
    return None if written is None else from_written(written, what="datetime")
