"""What a person waits for: paints and choices of every page over many calls, and Overview asked by many at once."""

import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import urlopen

from msgspec import structs
from playwright.sync_api import Page, sync_playwright

from analytics import questions
from analytics.metrics import over
from analytics.questions import Period, Scope, missed
from analytics.warehouse import open_reader
from dashboards import overview
from dashboards.menu import MENU
from dashboards.page import SharedReader
from dashboards.server import command
from dashboards.settings import DashboardsSettings
from dashboards.texts import NAMES
from tests.bench import asking
from tests.dashboards.conftest import free_port

SESSIONS = 32
CALLS_OF_SESSIONS = 10_000_000
READY_SECONDS = 120
PATIENCE_MS = 120_000
DRAWN = "document.querySelector('[data-testid=stApp]').getAttribute('data-test-script-state') !== 'running'"


def measure(folder: Path, *, rounds: int) -> dict[str, Any]:
    """Give the first paints at a million calls, and Overview for 32 sessions at ten million."""
    folder.mkdir()
    return first_paints(folder / "paints", rounds=rounds) | sessions(
        folder / "sessions", rounds=rounds, calls=CALLS_OF_SESSIONS
    )


def first_paints(folder: Path, *, rounds: int, calls: int = asking.CALLS) -> dict[str, Any]:
    """Open every page in a browser and choose something on it, its answers not yet kept: medians in milliseconds.

    A paint ends when the page's first sentence stands there; a choice (another week and language) when all is drawn
    anew. Each round asks about other weeks, so that no answer is kept from the one before. Beside them stands the paint
    of a Streamlit page of one heading, in the same browser.
    """
    home = asking.fill(folder, calls=calls).home
    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome", "chrome"))), None)
    if chromium is None:
        return {"paint_median_ms": "no Chromium on this machine"}
    paints: dict[str, list[float]] = {entry.name: [] for entry in MENU}
    choices: dict[str, list[float]] = {entry.name: [] for entry in MENU}
    bare: list[float] = []
    with _pages(home) as address, _bare(folder) as bare_address, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--headless", "--no-sandbox"])
        page = browser.new_page()
        page.set_default_timeout(PATIENCE_MS)
        _paint(page, address)
        _paint(page, bare_address)
        for number in range(rounds):
            for entry in MENU:
                path = "" if entry.name == "overview" else entry.name
                seen = f"{address}/{path}?{_week(2 * number)}&call=call-000000500000"
                paints[entry.name].append(_paint(page, f"{seen}&lang=en"))
                chosen = f"{address}/{path}?{_week(2 * number + 1)}&call=call-000000500000&lang=pt"
                choices[entry.name].append(_choose(page, chosen, language=NAMES["pt"]))
            bare.append(_paint(page, bare_address))
        browser.close()
    return {
        "paint_calls": calls,
        "paint_bare_streamlit_ms": round(statistics.median(bare)),
        "paint_median_ms": {name: round(statistics.median(times)) for name, times in paints.items()},
        "choice_median_ms": {name: round(statistics.median(times)) for name, times in choices.items()},
    }


def _paint(page: Page, address: str) -> float:
    """Give the milliseconds until a page's first sentence stands there; then let it be drawn to its end."""
    began = time.perf_counter()
    page.goto(address)
    page.wait_for_selector("[data-testid=stMain] h2")
    painted = (time.perf_counter() - began) * 1000
    page.wait_for_function(DRAWN)
    return painted


def _choose(page: Page, address: str, *, language: str) -> float:
    """Give the milliseconds until the open page is drawn anew to its end as another address of it says."""
    began = time.perf_counter()
    page.evaluate(
        "to => { history.pushState({}, '', to); window.dispatchEvent(new PopStateEvent('popstate')); }", address
    )
    page.wait_for_function(
        "name => [...document.querySelectorAll('[data-testid=stSidebar] input')].some(one => one.value === name)",
        arg=language,
    )
    page.wait_for_function(DRAWN)
    return (time.perf_counter() - began) * 1000


def sessions(folder: Path, *, rounds: int, calls: int) -> dict[str, Any]:
    """Let 32 sessions ask what Overview asks, each its own scope and week, all at once: milliseconds a page."""
    with open_reader(asking.fill(folder, calls=calls)) as reader:
        shared = SharedReader(reader)
        asked = [(session, number) for number in range(rounds) for session in range(SESSIONS)]
        with ThreadPoolExecutor(SESSIONS) as pool:
            times = sorted(pool.map(lambda one: _seconds(lambda: _overview(shared, *one)) * 1000, asked))
    return {
        "sessions_calls": calls,
        "sessions_overview_median_ms": round(statistics.median(times)),
        "sessions_overview_p95_ms": round(times[int(len(times) * 0.95)]),
    }


def _overview(reader: SharedReader, session: int, number: int) -> None:
    """Ask what Overview asks: its tiles of two periods, its days, losses, whom to call back, outcomes."""
    period = asking.WEEK
    for _ in range(number + 1):
        period = period.before()
    scope = structs.replace(Scope(company="bench"), teams=(f"team-{session % 7}",) if session % 4 else ())
    names = tuple(over("calls"))
    for one in (period, period.before()):
        questions.figures(reader, period=one, scope=scope, metrics=names)
    questions.left_out(reader, period=period, scope=scope)
    places = ("hour", "team", "channel")
    questions.losses(reader, period=period, before=period.before(), scope=scope, by=places, rank="excess")
    missed.waiting(reader, scope=scope)
    questions.figures(reader, period=period, scope=scope, metrics=overview.TILES, by=("day",))
    questions.figures(reader, period=period, scope=scope, metrics=("missed_calls",), by=("weekday", "hour"))
    questions.outcomes(reader, period=period, scope=scope)


def _week(number: int) -> str:
    period: Period = asking.WEEK
    for _ in range(number):
        period = period.before()
    return f"period=custom&from={period.first}&to={period.last}"


def _seconds(ask: Callable[[], object]) -> float:
    began = time.perf_counter()
    ask()
    return time.perf_counter() - began


@contextmanager
def _pages(home: Path) -> Generator[str]:
    """Run the pages' own process over a home; gives its address."""
    settings = DashboardsSettings(home=home, pages_port=free_port())
    environment = {"ANGIME_HOME": str(home), "ANGIME_PAGES_PORT": str(settings.pages_port)}
    with _serving(command(settings), port=settings.pages_port, environment=environment) as address:
        yield address


@contextmanager
def _bare(folder: Path) -> Generator[str]:
    """Run a Streamlit page of one heading; gives its address."""
    script, port = folder / "bare.py", free_port()
    script.write_text("import streamlit\n\nstreamlit.markdown('## Bare')\n")
    flags = (f"--server.port={port}", "--server.headless=true", "--browser.gatherUsageStats=false")
    run = [sys.executable, "-m", "streamlit", "run", str(script), "--server.address=127.0.0.1", *flags]
    with _serving(run, port=port, environment={}) as address:
        yield address


@contextmanager
def _serving(run: list[str], *, port: int, environment: dict[str, str]) -> Generator[str]:
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(run, env=dict(os.environ) | environment, **quiet)
    address = f"http://127.0.0.1:{port}"
    try:
        end = time.monotonic() + READY_SECONDS
        while not _answers(address) and time.monotonic() < end:
            time.sleep(0.3)
        yield address
    finally:
        process.terminate()
        process.wait(timeout=20)


def _answers(address: str) -> bool:
    try:
        urlopen(f"{address}/_stcore/health", timeout=2).close()  # noqa: S310  # our own process, by http
    except (URLError, OSError):
        return False
    return True
