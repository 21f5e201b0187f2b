"""What we write of ourselves."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from schemas.ourselves import our_version

ROOT = Path(__file__).parents[2]


def test_our_version_is_that_of_the_package_and_of_a_tree_that_is_not_installed_source() -> None:
    told = f"import sys; sys.path.insert(0, {str(ROOT)!r}); from schemas.ourselves import our_version"
    command = [sys.executable, "-I", "-S", "-c", f"{told}; print(our_version())"]
    bare = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # our own
    assert (version("angime"), "source") == (our_version(), bare)
