"""Environments of their own, for rivals whose packages must not stand beside ours."""

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

QUIXSTREAMS = "quixstreams==3.28.1"
BYTEWAX = "bytewax[kafka]==0.21.1"
DLT = "dlt[duckdb,parquet]==1.31.0"


def make_environment(folder: Path, packages: Sequence[str]) -> Path:
    """Install packages into an environment of their own; gives its Python."""
    python = folder / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, folder], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, *packages], check=True)
    return python
