"""What tests of several folders stand on: a real Kafka broker, a real browser, a log, and how many cases are drawn."""

import os
import re
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import settings

from analytics.metrics.catalogue import catalogue
from pipelines.kafka import local_kafka
from tests.analytics.retold import Log
from tests.browsers import NO_BROWSER, browser_program
from tests.postgres import NO_POSTGRES, PASSWORD, Postgres, own_postgres, postgres_programs

# `make test` draws the same cases each time; `make test-all` others, and twenty times as many.
settings.register_profile("ci", max_examples=50, deadline=None, derandomize=True)
settings.register_profile("thorough", max_examples=1_000, deadline=None, print_blob=True)
settings.load_profile("ci")
# Two processes of tests share two cores: a second thread in each session of DuckDB only waits, at the price of work.
os.environ.setdefault("ANGIME_WAREHOUSE_THREADS", "1")


def pytest_runtest_setup(item: pytest.Item) -> None:
    """Skip a page test where no browser is, except where one must be (ANGIME_REQUIRE_BROWSER=1): there it fails."""
    if item.get_closest_marker("browser") is None or browser_program() is not None:
        return
    if os.environ.get("ANGIME_REQUIRE_BROWSER") == "1":
        pytest.fail(NO_BROWSER, pytrace=False)
    pytest.skip(NO_BROWSER)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest: two processes share the files in this order, and should end together."""
    long = {
        item.path
        for item in items
        if "journeys" in item.path.parts or any(item.get_closest_marker(name) for name in ("browser", "speech"))
    }
    items.sort(key=lambda item: item.path not in long)


@pytest.fixture(scope="module")
def whole_log() -> Log:
    """Open a log that a file of tests has to itself."""
    return Log()


@pytest.fixture
def log(whole_log: Log) -> Log:
    """Give it without events."""
    whole_log.empty()
    return whole_log


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Generator[local_kafka.Running]:
    """Run one local broker for the session, in a home of its own; tests name their topics and groups apart."""
    home = tmp_path_factory.mktemp("kafka-home")
    yield local_kafka.start(home, on_step=print)
    local_kafka.stop(home)


@pytest.fixture(scope="session")
def postgres() -> Generator[Postgres]:
    """Run one server of PostgreSQL for the session; tests have databases of their own.

    Where it is not installed they are skipped, except where it must be (ANGIME_REQUIRE_POSTGRES=1): there they fail.
    """
    programs = postgres_programs()
    if programs is None:
        refuse = pytest.fail if os.environ.get("ANGIME_REQUIRE_POSTGRES") == "1" else pytest.skip
        refuse(NO_POSTGRES)
    with own_postgres(programs) as server:
        yield server


@pytest.fixture
def catalog(postgres: Postgres, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make a database for a catalog, of which the settings of this process and its children tell; gives its address."""
    address = postgres.new_database()
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("ANGIME_CATALOG", address)
    return address


@pytest.fixture(scope="session")
def chromium() -> Path:
    """Find the browser's program, for Playwright's `executable_path`; asked for by tests marked `browser`."""
    found = browser_program()
    assert found is not None, "a test that asks for the browser carries the marker `browser`"
    return Path(found)


@pytest.fixture
def own_metrics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """Give the file of a company's own metrics, as the settings name it: those of the guide for analysts."""
    guide = Path(__file__).parents[1] / "docs" / "analysts.md"
    [example] = re.findall(r"```toml\n(.*?)```", guide.read_text(encoding="utf-8"), re.DOTALL)
    file = tmp_path / "own.toml"
    file.write_text(example, encoding="utf-8")
    monkeypatch.setenv("ANGIME_METRICS", str(file))
    catalogue.cache_clear()
    yield file
    catalogue.cache_clear()
