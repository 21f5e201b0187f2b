"""A real broker that lets nobody in who is not known: encrypted, with accounts and certificates of clients.

Where it is asked to, it lets an account do no more than what the lines of docs/deploy allow.
"""

import os
import re
import shlex
import subprocess
import time
from collections.abc import Generator, Mapping
from contextlib import closing, contextmanager
from itertools import product
from pathlib import Path

from pipelines.kafka import hello, program, starting
from pipelines.kafka.free_ports import free_port
from pipelines.kafka.plain_broker import admin_words, clients
from tests.brokers import silent
from tests.certificates import Authority

USER, PASSWORD = "angime", "planted-password"
OF_STAGES = ("angime-receive", "angime-normalise", "angime-stream", "angime-land", "angime-watch")
DEPLOYING = Path(__file__).parent.parent / "docs" / "deploy" / "README.md"
GRANT = re.compile(r"^allow (.*)$", re.MULTILINE)
# An encrypted listener with accounts, one that asks for a certificate, accounts without encryption, an encrypted one
# that sends its clients to a name for which it has no certificate, and one whose certificate has expired.
PROTOCOLS = {
    "USERS": "SASL_SSL",
    "CERTIFICATES": "SSL",
    "BARE": "SASL_PLAINTEXT",
    "ELSEWHERE": "SSL",
    "EXPIRED": "SSL",
}
MECHANISMS = {"USERS": ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"), "BARE": ("PLAIN", "SCRAM-SHA-256")}
CLUSTER = "Z3VhcmRlZC1icm9rZXItYQ"
START_SECONDS = 120.0


class GuardedBroker:
    """The broker's addresses by listener, and the authority that signed its certificate."""

    def __init__(self, folder: Path, *, has_rights: bool) -> None:
        folder.mkdir()
        self._has_rights = has_rights
        self.authority = Authority(folder / "authority")
        self._folder = folder
        self._ports = {name: free_port() for name in ("INSIDE", "CONTROLLER", *PROTOCOLS)}
        self._jars = program.fetch(on_step=silent)
        self.log = folder / "java.log"

    def address(self, listener: str) -> str:
        """Give the address of a listener."""
        return f"127.0.0.1:{self._ports[listener]}"

    @property
    def settings(self) -> dict[str, str]:
        """What a client sets to come in with its account."""
        return {
            "ANGIME_KAFKA": self.address("USERS"),
            "ANGIME_KAFKA_SECURITY": "SASL_SSL",
            "ANGIME_KAFKA_CA": str(self.authority.ca),
            "ANGIME_KAFKA_USER": USER,
            "ANGIME_KAFKA_PASSWORD": PASSWORD,
        }

    def start(self) -> None:
        """Make its files, and start it; returns when it answers."""
        told = self._properties()
        (self._folder / "server.properties").write_text("\n".join(f"{name}={one}" for name, one in told.items()))
        if not (self._folder / "data").exists():
            self._format()
        self._process = self._java("kafka.Kafka", "server.properties")
        deadline = time.monotonic() + START_SECONDS
        while hello.cluster_id(self._ports["INSIDE"]) != CLUSTER:
            assert self._process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()
            time.sleep(0.1)
        if self._has_rights:
            self._grant()

    def _grant(self) -> None:
        """Give each account what docs/deploy tells to give it, as who needs no right."""
        with closing(clients.KafkaAdminClient(bootstrap_servers=self.address("INSIDE"))) as admin:
            lines = GRANT.findall(DEPLOYING.read_text().replace("\\\n", " "))
            admin.create_acls([right for line in lines for right in _rights(line)])

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()

    def _format(self) -> None:
        accounts = [
            f"--add-scram={mechanism}=[name={user},password={PASSWORD}]"
            for mechanism, user in product(MECHANISMS["USERS"][1:], (USER, *OF_STAGES))
        ]
        format_ = ("kafka.tools.StorageTool", "format", "--standalone", f"--cluster-id={CLUSTER}", *accounts)
        self._java(*format_, "--config=server.properties").wait()

    def _java(self, *words: str) -> "subprocess.Popen[bytes]":
        with self.log.open("ab") as output:
            return subprocess.Popen(
                [program.java(), "-Xmx384m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                 os.pathsep.join(map(str, self._jars)), *words],
                cwd=self._folder, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
            )  # fmt: skip

    def _store(self, name: str, *, is_expired: bool = False) -> str:
        certificate, key = self.authority.sign(name, address="127.0.0.1", is_expired=is_expired)
        store = self._folder / f"{name}.store"
        store.write_bytes(key.read_bytes() + certificate.read_bytes() + self.authority.ca.read_bytes())
        return str(store)

    def _properties(self) -> Mapping[str, str]:
        module = "org.apache.kafka.common.security"
        plain = f'{module}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        scram = f"{module}.scram.ScramLoginModule required;"
        shown = {name: self.address(name) for name in self._ports}
        shown["ELSEWHERE"] = f"localhost:{self._ports['ELSEWHERE']}"
        protocols = {"INSIDE": "PLAINTEXT", "CONTROLLER": "PLAINTEXT", **PROTOCOLS}
        template = (starting.SETTINGS_FOLDER / "server.properties").read_text(encoding="ascii")
        common = dict(line.split("=", 1) for line in template.splitlines() if "=" in line and not line.startswith("#"))
        listening = {name: self.address(name) for name in self._ports}
        told = {
            **common,
            "listeners": _listed(listening),
            "advertised.listeners": _listed({name: one for name, one in shown.items() if name != "CONTROLLER"}),
            "listener.security.protocol.map": ",".join(f"{name}:{one}" for name, one in protocols.items()),
            "inter.broker.listener.name": "INSIDE",
            "controller.quorum.bootstrap.servers": self.address("CONTROLLER"),
            "log.dirs": "data",
            "auto.create.topics.enable": "true",  # as Kafka itself has it, where nobody says otherwise
            "ssl.keystore.type": "PEM",
            "ssl.keystore.location": self._store("broker"),
            "listener.name.expired.ssl.keystore.type": "PEM",
            "listener.name.expired.ssl.keystore.location": self._store("expired", is_expired=True),
            "ssl.truststore.type": "PEM",
            "ssl.truststore.location": str(self.authority.ca),
            "listener.name.certificates.ssl.client.auth": "required",
        }
        if self._has_rights:
            told["authorizer.class.name"] = "org.apache.kafka.metadata.authorizer.StandardAuthorizer"
            told["super.users"] = "User:ANONYMOUS"  # who comes to a listener that asks for nobody: the broker itself
        for name, mechanisms in MECHANISMS.items():
            listener = f"listener.name.{name.lower()}"
            told[f"{listener}.sasl.enabled.mechanisms"] = ",".join(mechanisms)
            for one in mechanisms:
                told[f"{listener}.{one.lower()}.sasl.jaas.config"] = plain if one == "PLAIN" else scram
        return told


def _listed(addresses: Mapping[str, str]) -> str:
    return ",".join(f"{name}://{address}" for name, address in addresses.items())


def _rights(line: str) -> list[object]:
    """Read a line of kafka-acls.sh, which allows an account some operations on some topics and groups."""
    said: dict[str, list[str]] = {}
    words = iter(shlex.split(line))
    for option, text in zip(words, words, strict=True):
        said.setdefault(option, []).append(text)
    [pattern] = said.pop("--resource-pattern-type", ["literal"])
    [principal] = said.pop("--allow-principal")
    kinds = admin_words.ResourceType
    on = [(kinds[kind.upper()], name) for kind in ("topic", "group") for name in said.pop(f"--{kind}", [])]
    operations = [re.sub(r"(?<=.)(?=[A-Z])", "_", operation).upper() for operation in said.pop("--operation")]
    assert said == {}
    return [
        admin_words.ACL(
            principal,
            "*",
            admin_words.ACLOperation[operation],
            admin_words.ACLPermissionType.ALLOW,
            admin_words.ResourcePattern(kind, name, admin_words.ACLResourcePatternType[pattern.upper()]),
        )
        for operation, (kind, name) in product(operations, on)
    ]


@contextmanager
def guarded_broker(folder: Path, *, has_rights: bool = False) -> Generator[GuardedBroker]:
    """Run such a broker, which is ended afterwards."""
    broker = GuardedBroker(folder, has_rights=has_rights)
    broker.start()
    try:
        yield broker
    finally:
        broker.stop()
