"""`make bench`: runs the benchmarks, prints a table and writes the figures as JSON."""

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from rich.console import Console
from rich.table import Table

from pipelines.kafka.broker import connect_producer
from tests.bench import (
    answering,
    asking,
    doors,
    events,
    freshness,
    growing,
    hour_long,
    landing,
    loading,
    normalising,
    paging,
    rebuilding,
    refreshing,
    replaying,
    searching,
    speech,
)
from tests.brokers import own_broker
from tests.proof import keep, machine, stamped

ROUNDS = 5
BULK_EVENTS = 200_000
NAIVE_EVENTS = 10_000
MINUTES = 10.0
ANSWER_GOAL = 1.5
# Run when they are asked for: they take the machine for up to an hour.
APART = ("load", "growth", "replaying")
# Kept for each size apart: of which argument.
SIZED = {"asking": "calls", "doors": "events", "rebuilding": "events", "refreshing": "events"}
# Those that are run at several sizes, in events, four a call.
SIZES = {"growth": (400_000, 4_000_000, 40_000_000), "replaying": replaying.SIZES}
FILE = Path("build/bench.json")

Figures = dict[str, Any]


class Measure(Protocol):
    """Measures one thing in `rounds` rounds with what it leaves in `folder`."""

    def __call__(self, folder: Path, *, rounds: int) -> Figures:
        """Give the figures by name."""
        ...


def main() -> None:
    """Run what was asked for; every figure stays in the table, also one below its goal."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--only", choices=(*BENCHES, *SIZED, "hour", *APART), help="run one of them")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument(
        "--events", type=int, default=BULK_EVENTS, help="events of rebuild, refresh, replay and snapshot, four a call"
    )
    parser.add_argument("--calls", type=int, default=asking.CALLS, help="calls of the warehouse that is asked")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="how long the load lasts")
    parser.add_argument(
        "--sizes", type=int, nargs="+", metavar="EVENTS", help="of growth and replaying: how many events, four a call"
    )
    parser.add_argument("--write", action="store_true", help="keep the figures in docs/proof, for docs/proof.md")
    asked = parser.parse_args()
    figures: Figures = {"machine": machine(), "rounds": asked.rounds}
    benches: dict[str, Measure] = {
        **BENCHES,
        "asking": partial(asking.measure, calls=asked.calls),
        "rebuilding": partial(rebuilding.measure, count=asked.events),
        "refreshing": partial(refreshing.measure, count=asked.events),
        "hour": hour_long.measure,
        "doors": partial(_doors, count=asked.events),
        "load": partial(_load, minutes=asked.minutes),
        "growth": partial(_growth, sizes=asked.sizes or SIZES["growth"]),
        "replaying": partial(_replaying, sizes=asked.sizes or SIZES["replaying"]),
    }
    with tempfile.TemporaryDirectory(prefix="angime-bench-") as folder:
        for name, measure in benches.items():
            if asked.only == name or (asked.only is None and name not in APART):
                began = time.monotonic()
                found = measure(Path(folder) / name, rounds=asked.rounds)
                figures |= found
                if asked.write:
                    command = f"python -m tests.bench --only {name} {_words_of(name, asked)}"
                    keep(_file(name, asked), stamped(command, seconds=time.monotonic() - began, figures=found))
    FILE.parent.mkdir(exist_ok=True)
    FILE.write_text(json.dumps(figures, indent=2) + "\n")
    _show(figures)


def _file(name: str, asked: argparse.Namespace) -> str:
    """Name what is kept of a bench: what another size or a GPU gives stands beside it."""
    if name in SIZED:
        return f"bench-{name}-{getattr(asked, SIZED[name])}"
    return f"bench-{name}-gpu" if name == "speech" and speech.graphics() else f"bench-{name}"


def _words_of(name: str, asked: argparse.Namespace) -> str:
    """Give the words that say how much of a bench there is to be."""
    if name == "load":
        return f"--minutes {asked.minutes:g}"
    if name in SIZES:
        return f"--sizes {' '.join(map(str, asked.sizes or SIZES[name]))}"
    size = SIZED.get(name, "events")
    return f"--rounds {asked.rounds} --{size} {getattr(asked, size)}"


def _load(folder: Path, *, rounds: int, minutes: float) -> Figures:  # noqa: ARG001  # the form of a bench
    return loading.measure(folder, minutes=minutes)


def _growth(folder: Path, *, rounds: int, sizes: Sequence[int]) -> Figures:  # noqa: ARG001  # the form of a bench
    return growing.measure(folder, sizes=sizes)


def _replaying(folder: Path, *, rounds: int, sizes: Sequence[int]) -> Figures:  # noqa: ARG001  # the form of a bench
    return replaying.measure(folder, sizes=sizes)


def _landing(folder: Path, *, rounds: int) -> Figures:
    folder.mkdir()
    python = landing.install_dlt(folder / "with_dlt")
    with own_broker(folder / "broker", on_step=print) as kafka:
        with closing(connect_producer(kafka.bootstrap)) as producer:
            events.fill(producer, count=BULK_EVENTS)
        rates: dict[str, list[float]] = {
            name: []
            for name in ("naive", "naive_in_batches", *landing.DLT_FORMS, "bare", "reading", "ours", "ours_with_facts")
        }
        for number in range(rounds):
            rates["naive"].append(landing.naive(kafka.bootstrap, folder / f"naive{number}", count=NAIVE_EVENTS))
            batches = landing.naive(kafka.bootstrap, folder / f"batches{number}", count=NAIVE_EVENTS, in_batches=True)
            rates["naive_in_batches"].append(batches)
            for name, form in landing.DLT_FORMS.items():
                place = folder / f"{name}{number}"
                loaded = landing.through_dlt(python, kafka.bootstrap, place, count=BULK_EVENTS, form=form)
                rates[name].append(loaded)
            rates["bare"].append(landing.bare(kafka.bootstrap, folder / f"bare{number}", count=BULK_EVENTS))
            rates["reading"].append(landing.reading(kafka.bootstrap, count=BULK_EVENTS))
            landed = landing.ours(kafka.bootstrap, folder / f"ours{number}", count=BULK_EVENTS)
            rates["ours"].append(landed.in_log)
            rates["ours_with_facts"].append(landed.with_facts)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    return {
        "landing_events_per_second": {name: round(rate) for name, rate in medians.items()},
        "landing_rounds": {name: [round(rate) for rate in found] for name, found in rates.items()},
        "landing_v_naive": _ratio(medians["ours"] / medians["naive"], goal=40.0),
        "landing_v_naive_in_batches": round(medians["ours"] / medians["naive_in_batches"], 2),
        "landing_v_dlt": _ratio(medians["ours"] / medians["dlt"], goal=30.0),
        "landing_v_dlt_in_arrow": round(medians["ours"] / medians["dlt_in_arrow"], 2),
        "landing_v_bare": _ratio(medians["ours"] / medians["bare"], goal=0.6, stretch=0.8),
        "landing_with_facts_v_naive": round(medians["ours_with_facts"] / medians["naive"], 2),
        "landing_with_facts_v_bare": round(medians["ours_with_facts"] / medians["bare"], 2),
    }


def _doors(folder: Path, *, rounds: int, count: int) -> Figures:
    folder.mkdir()
    found: list[Figures] = []
    with own_broker(folder / "broker", on_step=print) as kafka:
        with closing(connect_producer(kafka.bootstrap)) as producer:
            events.fill(producer, count=count)
        for number in range(rounds):
            (folder / str(number)).mkdir()
            found.append(doors.measure(kafka.bootstrap, folder / str(number), count=count))
    return {f"doors_round_{number}": figures for number, figures in enumerate(found, start=1)}


def _answering(folder: Path, *, rounds: int) -> Figures:
    """Compare how long a webhook waits for its answer, by turns, with a bare service's that proves nothing."""
    folder.mkdir()
    home = folder / "home"
    normalising.furnish_home(home)
    ours: list[answering.Answered] = []
    bare: list[answering.Answered] = []
    with own_broker(folder / "broker", on_step=print) as kafka:
        for _ in range(rounds):
            bare.append(answering.bare(kafka.bootstrap))
            ours.append(answering.ours(kafka.bootstrap, home))
    ratio = statistics.median(one.median_ms for one in ours) / statistics.median(one.median_ms for one in bare)
    return {
        f"answer_{name}": {
            "median_ms": round(statistics.median(one.median_ms for one in found), 2),
            "p99_ms": round(statistics.median(one.p99_ms for one in found), 2),
            "per_second": round(statistics.median(one.per_second for one in found)),
        }
        for name, found in (("bare", bare), ("ours", ours))
    } | {"answer_v_bare": {"ratio": round(ratio, 2), "goal": ANSWER_GOAL, "is_met": ratio <= ANSWER_GOAL}}


