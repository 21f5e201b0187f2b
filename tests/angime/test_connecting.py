"""Connecting sources: what is written, what stays as it was, and the page that leads a newcomer through it."""

import json
import re
import shlex
import stat
from pathlib import Path

import pytest

from angime.simulator.company import MARK
from pipelines.origins import load_origins, load_secrets, prove_secrets
from pipelines.settings import PipelinesSettings
from pipelines.sources import GUIDES, SOURCES
from pipelines.translate import translate_files
from schemas.company import parse_company
from schemas.errors import Misconfigured
from tests.angime.front_door import Said, typed

NEW = ("--name", "Altyn Сервис", "--time-zone", "Asia/Almaty", "--region", "KZ")
FIRST_STEPS = (Path(__file__).parents[2] / "docs" / "first-steps.md").read_text(encoding="utf-8")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home with one account."""
    assert typed("connect", "ingest", *NEW, home=tmp_path).code == 0
    return tmp_path


def _settings(home: Path) -> PipelinesSettings:
    return PipelinesSettings(home=home)


def _refused(*words: str, home: Path) -> Said:
    """Type what is refused, and see that nothing was written."""
    before = {file: file.read_bytes() for file in home.rglob("*") if file.is_file()}
    said = typed(*words, home=home)

    assert said.code == 2
    assert {file: file.read_bytes() for file in home.rglob("*") if file.is_file()} == before
    return said


def test_every_source_is_connected_and_has_its_secrets_when_the_provider_s_are_there(home: Path) -> None:
    told = [
        json.loads(typed("connect", name, "--account", name[:1] + str(number), "--json", home=home).out)
        for number, name in enumerate(SOURCES)
    ]

    secrets = [secret for connection in told for secret in connection["secrets"]]
    awaited = [Path(secret["file"]) for secret in secrets if secret["state"] == "awaited"]
    with pytest.raises(Misconfigured, match=f"write it into the file {awaited[0]}"):
        prove_secrets(_settings(home))
    for file in awaited:
        file.write_text("theirs\n")
    origins = load_origins(_settings(home))
    kept = load_secrets(origins, settings=_settings(home))
    assert {source for source, _ in origins} == set(SOURCES)
    assert {source for source, account in kept if kept[source, account].verify_secret} == {
        name for name, guide in GUIDES.items() if guide.handshake
    }
    assert all(one.secrets for one in kept.values())
    assert len({one.secrets[0] for one in kept.values()} - {"theirs"}) == 1 + sum(
        guide.proof == "chosen" for guide in GUIDES.values()
    )
    assert {stat.S_IMODE(Path(secret["file"]).stat().st_mode) for secret in secrets} == {0o600}
    assert [connection["webhook"] for connection in told if "ACCOUNT" in "".join(connection["steps"])] == []


def test_what_a_company_file_holds_stays_as_it_is_written(home: Path) -> None:
    file = home / "company.toml"
    before = f'{file.read_text()}\n[hours]\nmon = ["09:00-18:00"]   # and no lunch\n'
    file.write_text(before)

    settings = ("trunks=a", "trunks=b", "cdr_file=/m.csv", "answered_by_instructions=true")
    said = typed("connect", "asterisk", *(word for one in settings for word in ("--set", one)), home=home)

    account = parse_company(file.read_text()).account("asterisk")
    assert said.code == 0
    assert file.read_text().startswith(before)
    assert account is not None
    assert (account.channel, account.settings) == (
        "phone",
        {"trunks": ["a", "b"], "cdr_file": "/m.csv", "answered_by_instructions": True},
    )


def test_a_secret_that_is_there_is_kept(home: Path) -> None:
    (home / "secrets" / "sales.secret").write_text("ours\n")

    typed("connect", "waha", "--account", "sales", home=home)

    assert load_secrets(load_origins(_settings(home)), settings=_settings(home))["waha", "sales"].secrets == ("ours",)


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("ingest",), "is connected already"),
        (("waha", "--set", "socket_ur=x"), "known are socket_url"),
        (("asterisk", "--set", "answered_by_instructions=yes"), "true or false"),
        (("waha", "--set", "socket_url"), "NAME=VALUE"),
        (("waha", "--account", "Sales"), "lower case"),
        (("waha", "--channel", "watsapp"), "whatsapp"),
        (("wahaa",), "did you mean waha"),
    ],
)
def test_what_cannot_be_connected_is_refused_and_nothing_written(
    words: tuple[str, ...], reason: str, home: Path
) -> None:
    assert reason in _refused("connect", *words, home=home).err


def test_a_company_that_is_not_named_rightly_is_not_begun(tmp_path: Path) -> None:
    assert "--time-zone" in _refused("connect", "waha", home=tmp_path).err
    assert "Asia/Almaty" in _refused("connect", "waha", *NEW[:2], "--time-zone", "Almaty", *NEW[4:], home=tmp_path).err


def test_accounts_in_one_list_are_not_torn(home: Path) -> None:
    file = home / "company.toml"
    file.write_text(f'accounts = [{{ id = "a", source = "waha" }}]\n{file.read_text().partition("[[")[0]}')

    assert "[[accounts]]" in _refused("connect", "viber", home=home).err


def test_the_file_of_a_demo_is_left_to_the_demo(home: Path) -> None:
    file = home / "company.toml"
    file.write_text(f"{MARK}\n{file.read_text()}")

    assert "ANGIME_HOME" in _refused("connect", "viber", home=home).err


def test_one_of_several_companies_is_named(home: Path, tmp_path: Path) -> None:
    folder = tmp_path / "companies"
    folder.mkdir()
    for name in ("north", "south"):
        text = (home / "company.toml").read_text().partition("[[")[0]
        (folder / f"{name}.toml").write_text(text.replace('id = "altyn"', f'id = "{name}"'))

    refused = typed("connect", "waha", home=home, ANGIME_COMPANY=str(folder))
    said = typed("connect", "waha", "--company", "south", home=home, ANGIME_COMPANY=str(folder))

    assert (refused.code, said.code) == (2, 0)
    assert "north, south" in refused.err
    assert "[[accounts]]" in (folder / "south.toml").read_text()
    assert (folder / "secrets" / "waha.secret").read_text().strip()


def test_the_first_steps_can_be_walked(tmp_path: Path) -> None:
    [called] = re.findall(r"<<END\n(.*?)\nEND", FIRST_STEPS, re.DOTALL)
    [hours] = re.findall(r"```toml\n(.*?)```", FIRST_STEPS, re.DOTALL)
    typed_lines = re.findall(r"\.venv/bin/angime ([^#\n`]*)", FIRST_STEPS.replace("--set\n", "--set "))

    for line in typed_lines:
        verb, *words = shlex.split(line)
        said = typed(verb, *(words if verb == "connect" else ["--help"]), home=tmp_path)
        assert said.code == 0, said.err
    body = tmp_path / "call.json"
    body.write_text(called.replace("$(date -u +%FT%TZ)", "2026-11-28T08:00:40Z"))
    file = tmp_path / "company.toml"
    file.write_text(file.read_text() + hours)
    accounts = load_origins(_settings(tmp_path))
    [translated] = translate_files("ingest", [body], headers={}, origin=accounts["ingest", "crm"])

    assert {("waha", "waha"), ("whatsapp_cloud", "whatsapp_cloud"), ("asterisk", "asterisk")} < set(accounts)
    assert "refused" not in translated
    assert [event["data"]["disposition"] for event in translated["events"]] == ["no_answer"]
