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


class Ends(Struct, frozen=True, kw_only=True):
    """What a record holds of a leg's two ends: its own profile, that of who dialled it, and of whom it was joined to.

    An outbound leg that nobody dialled the switch began itself, as for a call from a click.
    """

    profile: Fields
    originator: Fields = {}
    partner: Fields = {}
    is_outbound: bool = False
    is_dialled: bool = False


def parties(scene: Scene, variables: Fields, *, ends: Ends) -> Parties:
    """Tell both sides of a leg by its caller and the number that was dialled.

    Assumption: an extension has at most six digits and is no telephone number, or it is an operator's endpoint, or
    among the company's internal numbers; what comes through a gateway or the external profile is a contact.
    """
    profile = ends.profile
    caller = text(profile, "caller_id_number") or text(variables, "sip_from_user", "caller_id_number")
    dialled = text(profile, "destination_number") or text(variables, "sip_to_user", "destination_number")
    name = text(profile, "caller_id_name") or text(variables, "caller_id_name")
    channel = text(profile, "chan_name") or text(variables, "channel_name")
    is_outside = _is_outside(scene, channel)
    if ends.is_dialled:
        sides = _Sides(caller=caller, dialled=dialled, name=name, is_outside=is_outside)
        return _dialled(scene, variables, sides=sides, originator=ends.originator)
    if ends.is_outbound:
        operator = _operator(scene, variables, dialled=dialled)
        if is_outside or operator is None:
            return _to_contact(scene, caller=caller, dialled=dialled, operator=_extension_of(scene, ends.partner))
        return _from_us(scene, begin=operator, dialled=_outside_number(scene, ends.partner), caller=None)
    user = text(profile, "username") or text(variables, "user_name", "sip_auth_username", "username")
    begin = user if is_extension(scene, user) else caller
    if not is_outside and is_extension(scene, begin):
        return _from_us(scene, begin=begin, dialled=dialled, caller=caller)
    return Parties(
        direction="incoming",
        contact=together(phone_identity(caller, region=scene.region)),
        contact_name=_name(name, caller),
        company_number=_company_number(scene, dialled),
        operator=_extension_of(scene, ends.partner)
        or _extension_behind(scene, text(variables, "bridge_channel"))
        or _operator(scene, variables, dialled=None),
        far_end="contact",
    )


class _Sides(Struct, frozen=True, kw_only=True):
    """Who is shown as calling, and who was dialled, whether through a trunk."""

    caller: str | None
    dialled: str | None
    name: str | None
    is_outside: bool


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


def _to_contact(scene: Scene, *, caller: str | None, dialled: str | None, operator: str | None) -> Parties:
    return Parties(
        direction="outgoing",
        contact=together(phone_identity(dialled, region=scene.region)),
        company_number=_company_number(scene, caller),
        operator=operator,
        far_end="contact",
    )


def _dialled(scene: Scene, variables: Fields, *, sides: _Sides, originator: Fields) -> Parties:
    """Read a leg that the switch dialled: to an operator, or out to a contact.

    What a call from outside is sent on to is somebody of the company, though he sits behind a trunk.
    """
    operator = _operator(scene, variables, dialled=sides.dialled)
    is_for_operator = operator is not None and not sides.is_outside
    is_sent_on = sides.is_outside and _is_outside(scene, text(originator, "chan_name"))
    if is_for_operator or is_sent_on or text(variables, "cc_member_session_uuid"):
        is_inner = is_extension(scene, sides.caller) or _is_own(scene, sides.caller)
        return Parties(
            direction="internal" if is_inner else "incoming",
            contact=() if is_inner else together(phone_identity(sides.caller, region=scene.region)),
            contact_name=None if is_inner else _name(sides.name, sides.caller),
            operator=operator or sides.dialled,
            far_end="company",
        )
    begin = sides.caller if is_extension(scene, sides.caller) else None
    return _to_contact(scene, caller=None if begin else sides.caller, dialled=sides.dialled, operator=begin)


def _operator(scene: Scene, variables: Fields, *, dialled: str | None) -> str | None:
    """Give the extension that a leg rang: a queue names its operators `101@default`, or by an id of its own."""
    agent = text(variables, "cc_agent")
    names = [name for name in (agent, (agent or "").partition("@")[0], text(variables, "dialed_user"), dialled) if name]
    extension = next((name for name in names if is_extension(scene, name)), None)
    return extension or next((name for name in names if not _has_digit(name) and not is_anonymous(name)), None)


def _extension_of(scene: Scene, partner: Fields) -> str | None:
    """Give the extension of whom a leg was joined to."""
    number = text(partner, "destination_number")
    return number if is_extension(scene, number) and not _is_outside(scene, text(partner, "chan_name")) else None


def _extension_behind(scene: Scene, channel: str | None) -> str | None:
    """Give the extension that a channel leads to: who picked up at another's telephone is known by it alone."""
    parts = _CHANNEL.match(channel or "")
    user = parts.group(2) if parts else None
    return user if is_extension(scene, user) and not _is_outside(scene, channel) else None


def _outside_number(scene: Scene, partner: Fields) -> str | None:
    """Give the number of whom a leg was joined to, where he was dialled through a trunk."""
    return text(partner, "destination_number") if _is_outside(scene, text(partner, "chan_name")) else None


def _is_own(scene: Scene, written: str | None) -> bool:
    number = e164(written, region=scene.region) if written else None
    return number is not None and number == written_number(scene.account.address, region=scene.region)


def is_loopback(channel: str | None) -> bool:
    """Say whether a channel is a half of a loopback, behind which another is dialled."""
    return channel is not None and channel.lower().startswith("loopback/")


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
