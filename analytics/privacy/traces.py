"""Traces: in what ways identities may be written inside texts, found by who knows them and by who knows digests alone.

Nobody can read back who was erased. Whether bytes name him is told all the same: of everything in them that may be a
trace of anybody the digest is made, and compared with those of his traces.
"""

import re
import unicodedata
import zlib
from base64 import b64decode
from collections.abc import Iterable, Iterator
from urllib.parse import unquote_to_bytes

from analytics.company.dialling import national
from schemas.people import as_written_by_some

# Of an identity that is shorter nothing can be said where it stands inside other texts: CRMs count their cards from 1.
LEAST_TRACE = 5
# One that is shorter, such as a number at home, may be a part of any other number; it is looked for as a word alone.
LEAST_INSIDE = 9
LONGEST_NUMBER = (
    20  # of which a part is looked for: phones have 15 digits, ids of messengers and CRMs no more than these
)
LONGEST_TRACE = 256  # no identity is longer
UNPACKED_BYTES = 8 * 1024 * 1024  # of a packed body are looked through
_GZIP = b"\x1f\x8b"
# Longer ones are pictures and sound.
_BASE64 = re.compile(rb"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{12,4096}(?![A-Za-z0-9+/_-])")
_IN_ADDRESSES = re.compile(rb"[_-]")
_PACKED_WINDOW = 31  # zlib's word for gzip
# What people and programs write between the digits of a number: spaces and dashes of any kind, brackets, dots, and
# marks of direction, which are copied with it.
BETWEEN = r"[\s().\u200b-\u2015\u202a-\u202e\u2060\u2212-]"
_BETWEEN_DIGITS = re.compile(rf"(?<=\d){BETWEEN}{{1,3}}(?=\d)")
_ESCAPED = re.compile(r"\\u([0-9a-fA-F]{4})")
_OTHER_DIGIT = re.compile(r"(?![0-9])\d")
_NUMBER = re.compile(rf"[0-9]{{{LEAST_TRACE},}}")
# Texts as JSON, forms, addresses and sentences hold them apart.
_APART = tuple(
    re.compile(rf"{written}{{{LEAST_TRACE},{LONGEST_TRACE}}}")
    for written in (r"[^\s\"'<>{}\[\](),;=&|]", r"[\w.@+-]", r"[^\W]", r"[^\W_]")
)


def traces_of(identities: Iterable[str]) -> tuple[str, ...]:
    """Give the ways in which identities (`kind:value`) may be written inside texts, a phone at home and abroad."""
    known = [identity.partition(":")[::2] for identity in identities]
    phones = {value for kind, value in known if kind == "phone"}
    values = {value for _, value in known} | {some for phone in phones if (some := as_written_by_some(phone))}
    bare = {value.lstrip("+") for value in values}
    at_home = {digits for phone in phones if len(digits := national(phone)) >= LEAST_INSIDE}
    traces = {trace for trace in values | bare | at_home if len(trace) >= LEAST_TRACE}
    traces |= {trace.lower() for trace in traces}
    return tuple(sorted(traces, key=lambda trace: (-len(trace), trace)))


def stands_in(text: str, *, trace: str) -> bool:
    """Tell whether a text names whom a trace is of."""
    return trace in text and re.search(pattern_of(trace), text) is not None


def pattern_of(trace: str) -> str:
    """Write what finds a trace: a short one only where no other letter or digit is beside it."""
    written = re.escape(trace)
    return written if len(trace) >= LEAST_INSIDE else rf"(?<![^\W_]){written}(?![^\W_])"


def possible_traces(text: str) -> set[str]:
    """Give everything in a text that may be a trace of anybody; numbers are parts of longer ones, too."""
    found = {one for number in set(_NUMBER.findall(text)) for one in _parts(number)}
    return found.union(*(pattern.findall(text) for pattern in _APART))


def _parts(number: str) -> Iterator[str]:
    yield number
    for size in range(LEAST_INSIDE, min(len(number), LONGEST_NUMBER) + 1):
        yield from (number[begin : begin + size] for begin in range(len(number) - size + 1))


def legible(held: bytes) -> str:
    """Give bytes as they are, read as JSON and as a form, without what stands between digits, and in small letters.

    So are bytes that are packed, and what in them is base64, such as WhatsApp's ids of messages, which hold a phone. Of
    UTF-16 it is what is ASCII.
    """
    if held.startswith(_GZIP):
        held = b"\n".join([held, _unpacked(held)])
    held = b"\n".join([held, *map(_decoded, _BASE64.findall(held))])
    if b"\0" in held:
        held = b"\n".join([held, held.replace(b"\0", b"")])
    told = unquote_to_bytes(held.replace(b"+", b" ")).decode(errors="replace")
    told = _ESCAPED.sub(lambda escaped: chr(int(escaped[1], 16)), told)
    told = _OTHER_DIGIT.sub(lambda digit: str(unicodedata.digit(digit[0])), told)
    return "\n".join([held.decode(errors="replace"), told, _BETWEEN_DIGITS.sub("", told), told.lower()])


def _decoded(written: bytes) -> bytes:
    try:
        return b64decode(
            written + b"=" * (-len(written) % 4), altchars=b"-_" if _IN_ADDRESSES.search(written) else None
        )
    except ValueError:
        return b""


def _unpacked(held: bytes) -> bytes:
    try:
        return zlib.decompressobj(_PACKED_WINDOW).decompress(held, UNPACKED_BYTES)
    except zlib.error:
        return b""
