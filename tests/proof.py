"""What a run of torture, bench or rivals keeps for the page docs/proof.md, and on what machine it ran."""

import json
import os
import platform
from collections.abc import Container
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Figures = dict[str, Any]

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "proof"


def machine() -> str:
    """Say on what it ran, without its name."""
    memory_gib = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return f"{os.cpu_count()} cores, {memory_gib:.0f} GiB, {platform.machine()}, Python {platform.python_version()}"


def stamped(command: str, *, seconds: float, **figures: Any) -> Figures:
    """Give figures with the command that makes them again, the machine, the day and the seconds."""
    day = datetime.now(UTC).date().isoformat()
    return {"command": command, "machine": machine(), "day": day, "seconds": round(seconds), **figures}


def keep_faults(name: str, run: Figures, *, known: Container[str], folder: Path = FOLDER) -> Path:
    """Write the faults of a run beside those that other runs have kept under this name, each with how to repeat it.

    Chance is drawn apart for each, so it comes out the same alone. One that was inflicted before is replaced; one that
    is no longer `known` is left out. Of a run of some only, it is not known how long all would take: their sum stands.
    """
    file = folder / f"{name}.json"
    before = json.loads(file.read_text(encoding="utf-8"))["faults"] if file.exists() else []
    how = {key: run[key] for key in ("machine", "day")}
    again = [
        fault | how | {"command": f"{run['program']} --only {fault['name']} --seed {run['seed']}"}
        for fault in run["faults"]
    ]
    faults = {fault["name"]: fault for fault in (*before, *again)}
    kept = [fault for _, fault in sorted(faults.items()) if fault["name"] in known]
    summed = round(sum(fault["seconds"] for fault in kept))
    return keep(
        name,
        run | {"seconds": run["seconds"] if len(kept) == len(again) else summed, "faults": kept},
        folder=folder,
    )


def keep(name: str, run: Figures, *, folder: Path = FOLDER) -> Path:
    """Write a run where `angime docs` finds it; the one of before is replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{name}.json"
    file.write_text(json.dumps(run, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return file
