"""Who is who in a record of FreeSWITCH: which end of a leg is the contact, and which the company's extension."""

import re

from msgspec import Struct

from pipelines.sources.facts import Scene
from pipelines.sources.phones import e164, is_anonymous, phone_identity, together, written_number
from pipelines.sources.reading import Fields, text
from schemas.people import Direction, Identity, Side

MAX_EXTENSION_DIGITS = 6

_CHANNEL = re.compile(r"^(?:sofia/)?(gateway/[^/]+|[^/]+)/(?:sips?:)?([^@/;]*)", re.IGNORECASE)
_OUTSIDE = frozenset({"external", "external-ipv6"})


class Parties(Struct, frozen=True, kw_only=True):
    """Who called whom as the company sees it, and who sits at the far end of this leg."""

    direction: Direction
    contact: tuple[Identity, ...] = ()
    contact_name: str | None = None
    company_number: str | None = None
    operator: str | None = None
    far_end: Side = "unknown"


def parties(scene: Scene, variables: Fields, *, profile: Fields, is_dialled: bool) -> Parties:
    """Tell both sides of a leg by its caller and the number that was dialled.

    Assumption: an extension has at most six digits and is no telephone number, or it is an operator's endpoint, or
    among the company's internal numbers; what comes through a gateway or the external profile is a contact.
    """
    caller = text(profile, "caller_id_number") or text(variables, "sip_from_user", "caller_id_number")
    dialled = text(profile, "destination_number") or text(variables, "sip_to_user", "destination_number")
    name = text(profile, "caller_id_name") or text(variables, "caller_id_name")
    channel = text(profile, "chan_name") or text(variables, "channel_name")
    if is_dialled:
        return _dialled(scene, variables, caller=caller, dialled=dialled, channel=channel, name=name)
    user = text(profile, "username") or text(variables, "user_name", "sip_auth_username", "username")
    begin = user if is_extension(scene, user) else caller
    if not _is_outside(scene, channel) and is_extension(scene, begin):
        return _from_us(scene, begin=begin, dialled=dialled, caller=caller)
    return Parties(
        direction="incoming",
        contact=together(phone_identity(caller, region=scene.region)),
        contact_name=_name(name, caller),
        company_number=_company_number(scene, dialled),
        operator=text(variables, "cc_agent", "dialed_user"),
        far_end="contact",
    )


def _from_us(scene: Scene, *, begin: str | None, dialled: str | None, caller: str | None) -> Parties:
    if is_extension(scene, dialled) or not _has_digit(dialled):
        return Parties(direction="internal", operator=begin, far_end="company")
    own = caller if caller != begin else None
    return Parties(
        direction="outgoing",
        contact=together(phone_identity(dialled, region=scene.region)),
        company_number=_company_number(scene, own),
        operator=begin,
        far_end="company",
    )


def _dialled(  # noqa: PLR0913  # what a leg says of both its ends
    scene: Scene,
    variables: Fields,
    *,
    caller: str | None,
    dialled: str | None,
    channel: str | None,
    name: str | None,
) -> Parties:
    """Read a leg that the switch dialled: to an operator, or out to a contact."""
    operator = text(variables, "cc_agent", "dialed_user") or dialled
    if not _is_outside(scene, channel) and (is_extension(scene, operator) or not _has_digit(operator)):
        is_inner = is_extension(scene, caller)
        return Parties(
            direction="internal" if is_inner else "incoming",
            contact=() if is_inner else together(phone_identity(caller, region=scene.region)),
            contact_name=None if is_inner else _name(name, caller),
            operator=operator,
            far_end="company",
        )
    begin = caller if is_extension(scene, caller) else None
    return Parties(
        direction="outgoing",
        contact=together(phone_identity(dialled, region=scene.region)),
        company_number=_company_number(scene, None if begin else caller),
        operator=begin,
        far_end="contact",
    )


def is_extension(scene: Scene, written: str | None) -> bool:
    """Say whether a number or a name is an extension of the company."""
    if not written or is_anonymous(written):
        return False
    if {written, f"user/{written}"} & scene.endpoints or written in scene.company.internal_numbers:
        return True
    is_short = written.isascii() and written.lstrip("*").isdigit() and len(written) <= MAX_EXTENSION_DIGITS
    return is_short and e164(written, region=scene.region) is None


def _is_outside(scene: Scene, channel: str | None) -> bool:
    """Say whether a channel leads outside: through a gateway, the external profile, or one that the account names."""
    parts = _CHANNEL.match(channel or "")
    if parts is None:
        return False
    profile = parts.group(1).lower()
    name = profile.removeprefix("gateway/")
    trunks = {one.lower() for one in scene.names("trunks")}
    return profile.startswith("gateway/") or profile in _OUTSIDE or name in trunks


def _company_number(scene: Scene, written: str | None) -> str | None:
    is_number = written is not None and e164(written, region=scene.region) is not None
    return written_number(written if is_number else scene.account.address, region=scene.region)


def _has_digit(written: str | None) -> bool:
    return written is not None and any(character.isdigit() for character in written)


def _name(name: str | None, caller: str | None) -> str | None:
    has_letters = name is not None and any(character.isalpha() for character in name)
    return name if has_letters and name != caller and not is_anonymous(name) else None
