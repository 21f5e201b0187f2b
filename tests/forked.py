"""Verbs of `angime` in processes of their own, forked of one that has imported their code: none waits for imports.

What needs a fresh interpreter starts one: see `tests.angime.front_door.angime`, and the journey of `angime up`.
"""

import multiprocessing
import os
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

from angime.__main__ import main
from tests.angime.front_door import Said

PATIENCE_SECONDS = 240.0
END_SECONDS = 60.0

_server = multiprocessing.get_context("forkserver")
_server.set_forkserver_preload(
    [
        *("angime.commands", "angime.recordings", "pipelines.collect", "pipelines.kafka.fast_broker", "pipelines.land"),
        *("pipelines.normalise", "pipelines.receive", "streams.agents", "streams.worker", "tests.forked"),
    ]
)


def started(*words: str, home: Path, log: Path, out: Path | None = None, **settings: str) -> ForkServerProcess:
    """Start a verb with these settings and no others; it writes what it says to `log`, or what it prints to `out`."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("ANGIME_")}
    process = _server.Process(target=_be, args=(words, {**environ, "ANGIME_HOME": str(home), **settings}, log, out))
    process.start()
    return process


def ended(process: ForkServerProcess) -> int:
    """Ask a verb to end, if it runs, and give how it ended."""
    process.terminate()
    process.join(END_SECONDS)
    assert process.exitcode is not None
    return process.exitcode


@contextmanager
def running(*words: str, home: Path, log: Path, **settings: str) -> Generator[ForkServerProcess]:
    """Run a verb with these settings and no others as long as it is wanted, and ask it to end."""
    process = started(*words, home=home, log=log, **settings)
    try:
        yield process
    finally:
        ended(process)


def forked(*words: str, home: Path, **settings: str) -> Said:
    """Run a verb that ends by itself, with these settings and no others."""
    with tempfile.TemporaryDirectory() as folder:
        out, err = (Path(folder) / name for name in ("out", "err"))
        process = started(*words, home=home, log=err, out=out, **settings)
        process.join(PATIENCE_SECONDS)
        code = process.exitcode
        process.kill()
        assert code is not None
        return Said(code, out.read_text(), err.read_text())


def _be(words: tuple[str, ...], environ: dict[str, str], log: Path, out: Path | None) -> None:
    os.environ.clear()
    os.environ.update(environ)
    for number, file in ((1, out or log), (2, log)):
        opened = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.dup2(opened, number)
        os.close(opened)
    main(words)
