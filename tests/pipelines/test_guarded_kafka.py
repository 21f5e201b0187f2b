"""A Kafka that lets nobody in who is not known: every client comes in, and whoever is refused is told why."""

import subprocess
import sys
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from pipelines.kafka import broker, topics
from pipelines.kafka.reach import reach
from pipelines.settings import Transport
from schemas.errors import AngimeError, Misconfigured, NotYet
from tests.certificates import Authority
from tests.guarded_broker import MECHANISMS, PASSWORD, GuardedBroker, guarded_broker

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
TRANSPORTS: tuple[Transport, ...] = ("kafka-python", "confluent")


# The last test gives the broker a certificate that nobody trusts.
@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GuardedBroker]:
    """Run one with the declared topics."""
    with guarded_broker(tmp_path_factory.mktemp("guarded") / "broker") as running:
        with pytest.MonkeyPatch.context() as patch:
            _set(patch, running.settings)
            with closing(broker.Admin(running.address("USERS"))) as admin:
                topics.apply(admin)
        yield running


def _set(patch: pytest.MonkeyPatch, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        patch.setenv(name, value)


Listener = Callable[[GuardedBroker, Path], dict[str, str]]


def _bare(mechanism: str) -> Listener:
    def settings(guarded: GuardedBroker, _folder: Path) -> dict[str, str]:
        told = {**guarded.settings, "ANGIME_KAFKA": guarded.address("BARE"), "ANGIME_KAFKA_MECHANISM": mechanism}
        return {name: one for name, one in told.items() if name != "ANGIME_KAFKA_CA"} | {
            "ANGIME_KAFKA_SECURITY": "SASL_PLAINTEXT"
        }

    return settings


def _encrypted(mechanism: str) -> Listener:
    return lambda guarded, _folder: {**guarded.settings, "ANGIME_KAFKA_MECHANISM": mechanism}


def _with_certificate(guarded: GuardedBroker, _folder: Path) -> dict[str, str]:
    certificate, key = guarded.authority.sign("client")
    return {
        "ANGIME_KAFKA": guarded.address("CERTIFICATES"),
        "ANGIME_KAFKA_SECURITY": "SSL",
        "ANGIME_KAFKA_CA": str(guarded.authority.ca),
        "ANGIME_KAFKA_CERTIFICATE": str(certificate),
        "ANGIME_KAFKA_KEY": str(key),
    }


WAYS_IN = {
    **{f"SASL_SSL {name}": _encrypted(name) for name in MECHANISMS["USERS"]},
    **{f"SASL_PLAINTEXT {name}": _bare(name) for name in MECHANISMS["BARE"]},
    "SSL with a certificate": _with_certificate,
}


@pytest.mark.parametrize("transport", TRANSPORTS)
@pytest.mark.parametrize("way", WAYS_IN)
def test_every_client_comes_in_by_every_way(
    way: str, transport: Transport, guarded: GuardedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = WAYS_IN[way](guarded, tmp_path)
    _set(monkeypatch, settings)
    address, said = settings["ANGIME_KAFKA"], uuid.uuid4().bytes
    with closing(broker.Admin(address)) as admin:
        ends = admin.end_offsets(["alerts"])
    with closing(broker.connect_producer(address, transport=transport)) as producer:
        producer.send("alerts", key=b"k", value=said)
        producer.flush()
    with closing(broker.assign(address, topics=["alerts"], offsets=ends, transport=transport)) as consumer:
        assert said == _first(consumer)
    group = f"{way} {transport}"
    with closing(broker.join_group(address, group=group, topics=["alerts"], transport=transport)) as member:
        assert _first(member) is not None


def test_a_topic_that_is_not_there_is_never_made_by_using_it(
    guarded: GuardedBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, guarded.settings)
    address = guarded.address("USERS")
    refused = r"Kafka has no topic angime\.nowhere, .*: run angime topics apply"
    for transport in TRANSPORTS:
        with closing(broker.connect_producer(address, transport=transport)) as producer:
            with pytest.raises(NotYet, match=refused):
                producer.send("nowhere", key=b"k", value=b"v")
            producer.send("alerts", key=b"k", value=b"v")
            producer.flush()
    with pytest.raises(NotYet, match=refused):
        broker.join_group(address, group="nobody", topics=["alerts", "nowhere"])
    with closing(broker.Admin(address)) as admin:
        assert "nowhere" not in admin.topics()


def _first(consumer: broker.Consumer) -> bytes | None:
    for _ in range(60):
        if records := consumer.poll(max_records=1, timeout_seconds=1.0):
            return records[0].value
    return None


def _change(**changes: str) -> Listener:
    return lambda guarded, _folder: {
        **guarded.settings,
        **{f"ANGIME_KAFKA_{name}": one for name, one in changes.items()},
    }


def _other_authority(guarded: GuardedBroker, folder: Path) -> dict[str, str]:
    return {**guarded.settings, "ANGIME_KAFKA_CA": str(Authority(folder / "stranger").ca)}


def _other_name(guarded: GuardedBroker, _folder: Path) -> dict[str, str]:
    return {**guarded.settings, "ANGIME_KAFKA": guarded.address("USERS").replace("127.0.0.1", "localhost")}


def _at(listener: str, security: str) -> Listener:
    def settings(guarded: GuardedBroker, _folder: Path) -> dict[str, str]:
        told = {"ANGIME_KAFKA": guarded.address(listener), "ANGIME_KAFKA_SECURITY": security}
        if security != "PLAINTEXT":
            told["ANGIME_KAFKA_CA"] = str(guarded.authority.ca)
        return {**guarded.settings, **told} if security == "SASL_SSL" else told

    return settings


def _strangers_certificate(guarded: GuardedBroker, folder: Path) -> dict[str, str]:
    certificate, key = Authority(folder / "stranger").sign("client")
    files = {"ANGIME_KAFKA_CERTIFICATE": str(certificate), "ANGIME_KAFKA_KEY": str(key)}
    return {**_with_certificate(guarded, folder), **files}


REFUSED: dict[str, tuple[Listener, type[AngimeError], str]] = {
    "a wrong password, PLAIN": (
        _change(PASSWORD="wrong-word", MECHANISM="PLAIN"), Misconfigured, "does not let this user in"
    ),
    "a wrong password, SCRAM": (
        _change(PASSWORD="wrong-word"), Misconfigured, "with this password: check ANGIME_KAFKA_USER"
    ),
    "an unknown user": (_change(USER="nobody, really="), Misconfigured, "does not let this user in"),
    "an untrusted authority": (_other_authority, Misconfigured, "is not trusted (self-signed certificate in"),
    "another name": (_other_name, Misconfigured, "is not for the name localhost: name it in ANGIME_KAFKA"),
    "a cluster that sends us elsewhere": (_at("ELSEWHERE", "SSL"), Misconfigured, "is not for the name localhost"),
    "no certificate of ours": (_at("CERTIFICATES", "SSL"), Misconfigured, "asks for a certificate that it trusts"),
    "a certificate of a stranger": (_strangers_certificate, Misconfigured, "asks for a certificate that it trusts"),
    "an expired certificate": (_at("EXPIRED", "SSL"), Misconfigured, "has expired: give that broker a new one"),
    "an unknown mechanism": (_bare("SCRAM-SHA-512"), Misconfigured, "but PLAIN, SCRAM-SHA-256: set ANGIME_KAFKA_"),
    "a port that asks for no user": (_at("ELSEWHERE", "SASL_SSL"), Misconfigured, "asks for no user"),
    "without settings an encrypted port": (_at("USERS", "PLAINTEXT"), NotYet, "ANGIME_KAFKA_SECURITY (PLAINTEXT) is"),
    "without settings a port that asks for a user": (_at("BARE", "PLAINTEXT"), NotYet, "encrypted or ask for a user"),
    "a port that asks for a user": (_at("USERS", "SSL"), NotYet, "ask for a user"),
    "a port that is not encrypted": (_at("INSIDE", "SSL"), NotYet, "hangs up before anything is encrypted"),
}  # fmt: skip


@pytest.mark.parametrize("how", REFUSED)
def test_whoever_is_refused_is_told_why_in_one_sentence(
    how: str, guarded: GuardedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listener, kind, told = REFUSED[how]
    settings = listener(guarded, tmp_path)
    _set(monkeypatch, settings)
    with pytest.raises(AngimeError) as refused:
        reach(settings["ANGIME_KAFKA"])

    assert (kind, True) == (type(refused.value), told in refused.value.reason), refused.value.reason
    assert [] == [word for word in (PASSWORD, "wrong-word", "nobody") if word in refused.value.reason]


def test_one_broker_that_is_away_and_one_that_refuses_us_are_told_as_refusing(
    guarded: GuardedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, _other_authority(guarded, tmp_path))
    with pytest.raises(Misconfigured, match="is not trusted"):
        reach(f"127.0.0.1:1,{guarded.address('USERS')}")


# In a process of its own, for kafka-python 3.0.12 leaves a socket open whenever it is refused.
READER = """
import os
from pipelines.kafka import broker
from schemas.errors import NotYet
consumer = broker.join_group(os.environ["ANGIME_KAFKA"], group="plain", topics=["crm"], transport="kafka-python")
try:
    for number in range(120):
        consumer.poll(max_records=1000, timeout_seconds=1.0)
        print("reads", flush=True) if number == 0 else None
except NotYet as refusal:
    print(refusal.reason, flush=True)
"""


def test_whoever_reads_and_is_refused_later_does_not_wait_in_silence(
    guarded: GuardedBroker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _set(monkeypatch, guarded.settings)
    address = guarded.address("USERS")
    with (
        subprocess.Popen([sys.executable, "-c", READER], stdout=subprocess.PIPE, text=True) as reader,
        closing(broker.join_group(address, group="later", topics=["crm"], transport="confluent")) as consumer,
    ):
        assert reader.stdout is not None
        consumer.poll(max_records=1000, timeout_seconds=1.0)
        assert reader.stdout.readline() == "reads\n"
        guarded.stop()
        guarded.authority = Authority(tmp_path / "stranger")
        guarded.start()
        with pytest.raises(NotYet, match="Kafka no longer lets us in"):
            _first(consumer)
        assert reader.stdout.readline() == "Kafka no longer lets us in\n"
    with pytest.raises(Misconfigured, match="is not trusted"):
        reach(address)
