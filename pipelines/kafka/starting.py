"""Starting the program of a broker in its folder: formatted, told its ports, and waited for until it answers."""

import base64
import os
import shutil
import string
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path

import psutil

from pipelines.kafka import hello, program
from pipelines.kafka.free_ports import PORTS
from schemas.errors import Misconfigured

SETTINGS_FOLDER = Path(__file__).parent
HEAP = "512m"
# After the last line that it wrote it is waited for so long: after a power failure it reads its log first.
START_SECONDS = 120.0
LONGEST_START_SECONDS = 1_800.0
USUAL_START_SECONDS = 30.0
LOOK_AGAIN_SECONDS = 0.05


def format_data(folder: Path, *, jars: tuple[Path, ...]) -> None:
    """Make the data folder whole or not at all: it gets its name when Kafka has finished it."""
    shutil.rmtree(folder / "data.new", ignore_errors=True)
    _write_properties(folder, ports=(PORTS[0], PORTS[1]), data="data.new")
    with (folder / "logs" / "java.log").open("wb") as output:
        done = subprocess.run(
            [
                *(*_java(jars), "kafka.tools.StorageTool", "format"),
                *("--standalone", "--cluster-id", _new_cluster_id(), "--config", "server.properties"),
            ],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            timeout=START_SECONDS,
            check=False,
        )
    if done.returncode != 0:
        raise Misconfigured(
            f"Kafka could not format its data folder; the reason stands in {folder / 'logs' / 'java.log'}."
        )
    (folder / "data.new").rename(folder / "data")


def spawn(folder: Path, *, held: int, ports: tuple[int, int], jars: tuple[Path, ...]) -> subprocess.Popen[bytes]:
    """Start the broker at its port and its controller's; while it lives it keeps the lock of the open file `held`."""
    _write_properties(folder, ports=ports, data="data")
    with (folder / "logs" / "java.log").open("wb") as output:
        return subprocess.Popen(
            [*_java(jars), "kafka.Kafka", "server.properties"],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # the terminal's Ctrl-C is for the one who stops us in good order
            pass_fds=(held,),
        )


def comes_up(process: subprocess.Popen[bytes], *, folder: Path, port: int, on_step: Callable[[str], None]) -> bool:
    """Wait until a process that was started answers at its port as the broker of this folder; else end it."""
    patience = Patience(folder)
    is_said = False
    while process.poll() is None and not patience.is_over():
        if answers(folder, port=port) and _listens(process.pid, port=port):
            return True
        if patience.is_long and not is_said:
            on_step(f"Kafka still starts, and says in {log_file(folder)} what it does: it is waited for meanwhile")
            is_said = True
        time.sleep(LOOK_AGAIN_SECONDS)
    process.kill()
    process.wait()
    return False


class Patience:
    """How long a broker that starts is waited for: as long as its log grows, within reason."""

    def __init__(self, folder: Path) -> None:
        self._log = log_file(folder)
        self._began = self._written_at = time.monotonic()
        self._bytes = self._size()

    @property
    def is_long(self) -> bool:
        """Whether it takes longer than usual."""
        return time.monotonic() - self._began > USUAL_START_SECONDS

    def is_over(self) -> bool:
        """Say whether to wait no longer."""
        now, before, self._bytes = time.monotonic(), self._bytes, self._size()
        if self._bytes != before:
            self._written_at = now
        return now - self._written_at > START_SECONDS or now - self._began > LONGEST_START_SECONDS

    def _size(self) -> int:
        return self._log.stat().st_size if self._log.exists() else 0


def answers(folder: Path, *, port: int) -> bool:
    """Ask for the cluster, for another broker may have come to this port."""
    try:
        properties = (folder / "data" / "meta.properties").read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return False  # without it no broker starts, and its log says so
    answer = hello.cluster_id(port)
    return answer is not None and f"cluster.id={answer}" in properties


def _listens(pid: int, *, port: int) -> bool:
    """Whether it is this process that listens there: the broker of a copied home is of the same cluster."""
    try:
        sockets = psutil.Process(pid).net_connections("tcp")
    except psutil.Error:
        return False
    return any(one.status == psutil.CONN_LISTEN and one.laddr.port == port for one in sockets)


def _java(jars: tuple[Path, ...]) -> list[str]:
    # The home is the working folder and never named, so that no character of its path needs quoting for Kafka.
    return [
        str(program.java()),
        f"-Xmx{HEAP}",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",  # the second compiler takes more of two cores than its code gives back
        "-XX:-UsePerfData",
        "-XX:+ExitOnOutOfMemoryError",
        # What a crash leaves behind: one page beside the log, in the place of the last, and none of its memory.
        "-XX:ErrorFile=logs/crash.log",
        "-XX:-CreateCoredumpOnCrash",
        "--enable-native-access=ALL-UNNAMED",
        f"-Dlog4j2.configurationFile={(SETTINGS_FOLDER / 'log4j2.properties').as_uri()}",
        *("-cp", os.pathsep.join(map(str, jars))),
    ]


def _write_properties(folder: Path, *, ports: tuple[int, int], data: str) -> None:
    port, controller_port = ports
    template = string.Template((SETTINGS_FOLDER / "server.properties").read_text(encoding="ascii"))
    (folder / "server.properties").write_text(
        template.safe_substitute(port=port, controller_port=controller_port, data=data), encoding="ascii"
    )


def _new_cluster_id() -> str:
    """Sixteen random bytes as Kafka writes them; never with a leading dash, which its tools take for an option."""
    while True:
        text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        if not text.startswith("-"):
            return text


def log_file(folder: Path) -> Path:
    """Name the file in which the broker says what it does."""
    return folder / "logs" / "broker.log"
