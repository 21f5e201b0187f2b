"""Who takes part: identities of a contact, how numbers are written, sides of a call, words for channels and devices."""

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


def other_form(digits: str) -> str | None:
    """Give, as it is dialled from abroad, the other number by which one is known; None where there is but one.

    `digits` are without punctuation. The number need not be in service.
    """
    return next((found.expand(other) for form, other in _OTHER_FORMS if (found := form.match(digits))), None)


def as_written_by_some(number: str) -> str | None:
    """Give what some write for a number in E.164, leaving a digit out or adding one; None where nobody does."""
    return next((found.expand(some) for form, some in _SOME_WRITE if (found := form.match(number))), None)


_E164 = re.compile(r"^\+[1-9][0-9]{6,14}$")
_OTHER_FORMS = (
    # WhatsApp knows Brazilians who joined before 2016 without the ninth digit; landlines begin with 2 to 5.
    (re.compile(r"^(?:\+|00)?(55\d\d)([6-9]\d{7})$", re.ASCII), r"+\g<1>9\2"),
    # It writes 1 behind the code of Mexico, which was dialled there until 2019.
    (re.compile(r"^(?:\+|00)?521(\d{10})$", re.ASCII), r"+52\1"),
    # An Argentine mobile number has a 9 where it is dialled from abroad, and none at home.
    # Assumption: no landline there has the same.
    (re.compile(r"^\+549(\d{10})$", re.ASCII), r"+54\1"),
    # Kazakhs and Russians write 8 for +7, and many people 00 for the plus.
    (re.compile(r"^\+?8([79]\d{9}|800\d{7})$", re.ASCII), r"+7\1"),
    (re.compile(r"^\+?00([1-9]\d{6,14})$", re.ASCII), r"+\1"),
)
_SOME_WRITE = (
    (re.compile(r"^\+55(\d\d)9([6-9]\d{7})$", re.ASCII), r"+55\1\2"),
    (re.compile(r"^\+54([1-8]\d{9})$", re.ASCII), r"+549\1"),
)
