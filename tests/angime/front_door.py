"""The front door as a person uses it: a command run in a process of its own or in this one, and what it said."""

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

import pytest
import structlog
from msgspec import Struct

from angime.__main__ import main


class Said(Struct, frozen=True):
    """What a command printed, and how it ended."""

    code: int
    out: str
    err: str


def angime(*words: str, home: Path, is_script: bool = False, typed: str | None = None, **settings: str) -> Said:
    """Run a verb with these settings and no others, as a module or by the installed script."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("ANGIME_")}
    done = subprocess.run(
        [*([str(Path(sys.executable).with_name("angime"))] if is_script else [sys.executable, "-m", "angime"]), *words],
        env={**environ, "ANGIME_HOME": str(home), **settings},
        input=typed,
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    return Said(done.returncode, done.stdout, done.stderr)


def typed(*words: str, home: Path, **settings: str) -> Said:
    """Run a verb that ends by itself in this process: a second saved, for tests that type many."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", write_through=True) for _ in range(2))
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, setting in {"ANGIME_HOME": str(home), **settings}.items():
            patch.setenv(name, setting)
        try:
            main(words)
        except SystemExit as ended:
            code = int(ended.code or 0)
        finally:
            structlog.reset_defaults()  # the log went where these words are kept
    return Said(code, *(stream.buffer.getvalue().decode() for stream in (out, err)))  # type: ignore[attr-defined]
