"""The published contracts, checked as they lie in this installation, and what changed from version to version."""

import json
from pathlib import Path
from typing import Any

from msgspec import Struct

from angime import printing
from schemas.catalogue import EVENT_TYPES
from schemas.codec import decode
from schemas.errors import InvalidEvent
from schemas.upcasters import STEPS


class Problem(Struct, frozen=True):
    """What is wrong with one file or type."""

    where: str
    problem: str


def check(folder: Path = printing.VERSIONS) -> list[Problem]:
    """Look every published version through: schema, examples that pass and fail, and the chain of upcasters."""
    found: list[Problem] = []
    for event_type in EVENT_TYPES.values():
        name = event_type.name
        for version in range(1, event_type.version + 1):
            found += _missing(folder / name, name=name, version=version)
        if not _is_current(folder, name=name):
            found.append(
                Problem(event_type.dataschema, "the struct has changed since it was published: make a version")
            )
        found += [
            Problem(f"{name}/{version}", "no upcaster leads to the next version")
            for version in range(1, event_type.version)
            if (name, version) not in STEPS
        ]
    found += [problem for path in sorted(folder.glob("*/*.pass.json")) for problem in _passes(path)]
    found += [problem for path in sorted(folder.glob("*/*.fail.json")) for problem in _fails(path)]
    found += [
        Problem(path.name, "no event type goes by this name")
        for path in sorted(folder.iterdir())
        if path.is_dir() and path.name not in EVENT_TYPES
    ]
    return found


def differences(name: str, *, old: int, new: int, folder: Path = printing.VERSIONS) -> list[dict[str, str]]:
    """Say field by field what a newer version of an event type has otherwise: added, removed, changed."""
    before, after = (_fields(folder, name=name, version=version) for version in (old, new))
    rows: list[dict[str, str]] = []
    for field in sorted(before.keys() | after.keys()):
        if field not in before:
            rows.append({"field": field, "change": "added", "before": "", "after": after[field]})
        elif field not in after:
            rows.append({"field": field, "change": "removed", "before": before[field], "after": ""})
        elif before[field] != after[field]:
            rows.append({"field": field, "change": "changed", "before": before[field], "after": after[field]})
    return rows


def _missing(folder: Path, *, name: str, version: int) -> list[Problem]:
    wanted = {
        "schema": f"{version}.schema.json",
        "example": f"{version}.*.pass.json",
        "refusal": f"{version}.*.fail.json",
    }
    return [
        Problem(f"{name}/{version}", f"no {kind} is published")
        for kind, pattern in wanted.items()
        if not list(folder.glob(pattern))
    ]


def _is_current(folder: Path, *, name: str) -> bool:
    event_type = EVENT_TYPES[name]
    file = folder / name / f"{event_type.version}.schema.json"
    now = json.loads(json.dumps(printing.data_schema(event_type)))
    return not file.exists() or json.loads(file.read_text(encoding="utf-8")) == now


def _passes(path: Path) -> list[Problem]:
    try:
        decode(path.read_bytes())
    except InvalidEvent as refusal:
        return [Problem(f"{path.parent.name}/{path.name}", f"an example is refused: {refusal.reason}")]
    return []


def _fails(path: Path) -> list[Problem]:
    where = f"{path.parent.name}/{path.name}"
    example = json.loads(path.read_text(encoding="utf-8"))
    try:
        decode(json.dumps(example["event"]).encode())
    except InvalidEvent as refusal:
        same = refusal.reason == example["reason"]
        return [] if same else [Problem(where, f"refused for another reason: {refusal.reason}")]
    return [Problem(where, "an example that must be refused is accepted")]


def _fields(folder: Path, *, name: str, version: int) -> dict[str, str]:
    schema = json.loads((folder / name / f"{version}.schema.json").read_text(encoding="utf-8"))
    required = set(schema.get("required", ()))
    return {field: _written(form, must=field in required) for field, form in schema["properties"].items()}


def _written(form: dict[str, Any], *, must: bool) -> str:
    said = {key: value for key, value in form.items() if key != "description"}
    return json.dumps(said, ensure_ascii=False, sort_keys=True) + (" (must)" if must else "")
