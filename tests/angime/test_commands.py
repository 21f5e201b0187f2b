"""The front door: what a person types, and what is said to a person who made a mistake."""

import fcntl
import json
import os
import pty
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from angime import printing
from angime.commands.output import print_fields, print_rows, step
from angime.company_page import EXAMPLE
from pipelines.sources import SOURCES
from schemas.company import parse_company
from tests.angime.front_door import Said
from tests.angime.front_door import typed as _angime


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"ANGIME_SPEECH_THREADS": "many"}, "ANGIME_SPEECH_THREADS is 'many'"),
        ({"ANGIME_RECEIVE_PORT": "99999"}, "ANGIME_RECEIVE_PORT is '99999'"),
        ({"ANGIME_SPEACH_MODEL": "demo"}, "did you mean ANGIME_SPEECH_MODEL?"),
        ({"ANGIME_PAGES_HOST": "0.0.0.0"}, "ANGIME_PAGES_HOST"),  # noqa: S104  # refused is what is tested
    ],
)
def test_a_wrong_setting_is_one_line_and_exit_2(tmp_path: Path, settings: dict[str, str], sentence: str) -> None:
    said = _angime("pages", home=tmp_path, **settings)

    assert said.code == 2
    assert sentence in said.err
    assert len(said.err.strip().splitlines()) == 1


@pytest.mark.parametrize("as_json", [True, False])
def test_nothing_that_others_wrote_is_obeyed_by_the_terminal(capsys: pytest.CaptureFixture[str], as_json: bool) -> None:
    written = {"contact_name": "\x1b]52;c;cm0gLXJm\x07A\rB\x7f\x9b2J"}

    print_fields(written, as_json=as_json)
    print_rows([written], as_json=as_json)
    said = capsys.readouterr().out

    assert "\\u001b]52;c;cm0gLXJm\\u0007A" in said
    assert "B\\u007f\\u009b2J" in said
    assert {sign for sign in said if not sign.isprintable()} <= {"\n"}


def test_a_step_stays_on_its_line_as_it_was_written(capsys: pytest.CaptureFixture[str]) -> None:
    step(f"delete /a:x:/[red]/{'b' * 100} when nothing is missed")

    assert capsys.readouterr().err == f"· delete /a:x:/[red]/{'b' * 100} when nothing is missed\n"


def _on_a_terminal(rows: list[dict[str, object]]) -> list[str]:
    """Give the lines that rows take on one of eighty columns."""
    reader, writer = pty.openpty()
    with os.fdopen(writer, "w") as terminal, redirect_stdout(terminal):
        print_rows(rows, as_json=False)
        shown = os.read(reader, 65_536).decode()
    os.close(reader)
    return [line.rstrip() for line in shown.splitlines()]


def test_on_a_terminal_nothing_of_a_row_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERM", "dumb")
    many = {f"column_{number}": number for number in range(20)}
    long = {"name": "a" * 30, "one": "b" * 200, "other": "c" * 200}
    short = {"name": "a" * 30, "one": "b" * 30, "other": "c" * 14 + " " + "d" * 15}
    wordy = {"name": "a" * 30, "one": "b" * 30, "other": "c" * 30}

    assert _on_a_terminal([many]) == [f"column_{number}{' ' * (number < 10)}  {number}" for number in range(20)]
    assert _on_a_terminal([long, long])[:4] == [
        "name   " + "a" * 30,
        "one    " + "b" * 73,
        *["       " + "b" * 73],
        "       " + "b" * 54,
    ]
    assert _on_a_terminal([short]) == [
        f"name{' ' * 26}  one{' ' * 27}  other",
        f"{'a' * 30}  {'b' * 30}  {'c' * 14}",
        f"{' ' * 64}{'d' * 15}",
    ]
    assert _on_a_terminal([wordy]) == ["name   " + "a" * 30, "one    " + "b" * 30, "other  " + "c" * 30]


def test_what_stands_in_a_cell_or_is_refused_is_shown_as_it_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    print_rows([{"a:x:": "from 1:0:2 [red]to[/] :fire:"}], as_json=False)
    shown = capsys.readouterr().out
    said = _angime("tail", "[b]:fire:", home=tmp_path)

    assert [line.rstrip() for line in shown.splitlines()] == ["a:x:", "from 1:0:2 [red]to[/] :fire:"]
    assert "there is no topic '[b]:fire:'; known are" in said.err


