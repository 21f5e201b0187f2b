"""What a person waits for: paints and choices of every page over many calls, and Overview asked by many at once."""

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from random import Random
from typing import Any
from unittest.mock import patch
from urllib.error import URLError
from urllib.parse import parse_qsl
from urllib.request import urlopen

import polars as pl
import streamlit as st  # noqa: TID251  # what pages keep is cleared, and what they write first is noted
from msgspec import structs
from playwright.sync_api import Page, sync_playwright
from streamlit.testing.v1 import AppTest  # noqa: TID251  # Streamlit's own kit for drawing pages without a browser
from streamlit.util import calc_hash  # noqa: TID251

from analytics import questions
from analytics.questions import Period, Scope, missed
from analytics.reading.shared import SharedReader
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from dashboards import app, figures
from dashboards.menu import MENU
from dashboards.page import SESSIONS as AT_ONCE
from dashboards.page import THREADS_OF_A_STATEMENT, Asked
from dashboards.server import command
from dashboards.settings import DashboardsSettings
from dashboards.texts import NAMES
from tests.bench import asking
from tests.bench.timing import seconds_of
from tests.browsers import DRAWN, browser_program
from tests.dashboards.conftest import free_port

SESSIONS = 32
CALLS_OF_SESSIONS = 10_000_000
READY_SECONDS = 120
PATIENCE_MS = 120_000
FIRST_MONDAY = date(2025, 3, 10)
TEAMS = 7
SPREAD_SECONDS = 10.0
PAINT_GOAL_MS = 1_500
GOAL_MS = 1_000
CALL = "call-000000500000"

Figures = dict[str, Any]
Visit = tuple[Scope, Period]


def measure(folder: Path, *, rounds: int) -> Figures:
    """Give the first paints at a million calls, and Overview for 32 sessions at ten million."""
    folder.mkdir()
    return first_paints(folder / "paints", rounds=rounds) | sessions(
        folder / "sessions", rounds=rounds, calls=CALLS_OF_SESSIONS
    )


def first_paints(folder: Path, *, rounds: int, calls: int = asking.CALLS) -> Figures:
    """Open every page in a browser and choose something on it, its answers not yet kept: medians in milliseconds.

    A paint ends when the page's first sentence stands there; a choice (another week and language) when all is drawn
    anew. Each round asks about other weeks, so that no answer is kept from the one before. Beside them stands the paint
    of a Streamlit page of one heading, in the same browser, and the raw queries' own time: the statements that a page
    makes before its first sentence, alone and one after the other.
    """
    home = asking.fill(folder, calls=calls).home
    chromium = browser_program()
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
                seen = f"{address}/{path}?{_query(2 * number)}"
                paints[entry.name].append(_paint(page, f"{seen}&lang=en"))
                chosen = f"{address}/{path}?{_query(2 * number + 1)}&lang=pt"
                choices[entry.name].append(_choose(page, chosen, language=NAMES["pt"]))
            bare.append(_paint(page, bare_address))
        browser.close()
    raw = {entry.name: _raw(home, entry.name, rounds=rounds) for entry in MENU}
    painted = {name: statistics.median(times) for name, times in paints.items()}
    chosen_in = {name: statistics.median(times) for name, times in choices.items()}
    after = max(painted[name] - raw[name] for name in raw)
    return {
        "paint_calls": calls,
        "paint_bare_streamlit_ms": round(statistics.median(bare)),
        "paint_median_ms": _rounded(painted),
        "paint_raw_queries_ms": _rounded(raw),
        "paint_after_raw_queries_ms": _rounded({name: painted[name] - raw[name] for name in raw}),
        "paint_after_raw_queries_worst": _at_most(after, goal=PAINT_GOAL_MS),
        "choice_median_ms": _rounded(chosen_in),
        "choice_worst": _at_most(max(chosen_in.values()), goal=GOAL_MS),
    }


def _raw(home: Path, name: str, *, rounds: int) -> float:
    """Give the milliseconds of what a page asks of the warehouse before its first sentence, asked by nobody else."""
    asked = _statements(home, name)
    with open_reader(AnalyticsSettings(home=home, warehouse_threads=THREADS_OF_A_STATEMENT)) as reader:
        times = [[seconds_of(partial(reader.sql, *one)) * 1000 for one in asked] for _ in range(rounds + 1)]
    return statistics.median(sum(one) for one in times[1:])


