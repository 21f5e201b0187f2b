"""Numbers and addresses as providers write them, read as identities and as E.164."""

import re
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneNumberFormat, ValidationResult

from schemas.people import Identity

MAX_IDENTITY_LENGTH = 256
SHORTEST_INTERNATIONAL_DIGITS = 10
LONGEST_INTERNATIONAL_DIGITS = 15

# What stands in place of a hidden caller: words, and the digits (the words on a keypad) that Twilio sends for them.
ANONYMOUS = frozenset(
    {
        "anonymous",
        "restricted",
        "blocked",
        "unknown",
        "unavailable",
        "private",
        "withheld",
        "hidden",
        "asserted",
        "nobody",
        "none",
        "<unknown>",
        "+266696687",
        "266696687",
        "+7378742833",
        "7378742833",
        "+2562533",
        "2562533",
        "+8656696",
        "8656696",
        "+86282452253",
        "86282452253",
    }
)


def is_anonymous(written: str | None) -> bool:
    """Say whether an address stands for a caller who hides his number."""
    return written is None or not written.strip() or written.strip().lower() in ANONYMOUS


@lru_cache(maxsize=65_536)
def e164(written: str, *, region: str | None) -> str | None:
    """Give a number in E.164, None when it is none.

    `region` is the country of numbers written without one; None means that every number carries its country code,
    with or without a plus. Numbers need only be possible, not in service: number plans change faster than libraries.
    """
    digits = written.strip()
    candidates = [(digits, region)] if region is not None or digits.startswith("+") else [(f"+{digits}", None)]
    bare = digits.lstrip("+")
    if bare.isascii() and bare.isdigit() and len(bare) in _INTERNATIONAL_LENGTHS and not digits.startswith("+"):
        candidates.append((f"+{bare}", None))
    for index, (candidate, country) in enumerate(candidates):
        try:
            parsed = phonenumbers.parse(candidate, country)
        except phonenumbers.NumberParseException:
            continue
        is_possible = phonenumbers.is_possible_number_with_reason(parsed) == ValidationResult.IS_POSSIBLE
        if is_possible and (index == 0 or phonenumbers.is_valid_number(parsed)):
            return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return None


def phone_identity(written: str | None, *, region: str | None) -> Identity | None:
    """Give the identity behind a number: `phone` in E.164, `other_number` as written, None when it is hidden."""
    if written is None or is_anonymous(written):
        return None
    number = e164(written, region=region)
    if number is not None:
        return Identity(kind="phone", value=number)
    return Identity(kind="other_number", value=written.strip()[:MAX_IDENTITY_LENGTH])


def identity(kind: str, value: str | None) -> Identity | None:
    """Give an identity of another kind, None without a value."""
    if value is None or not value.strip():
        return None
    return Identity(kind=kind, value=value.strip())


def together(*identities: Identity | None) -> tuple[Identity, ...]:
    """Keep the identities that are there, each once, phones first, as written before those with a ninth digit."""
    known = dict.fromkeys(one for one in identities if one is not None)
    phones = [one for one in known if one.kind == "phone"]
    longer = [Identity("phone", whole) for one in phones if (whole := _with_ninth_digit(one.value))]
    return tuple(dict.fromkeys([*phones, *longer, *known]))


def _with_ninth_digit(number: str) -> str | None:
    """Give a Brazilian mobile number that lacks its ninth digit as telephones dial it, None for any other.

    WhatsApp knows who joined before 2016 by eight digits; landlines begin with 2 to 5.
    """
    return f"{found[1]}9{found[2]}" if (found := _EIGHT_DIGITS.match(number)) else None


def written_number(written: str | None, *, region: str | None) -> str | None:
    """Give a number of the company's own: in E.164 where it is one, else as written, None when missing."""
    if written is None or not written.strip():
        return None
    return e164(written, region=region) or written.strip()


_EIGHT_DIGITS = re.compile(r"^(\+55\d\d)([6-9]\d{7})$", re.ASCII)
_INTERNATIONAL_LENGTHS = range(SHORTEST_INTERNATIONAL_DIGITS, LONGEST_INTERNATIONAL_DIGITS + 1)
