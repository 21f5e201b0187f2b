"""Numbers and addresses as providers write them, read as identities and as E.164."""

import re
from collections.abc import Iterable

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType, ValidationResult

from schemas.people import Identity, is_e164, other_form
from schemas.recent import recent

MAX_IDENTITY_LENGTH = 256
MAX_IDENTITIES = 16  # of the contact of one fact
SHORTEST_INTERNATIONAL_DIGITS = 10
LONGEST_INTERNATIONAL_DIGITS = 15
SHORTEST_LOCAL_DIGITS = 5
ABROAD = "00"  # written for the plus, whatever is dialled in a country
TOLL_FREE = "8800"  # as Kazakhs and Russians dial it at home: no number of Bangladesh, whose code is 880, begins with 0
BRAZIL = "+55"

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
    """Say whether an address stands for a caller who hides his number: itself, or its user (RFC 3323)."""
    if written is None or not written.strip():
        return True
    address = written.strip().lower()
    return address in ANONYMOUS or _SIP_SCHEME.sub("", address).partition("@")[0] in ANONYMOUS


@recent(65_536)
def e164(written: str, *, region: str | None) -> str | None:
    """Give a number in E.164, None when it is none.

    `region` is the country of numbers written without one; None means that every number carries its country code,
    with or without a plus. Behind it may stand the area code of numbers written without one, too (`BR 11`): where it
    does not, they are none, for in each city they are another's. Numbers need only be possible, not in service: number
    plans change faster than libraries. An extension is left out: who sits behind a switchboard is known by the number
    that is dialled.
    """
    country, _, area = (region or "").partition(" ")
    digits = _EXTENSION.sub("", written.strip())
    candidates = [(digits, country)] if country or digits.startswith("+") else [(f"+{digits}", "")]
    if area and not digits.startswith("+"):
        candidates.append((f"{area}{digits}", country))
    as_written = len(candidates)
    bare = digits.lstrip("+")
    if bare.isascii() and bare.isdigit() and len(bare) in _INTERNATIONAL_LENGTHS and not digits.startswith("+"):
        candidates.append((f"+{bare}", ""))
    for index, (candidate, place) in enumerate(candidates):
        try:
            parsed = phonenumbers.parse(candidate, place or None)
        except phonenumbers.NumberParseException:
            continue
        is_possible = phonenumbers.is_possible_number_with_reason(parsed) == ValidationResult.IS_POSSIBLE
        is_sure = index < as_written and not _PUNCTUATION.sub("", bare).startswith((ABROAD, TOLL_FREE))
        if _lacks_area(parsed):
            is_possible, is_sure = is_possible and candidate.startswith("+"), False
        if is_possible and (is_sure or phonenumbers.is_valid_number(parsed)):
            return phonenumbers.format_number(parsed, PhoneNumberFormat.E164)
    return None


def _lacks_area(number: PhoneNumber) -> bool:
    """Say whether a number is as short as those that are dialled within one area alone.

    So short are some that a whole country shares, too: only a country code before them tells them apart.
    """
    kinds = (PhoneNumberType.FIXED_LINE, PhoneNumberType.MOBILE)
    found = [phonenumbers.is_possible_number_for_type_with_reason(number, kind) for kind in kinds]
    return ValidationResult.IS_POSSIBLE not in found and ValidationResult.IS_POSSIBLE_LOCAL_ONLY in found


def phone_identity(written: str | None, *, region: str | None) -> Identity | None:
    """Give the identity behind a number: `phone` in E.164, `other_number` as written, None when it is hidden."""
    if written is None or is_anonymous(written):
        return None
    number = e164(written, region=region)
    if number is not None:
        return Identity(kind="phone", value=number)
    return Identity(kind="other_number", value=written.strip()[:MAX_IDENTITY_LENGTH])


def card_phones(written: str | None, *, region: str | None) -> tuple[Identity, ...]:
    """Give the identities behind what a person typed where a card has its phone: one number, or several.

    Words and zeros are nobody's number: all on whose cards `none` stands would be one person.
    """
    whole = phone_identity(written, region=region)
    if whole is None or whole.kind == "phone":
        told = [whole]
    else:
        told = [phone_identity(one, region=region) for one in _BETWEEN_NUMBERS.split(whole.value)]
    return tuple(one for one in told if one is not None and _is_somebodys(one))


def card_email(written: str | None) -> Identity | None:
    """Give the identity behind what a person typed where a card has an e-mail address; None where it is nobody's.

    So it is where it is no address, or lies in a domain that nobody can have (RFC 2606), or was typed because the form
    wants one: a word that says so, or the domain's own name once more (`test@test.com`). All on whose cards the same
    stands would be one person.
    """
    address = _EMAIL.fullmatch((written or "").strip().lower())
    if address is None or len(address.group()) > MAX_IDENTITY_LENGTH or _NOBODYS_DOMAIN.search(address["domain"]):
        return None
    said = "".join(_LETTERS.findall(address["user"]))
    is_filled_in = said in _NO_ADDRESS or address["user"] in address["domain"].split(".")[:-1]
    return None if is_filled_in else Identity(kind="email", value=address.group())


def _is_somebodys(number: Identity) -> bool:
    digits = _NO_DIGIT.sub("", number.value)
    if number.kind == "phone":
        return phonenumbers.parse(number.value).national_number != 0
    return len(digits) >= SHORTEST_LOCAL_DIGITS and bool(digits.strip("0"))


