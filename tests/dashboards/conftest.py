"""A seeded warehouse for the pages' tests, and the pages' own process on a free port."""

import os
import socket
import subprocess
import time
from collections.abc import Generator
from datetime import datetime
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from dashboards.server import command
from dashboards.settings import DashboardsSettings
from tests.dashboards import seed

READY_WITHIN_SECONDS = 60


@pytest.fixture(scope="session")
def seeded_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three weeks of a made-up company, up to today."""
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
def pages(seeded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Generator[str]:
    """Run the pages' process; gives its address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = tmp_path_factory.mktemp("pages") / "log"
    with log.open("wb") as written:
        process = subprocess.Popen(
            command(DashboardsSettings(home=seeded_home, pages_port=port)),
            env=os.environ | {"ANGIME_HOME": str(seeded_home)},
            stdout=written,
            stderr=written,
        )
        address = f"http://127.0.0.1:{port}"
        _wait(address, process=process)
        yield address
        process.terminate()
        process.wait(timeout=20)
    assert "Traceback" not in log.read_text()


def _wait(address: str, *, process: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + READY_WITHIN_SECONDS
    while time.monotonic() < end and process.poll() is None:
        try:
            urlopen(f"{address}/_stcore/health", timeout=2).close()  # noqa: S310  # our own process, by http
        except (URLError, OSError):
            time.sleep(0.3)
        else:
            return
    pytest.fail("the pages did not start")
