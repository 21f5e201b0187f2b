"""Company files say who may send, and a mistake in them is one sentence that says how to mend it."""

from pathlib import Path

import pytest

from pipelines.origins import load_companies, load_origins, load_secrets, prove_secrets
from pipelines.settings import PipelinesSettings
from schemas.errors import Misconfigured


def company(name: str, *, source: str = "twilio", account: str = "phones") -> str:
    """Write a company file with one account, whose secret lies in a file beside it."""
    return (
        f'id = "{name}"\nname = "{name}"\ntime_zone = "Asia/Almaty"\ndefault_region = "KZ"\n'
        f'[[accounts]]\nid = "{account}"\nsource = "{source}"\nsecrets = ["file:secret.txt"]\n'
    )


def asked(source: str = "twilio", **settings: str) -> dict[str, str]:
    """Write a company file whose account has these settings, as they stand in TOML."""
    written = ", ".join(f"{name} = {text}" for name, text in settings.items())
    return {"a": company("acme", source=source) + f"settings = {{ {written} }}\n"}


def test_a_folder_holds_a_company_a_file(tmp_path: Path) -> None:
    (tmp_path / "b.toml").write_text(company("second", account="other"))
    (tmp_path / "a.toml").write_text(company("first"))
    settings = PipelinesSettings(company=tmp_path)

    origins = load_origins(settings)

    assert [found.id for found in load_companies(tmp_path)] == ["first", "second"]
    assert {place: origin.company.id for place, origin in origins.items()} == {
        ("twilio", "phones"): "first",
        ("twilio", "other"): "second",
    }


def test_a_secret_in_a_file_lies_beside_the_company_file(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text(company("acme"))
    (tmp_path / "secret.txt").write_text(" hush \n")
    settings = PipelinesSettings(home=tmp_path)

    secrets = load_secrets(load_origins(settings), settings=settings, environ={})

    assert secrets["twilio", "phones"].secrets == ("hush",)
    assert "hush" not in repr(secrets)


ALERTS = """
[alerts]
channels = [{ id = "chat", url = "env:CHAT" }, { id = "unused", url = "env:UNUSED" }]
rules = [{ kind = "missed_call", id = "missed", to = ["chat"] }]
"""


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "account 'phones' of twilio: the secret env:FETCH is missing: set the environment variable FETCH"),
        ({"FETCH": "x"}, "alert channel 'chat': the secret env:CHAT is missing: set the environment variable CHAT"),
    ],
)
def test_every_secret_that_a_company_needs_is_looked_for(tmp_path: Path, given: dict[str, str], sentence: str) -> None:
    (tmp_path / "company.toml").write_text(company("acme") + 'fetch_secret = "env:FETCH"\n' + ALERTS)
    (tmp_path / "secret.txt").write_text("hush")
    settings = PipelinesSettings(home=tmp_path)

    with pytest.raises(Misconfigured, match=sentence):
        prove_secrets(settings, environ=given)
    prove_secrets(settings, environ={"FETCH": "x", "CHAT": "y"})


@pytest.mark.parametrize(
    ("files", "sentence"),
    [
        ({}, r"holds no \*\.toml: put a company file there, or set ANGIME_COMPANY"),
        ({"a": company("acme", source="pigeon")}, "has the source 'pigeon', which is unknown; known are .*twilio"),
        (
            {"a": company("acme") + "[listening.channel_roles]\ntwilo = ['operator']\n"},
            r"\[listening.channel_roles\] of 'acme' has the source 'twilo', which is unknown",
        ),
        ({"a": company("acme"), "b": company("zenith")}, "stands at 'acme' and at 'zenith': give one of them another"),
        ({"a": "id = "}, r"a\.toml: Invalid value"),
        (
            asked(publicurl="'x'"),
            "account 'phones' of twilio: the setting 'publicurl' is not known; known are public_url",
        ),
        (
            asked("viber", public_url="'x'"),
            "account 'phones' of viber: .*'public_url' is not known; this source has none",
        ),
        (asked("green_api", poll_instance="7103"), "of green_api: write the setting poll_instance as text in quotes"),
        (asked("freeswitch", trunks="true"), "write the setting trunks as text in quotes, or as a list of texts"),
        (asked(answered_by_instructions="'yes'"), "write the setting answered_by_instructions as true or false"),
        (asked("whatsapp_cloud", callback_data="'operators'"), "write the setting callback_data as operator$"),
    ],
)
def test_a_mistake_is_said_in_a_sentence(tmp_path: Path, files: dict[str, str], sentence: str) -> None:
    for name, text in files.items():
        (tmp_path / f"{name}.toml").write_text(text)

    with pytest.raises(Misconfigured, match=sentence):
        load_origins(PipelinesSettings(company=tmp_path))


def test_a_file_that_is_no_text_is_said_in_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_bytes(b"\xff\xfe")

    with pytest.raises(Misconfigured, match=r"company\.toml is no text in UTF-8"):
        load_origins(PipelinesSettings(home=tmp_path))
