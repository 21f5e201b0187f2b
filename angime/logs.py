"""How every process of ours writes its log: one line an event, for people on a terminal, else JSON."""

import io
import logging
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TextIO, cast

import structlog

from angime.discretion import discreet_record, without_personal_data

# While Kafka is away Faust's client says so in the same words twenty times a second, for as long as that takes. So does
# Faust, once a second for each partition, while a backlog takes it longer than five minutes.
TALKATIVE = ("aiokafka", "faust")
KAFKA_CLIENT = "kafka"
# Our own words for what is tried again every second, or every few.
WAITING = ("_away", "_wait", "_waits")
SELDOM_SECONDS = 60.0
MAX_WORDS = 1_000


def set_up(*, level: str = "info", hears_clients: bool = True) -> None:
    """Send structlog and the standard library's warnings to standard error, one line each.

    Without `hears_clients` what Kafka's client warns of is left out: who waits for a verb is told in a line of ours.
    """
    numeric = logging.getLevelNamesMapping()[level.upper()]
    is_terminal = sys.stderr.isatty()
    shared = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    renderer = structlog.dev.ConsoleRenderer(colors=is_terminal) if is_terminal else structlog.processors.JSONRenderer()
    structlog.configure(
        processors=[
            structlog.processors.format_exc_info,
            without_personal_data,
            waiting_seldom(),
            *shared,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(standard_error()),
    )
    logging.getLogger(KAFKA_CLIENT).setLevel(logging.NOTSET if hears_clients else logging.CRITICAL)
    logging.setLogRecordFactory(discreet_record)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
    for handler in logging.getLogger().handlers:
        handler.addFilter(seldom())


def standard_error() -> TextIO:
    """Give standard error for work that goes on where it takes nothing: its terminal is closed, or its disk full."""
    return cast("TextIO", _Lenient())


class _Lenient(io.TextIOBase):
    def write(self, text: str) -> int:
        """Write what can be written."""
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def isatty(self) -> bool:
        """Whether a person reads it."""
        return sys.stderr.isatty()

    def flush(self) -> None:
        """Write what waits."""
        with suppress(OSError):
            sys.stderr.flush()


def seldom(*, clock: Callable[[], float] = time.monotonic) -> Callable[[logging.LogRecord], bool]:
    """Give what lets the talkative libraries say the same once a minute, and all others what they like."""
    is_due = _once_a_minute(clock)

    def is_written(record: logging.LogRecord) -> bool:
        return record.name.partition(".")[0] not in TALKATIVE or is_due((record.name, record.msg))

    return is_written


def waiting_seldom(*, clock: Callable[[], float] = time.monotonic) -> structlog.types.Processor:
    """Give what lets us say once a minute what we wait for, and why."""
    is_due = _once_a_minute(clock)

    def written(_logger: Any, _method: str, event: structlog.types.EventDict) -> structlog.types.EventDict:
        name = str(event["event"])
        if name.endswith(WAITING) and not is_due((name, str(event.get("reason")))):
            raise structlog.DropEvent
        return event

    return written


def _once_a_minute(clock: Callable[[], float]) -> Callable[[tuple[str, str]], bool]:
    said: dict[tuple[str, str], float] = {}

    def is_due(words: tuple[str, str]) -> bool:
        now = clock()
        if now - said.get(words, -SELDOM_SECONDS) < SELDOM_SECONDS:
            return False
        if len(said) == MAX_WORDS:
            said.clear()
        said[words] = now
        return True

    return is_due
