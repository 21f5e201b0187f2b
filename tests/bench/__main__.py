"""`make bench`: runs the benchmarks, prints a table and writes the figures as JSON."""

import argparse
import json
import os
import platform
import statistics
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from pipelines import local_kafka, topics
from pipelines.broker import Admin, connect_producer
from tests.bench import events, freshness, landing

ROUNDS = 5
BULK_EVENTS = 200_000
NAIVE_EVENTS = 10_000
FILE = Path("build/bench.json")

Figures = dict[str, Any]


def main() -> None:
    """Run what was asked for; every figure stays in the table, also one below its goal."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=("landing", "freshness"), help="run one of them")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    asked = parser.parse_args()
    figures: Figures = {"machine": f"{os.cpu_count()} cores, {platform.machine()}", "rounds": asked.rounds}
    with tempfile.TemporaryDirectory(prefix="angime-bench-") as folder:
        if asked.only != "freshness":
            figures |= _landing(Path(folder), rounds=asked.rounds)
        if asked.only != "landing":
            figures |= freshness.measure(Path(folder) / "live", rounds=asked.rounds)
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(figures, indent=2) + "\n")
    _show(figures)


def _landing(folder: Path, *, rounds: int) -> Figures:
    home = folder / "broker"
    bootstrap = local_kafka.start(home, on_step=print).bootstrap
    try:
        with closing(Admin(bootstrap)) as admin:
            topics.apply(admin)
        with closing(connect_producer(bootstrap)) as producer:
            events.fill(producer, count=BULK_EVENTS)
        rates: dict[str, list[float]] = {name: [] for name in ("naive", "bare", "ours", "ours_with_facts")}
        for number in range(rounds):
            rates["naive"].append(landing.naive(bootstrap, folder / f"naive{number}", count=NAIVE_EVENTS))
            rates["bare"].append(landing.bare(bootstrap, folder / f"bare{number}", count=BULK_EVENTS))
            landed = landing.ours(bootstrap, folder / f"ours{number}", count=BULK_EVENTS)
            rates["ours"].append(landed.in_log)
            rates["ours_with_facts"].append(landed.with_facts)
    finally:
        local_kafka.stop(home)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "landing_events_per_second": {name: round(rate) for name, rate in medians.items()},
        "landing_rounds": {name: [round(rate) for rate in found] for name, found in rates.items()},
        "landing_v_naive": _ratio(medians["ours"] / medians["naive"], goal=40.0),
        "landing_v_bare": _ratio(medians["ours"] / medians["bare"], goal=0.6),
        "landing_with_facts_v_naive": round(medians["ours_with_facts"] / medians["naive"], 2),
        "landing_with_facts_v_bare": round(medians["ours_with_facts"] / medians["bare"], 2),
    }


def _ratio(ratio: float, *, goal: float) -> Figures:
    return {"ratio": round(ratio, 2), "goal": goal, "is_met": ratio >= goal}


def _show(figures: Figures) -> None:
    table = Table("figure", "value", box=None, header_style="bold")
    for name, figure in figures.items():
        table.add_row(name, json.dumps(figure))
    Console().print(table)
    Console().print(f"written to {FILE}")


if __name__ == "__main__":
    main()
