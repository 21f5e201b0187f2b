"""What verbs find around them: the home, the broker, signals."""

import signal
import socket
import threading
from pathlib import Path
from types import FrameType
from typing import Any


def home() -> Path:
    """Give the folder under which all state lives."""
    from angime.settings import load
    from pipelines.settings import PipelinesSettings

    return load(PipelinesSettings).home


def bootstrap() -> str:
    """Give Kafka's address; raises Misconfigured when none runs."""
    from angime.settings import load
    from pipelines.settings import PipelinesSettings

    return with_kafka(load(PipelinesSettings)).kafka


def with_kafka(settings: Any) -> Any:
    """Fill in the local broker's address when no cluster is named. Raises Misconfigured when none runs.

    One that runs and does not answer, for it starts or the machine is busy, is for whoever asks it to wait for.
    """
    from pipelines.kafka import local_kafka
    from schemas.errors import Misconfigured

    if settings.kafka:
        return settings
    found = local_kafka.status(settings.home)
    if found.bootstrap is None:
        raise Misconfigured("no Kafka runs: `angime broker start` starts one, or ANGIME_KAFKA names an existing one")
    return settings.model_copy(update={"kafka": found.bootstrap})


def prove_free(host: str, port: int, *, setting: str) -> None:
    """Raise Misconfigured where nobody can listen, as when another program does: then `setting` names another port."""
    from schemas.errors import Misconfigured

    try:
        socket.create_server((host, port)).close()
    except OSError as error:
        why = (error.strerror or "").partition(" (")[0]
        raise Misconfigured(f"cannot listen on {host}:{port} ({why}): set {setting} to a port that is free") from None


def address_of(host: str, port: int) -> str:
    """Write where one listens as clients ask for it."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def stop_on_signal() -> threading.Event:
    """Give an event that is set by whatever asks us to end."""
    from angime.ending import ending_signals
    from angime.presence import Beating

    stop = Beating()

    def on_signal(_number: int, _frame: FrameType | None) -> None:
        stop.set()

    for number in ending_signals():
        signal.signal(number, on_signal)
    return stop