def _statements(home: Path, name: str) -> list[tuple[str, dict[str, Any]]]:
    """Draw a page without a browser, and note what it asks until its first sentence stands there."""
    noted: list[tuple[str, dict[str, Any]]] = []
    ask, write = SharedReader.sql, st.markdown
    has_begun = False

    def sql(reader: SharedReader, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        if not has_begun:
            noted.append((text, parameters))
        return ask(reader, text, parameters)

    def markdown(text: str, *given: Any, **named: Any) -> Any:
        nonlocal has_begun
        has_begun = has_begun or text.startswith("## ")
        return write(text, *given, **named)

    st.cache_data.clear()
    st.cache_resource.clear()
    with (
        patch.dict(os.environ, {"ANGIME_HOME": str(home)}),
        patch.object(SharedReader, "sql", sql),
        patch.object(st, "markdown", markdown),
    ):
        page = AppTest.from_file(app.__file__, default_timeout=PATIENCE_MS / 1000)
        for parameter, value in parse_qsl(_query(0)):
            page.query_params[parameter] = value
        page.session_state["state"] = None
        page._page_hash = calc_hash(name)  # noqa: SLF001  # AppTest can switch to files only, not to functions
        page.run()
    return noted


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


def sessions(folder: Path, *, rounds: int, calls: int) -> Figures:
    """Let 32 sessions ask what Overview asks, by the door that its page asks by: milliseconds a page.

    Three ways, each with nothing kept at first. `teams`: all at the very same moment about the same week, of the whole
    company or one of its seven teams; what is asked alike is asked once. `own`: all at the very same moment, each about
    a week of its own, so that nothing is shared. `spread`: the same, each at a moment of its own within ten seconds, as
    people do who read what they see.
    """
    ways = {"teams": (_of_teams, 0.0), "own": (_of_own, 0.0), "spread": (_of_own, SPREAD_SECONDS)}
    times: dict[str, list[float]] = {way: [] for way in ways}
    settings = asking.fill(folder, calls=calls).model_copy(update={"warehouse_threads": THREADS_OF_A_STATEMENT})
    with open_reader(settings) as reader, ThreadPoolExecutor(SESSIONS) as pool:
        shared = SharedReader(lambda: reader, sessions=AT_ONCE)
        for way, (visit, seconds) in ways.items():
            for number in range(rounds):
                st.cache_data.clear()
                st.cache_resource.clear()
                visits = [partial(_overview, shared, *visit(session, number)) for session in range(SESSIONS)]
                chance = Random(number)
                pauses = [chance.uniform(0, seconds) for _ in visits]
                times[way] += pool.map(_after, pauses, visits)
    return {"sessions_calls": calls} | {
        name: figure
        for way, found in times.items()
        for name, figure in {
            f"sessions_{way}_median_ms": round(statistics.median(found)),
            f"sessions_{way}_p95": _at_most(sorted(found)[int(len(found) * 0.95)], goal=GOAL_MS),
        }.items()
    }


def _of_teams(session: int, number: int) -> Visit:
    """A week of the whole company or of one of its teams."""
    team = session % (TEAMS + 1)
    return structs.replace(asking.SCOPE, teams=(f"team-{team}",) if team < TEAMS else ()), _week(number)


def _of_own(session: int, number: int) -> Visit:
    """A week that no other session looks at."""
    return _of_teams(session, 0)[0], _week(session + number)


def _overview(reader: SharedReader, scope: Scope, period: Period) -> None:
    """Ask what Overview asks: its tiles of two periods and their days, outcomes, losses, whom to call back."""
    before = period.before()
    ask = Asked(reader, 0, "bench").holding(company=scope.company, periods=(period, before)).ask
    ask(questions.channels, company=scope.company, period=period)
    ask(questions.figures_by_day, period=period, before=before, scope=scope, metrics=figures.COUNTED)
    ask(questions.ended, period=period, scope=scope)
    places = ("hour", "team", "channel")
    ask(questions.losses, period=period, before=before, scope=scope, by=places, rank="excess")
    ask(missed.waiting, scope=structs.replace(scope, teams=()))
    ask(questions.figures, period=period, scope=scope, metrics=("missed_calls",), by=("weekday", "hour"))


def _after(pause: float, ask: Callable[[], object]) -> float:
    """Wait some seconds, and give the milliseconds that the asking then took."""
    time.sleep(pause)
    return seconds_of(ask) * 1000


def _week(number: int) -> Period:
    first = FIRST_MONDAY + timedelta(weeks=number)
    return Period(first, first + timedelta(days=6))


def _query(number: int) -> str:
    week = _week(number)
    return f"period=custom&from={week.first}&to={week.last}&call={CALL}"


def _rounded(times: dict[str, float]) -> dict[str, int]:
    return {name: round(milliseconds) for name, milliseconds in times.items()}


def _at_most(milliseconds: float, *, goal: int) -> Figures:
    return {"ms": round(milliseconds), "goal_ms": goal, "is_met": milliseconds <= goal}


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
