"""What tests of commands share: a home that is made once a module, of which each test has a copy."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def home(known: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a copy of the home that the module has made as `known` to one test alone."""
    own = shutil.copytree(known, tmp_path / "home")
    monkeypatch.setenv("ANGIME_HOME", str(own))
    return own