def _normalising(folder: Path, *, rounds: int) -> Figures:
    """Compare events a second of processor time with those of others, which do less: they validate nothing."""
    folder.mkdir()
    home = folder / "home"
    normalising.furnish_home(home)
    pythons = {name: normalising.install(folder, name) for name in normalising.YARDSTICKS}
    rates: dict[str, list[float]] = {name: [] for name in ("confluent", "kafka-python", *pythons, "translating")}
    with own_broker(folder / "broker", on_step=print) as kafka:
        with closing(connect_producer(kafka.bootstrap)) as producer:
            count = normalising.fill(producer)
        for _ in range(rounds):
            rates["translating"].append(normalising.translating(kafka.bootstrap, home, count=count))
            for transport in ("confluent", "kafka-python"):
                rates[transport].append(normalising.ours(kafka.bootstrap, home, count=count, transport=transport))
            for name, python in pythons.items():
                if python is not None:
                    rates[name].append(normalising.yardstick(name, python, kafka.bootstrap, home, count=count))
    medians = {name: statistics.median(found) for name, found in rates.items() if found}
    return {
        "normalising_events_per_cpu_second": {name: round(rate) for name, rate in medians.items()},
        "normalising_rounds": {name: [round(rate) for rate in found] for name, found in rates.items()},
    } | {
        f"normalising_v_{name}": _ratio(medians["confluent"] / medians[name], goal=1.2, stretch=2.0)
        if name in medians
        else "not published for this Python"
        for name in pythons
    }


def _ratio(ratio: float, *, goal: float, stretch: float | None = None) -> Figures:
    """Set a ratio, the larger the better, against its goal, and against the further one where there is one."""
    further = {} if stretch is None else {"stretch": stretch, "is_stretch_met": ratio >= stretch}
    return {"ratio": round(ratio, 2), "goal": goal, "is_met": ratio >= goal} | further


def _show(figures: Figures) -> None:
    table = Table("figure", "value", box=None, header_style="bold")
    for name, figure in figures.items():
        table.add_row(name, json.dumps(figure))
    Console().print(table)
    Console().print(f"written to {FILE}")


BENCHES: dict[str, Measure] = {
    "landing": _landing,
    "answering": _answering,
    "normalising": _normalising,
    "freshness": freshness.measure,
    "searching": searching.measure,
    "speech": speech.measure,
    "paging": paging.measure,
}

if __name__ == "__main__":
    main()
