"""Whether Kafka answers, and lets us in: asked before a client is made, which would find out only later, or never."""

import socket
import ssl
import struct
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress

from pipelines.kafka import hello
from pipelines.kafka.access import Place, access, addresses, check_line, encryption
from pipelines.kafka.ports import CONNECT_SECONDS
from schemas.errors import Misconfigured, NotYet
from schemas.kafka_access import Access
from schemas.topics import PREFIX

# OpenSSL's numbers of what is wrong with a certificate (X509_V_ERR_…, in its x509_vfy.h).
EXPIRED, OTHER_NAMES = 10, (62, 64)


def reach(bootstrap: str, topics: Sequence[str] = ()) -> None:
    """Raise NotYet at once when nobody answers at any of the addresses, Misconfigured when they are none.

    NotYet also where one of these topics is not there: a client that asks a cluster for it may have it made, with as
    many partitions and for as long as that cluster makes its topics.

    Where settings ask for encryption or a user, Misconfigured also says what Kafka refuses or what refuses Kafka: its
    certificate or its name, our certificate, our password. So it does of the brokers to which the cluster sends us.
    Where it hangs up without a word NotYet says which setting may be the reason.
    The clients would find out by themselves, but only after seconds; kafka-python leaves its sockets open, and of what
    is refused none of them tells: they try for ever.
    """
    told = access()
    context = encryption(told)
    refused: list[Misconfigured | NotYet] = []
    for place in addresses(bootstrap):
        try:
            found = _cluster(place, topics=topics, access=told, context=context)
        except (Misconfigured, NotYet) as refusal:
            refused.append(refusal)
        except OSError:
            continue
        else:
            brokers = found.brokers if found is not None else ()
            check_line(brokers, access=told)
            for broker in set(brokers) - {place}:
                with suppress(OSError, NotYet):
                    _prove(broker, context=context)
            if found is not None and found.missing:
                raise _no_topic(found.missing[0])
            return
    raise next((one for one in refused if isinstance(one, Misconfigured)), None) or next(
        iter(refused), NotYet(f"Kafka is not ready: nobody answers at {bootstrap}")
    )


class Topics:
    """The topics that a producer sends to, each seen to be there before its first record.

    A library would have one made where the cluster allows that, whatever is asked of it.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._seen: set[str] = set()

    def prove(self, topic: str) -> None:
        """Raise what `reach` does where a topic is not there."""
        if topic not in self._seen:
            reach(self._bootstrap, [topic])
            self._seen.add(topic)


def _no_topic(name: str) -> NotYet:
    """Say how a topic that is not there, by its whole name, is made."""
    return NotYet(
        f"Kafka has no topic {name}, or does not show it to us: run angime topics apply, or give this user the right "
        "to use it"
    )


def _cluster(
    place: Place, *, topics: Sequence[str], access: Access, context: ssl.SSLContext | None
) -> hello.Cluster | None:
    """Come in at an address, and hear of the cluster; None while it is not ready."""
    with _connected(place, context=context) as connection:
        try:
            if access.has_user:
                hello.prove_user(connection, access, where=_written(place))
            return hello.cluster(connection, [PREFIX + topic for topic in topics])
        except ssl.SSLError as error:
            raise _refusal(error, place) from None
        except (EOFError, ConnectionError, struct.error, UnicodeDecodeError):
            raise NotYet(
                f"Kafka at {_written(place)} hangs up: it ends, or ANGIME_KAFKA_SECURITY ({access.protocol}) is not "
                "that of this port, which may be encrypted or ask for a user"
            ) from None


def _prove(place: Place, *, context: ssl.SSLContext | None) -> None:
    """Raise Misconfigured where a broker to which we are sent is not who it should be."""
    if context is not None:
        with _connected(place, context=context):
            pass


@contextmanager
def _connected(place: Place, *, context: ssl.SSLContext | None) -> Generator[socket.socket]:
    with socket.create_connection(place, timeout=CONNECT_SECONDS) as connection:
        if context is None:
            yield connection
            return
        try:
            encrypted = context.wrap_socket(connection, server_hostname=place[0])
        except ssl.SSLEOFError:
            raise _no_encryption(place) from None
        except ssl.SSLError as error:
            raise _refusal(error, place) from None
        except ConnectionError:
            raise _no_encryption(place) from None
        with encrypted:
            yield encrypted


def _no_encryption(place: Place) -> NotYet:
    return NotYet(
        f"Kafka at {_written(place)} hangs up before anything is encrypted: it is starting, or this port is not "
        "encrypted, and ANGIME_KAFKA_SECURITY is not that of this port"
    )


def _refusal(error: ssl.SSLError, place: Place) -> Misconfigured:
    where, reason = _written(place), error.reason or "no reason is given"
    if isinstance(error, ssl.SSLCertVerificationError):
        if error.verify_code in OTHER_NAMES:
            return Misconfigured(
                f"the certificate of Kafka at {where} is not for the name {place[0]}: name it in ANGIME_KAFKA (and the "
                "cluster in its advertised.listeners) as the certificate does, or give that broker another one"
            )
        if error.verify_code == EXPIRED:
            return Misconfigured(f"the certificate of Kafka at {where} has expired: give that broker a new one")
        return Misconfigured(
            f"the certificate of Kafka at {where} is not trusted ({error.verify_message}): name in ANGIME_KAFKA_CA the "
            "certificate of the authority that signed it"
        )
    if "CERTIFICATE" in reason or "UNKNOWN_CA" in reason:
        return Misconfigured(
            f"Kafka at {where} asks for a certificate that it trusts ({reason}): name one in ANGIME_KAFKA_CERTIFICATE "
            "and its key in ANGIME_KAFKA_KEY"
        )
    return Misconfigured(
        f"nothing can be encrypted with Kafka at {where} ({reason}): name an encrypted port in ANGIME_KAFKA, or set "
        "ANGIME_KAFKA_SECURITY as this one wants it"
    )


def _written(place: Place) -> str:
    return f"{place[0]}:{place[1]}"
