"""Money as CRMs write it, read as decimal text with the code of its currency."""

import re
from decimal import Decimal

from pipelines.sources.facts import Scene
from pipelines.sources.reading import Fields, text
from schemas.errors import InvalidEvent

MAX_DECIMALS = 6

_AMOUNT = re.compile(r"^[+-]?\d{1,15}(\.\d{1,12})?$", re.ASCII)
_CURRENCY = re.compile(r"^[A-Z]{3}$", re.ASCII)
# Codes that were renamed and are still written.
_RENAMED = {"RUR": "RUB", "BYR": "BYN"}


def amount(fields: Fields, *names: str, minor_units: int = 1) -> str | None:
    """Give the first of `names` as decimal text, None when missing or blank; raises InvalidEvent for all else.

    `minor_units` is how many of what it counts make one of the currency: 100 where a provider counts cents.
    """
    for name in names:
        value = fields.get(name)
        if value is None or value == "":
            continue
        written = repr(value) if isinstance(value, float) else text(fields, name)
        if written is None:
            continue
        if not _AMOUNT.match(written.strip()):
            raise InvalidEvent(f"{name} is not an amount of money")
        exact = Decimal(written.strip()) / minor_units
        places = min(MAX_DECIMALS, max(0, -int(exact.as_tuple().exponent)))
        return f"{exact:.{places}f}" if exact else "0"
    return None


def money(
    scene: Scene, fields: Fields, *names: str, code: str | None = None, minor_units: int = 1
) -> dict[str, str | None]:
    """Give `amount`, and where there is one its `currency`: of the field `code`, else of the account's settings."""
    found = amount(fields, *names, minor_units=minor_units)
    return {"amount": found, "currency": currency(scene, text(fields, code) if code else None) if found else None}


def currency(scene: Scene, written: str | None) -> str | None:
    """Give the code of a currency as `written`, else that of the account's settings; None for what is none."""
    code = (written or scene.setting("currency")).strip().upper()
    code = _RENAMED.get(code, code)
    return code if _CURRENCY.match(code) else None
