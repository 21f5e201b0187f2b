"""Watching: figures by one convention, rules and panels that name them, runbooks that can be walked, discreet logs."""

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import typer
import yaml
from prometheus_client import CollectorRegistry, generate_latest

from analytics.warehouse import Batch, open_writer
from angime import hosting
from angime.commands import app
from angime.discretion import FORBIDDEN, HIDDEN, discreet, masked, without_personal_data
from angime.figures import Standing
from pipelines.receiving.keep import Figures
from pipelines.receiving.metrics import Metrics
from tests.analytics.landing_cases import call_events, records_of, settings_at

ROOT = Path(__file__).parent.parent.parent
DOCS = ROOT / "docs"
RUNBOOKS = sorted((DOCS / "runbooks").glob("*.md"))
RULES = yaml.safe_load((DOCS / "deploy" / "alerts.yml").read_text())["groups"][0]["rules"]
NOTHING_KEPT = Figures(
    is_kafka_near=True,
    kept_by_kafka=0,
    kept_by_outbox=0,
    drained=0,
    waiting=0,
    outbox_bytes=0,
    outbox_bytes_free=0,
)
PANELS = json.loads((DOCS / "deploy" / "grafana.json").read_text())["panels"]
EXPRESSIONS = [rule["expr"] for rule in RULES] + [target["expr"] for one in PANELS for target in one["targets"]]


@pytest.fixture
def figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give what Prometheus reads of a home in which a call was landed twice, and no Kafka runs."""
    monkeypatch.setenv("ANGIME_HOME", str(tmp_path))
    monkeypatch.delenv("ANGIME_KAFKA", raising=False)
    with open_writer(settings_at(tmp_path)) as writer:
        facts = call_events(1)
        writer.land(Batch(records_of([*facts, *facts])), now="2026-03-09T12:00:00.000Z")
    registry = CollectorRegistry()
    registry.register(Standing())
    return generate_latest(registry).decode()


def test_the_figures_say_what_was_landed_and_what_is_away(figures: str) -> None:
    read = dict(line.rsplit(" ", 1) for line in figures.splitlines() if not line.startswith("#"))

    assert {name: float(read[name]) for name in read if name.endswith(("_total", "_near"))} == {
        "angime_watch_kafka_near": 0,
        "angime_watch_warehouse_near": 1,
        "angime_records_landed_total": 10,
        "angime_events_landed_total": 5,
        "angime_duplicates_landed_total": 5,
        "angime_conflicts_total": 0,
        "angime_erasures_total": 0,
        "angime_recordings_transcribed_total": 1,
        "angime_transcribed_audio_seconds_total": 4,
    }
    assert float(read['angime_dead_letters{state="waiting"}']) == 0
    assert float(read["angime_recordings_waiting"]) == 0
    assert float(read["angime_refresh_seconds_count"]) == 1
    assert float(read["angime_refresh_seconds_sum"]) > 0
    assert float(read["angime_freshness_seconds"]) > 0
    assert float(read["angime_disk_free_bytes"]) > 0


def test_every_rule_and_panel_names_figures_that_exist(figures: str) -> None:
    receiver = Metrics(lambda: NOTHING_KEPT)
    receiver.count(source="twilio", status=200, seconds=0.01)
    text = figures + generate_latest(receiver.registry).decode()
    known = set(re.findall(r"^(angime_\w+)", text, re.MULTILINE)) | {"angime_lag_records", "angime_lost_records"}
    named = {name for written in EXPRESSIONS for name in re.findall(r"angime_\w+", written)}

    assert named - known == set()
    assert len(RULES) >= 8
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)


def test_every_rule_leads_to_a_runbook_and_says_what_is_so() -> None:
    for rule in RULES:
        assert (DOCS.parent / rule["annotations"]["runbook"]).is_file()
        assert rule["annotations"]["summary"].endswith(".")
        assert rule["labels"]["severity"] in {"page", "ticket"}


def test_a_rule_tells_of_a_source_of_which_nothing_is_taken() -> None:
    assert [rule["alert"] for rule in RULES if 'status="401"' in rule["expr"]] == ["AngimeWebhooksRefused"]


@pytest.mark.parametrize("written", EXPRESSIONS)
def test_prometheus_can_read_every_expression_of_a_rule_and_of_a_panel(written: str) -> None:
    assert promql_parser.parse(written)


@pytest.mark.parametrize("path", RUNBOOKS, ids=lambda path: path.stem)
def test_every_command_of_a_runbook_exists_with_its_options(path: Path) -> None:
    commands = re.findall(r"`(angime [^`]+)`", path.read_text().replace("\n   ", " "))

    assert commands
    assert [words for words in commands if _problem(shlex.split(words)[1:])] == []


def test_every_runbook_is_walked_by_a_test() -> None:
    tests = "".join(path.read_text() for path in Path(__file__).parent.parent.rglob("test_*.py"))

    assert [path.stem for path in RUNBOOKS if f'"{path.stem}"' not in tests] == []


def _problem(words: list[str]) -> str:
    command: Any = typer.main.get_command(app)
    while words and hasattr(command, "commands"):
        command = command.commands.get(words[0])
        if command is None:
            return f"no verb {words[0]}"
        words = words[1:]
    if hasattr(command, "commands"):
        return "the verb is not finished"
    options = {option for parameter in command.params for option in parameter.opts}
    unknown = [word for word in words if word.startswith("--") and word not in options]
    return f"no option {unknown[0]}" if unknown else ""


def test_a_command_that_does_not_exist_would_be_found() -> None:
    assert _problem(["dead", "resurrect"])
    assert _problem(["dead", "list", "--yesterday"])
    assert _problem(["dead"])


@pytest.mark.parametrize(
    "personal",
    [
        "call from +77010000001 failed",
        "call from 77010000001@c.us failed",
        "call from +7 (701) 000-00-01 failed",
        "mail to aigul.s@example.kz bounced",
        "Authorization: Bearer abc.def-123",
    ],
)
def test_numbers_addresses_and_credentials_are_masked_in_texts(personal: str) -> None:
    assert HIDDEN in masked(personal)
    assert not re.search(r"\d{4}|aigul|abc", masked(personal))


@pytest.mark.parametrize(
    "plain",
    [
        "no account crm of ingest stands in company.toml",
        "landed 123456 events at 2026-03-01T12:00:00.123Z",
        "call 5c2ff0a5-8a57-5a9b-8e0e-3fb1f0ad7f10 of raw/2/104123456",
        "Kafka is not ready: nobody answers at 127.0.0.1:9092",
        "1772366400000",
    ],
)
def test_what_names_nobody_is_left_as_it_is(plain: str) -> None:
    expected = HIDDEN if plain.isdecimal() else plain  # a bare run of digits may be anybody's number

    assert masked(plain) == expected


def test_fields_that_hold_personal_data_are_never_written() -> None:
    event = {
        "event": "dead_letter",
        "body": b"bytes",
        "contact_name": "Aigul",
        "nested": {"text": "hello", "counts": [1, 2.5, True, None], "raw": b"x"},
        "deep": [[[[[[["far down"]]]]]]],
        "offset": 77010000001,
        "exception": "ValueError: +77010000001",
    }

    assert without_personal_data(None, "info", event) == {
        "event": "dead_letter",
        "body": HIDDEN,
        "contact_name": HIDDEN,
        "nested": {"text": HIDDEN, "counts": [1, 2.5, True, None], "raw": HIDDEN},
        "deep": [[[[[[HIDDEN]]]]]],
        "offset": 77010000001,
        "exception": f"ValueError: {HIDDEN}",
    }
    assert discreet({"x": "plain"}) == {"x": "plain"}


# A library that writes by itself what it logs, as Streamlit and uvicorn do, run as the pages are.
LIBRARY = """
import logging
ours = logging.getLogger("lib")
ours.propagate = False
ours.addHandler(logging.StreamHandler())
try:
    raise ValueError("+77010000001")
