"""The page of proof, docs/proof.md: every figure that a run of torture or bench has kept, and first what fell short."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

Figures = dict[str, Any]

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "proof"
LACKING = "Nothing has been kept yet."


def page(notice: str, *, folder: Path = FOLDER) -> str:
    """Print docs/proof.md from the files of `folder`; what a run did not reach stays in."""
    kept = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}
    short = [line for run in kept.values() for line in _short_of(run)]
    lines = [
        "# Proof\n",
        notice.strip(),
        "\nEvery figure comes of a command that anybody can run again; it was kept by the same command with `--write`.",
        "Seconds depend on the machine; a ratio compares two things that ran on it in turn.",
        "\n## What fell short\n",
        *([f"- {line}" for line in short] or [LACKING if not kept else "Nothing of what is listed here."]),
    ]
    for run in kept.values():
        lines += [*_heading(run), *_faults(run), *_goals(run), *_rivals(run)]
    return "\n".join(lines) + "\n"


def _heading(run: Figures) -> Iterator[str]:
    yield f"\n## `{run.get('program', run['command'])}`\n"
    yield f"{run['day']}, {run['machine']}, {_number(run['seconds'])} s."


def _faults(run: Figures) -> Iterator[str]:
    """Tell of each fault that was inflicted what must hold, whether it did, how much it was and how to do it again."""
    if "faults" not in run:
        return
    yield "\n| fault | what is done, and must hold | held | figures | run |"
    yield "| --- | --- | --- | --- | --- |"
    for fault in run["faults"]:
        figures = ", ".join(f"{_words(name)} {_number(figure)}" for name, figure in fault["figures"].items())
        held = "**no**" if fault["broken"] else "**not tried**" if fault.get("untried") else "yes"
        yield (
            f"| {_words(fault['name'])} | {_cell(fault['says'])} | {held} | {_cell(figures)} | {_how(fault, run=run)} |"
        )


def _how(fault: Figures, *, run: Figures) -> str:
    """Give the words that choose this run, its seconds, and its day and machine where they are not the page's."""
    words = fault["command"].removeprefix(run["program"]).strip()
    others = [fault[name] for name in ("day", "machine") if fault[name] != run[name]]
    return ", ".join([f"`{words}`", *others, f"{_number(round(fault['seconds']))} s"])


def _goals(run: Figures) -> Iterator[str]:
    if "figures" not in run:
        return
    yield "\n| figure | measured | goal | reached |"
    yield "| --- | --- | --- | --- |"
    for name, figure in _flat(run["figures"]):
        if _has_goal(figure):
            yield f"| {_words(name)} | {_measured(figure)} | {_goal(figure)} | {_reached(figure)} |"
        else:
            yield f"| {_words(name)} | {_number(figure)} | – | |"


def _rivals(run: Figures) -> Iterator[str]:
    """Set side by side what each program lost, doubled and had wrong under the same fault."""
    if "rivals" not in run:
        return
    yield "\n| program | fault | of | lost | doubled | wrong |"
    yield "| --- | --- | ---: | ---: | ---: | ---: |"
    for one in run["rivals"]:
        counts = " | ".join(_number(one[name]) for name in ("events", "lost", "doubled", "wrong"))
        yield f"| {_cell(one['program'])} | {_cell(one['fault'])} | {counts} |"


def _short_of(run: Figures) -> Iterator[str]:
    for fault in run.get("faults", ()):
        for sentence in fault["broken"]:
            yield f"{_words(fault['name'])}: {_cell(sentence)} (`{fault['command']}`)"
        if fault.get("untried"):
            yield f"{_words(fault['name'])}: not tried, {_cell(fault['untried'])} (`{fault['command']}`)"
    for name, figure in _flat(run.get("figures", {})):
        if _has_goal(figure) and not figure["is_met"]:
            yield f"{_words(name)}: {_measured(figure)}, goal {_goal(figure)} (`{run['command']}`)"


def _flat(figures: Figures) -> Iterator[tuple[str, Any]]:
    """Give figures by name, those of a round with its name before theirs; one with a goal stays whole."""
    for name, figure in figures.items():
        if isinstance(figure, dict) and not _has_goal(figure):
            yield from ((f"{name}_{inner}", one) for inner, one in _flat(cast("Figures", figure)))
        else:
            yield name, figure


def _has_goal(figure: Any) -> bool:
    return isinstance(figure, dict) and "is_met" in figure


def _measured(figure: Figures) -> str:
    """Give what the goal speaks of: the ratio, or the figure that stands first where there is none."""
    if "ratio" in figure:
        return _number(figure["ratio"])
    return next(_number(one) for name, one in figure.items() if not name.startswith("goal") and name != "is_met")


def _goal(figure: Figures) -> str:
    goal = next(_number(one) for name, one in figure.items() if name.startswith("goal"))
    return f"{goal}, stretch {_number(figure['stretch'])}" if "stretch" in figure else goal


def _reached(figure: Figures) -> str:
    if not figure["is_met"]:
        return "**no**"
    return "yes" if figure.get("is_stretch_met", True) else "yes, without the stretch"


def _number(figure: Any) -> str:
    if isinstance(figure, list):
        return ", ".join(map(_number, cast("list[Any]", figure)))
    return f"{figure:,}".replace(",", " ") if isinstance(figure, int | float) else str(figure)


def _words(name: str) -> str:
    return name.replace("_", " ")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
