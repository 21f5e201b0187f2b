"""How every process of ours writes its log: one line an event, for people on a terminal, else JSON."""

import logging
import sys

import structlog

from angime.discretion import discreet_record, without_personal_data


def set_up(*, level: str = "info") -> None:
    """Send structlog and the standard library's warnings to standard error, one line each."""
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
            *shared,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(numeric),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    logging.setLogRecordFactory(discreet_record)
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr, format="%(levelname)s %(name)s %(message)s")
