"""Every golden body becomes exactly the facts, the refusals or the reason to ignore that stand beside it."""

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from pipelines.sources.contract import Translation
from schemas import codec
from schemas.catalogue import EVENT_TYPES
from schemas.errors import InvalidEvent

GOLDEN = Path(__file__).parent / "golden"
EXPECTED = ".events.json"
BODIES = sorted(path for path in GOLDEN.glob("*/*") if not path.name.endswith(EXPECTED))

TranslateAs = Callable[[str, bytes], Translation]


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def became(translate_as: TranslateAs, path: Path) -> dict[str, Any]:
    try:
        translation = translate_as(path.parent.name, path.read_bytes())
    except InvalidEvent as error:
        return {"refused": error.reason}
    told = json.loads(msgspec.json.encode(translation))
    return {name: told[name] for name in ("events", "refused", "ignored") if told[name]}


def reasons(told: dict[str, Any]) -> list[str]:
    refused = told.get("refused", [])
    parts = [refused] if isinstance(refused, str) else [one["reason"] for one in refused]
    return [*parts, told.get("ignored", "")]


@pytest.mark.parametrize("path", BODIES, ids=named)
def test_a_body_becomes_what_stands_beside_it(path: Path, translate_as: TranslateAs) -> None:
    expected = json.loads(path.with_name(path.stem + EXPECTED).read_text())

    assert became(translate_as, path) == expected


@pytest.mark.parametrize("path", BODIES, ids=named)
def test_a_body_becomes_something_and_the_same_bytes_again(path: Path, translate_as: TranslateAs) -> None:
    told = became(translate_as, path)

    assert told
    assert msgspec.json.encode(became(translate_as, path)) == msgspec.json.encode(told)


@pytest.mark.parametrize("path", BODIES, ids=named)
def test_every_fact_survives_the_codec(path: Path, translate_as: TranslateAs) -> None:
    try:
        events = translate_as(path.parent.name, path.read_bytes()).events
    except InvalidEvent:
        events = ()

    assert [codec.decode(codec.encode(event)) for event in events] == list(events)
    assert len({event.id for event in events}) == len(events)


@pytest.mark.parametrize("path", BODIES, ids=named)
def test_no_reason_holds_a_number_or_a_text(path: Path, translate_as: TranslateAs) -> None:
    told = reasons(became(translate_as, path))

    assert [reason for reason in told if re.search(r"\d{7,}|[^\x00-\x7f–]", reason)] == []


def test_no_expectation_stands_alone() -> None:
    expectations = {path.with_name(path.name.removesuffix(EXPECTED)) for path in GOLDEN.glob(f"*/*{EXPECTED}")}

    assert expectations == {path.with_suffix("") for path in BODIES}


def test_the_golden_files_hold_every_type_of_event_that_the_sources_can_tell() -> None:
    texts = [path.read_text() for path in GOLDEN.glob(f"*/*{EXPECTED}")]
    found = {event["type"] for text in texts for event in events_of(json.loads(text))}

    # A stored recording, an alert, an erasure, a correction and what became of dead letters are facts of our own.
    ours = {"call.recording_stored", "permission.revoked"}
    of_ours = {name for name in EVENT_TYPES if name.startswith(("alert.", "dead_letter.", "event.", "person."))}
    assert found >= set(EVENT_TYPES) - ours - of_ours


def events_of(told: dict[str, Any]) -> list[dict[str, Any]]:
    return told.get("events", [])
