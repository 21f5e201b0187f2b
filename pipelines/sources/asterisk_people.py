"""Who is who in a call detail record: the direction as the company sees it, the contact and the operator's endpoint."""

import re

from msgspec import Struct

from pipelines.sources.facts import Scene
from pipelines.sources.phones import e164, is_anonymous, phone_identity, together, written_number
from pipelines.sources.reading import Fields, text
from schemas.people import Direction, Identity

MAX_CLID_LENGTH = 256
MAX_EXTENSION_DIGITS = 6

# Contexts of a dial plan into which, by the habit of configurations, only calls from outside come.
_FROM_OUTSIDE = frozenset(
    {"from-trunk", "from-pstn", "from-did-direct", "from-external", "ext-did", "incoming", "inbound"}
)

_SUFFIX = re.compile(r"-[0-9a-fA-F]+(;[12])?$")
_TECHNOLOGY = re.compile(r"^[A-Za-z0-9]+/")
_CLID_NAME = re.compile(r'^\s*"?(.*?)"?\s*<[^<>]*>\s*$', re.DOTALL)


class Route(Struct, frozen=True, kw_only=True):
    """Who called whom, as the company sees it."""

    direction: Direction
    contact: tuple[Identity, ...] = ()
    contact_name: str | None = None
    company_number: str | None = None
    operator: str | None = None


def route(scene: Scene, row: Fields) -> Route:
    """Tell direction, contact and operator from channels and numbers.

    Assumption: an endpoint that is an operator's, or is named by at most six digits, is an extension of the company;
    every other channel leads outside. `trunks` in the account's settings names trunks for which this fails.
    """
    begin, end = endpoint(text(row, "channel")), endpoint(text(row, "dstchannel"))
    number = written_number(text(row, "did") or scene.account.address, region=scene.region)
    dialled = _without_prefix(scene, text(row, "dst"))
    if not _is_from_us(scene, row, begin=begin):
        return Route(
            direction="incoming",
            contact=together(phone_identity(_caller(row), region=scene.region)),
            contact_name=_caller_name(row),
            company_number=number or _number_or_none(scene, dialled),
            operator=_operator(scene, end),
        )
    is_number = _number_or_none(scene, dialled) is not None
    if not _is_trunk(scene, end) and (_is_extension(scene, dialled) or (is_ours(scene, end) and not is_number)):
        return Route(direction="internal", operator=_operator(scene, begin))
    return Route(
        direction="outgoing",
        contact=together(phone_identity(dialled, region=scene.region) if _is_dialled(dialled) else None),
        company_number=number,
        operator=_operator(scene, begin) or (end if is_ours(scene, end) else None),
    )


def _is_from_us(scene: Scene, row: Fields, *, begin: str | None) -> bool:
    if is_ours(scene, begin):
        return True
    contexts = _FROM_OUTSIDE | scene.names("incoming_contexts")
    if _is_trunk(scene, begin) or (text(row, "dcontext") or "").lower() in contexts:
        return False
    caller, own = text(row, "src"), scene.account.address
    is_own = bool(caller and own) and _number_or_none(scene, caller) == _number_or_none(scene, own)
    return is_own or _is_extension(scene, caller)


def endpoint(channel: str | None) -> str | None:
    """Give the endpoint of a channel: `PJSIP/101-0000abcd` is a channel of `PJSIP/101`."""
    return _SUFFIX.sub("", channel) if channel else None


def _operator(scene: Scene, name: str | None) -> str | None:
    """Give the endpoint as an operator's, except a `Local` half: the row of its other half names the endpoint."""
    is_half = name is not None and name.startswith("Local/")
    return None if is_half and name not in scene.endpoints else name


def is_ours(scene: Scene, name: str | None) -> bool:
    """Say whether an endpoint is an extension of the company."""
    if name is None or _is_trunk(scene, name):
        return False
    if name in scene.endpoints:
        return True
    return not name.startswith("Local/") and _is_extension(scene, _TECHNOLOGY.sub("", name))


def _is_trunk(scene: Scene, name: str | None) -> bool:
    trunks = scene.names("trunks")
    return name is not None and (name in trunks or _TECHNOLOGY.sub("", name) in trunks)


def _is_extension(scene: Scene, written: str | None) -> bool:
    if written is None:
        return False
    if written in scene.company.internal_numbers:
        return True
    is_short = written.isascii() and written.lstrip("*").isdigit() and len(written) <= MAX_EXTENSION_DIGITS
    return is_short and e164(written, region=scene.region) is None


def _is_dialled(written: str | None) -> bool:
    """Say whether a destination is a number that was dialled, not a label of the dial plan such as `s`."""
    return written is not None and any(character.isdigit() for character in written)


def _without_prefix(scene: Scene, written: str | None) -> str | None:
    """Cut off what is dialled to get a line out, named by `dial_prefix` in the account's settings."""
    prefix = scene.setting("dial_prefix")
    return written.removeprefix(prefix) if written and prefix else written


def _number_or_none(scene: Scene, written: str | None) -> str | None:
    return e164(written, region=scene.region) if written else None


def _caller(row: Fields) -> str | None:
    return next((one for one in (text(row, "src"), text(row, "cnum")) if not is_anonymous(one)), None)


def _caller_name(row: Fields) -> str | None:
    """Give the name in `"Name" <number>`, when it is more than the number again."""
    parts = _CLID_NAME.match((text(row, "clid") or "")[:MAX_CLID_LENGTH])
    name = text(row, "cnam") or (parts.group(1).strip() if parts else "")
    has_letters = any(character.isalpha() for character in name)
    return name if has_letters and not is_anonymous(name) else None