except ValueError:
    ours.exception("for %s", "+77010000002")
ours.warning("%s of %s", 2, 3)
"""


def test_what_libraries_log_is_masked_with_its_traceback(tmp_path: Path) -> None:
    (tmp_path / "library.py").write_text(LIBRARY)
    words = [sys.executable, "-m", hosting.__name__, "library", "word"]
    told = subprocess.run(
        words, env={**os.environ, "PYTHONPATH": str(tmp_path)}, check=True, capture_output=True, text=True
    ).stderr

    assert [] == [line for line in (f"for {HIDDEN}\n", f"ValueError: {HIDDEN}\n", "2 of 3\n") if line not in told]
    assert "7701" not in told


def test_no_field_that_we_log_is_one_that_is_never_written() -> None:
    files = [
        file for folder in ("angime", "analytics", "pipelines", "streams") for file in (ROOT / folder).rglob("*.py")
    ]
    texts = [(file.name, text) for file in files if "log = structlog.get_logger(" in (text := file.read_text())]
    told = [
        (name, keyword.arg)
        for name, text in texts
        for call in ast.walk(ast.parse(text))
        if isinstance(call, ast.Call) and re.match(r"_?log\.", ast.unparse(call.func))
        for keyword in call.keywords
    ]

    assert len(told) > 50
    assert [] == [(name, field) for name, field in told if field in FORBIDDEN]
