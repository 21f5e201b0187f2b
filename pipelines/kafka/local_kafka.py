"""A real Kafka broker of one's own on this machine: start it, find it again, stop it. Nothing to install.

Everything lies under `home/kafka`: `data/` (the log), `logs/`, `broker.json` (ports and process), `held`, a file that
the broker's process keeps locked while it lives, and `stopped`, which is there once somebody stopped it. That lock, not
a process number, says whether a broker runs: it falls with the process, however that ended, and no other program can
hold it by accident.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Generator
from pathlib import Path

import msgspec

from pipelines.kafka import program
from pipelines.kafka.free_ports import free_port, is_free
from pipelines.kafka.starting import LOOK_AGAIN_SECONDS, Patience, answers, comes_up, format_data, log_file, spawn
from pipelines.whole_files import write_whole
from schemas.errors import Misconfigured

FREE_DISK_BYTES = 500_000_000
STOP_SECONDS = 9.0  # `angime up` promises an end within 15 s
START_ATTEMPTS = 3  # another program may take a port between our look and Kafka's
HELD_SECONDS = 10.0  # `angime up` may try to start it meanwhile


class Running(msgspec.Struct, frozen=True, kw_only=True):
    """A broker that answers: its address, its process and where its records and its log lie."""

    bootstrap: str
    pid: int
    data_folder: Path
    log_file: Path


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of a home's broker. A `pid` without `is_running` is a broker that starts, stops or hangs.

    One that `is_lost` was started and has ended, though nobody stopped it.
    """

    is_running: bool
    is_lost: bool
    bootstrap: str | None
    pid: int | None
    data_folder: Path
    log_file: Path


class _State(msgspec.Struct, frozen=True, kw_only=True):
    """The file broker.json. Port 0 is a port not yet chosen."""

    port: int = 0
    controller_port: int = 0
    pid: int | None = None


_started: dict[int, subprocess.Popen[bytes]] = {}  # our own children, kept until one that ended is taken leave of


def start(home: Path, *, on_step: Callable[[str], None]) -> Running:
    """Start the broker of this home, or find the one that runs; return when it answers clients.

    The first start on a machine fetches the jars, the first in a home formats the data folder and chooses ports; a
    port that somebody else has taken since is replaced. The broker outlives this process and its terminal.
    Raises Misconfigured when the folder, the disk, Java or the jars are not as they must be, or Kafka gives up.
    """
    folder = _folder(home)
    _make_ready(folder)
    patience = Patience(folder)
    while not patience.is_over():
        with _hold(folder) as held:
            if held is not None:
                return _launch(folder, held=held, on_step=on_step)
        found = status(home)
        if found.is_running and found.bootstrap is not None and found.pid is not None:
            return _running(folder, bootstrap=found.bootstrap, pid=found.pid)
        time.sleep(LOOK_AGAIN_SECONDS)
    raise Misconfigured(
        f"The broker of {home} has a process but does not answer; see {log_file(folder)}, "
        "then `angime broker stop` and start it again."
    )


def stop(home: Path) -> bool:
    """Stop the broker of this home in good order, by force after 9 s; False when none ran.

    From then on it is one that nobody wants, and no longer one that is lost.
    """
    folder = _folder(home)
    if not folder.exists():
        return False
    deadline = time.monotonic() + STOP_SECONDS
    asked: int | None = None
    while _is_held(folder):
        pid = _read_state(folder).pid
        if pid is not None and pid != asked:
            _note_stop(folder)
            _signal(pid, number=signal.SIGTERM)
            asked = pid
        if pid is not None and time.monotonic() > deadline:
            _signal(pid, number=signal.SIGKILL)
        time.sleep(LOOK_AGAIN_SECONDS)
    _note_stop(folder)
    return asked is not None


def set_aside(home: Path, *, to: Path, last: Callable[[Path], None]) -> None:
    """Move the log of this home's broker away, after `last` has done what it wants in it; the next start begins one.

    Raises Misconfigured while the broker runs, and where there is no log.
    """
    folder = _folder(home)
    if not (folder / "data").exists():
        raise Misconfigured(f"there is no log of a broker in {folder}")
    deadline = time.monotonic() + HELD_SECONDS
    while time.monotonic() < deadline:
        with _hold(folder) as held:
            if held is not None:
                last(folder / "data")
                shutil.move(folder / "data", to)
                return
        time.sleep(LOOK_AGAIN_SECONDS)
    raise Misconfigured(f"the broker of {home} runs: stop `angime up`, or `angime broker stop`, first")


def status(home: Path) -> Status:
    """Look whether the broker of this home runs and answers. Changes nothing."""
    folder = _folder(home)
    is_gone = is_lost(home)
    state = _read_state(folder) if not is_gone and _is_held(folder) else _State()
    return Status(
        is_lost=is_gone,
        is_running=state.pid is not None and answers(folder, port=state.port),
        bootstrap=f"127.0.0.1:{state.port}" if state.pid is not None else None,
        pid=state.pid,
        data_folder=folder / "data",
        log_file=log_file(folder),
    )


