"""What a demo holds open: all stages of `angime up` with the demo's company, and a reader of their warehouse."""

import os
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analytics.warehouse import AnalyticsSettings, Reader, open_reader
from angime import up
from schemas.errors import NotYet

WAREHOUSE_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.5


@contextmanager
def running(home: Path, *, stages: tuple[str, ...], on_step: Callable[[str], None]) -> Generator[up.Stack]:
    """Start everything that `angime up` starts, with the demo's company and model; its log goes into a file."""
    logs = home / "logs"
    logs.mkdir(exist_ok=True)
    with (logs / "demo.log").open("a", encoding="utf-8") as log:
        options = up.Options(
            say=lambda stage, line: print(f"{stage:<10} {line}", file=log, flush=True),
            on_step=on_step,
            stages=stages,
            may_choose_ports=True,
            extra=(
                ("ANGIME_COMPANY", str((home / "company.toml").absolute())),
                ("ANGIME_SPEECH_MODEL", os.environ.get("ANGIME_SPEECH_MODEL") or "demo"),
            ),
        )
        with _home_in_environment(home):
            stack = up.start(options)
        try:
            yield stack
        finally:
            stack.stop()


@contextmanager
def _home_in_environment(home: Path) -> Generator[None]:
    """Let the settings that are loaded meanwhile name this home."""
    before = os.environ.get("ANGIME_HOME")
    os.environ["ANGIME_HOME"] = str(home)
    try:
        yield
    finally:
        if before is None:
            del os.environ["ANGIME_HOME"]
        else:
            os.environ["ANGIME_HOME"] = before


@contextmanager
def reading(home: Path, **chosen: Any) -> Generator[Reader]:
    """Open the warehouse to read, with chosen settings, as soon as the lander has made its tables; raises NotYet."""
    settings = AnalyticsSettings(home=home, **chosen)
    deadline = time.monotonic() + WAREHOUSE_SECONDS
    while True:
        try:
            reader = open_reader(settings)
            break
        except NotYet:
            if time.monotonic() > deadline:
                raise
            time.sleep(LOOK_AGAIN_SECONDS)
    with reader:
        yield reader
