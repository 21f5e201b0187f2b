"""The one place that knows how Kafka is spoken to: read from the settings, proved, told to each client in its words.

A process speaks to one Kafka, which `ANGIME_KAFKA` names; the settings beside it say how, and every client is built
from what stands here. They are read anew for each, so that a password that was changed in its file is the next one's.
"""

import ssl
from collections.abc import Sequence
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pipelines.settings import PipelinesSettings
from schemas.errors import Misconfigured
from schemas.kafka_access import Access
from schemas.secret_references import resolve_secret

Place = tuple[str, int]


def addresses(bootstrap: str) -> list[Place]:
    """Read a list of addresses; raises Misconfigured when it is none."""
    found: list[Place] = []
    for address in bootstrap.split(","):
        host, _, port = address.strip().rpartition(":")
        if not host or not port.isdecimal():
            raise Misconfigured(f"ANGIME_KAFKA must list addresses such as 127.0.0.1:9092, but has {address!r}")
        found.append((host.strip("[]"), int(port)))
    return found


def check(settings: PipelinesSettings) -> None:
    """Raise Misconfigured where settings of the access lack others, contradict them, or tell a network the password."""
    protocol = settings.kafka_security
    is_encrypted, has_user = protocol in ("SSL", "SASL_SSL"), protocol.startswith("SASL")
    if protocol != "PLAINTEXT" and not settings.kafka:
        raise Misconfigured(
            f"ANGIME_KAFKA_SECURITY is {protocol}, but ANGIME_KAFKA names no cluster, and the local broker speaks "
            "PLAINTEXT: name the cluster, or unset ANGIME_KAFKA_SECURITY"
        )
    _check_idle(settings, ("kafka_ca", "kafka_certificate", "kafka_key"), is_used=is_encrypted, wants="SSL or SASL_SSL")
    _check_idle(settings, ("kafka_user", "kafka_password", "kafka_password_file"), is_used=has_user, wants="SASL_SSL")
    for one, other in (("kafka_certificate", "kafka_key"), ("kafka_key", "kafka_certificate")):
        if _is_set(settings, one) and not _is_set(settings, other):
            raise Misconfigured(f"{_name(one)} is set without {_name(other)}: name the file of it as well")
    if not has_user:
        return
    if not settings.kafka_user:
        raise Misconfigured(f"ANGIME_KAFKA_SECURITY is {protocol}, which asks for a user: set ANGIME_KAFKA_USER")
    ways = [name for name in ("kafka_password", "kafka_password_file") if _is_set(settings, name)]
    if len(ways) != 1:
        which = "is missing" if not ways else "is set twice"
        raise Misconfigured(
            f"the password of ANGIME_KAFKA_USER {which}: set ANGIME_KAFKA_PASSWORD or ANGIME_KAFKA_PASSWORD_FILE"
        )
    check_line(addresses(settings.kafka), access=_access(settings, password=""))


def check_line(places: Sequence[Place], *, access: Access) -> None:
    """Raise Misconfigured where the password itself would cross a network that everybody on it can read."""
    open_to_all = [host for host, _ in places if not _is_loopback(host)]
    if access.protocol == "SASL_PLAINTEXT" and access.mechanism == "PLAIN" and open_to_all:
        raise Misconfigured(
            f"the password would go to {open_to_all[0]} unencrypted: set ANGIME_KAFKA_SECURITY to SASL_SSL, or "
            "ANGIME_KAFKA_MECHANISM to SCRAM-SHA-512, which does not send it"
        )


def access() -> Access:
    """Read from the settings how Kafka is spoken to, with the password. Raises Misconfigured."""
    settings = PipelinesSettings()
    check(settings)
    password = settings.kafka_password.get_secret_value()
    if settings.kafka_password_file is not None:
        reference = f"file:{settings.kafka_password_file}"
        password = resolve_secret(reference, environ={}, read=lambda name: Path(name).read_text(encoding="utf-8"))
    return _access(settings, password=password)


def is_open_to_readers(bootstrap: str) -> bool:
    """Say whether we prove who we are, and then speak unencrypted across a network."""
    return access().protocol == "SASL_PLAINTEXT" and not all(_is_loopback(host) for host, _ in addresses(bootstrap))


def encryption(access: Access) -> ssl.SSLContext | None:
    """Give what encrypts, and trusts whom the settings say; None where nothing is encrypted. Raises Misconfigured."""
    if not access.is_encrypted:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # which asks for a certificate, and for the right name in it
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if access.ca:
        _prove_readable("ANGIME_KAFKA_CA", access.ca)
        try:
            context.load_verify_locations(access.ca)
        except ssl.SSLError:
            raise Misconfigured(f"ANGIME_KAFKA_CA is {access.ca}, which holds no certificate in PEM") from None
    else:
        context.load_default_certs()
    if access.certificate:
        _prove_readable("ANGIME_KAFKA_CERTIFICATE", access.certificate)
        _prove_readable("ANGIME_KAFKA_KEY", access.key)
        try:
            context.load_cert_chain(access.certificate, access.key, password="")  # else it would ask
        except ssl.SSLError:
            raise Misconfigured(
                f"ANGIME_KAFKA_CERTIFICATE is {access.certificate} and ANGIME_KAFKA_KEY {access.key}, which do not "
                "belong together: name a certificate in PEM and its key, which no password closes"
            ) from None
    return context


def for_kafka_python() -> dict[str, Any]:
    """Give the access as options of kafka-python. Raises Misconfigured."""
    told = access()
    options: dict[str, Any] = {}
    if told.protocol != "PLAINTEXT":
        options |= {"security_protocol": told.protocol, "ssl_context": encryption(told)}
    if told.has_user:
        options |= {"sasl_mechanism": told.mechanism}
        options |= {"sasl_plain_username": told.user, "sasl_plain_password": told.password}
    return options


def for_librdkafka() -> dict[str, str]:
    """Give the access as options of librdkafka. Raises Misconfigured."""
    told = access()
    options = {"security.protocol": told.protocol}
    if told.has_user:
        options |= {"sasl.mechanism": told.mechanism, "sasl.username": told.user, "sasl.password": told.password}
    files = {"ssl.ca.location": told.ca, "ssl.certificate.location": told.certificate, "ssl.key.location": told.key}
    return options | {name: file for name, file in files.items() if file}


def _access(settings: PipelinesSettings, *, password: str) -> Access:
    ca, certificate, key = (
        "" if file is None else str(file)
        for file in (settings.kafka_ca, settings.kafka_certificate, settings.kafka_key)
    )
    return Access(
        protocol=settings.kafka_security,
        ca=ca,
        certificate=certificate,
        key=key,
        mechanism=settings.kafka_mechanism,
        user=settings.kafka_user,
        password=password,
    )


def _check_idle(settings: PipelinesSettings, names: Sequence[str], *, is_used: bool, wants: str) -> None:
    for name in names:
        if _is_set(settings, name) and not is_used:
            raise Misconfigured(
                f"{_name(name)} is set, but ANGIME_KAFKA_SECURITY is {settings.kafka_security}, which does not use it: "
                f"set that to {wants}, or unset {_name(name)}"
            )


def _is_set(settings: PipelinesSettings, name: str) -> bool:
    return bool(getattr(settings, name))


def _name(field: str) -> str:
    return f"ANGIME_{field.upper()}"


def _prove_readable(setting: str, file: str) -> None:
    try:
        Path(file).open("rb").close()
    except OSError as error:
        raise Misconfigured(
            f"{setting} is {file}, which cannot be read ({error.strerror}): name a file of PEM that this user may read"
        ) from None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
