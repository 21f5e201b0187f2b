"""What keeps personal data out of logs: a last filter, for the case that somebody logs what must not be logged.

No stage writes message text, transcripts, numbers, names, payloads or secrets into its log. This makes it so even where
a library or a mistake would: fields that hold such things are dropped whole, and numbers of people are masked in texts.
"""

import logging
import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "[hidden]"
# Fields whose content is never written, whatever it is.
FORBIDDEN = frozenset(
    {
        *("text", "texts", "body", "payload", "data", "content", "message_text", "transcript", "turns", "words"),
        *("name", "contact", "contact_name", "contact_key", "phone", "email", "address", "identity", "identities"),
        *("secret", "token", "password", "authorization", "headers", "key", "url", "query", "sql"),
    }
)
MAX_DEPTH = 6
MAX_TEXT_CHARACTERS = 8_192

# Digits of ids of ours stand between letters and dashes, instants between dashes and colons: neither is masked.
_PHONE = re.compile(r"(?<![\w.:/-])\+?\d(?:[ ()]?\d){8,14}(?![\w.:/-])|\+\d(?:[ ().-]{0,2}\d){7,14}")
_EMAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_BEARER = re.compile(r"(?i)\b(bearer|basic)\s+\S+")


def masked(text: str) -> str:
    """Give a text without phone numbers, addresses of e-mail and credentials, and no longer than a log line may be."""
    for pattern in (_BEARER, _EMAIL, _PHONE):
        text = pattern.sub(HIDDEN, text)
    return text[:MAX_TEXT_CHARACTERS]


def discreet(value: Any, *, depth: int = 0) -> Any:
    """Give a value as it may be logged."""
    if isinstance(value, str):
        return masked(value)
    if isinstance(value, bytes | bytearray | memoryview) or depth == MAX_DEPTH:
        return HIDDEN
    if isinstance(value, bool | int | float | None):
        return value
    if isinstance(value, Mapping):
        return {str(name): _field(str(name), one, depth=depth + 1) for name, one in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
    if isinstance(value, list | tuple | set | frozenset):
        return [discreet(one, depth=depth + 1) for one in value]  # pyright: ignore[reportUnknownVariableType]
    return masked(str(value))


def without_personal_data(_logger: Any, _method: str, event: Any) -> Any:
    """Filter one event of structlog, its traceback included."""
    return {name: _field(name, value, depth=0) for name, value in event.items()}


def discreet_record(*args: Any, **named: Any) -> logging.LogRecord:
    """Make a record of Python's own logging, its message and its traceback masked, whoever writes it.

    Libraries bring ways to write of their own, so that a filter of ours would not see what they write.
    """
    record = logging.LogRecord(*args, **named)
    message = record.getMessage()
    if (discreet := masked(message)) != message:
        record.msg, record.args = discreet, ()
    if record.exc_info:
        record.exc_text = masked(logging.Formatter().formatException(record.exc_info))
        record.exc_info = None
    return record


def _field(name: str, value: Any, *, depth: int) -> Any:
    return HIDDEN if name.lower() in FORBIDDEN else discreet(value, depth=depth)
