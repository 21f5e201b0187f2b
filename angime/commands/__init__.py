"""The command line: every verb with its help and an example; the work is done where it belongs, loaded when asked."""

from angime.commands import (
    analysts,
    connecting,
    contracts,
    digest,
    docs,
    erase,
    forgetting,
    health,
    importing,
    kafka,
    metrics,
    repair,
    replay,
    search,
    sources,
    stages,
    warehouse,
)
from angime.commands.docs import describe
from angime.commands.root import app

VERBS = (
    kafka,
    stages,
    sources,
    connecting,
    importing,
    warehouse,
    metrics,
    repair,
    replay,
    search,
    analysts,
    erase,
    forgetting,
    health,
    contracts,
    docs,
    digest,
)

__all__ = ["VERBS", "app", "describe"]
