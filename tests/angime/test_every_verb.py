"""Every verb alike: help with an example that can be typed, JSON for programs, exit codes, names, completion."""

import json
import re
import shlex
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import typer

from analytics.copies import aside
from analytics.warehouse import Batch, open_writer
from angime.commands import app
from angime.commands.names import DIGEST_PERIODS, LETTER_STAGES
from angime.commands.root import CHAPTERS
from dashboards import digest
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin
from pipelines.kafka.free_ports import free_port
from tests.analytics.landing_cases import NOW, call_events, records_of, settings_at
from tests.angime.front_door import Said, typed

EXAMPLE = re.compile(r"`angime ([^`]*)`")
NO_KAFKA = "127.0.0.1:1"
COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[teams]]
id = "sales"
name = "Sales"

[[accounts]]
id = "crm"
source = "ingest"
"""
# What runs until it is stopped tells programs what runs and where; the journeys start it.
RUNNING = {"receive", "collect", "normalise", "stream", "land", "pages", "api", "up", "watch", "demo"}
LISTED, TOLD = list, dict
# A verb with words that it can do at once on a home with one call, and what its JSON is.
ON_A_HOME: dict[str, tuple[type, int]] = {
    "snapshot {new}/snapshot": (TOLD, 0),
    "digest --out {new}/digest": (TOLD, 0),
    "docs --check": (TOLD, 0),
    "erase --identity phone:+77019999999": (TOLD, 0),
    "forget": (LISTED, 0),
    "doctor": (LISTED, 0),
    "status": (TOLD, 0),
    "connect waha --dry-run": (TOLD, 0),
    "import ingest {good} --dry-run": (TOLD, 0),
    "metrics": (LISTED, 0),
    "explain answer_rate --period 2026-03": (TOLD, 0),
    "call CA1": (TOLD, 0),
    "search nothing": (LISTED, 1),
    "sources": (LISTED, 0),
    "translate ingest {good}": (TOLD, 0),
    "transcribe {good} --model none": (TOLD, 1),
    "sql 'select 1 as one'": (LISTED, 0),
    "rebuild --verify": (LISTED, 0),
    "move --folder {new}/moved": (TOLD, 0),
    "schema check": (LISTED, 0),
    "schema diff call.ended": (LISTED, 0),
    "broker status": (TOLD, 1),
    "broker stop": (TOLD, 0),
    "dead list": (LISTED, 0),
    "dead retry": (TOLD, 0),
    "dead discard": (TOLD, 0),
}
ON_A_BROKER: dict[str, tuple[type, int]] = {
    "topics apply": (TOLD, 0),
    "topics list": (LISTED, 0),
    "topics forget": (LISTED, 0),
    "lag": (LISTED, 0),
    "replay --dry-run --call nobody": (TOLD, 0),
}
# These need what no home has at hand: a second warehouse, a letter, records on a topic, a broker of one's own.
ELSEWHERE = {"compare", "dead show", "tail", "broker start", "broker rescue"}
MISTAKEN = {
    "snapshoot": "snapshot",
    "dead lst": "list",
    "status --jsn": "--json",
    "tail cals": "calls",
    "import ingst x": "ingest",
    "translate twilo x": "twilio",
    "import ingest {good} --account crn --dry-run": "crm",
    "replay --stage normalize": "normalise",
    "replay --source whatsap_cloud": "whatsapp_cloud",
    "replay --topic mesages": "messages",
    "replay --origin kafak": "kafka",
    "replay --company acne": "acme",
    "dead list --stage normalize": "normalise",
    "dead list --state waitin": "waiting",
    "dead list --source ingst": "ingest",
    "metrics answer_rat": "answer_rate",
    "metrics --language rus": "ru",
    "explain answer_rat --period 2026-03": "answer_rate",
    "explain answer_rate --period 2026-03 --company acne": "acme",
    "explain answer_rate --period 2026-03 --scope team=sale": "sales",
    "explain answer_rate --period 2026-03 --scope channel=fone": "phone",
    "explain answer_rate --period 2026-03 --scope direction=incomming": "incoming",
    "search word --company acne": "acme",
    "search …": "there is no word in it",
    "digest --period weak": "week",
    "digest --language pt-br": "pt",
    "digest --company acne": "acme",
    "schema diff call.endet": "call.ended",
    "compare live trail": "trial",
    "erase --identity fone:+77010000001": "phone",
    "sql 'select outcom from facts.calls'": "outcome",
}
COMPLETED = {
    ("dead", "sh"): ["show"],
    ("tail", "ca"): ["calls"],
    ("import", "twi"): ["twilio"],
    ("replay", "--stage", "norm"): ["normalise"],
    ("replay", "--company", ""): ["acme"],
    ("dead", "list", "--stage", ""): list(LETTER_STAGES),
    ("dead", "list", "--state", "dis"): ["discarded"],
    ("explain", "answer_r"): ["answer_rate"],
    ("metrics", "--language", "k"): ["kk"],
    ("schema", "diff", "call.en"): ["call.ended"],
    ("compare", "tr"): ["trial"],
    ("digest", "--period", "m"): ["month"],
}
NAMES = {"source", "topic", "stage", "state", "origin", "company", "language", "metric", "event_type", "a", "b"}


Say = Callable[..., Said]


def _verbs(command: Any = None, *path: str) -> Iterator[tuple[str, Any]]:
    """Give each verb by its path."""
    command = command or typer.main.get_command(app)
    children = getattr(command, "commands", None)
    if children is None:
        yield " ".join(path), command
        return
    for name, child in children.items():
        yield from _verbs(child, *path, name)


VERBS = dict(_verbs())


def _verb_of(written: str) -> str:
    words = shlex.split(written)
    return next(verb for verb in (" ".join(words[:2]), words[0]) if verb in VERBS)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a home with one call, and a body that can be translated."""
    made: Path = tmp_path_factory.mktemp("home")
    (made / "company.toml").write_text(COMPANY)
    body = {"specversion": "1.0", "id": "1", "source": "/m", "type": "call.ended", "time": "2026-03-01T08:00:00Z"}
    (made / "good.json").write_text(json.dumps({**body, "data": {"provider_call_id": "c1"}}))
    with open_writer(settings_at(made)) as writer:
        writer.land(Batch(records_of(call_events(1))), now=NOW)
    (made / "warehouses" / "trial").mkdir(parents=True)
    return made


