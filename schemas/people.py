"""Who takes part: identities of a contact, sides of a call, and the words for channels and devices."""

import re
from typing import Annotated, Literal

from msgspec import Meta, Struct

Direction = Literal["incoming", "outgoing", "internal", "unknown"]
Channel = Literal[
    "phone",
    "whatsapp",
    "waba",
    "messenger",
    "instagram",
    "telegram",
    "vk",
    "viber",
    "sms",
    "email",
    "web",
    "other",
]
Device = Literal["phone", "computer", "unknown"]
Role = Literal["operator", "customer", "unknown"]
Side = Literal["company", "contact", "unknown"]
AnsweredBy = Literal["human", "machine", "voicemail", "ivr", "unknown"]

IdentityKind = Annotated[
    str,
    Meta(
        pattern=r"^[a-z][a-z0-9_]{1,31}$",
        description="phone (value in E.164), whatsapp_user (BSUID), telegram, instagram, vk, crm_kommo, sip, …",
    ),
]


class Identity(Struct, frozen=True):
    """One way in which a contact is known; a contact is a set of these, merged later, in any order."""

    kind: IdentityKind
    value: Annotated[str, Meta(min_length=1, max_length=256)]


def is_e164(number: str) -> bool:
    """Say whether a number is written as every phone among identities is."""
    return _E164.match(number) is not None


_E164 = re.compile(r"^\+[1-9][0-9]{6,14}$")
