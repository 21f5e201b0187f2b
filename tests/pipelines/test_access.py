"""How Kafka is spoken to: which settings go together, and what is told of those that do not."""

from pathlib import Path

import pytest

from pipelines.kafka import access
from pipelines.settings import PipelinesSettings
from schemas.errors import Misconfigured
from schemas.kafka_access import Access
from tests.angime.front_door import typed
from tests.certificates import Authority

SECRET = "planted-password"
FAR = "kafka.example:9093"
USER = {"KAFKA": FAR, "KAFKA_SECURITY": "SASL_SSL", "KAFKA_USER": "angime", "KAFKA_PASSWORD": SECRET}
BARE = {**USER, "KAFKA_SECURITY": "SASL_PLAINTEXT"}


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    """Give one with certificates."""
    return Authority(tmp_path / "authority")


def setting(monkeypatch: pytest.MonkeyPatch, **settings: str | Path) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"ANGIME_{name}", str(value))


def test_without_settings_nothing_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, KAFKA=FAR)

    assert Access() == access.access()
    assert ({}, {"security.protocol": "PLAINTEXT"}) == (access.for_kafka_python(), access.for_librdkafka())
    assert access.encryption(access.access()) is None


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"KAFKA_SECURITY": "SSL"}, "names no cluster, and the local broker speaks PLAINTEXT"),
        ({"KAFKA": FAR, "KAFKA_SECURITY": "TLS"}, "ANGIME_KAFKA_SECURITY is 'TLS': input should be 'PLAINTEXT', 'SSL'"),
        ({"KAFKA": FAR, "KAFKA_CA": "ca.pem"}, "ANGIME_KAFKA_CA is set, but ANGIME_KAFKA_SECURITY is PLAINTEXT"),
        ({"KAFKA": FAR, "KAFKA_SECURITY": "SSL", "KAFKA_USER": "me"}, "ANGIME_KAFKA_USER is set, but"),
        ({"KAFKA": FAR, "KAFKA_PASSWORD": SECRET}, "ANGIME_KAFKA_PASSWORD is set, but"),
        ({"KAFKA": FAR, "KAFKA_SECURITY": "SSL", "KAFKA_KEY": "a"}, "KEY is set without ANGIME_KAFKA_CERTIFICATE"),
        (
            {"KAFKA": FAR, "KAFKA_SECURITY": "SSL", "KAFKA_CERTIFICATE": "a"},
            "CERTIFICATE is set without ANGIME_KAFKA_",
        ),
        ({"KAFKA": FAR, "KAFKA_SECURITY": "SASL_SSL", "KAFKA_PASSWORD": SECRET}, "asks for a user: set ANGIME_KAFKA_U"),
        ({"KAFKA": FAR, "KAFKA_SECURITY": "SASL_SSL", "KAFKA_USER": "me"}, "is missing: set ANGIME_KAFKA_PASSWORD or"),
        ({**USER, "KAFKA_PASSWORD_FILE": "file"}, "is set twice"),
        (
            {**BARE, "KAFKA_MECHANISM": "PLAIN"},
            "the password would go to kafka.example unencrypted: set ANGIME_KAFKA_",
        ),
        ({**USER, "KAFKA_MECHANISM": "GSSAPI"}, "ANGIME_KAFKA_MECHANISM is 'GSSAPI': input should be 'PLAIN', 'SCRAM-"),
        ({"SPEECH_DEVICE": "gpu"}, "ANGIME_SPEECH_DEVICE is 'gpu': input should be 'auto', 'cpu' or 'cuda'"),
        ({**USER, "KAFKA_PASSWROD": SECRET}, "the setting ANGIME_KAFKA_PASSWROD is not known; did you mean"),
    ],
)
def test_settings_that_do_not_go_together_stop_every_verb_in_one_line(
    settings: dict[str, str], told: str, tmp_path: Path
) -> None:
    said = typed("sources", home=tmp_path, **{f"ANGIME_{name}": value for name, value in settings.items()})

    assert (said.code, said.out, len(said.err.splitlines())) == (2, "", 1)
    assert told in said.err
    assert SECRET not in said.err


@pytest.mark.parametrize(
    "settings",
    [
        {**BARE, "KAFKA_MECHANISM": "PLAIN", "KAFKA": "127.0.0.1:9092,localhost:9093,[::1]:9094"},
        {**BARE, "KAFKA_MECHANISM": "SCRAM-SHA-256"},
        {**USER, "KAFKA_MECHANISM": "PLAIN"},
    ],
)
def test_a_password_stays_on_the_machine_or_is_encrypted_or_is_not_sent(
    settings: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    setting(monkeypatch, **settings)

    access.check(PipelinesSettings())


def test_a_password_that_a_file_holds_is_read_anew_for_each_client(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "password"
    file.write_text(f"{SECRET}\n")
    setting(monkeypatch, **{name: one for name, one in USER.items() if name != "KAFKA_PASSWORD"})
    setting(monkeypatch, KAFKA_PASSWORD_FILE=file)
    first = access.for_librdkafka()["sasl.password"]
    file.write_text("another")

    assert (SECRET, "another") == (first, access.for_kafka_python()["sasl_plain_password"])
    file.unlink()
    with pytest.raises(Misconfigured, match=f"the secret file:{file} is missing: write it into the file"):
        access.access()


def test_the_password_is_in_nothing_that_is_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    setting(monkeypatch, **USER)
    told = access.access()

    assert SECRET == told.password
    printed = f"{told!r} {told} {told.__rich_repr__()} {PipelinesSettings()!r} {PipelinesSettings().model_dump()}"
    assert SECRET not in printed


def test_files_that_are_not_what_they_should_be_are_named(authority: Authority, tmp_path: Path) -> None:
    certificate, key = authority.sign("client")
    _, closed = authority.sign("closed", password=b"word")
    _, others = authority.sign("other")
    empty = tmp_path / "empty.pem"
    empty.touch()
    pair = {"protocol": "SSL", "ca": str(authority.ca), "certificate": str(certificate), "key": str(key)}
    wrong = {
        f"ANGIME_KAFKA_CA is {tmp_path}/no.pem, which cannot be read (No such file": {"ca": f"{tmp_path}/no.pem"},
        f"ANGIME_KAFKA_CA is {tmp_path}, which cannot be read (Is a directory": {"ca": str(tmp_path)},
        f"ANGIME_KAFKA_CA is {empty}, which holds no certificate in PEM": {"ca": str(empty)},
        f"ANGIME_KAFKA_KEY is {tmp_path}/no.key, which cannot be read": {"key": f"{tmp_path}/no.key"},
        f"ANGIME_KAFKA_KEY {others}, which do not belong together": {"key": str(others)},
        f"ANGIME_KAFKA_KEY {closed}, which do not belong together": {
            "certificate": str(closed).replace(".key", ".pem"),
            "key": str(closed),
        },
        f"ANGIME_KAFKA_CERTIFICATE is {empty} and": {"certificate": str(empty)},
    }

    assert access.encryption(Access(**pair)) is not None  # type: ignore[arg-type]
    for told, change in wrong.items():
        with pytest.raises(Misconfigured) as refused:
            access.encryption(Access(**{**pair, **change}))  # type: ignore[arg-type]
        assert told in refused.value.reason
