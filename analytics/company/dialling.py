"""Which country an international number belongs to, told by its first digits, and the forms in which it is written."""

from functools import cache

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE, PhoneNumber

from schemas.people import as_written_by_some, other_form

# Countries that share these codes are told apart by the three digits behind it, tried with numbers of any ending.
SHARED_CODES = (1, 7)
AREA_DIGITS = 3
ENDINGS = ("2223333", "2345678", "5550123")
NOT_A_COUNTRY = "001"
LONGEST_PREFIX = 4


@cache
def dialling_codes() -> tuple[tuple[str, str], ...]:
    """List prefixes without plus, of at most four digits, with their country.

    Of countries that share a code, those of +1 and +7 are told apart; elsewhere the largest stands for all.
    """
    listed: list[tuple[str, str]] = []
    for code, regions in COUNTRY_CODE_TO_REGION_CODE.items():
        if regions[0] == NOT_A_COUNTRY:
            continue
        listed.append((str(code), regions[0]))
        if code in SHARED_CODES:
            areas = range(10 ** (AREA_DIGITS - 1), 10**AREA_DIGITS)
            told = ((f"{code}{area}", _region(code, area)) for area in areas)
            listed += [(prefix, region) for prefix, region in told if region is not None and region != regions[0]]
    return tuple(listed)


def country_of(number: str) -> str | None:
    """Give the country of a number in E.164, as the facts tell it; None where its beginning is no country's."""
    codes, digits = dict(dialling_codes()), number.removeprefix("+")
    return next((codes[digits[:size]] for size in range(LONGEST_PREFIX, 0, -1) if digits[:size] in codes), None)


def national(number: str) -> str:
    """Give the digits by which a number in E.164 is written in its own country, without 0 or 8; empty for no number."""
    try:
        return phonenumbers.national_significant_number(phonenumbers.parse(number))
    except phonenumbers.NumberParseException:
        return ""


def forms(number: str, *, region: str) -> set[str]:
    """Give, of a number without punctuation, itself and all forms by which calls may name it, in E.164.

    `region` is the country of one without any, and behind it may stand the area of a shorter one (`BR 11`).
    """
    country, _, area = region.partition(" ")
    written = (number, other_form(number), f"{area}{number}" if area else None)
    told = (_international(one, region=country) for one in written if one)
    known = {one for one in told if one}
    return {number, *known, *(some for one in known if (some := as_written_by_some(one)))}


def _international(number: str, *, region: str) -> str | None:
    """Give a number that is in service in E.164, None where it is none."""
    try:
        parsed = phonenumbers.parse(number, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(parsed):
        return None
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _region(code: int, area: int) -> str | None:
    numbers = (PhoneNumber(country_code=code, national_number=int(f"{area}{ending}")) for ending in ENDINGS)
    return next((region for number in numbers if (region := phonenumbers.region_code_for_number(number))), None)
