"""Who is who in a leg of a telephone call: the contact's own leg is the call, a leg to somebody of the company a part.

Providers join the legs of one call by an id (a session, a conversation) and do not say which of them is the contact's.
"""

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
    written_number,
)
from schemas.ids import call_id
from schemas.people import Direction, Identity

_SCHEME = re.compile(r"^(sips?|tel|client|app):(.*)$", re.DOTALL | re.IGNORECASE)


class Leg(Struct, frozen=True, kw_only=True):
    """One leg as the company sees it; `is_call` says that it is the contact's, and so the call as a whole."""

    direction: Direction
    contact: tuple[Identity, ...] = ()
    company_number: str | None = None
    operator: str | None = None
    is_call: bool = True


def leg(scene: Scene, *, begin: str | None, end: str | None, comes_in: bool | None) -> Leg:
    """Tell who called whom; `comes_in` is the provider's word: from its network, or from an operator's device.

    Where an event leaves it out (None) it must still be of the same leg as one that has it: so a leg is the
    contact's when neither of its ends is an endpoint of the company's, whatever its direction.
    Assumption: a number that is no endpoint of the company's is a contact's; of a call that is passed on to one
    outside, the caller's own leg tells what matters. A leg to an operator is internal unless another of its
    call is the contact's: an operator may be called by himself, and joined with a call that waits.
    """
    if comes_in is None and not is_endpoint(scene, begin) and not is_endpoint(scene, end):
        if not is_own(scene, begin) and not is_own(scene, end):
            return Leg(direction="unknown")
        comes_in = is_own(scene, end)
    if comes_in:
        return _coming(scene, begin=begin, end=end)
    if is_endpoint(scene, end):
        is_known = is_own(scene, begin) or is_endpoint(scene, begin)
        return Leg(
            direction="internal",
            contact=() if is_known else contact(scene, begin),
            company_number=number(scene, begin) if is_own(scene, begin) else None,
            operator=end,
            is_call=False,
        )
    is_from_operator = is_endpoint(scene, begin)
    return Leg(
        direction="outgoing",
        contact=contact(scene, end),
        company_number=None if is_from_operator else number(scene, begin),
        operator=begin if is_from_operator else None,
        is_call=not is_from_operator,
    )


def _coming(scene: Scene, *, begin: str | None, end: str | None) -> Leg:
    if not is_endpoint(scene, begin):
        return Leg(direction="incoming", contact=contact(scene, begin), company_number=number(scene, end))
    if is_endpoint(scene, end) or is_own(scene, end):
        return Leg(direction="internal", operator=begin, is_call=False)
    return Leg(direction="outgoing", contact=contact(scene, end), operator=begin, is_call=False)


def known_call(scene: Scene, told: Leg, *, provider_id: str, leg_id: str, status: str) -> dict[str, Any]:
    """Give what every fact of a leg says."""
    return {
        "call_id": call_id(scene.raw.source, scene.account.id, provider_id),
        "provider_call_id": provider_id,
        "leg_id": None if told.is_call else leg_id,
        "channel": "phone",
        "direction": told.direction,
        "contact": told.contact,
        "company_number": told.company_number,
        "operator": told.operator,
        "provider_status": status,
    }


def contact(scene: Scene, address: str | None) -> tuple[Identity, ...]:
    """Give the identity behind an address; none for a hidden caller."""
    if address is None or is_anonymous(address):
        return ()
    scheme, rest = _split(address)
    if scheme.startswith("sip"):
        user = rest.partition("@")[0]
        return together(
            phone_identity(e164(user, region=scene.region), region=None), identity("sip", rest.partition(";")[0])
        )
    return together(phone_identity(rest, region=scene.region))


def number(scene: Scene, address: str | None) -> str | None:
    """Give a number of the company's own as it is known elsewhere, the account's where none is written."""
    return number_of_line(_split(address or scene.account.address or "")[1], region=scene.region)


def is_own(scene: Scene, address: str | None) -> bool:
    """Say whether an address is this account's number."""
    if not address or not scene.account.address:
        return False
    return number(scene, address) == written_number(scene.account.address, region=scene.region)


def is_endpoint(scene: Scene, address: str | None) -> bool:
    """Say whether an address is where somebody of the company takes calls: listed, or no telephone number."""
    if not address or is_anonymous(address):
        return False
    scheme, rest = _split(address)
    user = rest.partition("@")[0]
    listed = {address, rest, user, e164(user, region=scene.region) or user}
    if listed & scene.endpoints.union(scene.company.internal_numbers):
        return True
    if scheme in {"client", "app"}:
        return True
    return e164(user, region=scene.region) is None and not any(character.isdigit() for character in user[:1])


def _split(address: str) -> tuple[str, str]:
    parts = _SCHEME.match(address.strip())
    return (parts.group(1).lower(), parts.group(2)) if parts else ("", address.strip())
