"""Ctrl-C while the engine works: the statement ends, and whoever asked learns of it as of any other."""

import os
import signal
from collections.abc import Generator
from contextlib import contextmanager
from threading import Timer
from typing import Any, cast

import pytest

from analytics.engine.sessions import DuckConnection, open_in_memory
from analytics.warehouse import Reader
from angime.shell import DICTIONARY, Shell

LONG = "select sum(sin(one.range * other.range)) from range(10_000_000) as one, range(1_000_000) as other"
SOON_SECONDS = 0.2


@contextmanager
def _ctrl_c_soon() -> Generator[None]:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    timer = Timer(SOON_SECONDS, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    try:
        yield
    finally:
        timer.cancel()
        signal.signal(signal.SIGINT, before)


class _Asked:
    """A reader of an empty warehouse."""

    def __init__(self) -> None:
        self._connection = DuckConnection(open_in_memory())

    def statements(self, text: str) -> list[str]:
        return [text]

    def ask(self, text: str) -> list[dict[str, Any]]:
        return [] if text == DICTIONARY else self._connection.frame(text).to_dicts()


def test_a_statement_ends_with_ctrl_c_and_the_session_goes_on() -> None:
    connection = DuckConnection(open_in_memory())
    for ask in (connection.rows, connection.execute, connection.frame):
        with _ctrl_c_soon(), pytest.raises(KeyboardInterrupt):
            ask(LONG)
    assert connection.rows("select 7") == [(7,)]


@pytest.mark.parametrize("is_typed", [True, False])
def test_ctrl_c_ends_the_statement_of_a_person_and_whatever_is_read_from_a_file(*, is_typed: bool) -> None:
    shown: list[Any] = []
    said: list[str] = []
    shell = Shell(cast("Reader", _Asked()), show=shown.append, say=said.append, is_typed=is_typed)
    lines = iter([f"{LONG};", "select 7 as n;"])
    with _ctrl_c_soon():
        if is_typed:
            shell.run(lines)
        else:
            with pytest.raises(KeyboardInterrupt):
                shell.run(lines)
    assert (shown, said) == (([[{"n": 7}]], ["stopped"]) if is_typed else ([], []))