def whatsapp_identity(written: str | None, *, region: str | None) -> Identity | None:
    """Give the identity behind an address of WhatsApp: a number, or the id of one who shows a username instead."""
    user = _WHATSAPP_USER.match((written or "").strip())
    if user is None:
        return phone_identity(written, region=region)
    return Identity(kind="whatsapp_parent_user" if user.group(1) else "whatsapp_user", value=user.group())


def identity(kind: str, value: str | None) -> Identity | None:
    """Give an identity of another kind, None without a value."""
    if value is None or not value.strip():
        return None
    return Identity(kind=kind, value=value.strip())


def together(*identities: Identity | None) -> tuple[Identity, ...]:
    """Keep the identities that are there, each once, phones first, and beside what is written of a number its phone.

    What was written stays, and stays the first: keys of contacts and conversations are made from it. What a fact has no
    room for beside it is left out.
    """
    known = dict.fromkeys(one for one in identities if one is not None)
    phones = [one for one in known if one.kind == "phone"]
    listed = tuple(dict.fromkeys([*phones, *_as_dialled(phones), *known, *_as_dialled(known)]))
    if len(listed) <= MAX_IDENTITIES:
        return listed
    new = [one for one in listed if one not in known]
    left_out = set(new[max(MAX_IDENTITIES - len(known), 0) :])
    return tuple(one for one in listed if one not in left_out)


def as_first_told(*identities: Identity | None) -> tuple[str, ...]:
    """Give what ids of cards are made of: each identity once, phones first, with a Brazilian's ninth digit.

    Ids stay for ever: what `together` has learnt since they were first made is not in them.
    """
    known = dict.fromkeys(one for one in identities if one is not None)
    phones = [one for one in known if one.kind == "phone"]
    longer = [one for one in _as_dialled(phones) if one.value.startswith(BRAZIL)]
    return tuple(f"{one.kind}:{one.value}" for one in dict.fromkeys([*phones, *longer, *known]))


def numbers_of(written: Identity) -> frozenset[str]:
    """Give in E.164 the numbers of whoever goes by an identity, in whatever form a source or older version told it."""
    if written.kind not in _NUMBERS:
        return frozenset()
    read = {written.value, e164(written.value, region=None)}
    told = {number for one in read if one for number in (one, _other_form(one)) if number}
    return frozenset(number for number in told if is_e164(number))


def written_number(written: str | None, *, region: str | None) -> str | None:
    """Give a number of the company's own: in E.164 where it is one, else as written, None when missing."""
    if written is None or not written.strip():
        return None
    return e164(written, region=region) or _other_form(written) or written.strip()


def number_of_line(address: str, *, region: str | None) -> str | None:
    """Give a number of the company's own as it is known elsewhere, also where a trunk writes it as a SIP address.

    The address stands without its scheme.
    """
    return e164(address.partition("@")[0], region=region) or written_number(address, region=region)


def _as_dialled(identities: Iterable[Identity]) -> list[Identity]:
    """Give the phones by which others tell of the same people."""
    numbers = (_other_form(one.value) for one in identities if one.kind in _NUMBERS)
    return [Identity("phone", number) for number in numbers if number]


@recent(65_536)
def _other_form(written: str) -> str | None:
    """Give in E.164 the other number by which one is known, None where there is but one."""
    number = other_form(_PUNCTUATION.sub("", _EXTENSION.sub("", written)))
    number = e164(number, region=None) if number else None
    return number if number and phonenumbers.is_valid_number(phonenumbers.parse(number)) else None


_NUMBERS = frozenset({"phone", "other_number"})
_WHATSAPP_USER = re.compile(r"^[A-Z]{2}\.(ENT\.)?[A-Za-z0-9]{1,128}$", re.ASCII)  # Meta, Business-scoped user IDs
_SIP_SCHEME = re.compile(r"^(sips?|tel):")
_PUNCTUATION = re.compile(r"[\s().-]+")
_NO_DIGIT = re.compile(r"[^0-9]")
_EMAIL = re.compile(r"(?P<user>[^\s@<>,;]*[^\W_][^\s@<>,;]*)@(?P<domain>([^\W_]([\w-]*[^\W_])?\.)+[^\W\d_][\w-]+)")
_NOBODYS_DOMAIN = re.compile(r"(^|\.)(example\.(com|net|org)|example|invalid|localhost|test)$")
_NO_ADDRESS = ANONYMOUS | {
    *("no", "not", "null", "empty", "test", "tests", "testing", "example", "fake", "noemail", "nomail", "noreply"),
    *("donotreply", "emailno", "нет", "нету", "нетпочты", "тест", "жоқ", "жок", "semmail", "sememail", "naotem"),
    "teste",
}
_LETTERS = re.compile(r"[^\W\d_]+")
_BETWEEN_NUMBERS = re.compile(r"[,;/|\n]")
# Words of our users' languages before an extension, of which the library knows few.
_EXTENSION = re.compile(r"[\s,;(]*\b(?:вн|внутр|доб|добавочный|ішкі|ramal|ext)\.?\s*\d{1,7}\)?$", re.IGNORECASE)
_INTERNATIONAL_LENGTHS = range(SHORTEST_INTERNATIONAL_DIGITS, LONGEST_INTERNATIONAL_DIGITS + 1)