@pytest.fixture
def say(home: Path, tmp_path: Path) -> Say:
    """Give a front door in this process: what is typed is done at that home."""

    def spoken(written: str, *more: str, **settings: str) -> Said:
        words = shlex.split(written.format(new=tmp_path, good=home / "good.json"))
        return typed(*words, *more, home=home, **settings)

    return spoken


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_has_help_and_an_example_that_can_be_typed(
    verb: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGIME_HOME", str(home))
    examples = EXAMPLE.findall((VERBS[verb].help or "").partition("Example:")[2])

    assert examples
    for example in examples:
        words = shlex.split(example.partition(" > ")[0])[len(verb.split()) :]
        assert example.startswith(verb)
        assert VERBS[verb].make_context(verb, words).params is not None


def test_every_verb_gives_json() -> None:
    asked = {_verb_of(written) for written in (*ON_A_HOME, *ON_A_BROKER)}

    assert asked | RUNNING | ELSEWHERE == set(VERBS)
    assert [verb for verb, command in VERBS.items() if "--json" not in _options(command)] == []


def test_the_verbs_stand_in_chapters_those_first_that_are_needed_first(say: Say) -> None:
    shown = say("--help", COLUMNS="200").out
    verbs = re.findall(r"(?m)^│ ([a-z]+) ", shown)
    chapters = re.findall(r"(?m)^╭─ (.+?) ─", shown)

    assert chapters == ["Options", *CHAPTERS]
    assert verbs == [verb for listed in CHAPTERS.values() for verb in listed]
    assert set(verbs) == {verb.split()[0] for verb in VERBS}


@pytest.mark.parametrize("written", ON_A_HOME)
def test_what_a_verb_prints_for_programs_is_json(written: str, say: Say) -> None:
    kind, code = ON_A_HOME[written]
    said = say(written, "--json", ANGIME_RECEIVE_PORT="0", ANGIME_PAGES_PORT=str(free_port()))

    assert (said.code, said.err if said.code not in {0, 1} else "") == (code, "")
    assert isinstance(json.loads(said.out), kind)


def test_what_there_is_nothing_of_is_said_in_words(say: Say) -> None:
    forgotten, told = say("forget --dry-run"), say("status")

    assert forgotten.out == "nothing is kept for a time only: [retention] of company.toml gives the days\n"
    lines = dict(line.split(": ", 1) for line in told.out.splitlines())
    assert (lines["to_be_forgotten"], lines["waiting"]) == ("nothing", "unknown")
    assert lines["warehouse"].endswith("dead_letters waiting 0, retried 0, discarded 0")


@pytest.mark.kafka
def test_what_verbs_of_kafka_print_for_programs_is_json(say: Say, kafka: local_kafka.Running) -> None:
    with closing(Admin(kafka.bootstrap)) as admin:
        topics.apply(admin)
    for written, (kind, code) in ON_A_BROKER.items():
        said = say(written, "--json", ANGIME_KAFKA=kafka.bootstrap)
        assert (written, said.code, said.err if said.code else "") == (written, code, "")
        assert isinstance(json.loads(said.out), kind)


def test_a_second_warehouse_is_built_and_compared_by_its_name(home: Path, say: Say) -> None:
    built = say("replay --into trial --yes --json")
    same = say("compare live trial --json")
    with open_writer(aside.folder_of(settings_at(home), "trial")) as writer:
        writer.connection.execute("update facts.calls set talk_seconds = 13")
    differing = say("compare live trial --json")
    again = say("replay --into trial")
    (aside.folder_of(settings_at(home), "trial").warehouse / "unfinished").touch()
    half = say("compare live trial")

    assert {"table": "facts.calls", "rows": 1} in json.loads(built.out)
    assert (same.code, json.loads(same.out)) == (0, [])
    [difference] = json.loads(differing.out)
    assert (differing.code, difference["table"], difference["column"]) == (1, "facts.calls", "talk_seconds")
    assert (again.code, "say --yes to replace it" in again.err) == (2, True)
    assert (half.code, "'trial' is half a warehouse" in half.err) == (2, True)


def test_a_second_warehouse_holds_the_whole_log_and_what_would_narrow_it_is_refused(say: Say) -> None:
    said = say("replay --into trial --stage normalise --source twilio --dry-run")

    assert (said.code, said.out) == (2, "")
    assert "leave out --stage and --source and --dry-run" in " ".join(said.err.split())


@pytest.mark.parametrize("verb", VERBS)
def test_a_word_that_no_verb_knows_is_wrong_use(verb: str, say: Say) -> None:
    said = say(verb, "--nonsense")

    assert (said.code, said.out) == (2, "")
    assert "--nonsense" in said.err


@pytest.mark.parametrize("written", MISTAKEN)
def test_a_mistake_in_a_name_suggests_the_right_one(written: str, say: Say) -> None:
    said = say(written, ANGIME_KAFKA=NO_KAFKA)

    assert said.code in {1, 2}
    assert MISTAKEN[written] in said.err


@pytest.mark.parametrize("words", COMPLETED)
def test_the_shell_completes_verbs_and_names(words: tuple[str, ...], say: Say) -> None:
    asked = {"_ANGIME_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(("angime", *words))}

    assert say("", **asked, COMP_CWORD=str(len(words))).out.split() == COMPLETED[words]


def test_every_name_that_a_verb_is_asked_with_is_completed() -> None:
    named = [
        (verb, one)
        for verb, command in VERBS.items()
        for one in command.params
        if one.name in NAMES and (verb, one.name) != ("transcribe", "language")  # any that WhisperX knows
    ]

    assert [(verb, one.name) for verb, one in named if one._custom_shell_complete is None] == []  # noqa: SLF001
    assert len(named) > len(NAMES)
    assert DIGEST_PERIODS == tuple(digest.PRESETS)


def _options(command: Any) -> set[str]:
    return {word for parameter in command.params for word in parameter.opts}
