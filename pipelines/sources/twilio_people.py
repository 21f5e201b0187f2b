"""Who is who in a Twilio callback: which side is the company, the contact and the operator's endpoint."""

import re
from typing import Any

from msgspec import Struct

from pipelines.sources.facts import Scene
from pipelines.sources.phones import (
    e164,
    identity,
    is_anonymous,
    number_of_line,
    phone_identity,
    together,
    whatsapp_identity,
)
from pipelines.sources.reading import Fields, text
from pipelines.sources.times import from_rfc2822
from schemas.errors import InvalidEvent
from schemas.instants import Instant, from_rfc3339
from schemas.people import Channel, Direction, Identity

CHANNELS: dict[str, Channel] = {"whatsapp": "waba", "messenger": "messenger", "instagram": "instagram", "rcs": "other"}

_SCHEME = re.compile(r"^([a-z]{2,12}):(.*)$", re.DOTALL)
# On a trunk Twilio originates what comes in from the telephone network, and terminates what the company sends there.
_TO_US = frozenset({"inbound", "trunking-originating"})
_FROM_US = frozenset({"outbound-api", "outbound", "trunking-terminating"})
_DIRECTIONS = _TO_US | _FROM_US | {"outbound-dial"}


class Parties(Struct, frozen=True, kw_only=True):
    """The direction as the company sees it, and the two sides."""

    direction: Direction
    contact: tuple[Identity, ...] = ()
    company_number: str | None = None
    operator: str | None = None


def channel_of(*addresses: str | None, default: Channel) -> Channel:
    """Tell the channel by the addresses' scheme: `whatsapp:+7…` is WhatsApp Business."""
    for address in addresses:
        scheme = _scheme(address) if address else ""
        if scheme in CHANNELS:
            return CHANNELS[scheme]
    return default


def parties(scene: Scene, fields: Fields) -> Parties:
    """Tell who called whom. Raises InvalidEvent for a direction Twilio does not have.

    For Twilio a call from an operator's browser or desk phone is `inbound`, and every leg to an operator is
    `outbound-dial`; for the company the direction is that of the contact's call, `unknown` where a leg alone
    does not tell it. Callbacks that leave the word out (recordings, TeXML) are told by which number is our own.
    """
    direction = (text(fields, "Direction") or "").lower()
    if direction and direction not in _DIRECTIONS:
        raise InvalidEvent("the direction is none of Twilio's")
    begin, end = text(fields, "From", "Caller"), text(fields, "To", "Called")
    if text(fields, "ParentCallSid") or direction == "outbound-dial":
        return _leg(scene, begin=begin, end=end)
    if direction in _FROM_US or (not direction and _is_own(scene, begin)):
        return _ours(scene, begin=begin, end=end)
    if is_endpoint(scene, begin):
        outside = end if _is_number(end) and not _is_own(scene, end) and not is_endpoint(scene, end) else None
        towards: Direction = "internal" if outside is None else "outgoing"
        return Parties(direction=towards, contact=contact(scene, outside), operator=begin)
    is_to_us = direction in _TO_US or (not direction and _is_own(scene, end))
    told: Direction = "incoming" if is_to_us else "unknown"
    return Parties(direction=told, contact=contact(scene, begin), company_number=own_number(scene, end))


def _ours(scene: Scene, *, begin: str | None, end: str | None) -> Parties:
    """Read a call placed through the API: to a contact, or to an operator, who alone is nobody outside.

    Whom he is then connected to is told by the leg that dials, or by the call that he takes from a queue.
    """
    number = own_number(scene, begin)
    if is_endpoint(scene, end):
        return Parties(direction="internal", company_number=number, operator=end)
    return Parties(direction="outgoing", contact=contact(scene, end), company_number=number)


def _leg(scene: Scene, *, begin: str | None, end: str | None) -> Parties:
    """Read a leg that dials somebody: an operator's endpoint, or the contact an operator calls.

    Assumption: a leg to a number that is no endpoint of ours carries our own number when it calls a contact, and the
    caller's number when it forwards his call to somebody of the company.
    """
    from_us = _is_own(scene, begin)
    from_operator = is_endpoint(scene, begin)
    if is_endpoint(scene, end):
        told: Direction = "unknown" if from_us or from_operator else "incoming"
        caller = None if from_us or from_operator else begin
        return Parties(direction=told, contact=contact(scene, caller), operator=end)
    if from_us or from_operator:
        return Parties(
            direction="outgoing",
            contact=contact(scene, end),
            company_number=own_number(scene, begin) if from_us else None,
            operator=begin if from_operator else None,
        )
    return Parties(direction="incoming", contact=contact(scene, begin), operator=end)


def told_at(scene: Scene, fields: Fields) -> Instant:
    """Give the callback's own time; messages and the first request of a call have none: they are taken at receipt."""
    written = text(fields, "Timestamp")
    return scene.raw.received_at if written is None else clock(written, what="Timestamp")


def clock(written: str, *, what: str) -> Instant:
    """Read an instant as Twilio writes it, or as Telnyx does in the same callbacks (TeXML)."""
    return from_rfc3339(written) if written[:1].isdigit() else from_rfc2822(written, what=what)


def contact(scene: Scene, address: str | None) -> tuple[Identity, ...]:
    """Give the identity behind an address; none for a hidden caller."""
    if address is None or is_anonymous(address):
        return ()
    scheme, rest = _scheme(address), bare(address)
    if scheme == "sip":
        user = rest.partition("@")[0]
        number = e164(user, region=scene.region)
        return together(phone_identity(number, region=None), identity("sip", rest.partition(";")[0]))
    if scheme == "client":
        return together(identity("twilio_client", rest))
    if scheme in {"messenger", "instagram"}:
        return together(identity(scheme, rest))
    if scheme == "whatsapp":
        return together(whatsapp_identity(rest, region=scene.region))
    return together(phone_identity(rest, region=scene.region))


def own_number(scene: Scene, address: str | None) -> str | None:
    """Give a number of the company's own as it is known elsewhere."""
    return None if address is None else number_of_line(bare(address), region=scene.region)


def bare(address: str) -> str:
    """Cut the scheme off an address."""
    parts = _SCHEME.match(address)
    return parts.group(2) if parts else address


def _scheme(address: str) -> str:
    parts = _SCHEME.match(address)
    return parts.group(1) if parts else ""


def _is_own(scene: Scene, address: str | None) -> bool:
    """Say whether an address is a number of this account."""
    if address is None or not scene.account.address:
        return False
    return own_number(scene, address) == own_number(scene, scene.account.address)


def _is_number(address: str | None) -> bool:
    """Say whether an address begins as a number does: what an operator's application calls may be a queue's name."""
    return address is not None and bare(address).removeprefix("+")[:1].isdigit()


def is_endpoint(scene: Scene, address: str | None) -> bool:
    """Say whether an address is where somebody of the company takes calls."""
    if address is None or is_anonymous(address):
        return False
    user = bare(address).partition("@")[0]
    number = e164(user, region=scene.region)
    if {address, number or address} & scene.endpoints.union(scene.company.internal_numbers):
        return True
    return _scheme(address) == "client" or (_scheme(address) == "sip" and number is None)


def known_call(fields: Fields, told: Parties, *, name: str | None) -> dict[str, Any]:
    """Give what a fact says of both sides; the caller's registered name belongs to the contact who calls us."""
    return {
        "direction": told.direction,
        "contact": told.contact,
        "contact_name": name if told.direction == "incoming" else None,
        "company_number": told.company_number,
        "operator": told.operator,
        "channel": channel_of(text(fields, "From"), text(fields, "To"), default="phone"),
    }
