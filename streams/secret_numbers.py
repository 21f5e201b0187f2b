"""Which digits are a secret: cards, personal numbers and phones, by their check digits and by what was said. Pure."""

import re
from collections.abc import Sequence
from datetime import date
from typing import Final

import phonenumbers
from msgspec import Struct

from schemas.transcripts import SecretKind

CARD_DIGITS: Final = range(13, 20)
MAX_CARD_TAIL_DIGITS: Final = 8  # a card's date and code, said after it
PHONE_DIGITS: Final = range(9, 16)
IBAN_CHARACTERS: Final = range(15, 35)

_USUAL_CARD: Final = re.compile(r"(?:4|5[1-5]|2[2-7]|62|8600|9860)\d+")
_SNILS_FORM: Final = re.compile(r"\d{3}-\d{3}-\d{3}[ -]?\d{2}")
_PASSPORT_WORDS: Final = re.compile(r"паспорт|төлқұжат|жеке куәлік|удостоверени|сери[яию]\b|passport|passaporte")
_SNILS_WORDS: Final = re.compile(r"снилс|snils|страхово")
_CPF_WORDS: Final = re.compile(r"\bcpf\b|цпф")


class Group(Struct, frozen=True):
    """Digits given by the words `first` to `last` of a stream; `written` is how, empty where they were spoken."""

    digits: str
    first: int
    last: int
    written: str


def kind_of(  # noqa: PLR0911, PLR0913  # one answer a kind, by all that tells it
    groups: Sequence[Group], *, is_first: bool, is_last: bool, context: str, language: str, region: str
) -> SecretKind | None:
    """Say what secret these groups are together, if any.

    `is_first` and `is_last`: whether they reach to the beginning and the end of the run of digits they stand in.
    """
    if not (is_first or is_last):
        return None
    digits = "".join(group.digits for group in groups)
    written = " ".join(group.written for group in groups)
    is_whole = is_first and is_last
    is_brazilian = region == "BR" or language == "pt" or _CPF_WORDS.search(context) is not None
    if is_card(digits) and (is_whole or (is_first and len(digits) == 16 and _USUAL_CARD.fullmatch(digits))):
        return "card"
    if is_iin(digits):
        return "iin"
    if len(digits) == 11 and (_SNILS_FORM.fullmatch(written) or (_SNILS_WORDS.search(context) and is_snils(digits))):
        return "snils"
    if is_cpf(digits) and is_brazilian:
        return "cpf"
    if len(digits) == 10 and _PASSPORT_WORDS.search(context):
        return "passport"
    if _is_phone(digits, written=written, region=region):
        return "phone"
    if is_cpf(digits):
        return "cpf"
    return "passport" if _is_passport_form(groups) else None


def tail_of_card(groups: Sequence[Group]) -> int:
    """How many of the groups right after a card belong to it: its date and its code."""
    return len(groups) if sum(len(group.digits) for group in groups) <= MAX_CARD_TAIL_DIGITS else 0


def is_card(digits: str) -> bool:
    """Whether digits may be a payment card: 13 to 19 of them, not all alike, with Luhn's check digit (ISO/IEC 7812)."""
    if len(digits) not in CARD_DIGITS or len(set(digits)) == 1 or digits[0] in "01":
        return False
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(value - 9 if value > 9 else value for value in doubled) % 10 == 0


def iban_ends(text: str) -> int:
    """How many characters of `text` are an account number of ISO 13616 (mod 97 is 1); 0 where none begins it."""
    places = [place for place, character in enumerate(text) if character.isalnum()]
    for length in range(min(len(places), IBAN_CHARACTERS[-1]), IBAN_CHARACTERS[0] - 1, -1):
        letters = "".join(text[place] for place in places[:length]).upper()
        is_broken_off = places[length - 1] + 1 < len(text) and text[places[length - 1] + 1].isalnum()
        if not is_broken_off and letters.isascii() and _mod_97(letters) == 1:
            return places[length - 1] + 1
    return 0


def is_iin(digits: str) -> bool:
    """Whether digits are a Kazakh personal number: birth date, century and sex, serial, check digit."""
    if len(digits) != 12 or digits[6] not in "123456":
        return False
    century = 1800 + 100 * ((int(digits[6]) - 1) // 2)
    try:
        date(century + int(digits[:2]), int(digits[2:4]), int(digits[4:6]))
    except ValueError:
        return False
    values = [int(digit) for digit in digits]
    check = sum(value * weight for value, weight in zip(values, range(1, 12), strict=False)) % 11
    if check == 10:
        weights = (3, 4, 5, 6, 7, 8, 9, 10, 11, 1, 2)
        check = sum(value * weight for value, weight in zip(values, weights, strict=False)) % 11
    return check == values[11]


def is_cpf(digits: str) -> bool:
    """Whether digits are a Brazilian personal number: eleven, not all alike, the last two check the others."""
    if len(digits) != 11 or len(set(digits)) == 1:
        return False
    values = [int(digit) for digit in digits]
    return all(
        sum(value * weight for value, weight in zip(values, range(length + 1, 1, -1), strict=False)) * 10 % 11 % 10
        == values[length]
        for length in (9, 10)
    )


def is_snils(digits: str) -> bool:
    """Whether digits are a Russian insurance number: nine and two that check them."""
    if len(digits) != 11 or digits == "0" * 11:
        return False
    total = sum(int(digit) * weight for digit, weight in zip(digits, range(9, 0, -1), strict=False))
    return total % 101 % 100 == int(digits[9:])


def _is_phone(digits: str, *, written: str, region: str) -> bool:
    if len(digits) not in PHONE_DIGITS:
        return False
    try:
        if written.startswith("+"):
            return phonenumbers.is_possible_number(phonenumbers.parse(f"+{digits}"))
        return phonenumbers.is_valid_number(phonenumbers.parse(digits, region)) or (
            len(digits) > 10 and phonenumbers.is_valid_number(phonenumbers.parse(f"+{digits}"))
        )
    except phonenumbers.NumberParseException:
        return False


def _is_passport_form(groups: Sequence[Group]) -> bool:
    """A Russian passport as it is written: series of four digits, or two and two, then six."""
    lengths = [len(group.digits) for group in groups]
    return all(group.written.isdigit() for group in groups) and lengths in ([4, 6], [2, 2, 6])


def _mod_97(letters: str) -> int:
    turned = letters[4:] + letters[:4]
    return int("".join(str(int(letter, 36)) for letter in turned)) % 97