def test_a_broker_that_runs_and_does_not_answer_is_not_said_to_be_away(tmp_path: Path) -> None:
    (tmp_path / "kafka").mkdir()
    (tmp_path / "kafka" / "broker.json").write_text(json.dumps({"port": 9, "controller_port": 10, "pid": 1}))
    with (tmp_path / "kafka" / "held").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # as a broker that lives holds it
        said = _angime("lag", home=tmp_path)

    assert (said.code, said.err) == (1, "angime: Kafka is not ready: nobody answers at 127.0.0.1:9\n")


def test_a_topic_goes_by_the_name_that_kafka_has_for_it_too(tmp_path: Path) -> None:
    said = [_angime("tail", name, home=tmp_path, ANGIME_KAFKA="127.0.0.1:1") for name in ("calls", "angime.calls")]

    assert said == [Said(1, "", "angime: Kafka is not ready: nobody answers at 127.0.0.1:1\n")] * 2


def test_without_a_broker_a_stage_says_how_to_get_one(tmp_path: Path) -> None:
    said = _angime("normalise", home=tmp_path)

    assert (said.code, said.err.strip()) == (
        2,
        "angime: no Kafka runs: `angime broker start` starts one, or ANGIME_KAFKA names an existing one",
    )


def test_a_missing_secret_is_said_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text(EXAMPLE)
    said = _angime("up", home=tmp_path)

    assert (said.code, said.err.strip()) == (
        2,
        "angime: account 'waba' of whatsapp_cloud: the secret env:WABA_SECRET is missing: "
        "set the environment variable WABA_SECRET",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["company.toml"]


def test_without_a_warehouse_a_question_says_what_to_start(tmp_path: Path) -> None:
    said = _angime("sql", "select 1", home=tmp_path)

    assert said.code == 2
    assert "there is no warehouse yet" in said.err


def test_a_mistyped_command_suggests_the_right_one(tmp_path: Path) -> None:
    said = _angime("trnscribe", "x.wav", home=tmp_path)

    assert said.code == 2
    assert "transcribe" in said.err


def test_sources_are_listed_for_programs(tmp_path: Path) -> None:
    said = _angime("sources", "--json", home=tmp_path)

    listed = {source["name"]: source["capabilities"] for source in json.loads(said.out)}
    assert listed.keys() >= {"whatsapp_cloud", "twilio", "asterisk", "kommo", "ingest"}
    assert all(listed.values())


def test_a_payload_is_translated_without_kafka(tmp_path: Path) -> None:
    good = tmp_path / "call.json"
    good.write_text(
        json.dumps({"CallSid": "CA1", "CallStatus": "ringing", "Direction": "inbound", "From": "+77011112233"})
    )
    broken = tmp_path / "broken.json"
    broken.write_text("{")

    said = _angime("translate", "twilio", str(good), str(broken), "--json", home=tmp_path)
    alone = _angime("translate", "twilio", str(good), home=tmp_path)

    first, second = (json.loads(line) for line in said.out.splitlines())
    assert (said.code, alone.code) == (1, 0)
    assert {event["type"] for event in first["events"]} <= {"call.offered", "call.rang"}
    assert first["events"]
    assert second["refused"]


def test_a_broker_that_does_not_run_is_exit_1(tmp_path: Path) -> None:
    said = _angime("broker", "status", "--json", home=tmp_path)

    assert said.code == 1
    assert json.loads(said.out)["running"] is False


def test_every_command_has_help_with_an_example() -> None:
    page = printing.commands_page()
    commands = page.split("\n### ")[1:]

    assert len(commands) >= 15
    assert [command.partition("\n")[0] for command in commands if "Example: `angime" not in command] == []


def test_the_company_file_that_the_docs_show_is_one_and_every_source_of_it_is_known() -> None:
    company = parse_company(EXAMPLE)

    assert {account.source for account in company.accounts} <= set(SOURCES)


def test_the_printed_docs_are_fresh() -> None:
    assert printing.stale() == []


def test_fields_are_told_in_words_and_for_programs_as_they_are(capsys: pytest.CaptureFixture[str]) -> None:
    fields = {"left": (), "copies": ("warehouses", "replays"), "events": {"call.ended": 3}, "until": None, "part": 7.0}

    print_fields(fields, as_json=False)
    said = capsys.readouterr().out
    assert said == "left: none\ncopies: warehouses; replays\nevents: call.ended 3\nuntil: none\npart: 7\n"

    print_fields(fields, as_json=True)
    assert json.loads(capsys.readouterr().out) == {**fields, "left": [], "copies": ["warehouses", "replays"]}
