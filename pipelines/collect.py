"""The stage that fetches what providers do not send: it follows files, polls queues and listens on sockets."""

import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import structlog

from pipelines.arrivals import Arrivals
from pipelines.doors import ari, chatapp, green_api, waha
from pipelines.doors.contract import CALM_SECONDS, Door, Ground, wait_after
from pipelines.doors.files import FollowedFile
from pipelines.doors.folders import FollowedFolder
from pipelines.doors.sockets import SocketDoor
from pipelines.kafka.broker import connect_producer, reach
from pipelines.origins import Origin, Origins, load_origins
from pipelines.positions import Positions
from pipelines.settings import PipelinesSettings
from schemas.errors import Misconfigured, NotYet
from schemas.instants import instant
from schemas.secret_references import resolve_secret

STOP_SECONDS = 8.0

log = structlog.get_logger()


def is_needed(origins: Origins) -> bool:
    """Say whether an account has a door of this stage."""
    return any(_has_door(origin) for origin in origins.values())


def run(settings: PipelinesSettings, *, stop: threading.Event, on_ready: Callable[[], None] = lambda: None) -> None:
    """Keep every door open until `stop` is set; `on_ready` is called when all are.

    A door whose other side is away is opened again with back-off, and never ends the others. Raises Misconfigured for
    company files and secrets that are not right, and where Kafka refuses us as we begin; an error that nobody foresaw
    ends the stage and is raised here.
    """
    origins = load_origins(settings)
    with suppress(NotYet):
        reach(settings.kafka)
    arrivals = Arrivals(
        connect=lambda: connect_producer(settings.kafka, transport=settings.transport),
        now=lambda: instant(datetime.now(UTC)),
    )
    doors = doors_of(origins, arrivals=arrivals, settings=settings)
    failures: list[BaseException] = []

    def fail(error: BaseException) -> None:
        failures.append(error)
        stop.set()

    threads = [
        threading.Thread(target=hold_open, args=(door, stop, fail), name=door.name, daemon=True) for door in doors
    ]
    for thread in threads:
        thread.start()
    log.info("collecting", doors=len(doors))
    on_ready()
    try:
        stop.wait()
    finally:
        deadline = time.monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        arrivals.close()
    if failures:
        raise failures[0]


def doors_of(
    origins: Origins, *, arrivals: Arrivals, settings: PipelinesSettings, environ: Mapping[str, str] = os.environ
) -> list[Door]:
    """Make the doors that the accounts' settings ask for. Raises Misconfigured for a secret that is missing."""
    positions = Positions(settings.home / "doors")
    grounds = [
        Ground(origin=origin, arrivals=arrivals, positions=positions, now=lambda: datetime.now(UTC))
        for origin in origins.values()
    ]
    return [
        door
        for ground in grounds
        for door in _doors(ground, look_up=partial(_secret, ground=ground, settings=settings, environ=environ))
    ]


def _doors(ground: Ground, *, look_up: Callable[[str], str]) -> Iterator[Door]:
    for path in ground.listed("cdr_file"):
        yield FollowedFile(ground, Path(path))
    for path in ground.listed("cdr_folder"):
        yield FollowedFolder(ground, Path(path))
    maker = _REMOTE.get(ground.origin.account.source)
    if maker is not None and ground.setting(maker[0]):
        yield maker[1](ground, look_up)


def _has_door(origin: Origin) -> bool:
    asked = origin.account.settings
    maker = _REMOTE.get(origin.account.source)
    return "cdr_file" in asked or "cdr_folder" in asked or (maker is not None and maker[0] in asked)


def _green_api(ground: Ground, look_up: Callable[[str], str]) -> Door:
    address = f"{ground.setting('api_url') or green_api.API}/waInstance{ground.setting('poll_instance')}"
    return green_api.GreenApiQueue(ground, address=address, token=look_up(ground.setting("api_token")))


def _chatapp(ground: Ground, look_up: Callable[[str], str]) -> Door:
    licenses = [chatapp.License(*one.partition("/")[::2]) for one in ground.listed("licenses")]
    if not all(one.number and one.messenger for one in licenses):
        raise Misconfigured("write each of `licenses` as NUMBER/MESSENGER, such as 55570/caWhatsApp")
    speech = chatapp.ChatAppSpeech(
        socket=ground.setting("socket_url") or chatapp.SOCKET,
        api=ground.setting("api_url") or chatapp.API,
        login=chatapp.login_of(look_up(ground.setting("api_login"))),
        licenses=licenses,
    )
    return SocketDoor(ground, speech)


def _waha(ground: Ground, look_up: Callable[[str], str]) -> Door:
    token = ground.setting("api_token")
    speech = waha.WahaSpeech(
        url=ground.setting("socket_url"),
        token=look_up(token) if token else "",
        session=ground.setting("session") or "default",
    )
    return SocketDoor(ground, speech)


def _ari(ground: Ground, look_up: Callable[[str], str]) -> Door:
    speech = ari.AriSpeech(url=ground.setting("ari_url"), login=look_up(ground.setting("ari_login")))
    return SocketDoor(ground, speech)


# Of each source with a door to elsewhere: the setting that asks for it, and who makes it.
_REMOTE: dict[str, tuple[str, Callable[[Ground, Callable[[str], str]], Door]]] = {
    "green_api": ("poll_instance", _green_api),
    "chatapp": ("licenses", _chatapp),
    "waha": ("socket_url", _waha),
    "asterisk": ("ari_url", _ari),
}


def _secret(reference: str, *, ground: Ground, settings: PipelinesSettings, environ: Mapping[str, str]) -> str:
    """Look up a secret that an account's settings name; raises Misconfigured, naming the account."""
    account = ground.origin.account
    path = settings.company_path
    folder = path if path.is_dir() else path.parent
    if not reference.startswith(("env:", "file:")):
        raise Misconfigured(
            f"account {account.id!r} of {account.source}: write the secret in its settings as env:NAME or file:PATH"
        )
    try:
        return resolve_secret(
            reference, environ=environ, read=lambda name: (folder / name).read_text(encoding="utf-8")
        ).strip()
    except Misconfigured as error:
        raise Misconfigured(f"account {account.id!r} of {account.source}: {error.reason}") from None


def hold_open(door: Door, stop: threading.Event, fail: Callable[[BaseException], None]) -> None:
    """Run a door until `stop` is set, again and again with back-off while its other side is away."""
    failures = 0
    while not stop.is_set():
        began = time.monotonic()
        try:
            door.run(stop)
        except NotYet as error:
            if time.monotonic() - began > CALM_SECONDS:
                failures = 0
            log.warning("door_closed", door=door.name, reason=error.reason, seconds=wait_after(failures))
            stop.wait(wait_after(failures))
            failures += 1
        except BaseException as error:  # a bug ends the stage, not only its thread
            fail(error)
            raise
