"""A seeded warehouse for the pages' tests, and the pages' own process on a free port."""

import os
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from dashboards.server import command
from dashboards.settings import DashboardsSettings
from tests.dashboards import seed

READY_WITHIN_SECONDS = 60


@pytest.fixture(scope="session")
def seeded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three weeks and ten thousand calls of a made-up company, up to today."""
    return seed.build(tmp_path_factory.mktemp("seeded") / "home", today=datetime.now(seed.ZONE).date())


@pytest.fixture(scope="session")
def homes(seeded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Homes in the states that a page must bear: nothing yet, empty, a single call, many, and a broken catalog."""
    made = {name: tmp_path_factory.mktemp(name) for name in ("nothing", "empty", "single", "broken")}
    today = datetime.now(seed.ZONE).date()
    for name, facts in (("empty", []), ("single", seed.a_single_call(today=today))):
        (made[name] / "company.toml").write_text(seed.COMPANY_TOML, encoding="utf-8")
        seed.land(made[name], facts)
    (made["broken"] / "warehouse").mkdir()
    (made["broken"] / "warehouse" / "catalog.sqlite").write_bytes(b"no catalog at all" * 100)
    return made | {"many": seeded_home}


@pytest.fixture(scope="session")
def call_id(seeded_home: Path) -> str:
    """Name a call that was recorded and became text."""
    return _a_call(seeded_home, "has_transcript")


@pytest.fixture(scope="session")
def calls(homes: dict[str, Path], call_id: str) -> dict[str, str]:
    """Name a call of each home; one that holds none is asked for a call that is not there."""
    return {"empty": "nothing", "single": _a_call(homes["single"], "true"), "many": call_id}


def _a_call(home: Path, condition: str) -> str:
    with open_reader(AnalyticsSettings(home=home)) as reader:
        text = f"select call_id from facts.calls where {condition} order by started_at limit 1"  # noqa: S608
        return reader.sql(text).item()


@pytest.fixture(scope="session")
def pages(seeded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Run the pages' process; gives its address."""
    environment = {"ANGIME_HOME": str(seeded_home), "ANGIME_PAGES_PORT": str(free_port())}
    with running(environment, log=tmp_path_factory.mktemp("pages") / "log") as address:
        yield address


def free_port() -> int:
    """Find a port on which nobody listens."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@contextmanager
def running(
    environment: dict[str, str], *, log: Path, ready_within_seconds: float = READY_WITHIN_SECONDS
) -> Generator[str]:
    """Run the pages' process with these settings until the end; gives its address."""
    with pytest.MonkeyPatch.context() as settings, log.open("wb") as written:
        for name, value in environment.items():
            settings.setenv(name, value)
        read = DashboardsSettings()
        process = subprocess.Popen(command(read), env=dict(os.environ), stdout=written, stderr=written)
    address = f"http://127.0.0.1:{read.pages_port}"
    try:
        _wait(address, process=process, seconds=ready_within_seconds)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert "Traceback" not in log.read_text()


def _wait(address: str, *, process: subprocess.Popen[bytes], seconds: float) -> None:
    end = time.monotonic() + seconds
    while time.monotonic() < end and process.poll() is None:
        try:
            urlopen(f"{address}/_stcore/health", timeout=2).close()  # noqa: S310  # our own process, by http
        except (URLError, OSError):
            time.sleep(0.3)
        else:
            return
    pytest.fail("the pages did not start")
