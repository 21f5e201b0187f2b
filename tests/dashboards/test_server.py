"""How the pages' process is started, and where it refuses to listen."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from analytics.questions import Misconfigured
from dashboards.server import command
from dashboards.settings import DashboardsSettings
from tests.dashboards.conftest import free_port, running


def test_the_pages_listen_where_the_settings_say() -> None:
    line = command(DashboardsSettings(pages_port=18_123))
    assert [sys.executable, "-P", "-m", "streamlit", "run"] == line[:5]
    assert {"--server.address=127.0.0.1", "--server.port=18123", "--browser.gatherUsageStats=false"} <= set(line)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_an_address_of_this_machine_is_accepted(host: str) -> None:
    assert f"--server.address={host}" in command(DashboardsSettings(pages_host=host))


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.5", "::", "pages.example.com", ""])  # noqa: S104
def test_any_other_address_is_refused_in_one_line(host: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        command(DashboardsSettings(pages_host=host))
    assert (True, False) == ("ANGIME_PAGES_HOST" in refused.value.reason, "\n" in refused.value.reason)


def test_no_pages_stay_of_those_that_start_too_slowly(tmp_path: Path) -> None:
    settings = {"ANGIME_PAGES_PORT": str(free_port())}
    with (
        pytest.raises(pytest.fail.Exception, match="did not start"),
        running(settings, log=tmp_path / "log", ready_within_seconds=0),
    ):
        pass

    port = f"--server.port={settings['ANGIME_PAGES_PORT']}"
    assert [] == [one for one in psutil.Process().children() if port in one.cmdline()]


BEGIN = """
import asyncio, gc, sys
from dashboards import web

async def begin():
    async with web.loaded(web.app):
        print(not {"dashboards.overview", "pandas"} - sys.modules.keys(), len(gc.get_objects()) < gc.get_freeze_count())

asyncio.run(begin())
"""


def test_all_pages_are_loaded_before_the_first_and_searched_for_garbage_no_more() -> None:
    told = subprocess.run([sys.executable, "-c", BEGIN], capture_output=True, check=True, text=True)
    assert "True True" == told.stdout.strip()
