"""Mentions: where what others wrote or were called names an erased person; there letters and digits are masked.

Whoever knows the person and whoever knows digests alone mask the same places: what comes again is the same fact.
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from analytics.privacy.anonymous import masked
from analytics.privacy.traces import BETWEEN, LEAST_INSIDE, LEAST_TRACE, LONGEST_NUMBER, LONGEST_TRACE, traces_of

# In which fields of what events people write as they like.
FIELDS = ("text", "contact_name", "reason", "tags")
TYPES = ("message.", "call.", "deal.", "contact.identified")
IS_WRITTEN = " or ".join(f"starts_with(type, '{name}')" for name in TYPES)
# Digits that people type; to SQL, which knows the first of them, the others are translated.
_DIGITS = "0123456789٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹"
_DIGIT = f"[{_DIGITS}]"
_RUN = re.compile(rf"{_DIGIT}(?:{BETWEEN}{{0,3}}{_DIGIT}){{{LEAST_TRACE - 1},}}")
_WORDS = re.compile(rf"[\w.@+-]{{{LEAST_TRACE},{LONGEST_TRACE}}}")
# What stands between letters and digits inside JSON, where it may be escaped, as SQL writes it.
_APART = r"\\[nrtfb]|[^0-9\pL\"]"
_MARK = re.compile(r"[\W_]")
AT_ONCE = 64  # are looked for by one expression; the engine takes no longer ones

IsMention = Callable[[str], bool]


def mentions_of(identities: Iterable[str]) -> tuple[str, ...]:
    """Give in what ways people write identities (`kind:value`): numbers of phones, addresses, names; no bare ids."""
    known = [identity for identity in identities if _is_written(*identity.partition(":")[::2])]
    return tuple(dict.fromkeys(trace.lower() for trace in traces_of(known) if not trace.startswith("+")))


def _is_written(kind: str, value: str) -> bool:
    return kind in {"phone", "other_number"} or not value.isdigit()


def may_mention(table: str, *, mentions: Sequence[str]) -> str:
    """Write whether an event of a table may hold one of these; of most that do not it is false."""
    digits = f"translate(cast({table}.data as varchar), '{_DIGITS[10:]}', '{_DIGITS[:10] * 2}')"
    bare = f"regexp_replace({digits}, '{_APART}', '', 'g')"
    sought = [_MARK.sub("", mention) for mention in mentions]
    some = ["|".join(sought[first : first + AT_ONCE]) for first in range(0, len(sought), AT_ONCE)]
    found = " or ".join(f"regexp_matches({bare}, '(?i){one}')" for one in some)
    return f"(({IS_WRITTEN}) and ({found or 'false'}))"


def without_mentions(data: str, *, is_mention: IsMention) -> tuple[str, set[str]]:
    """Give the JSON of a fact with what names a person masked, and what that was; one that names nobody, as it is."""
    said: dict[str, Any] = msgspec.json.decode(data)
    named: set[str] = set()
    for field in FIELDS:
        written = said.get(field)
        if field == "tags" and written:
            said[field] = [_without(tag, is_mention=is_mention, named=named) for tag in written]
        elif written:
            said[field] = _without(written, is_mention=is_mention, named=named)
    return (msgspec.json.encode(said).decode() if named else data), named


def _without(text: str, *, is_mention: IsMention, named: set[str]) -> str:
    for begin, end, written in [*_numbers(text), *_words(text)]:
        if is_mention(written):
            named.add(written)
            text = text[:begin] + masked(text[begin:end]) + text[end:]
    return text


def _numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """Give every number of a text, and every part of one that may be a phone, with its place."""
    for run in _RUN.finditer(text):
        places = [run.start() + place for place, letter in enumerate(run[0]) if letter in _DIGITS]
        digits = "".join(str(unicodedata.digit(text[place])) for place in places)
        for size in {len(digits), *range(LEAST_INSIDE, min(len(digits), LONGEST_NUMBER) + 1)}:
            for first in range(len(digits) - size + 1):
                yield places[first], places[first + size - 1] + 1, digits[first : first + size]


def _words(text: str) -> Iterator[tuple[int, int, str]]:
    """Give every word of a text that may be an address or a name, in small letters, with its place."""
    for word in _WORDS.finditer(text):
        bare = word[0].strip(".@+-")
        begin = word.start() + word[0].index(bare)
        if len(bare) >= LEAST_TRACE:
            yield begin, begin + len(bare), bare.lower()
