"""What tests of a warehouse on disk share: one that was just made, of which each test has a copy."""

import shutil
from pathlib import Path

import pytest

from analytics.warehouse import open_writer
from tests.analytics.landing_cases import settings_at


@pytest.fixture(scope="session")
def just_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a warehouse with every table and no row: a second of work."""
    made = tmp_path_factory.mktemp("just-made")
    open_writer(settings_at(made)).close()
    return made


@pytest.fixture
def home(just_made: Path, tmp_path: Path) -> Path:
    """Give a copy of it to one test alone."""
    return shutil.copytree(just_made, tmp_path, dirs_exist_ok=True)
