"""The front door as a person uses it: a command run in a process of its own, and what it said."""

import os
import subprocess
import sys
from pathlib import Path

from msgspec import Struct


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
