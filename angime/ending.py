"""The signals that ask us to end in good order."""

import signal


def ending_signals() -> tuple[signal.Signals, ...]:
    """Give SIGTERM, Ctrl-C's, and that of a terminal that is closed, unless we were started to outlive it (`nohup`)."""
    outlives = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    return (signal.SIGTERM, signal.SIGINT, *(() if outlives else (signal.SIGHUP,)))