def pid_of(home: Path) -> int | None:
    """Give the process of the broker of this home, None where none lives. Asks no port."""
    folder = _folder(home)
    with contextlib.suppress(Misconfigured):
        return _read_state(folder).pid if _is_held(folder) else None
    return None


def is_heard(home: Path) -> bool:
    """Say whether the broker of this home answers."""
    folder = _folder(home)
    return answers(folder, port=_read_state(folder).port)


def is_lost(home: Path) -> bool:
    """Say whether a broker of this home was started and has ended, though nobody stopped it. Asks no port."""
    folder = _folder(home)
    return (folder / "broker.json").exists() and not (folder / "stopped").exists() and not _is_held(folder)


def _launch(folder: Path, *, held: int, on_step: Callable[[str], None]) -> Running:
    state = msgspec.structs.replace(_read_state(folder), pid=None)
    (folder / "stopped").unlink(missing_ok=True)
    _write_state(folder, state=state)  # before anything slow: a number left by a killed broker may be anybody's now
    jars = program.fetch(on_step=on_step)
    if not (folder / "data").exists():
        on_step("Formatting the broker's data folder")
        format_data(folder, jars=jars)
    for _ in range(START_ATTEMPTS):
        state = _with_free_ports(state)
        on_step(f"Starting Apache Kafka on 127.0.0.1:{state.port}")
        process = spawn(folder, held=held, ports=(state.port, state.controller_port), jars=jars)
        _started[process.pid] = process
        _write_state(folder, state=msgspec.structs.replace(state, pid=process.pid))
        if comes_up(process, folder=folder, port=state.port, on_step=on_step):
            return _running(folder, bootstrap=f"127.0.0.1:{state.port}", pid=process.pid)
        _write_state(folder, state=state)
        if (folder / "stopped").exists():
            raise Misconfigured("the broker was stopped while it started")
        if is_free(state.port) and is_free(state.controller_port):
            break  # it was not the ports
    raise Misconfigured(
        f"Kafka gave up while it started; the reason stands at the end of {log_file(folder)} "
        f"or in {folder / 'logs' / 'java.log'}. Where it names a damaged file, put back a copy of {folder / 'data'}, "
        "or let `angime broker rescue` begin a new log and send again what it can read of this one."
    )


def _make_ready(folder: Path) -> None:
    try:
        (folder / "logs").mkdir(parents=True, exist_ok=True)
        (folder / "held").touch()
        free_bytes = shutil.disk_usage(folder).free
    except OSError as error:
        raise Misconfigured(
            f"The broker's folder {folder} cannot be written ({error.strerror}); "
            "make it writable or name another one in ANGIME_HOME."
        ) from error
    if free_bytes < FREE_DISK_BYTES:
        raise Misconfigured(
            f"Only {free_bytes // 1_000_000} MB are free on the disk of {folder}, the broker needs "
            f"{FREE_DISK_BYTES // 1_000_000}; free some, or name another disk in ANGIME_HOME."
        )


def _read_state(folder: Path) -> _State:
    file = folder / "broker.json"
    if not file.exists():
        return _State()
    try:
        return msgspec.json.decode(file.read_bytes(), type=_State)
    except msgspec.DecodeError as error:
        raise Misconfigured(f"{file} is damaged; delete it, a new one is made at the next start.") from error


def _write_state(folder: Path, *, state: _State) -> None:
    write_whole(folder / "broker.json", msgspec.json.encode(state))


@contextlib.contextmanager
def _hold(folder: Path) -> Generator[int | None]:
    """Take the home's lock while nobody has it, else give None. A child that inherits the file keeps the lock."""
    held = os.open(folder / "held", os.O_RDWR)
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        yield None
    else:
        yield held
    finally:
        os.close(held)


def _is_held(folder: Path) -> bool:
    for pid, process in list(_started.items()):
        if process.poll() is not None:
            _started.pop(pid, None)
    if not (folder / "held").exists():
        return False
    with (folder / "held").open("rb") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_SH | fcntl.LOCK_NB)  # shared: two who look do not take each other for a broker
        except BlockingIOError:
            return True
    return False


def _note_stop(folder: Path) -> None:
    with contextlib.suppress(OSError):  # on a full disk a broker must end all the same
        (folder / "stopped").touch()


def _signal(pid: int, *, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, number)


def _with_free_ports(state: _State) -> _State:
    port = state.port if is_free(state.port) else free_port(but=state.controller_port)
    controller_port = state.controller_port if is_free(state.controller_port) else free_port(but=port)
    return msgspec.structs.replace(state, port=port, controller_port=controller_port)


def _running(folder: Path, *, bootstrap: str, pid: int) -> Running:
    return Running(bootstrap=bootstrap, pid=pid, data_folder=folder / "data", log_file=log_file(folder))


def _folder(home: Path) -> Path:
    return home.absolute() / "kafka"
