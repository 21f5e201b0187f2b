"""A process of its own for each statement a person writes: bounded in memory, time and output, and killed in the end.

`ask` is the side of the pages, `main` the side of the process; between them go one JSON line of request, and a line of
what came of it, followed by the rows as an Arrow stream.
"""

import os
import resource
import secrets
import selectors
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import IO, Literal

import msgspec
import polars as pl
from msgspec import Struct

from analytics.engine.catalogs import told_to_clients
from analytics.reading.confining import Refused
from analytics.reading.rights import Rights
from analytics.settings import AnalyticsSettings

SECONDS = 4.0
SECONDS_TO_START = 45.0
CPU_SECONDS = 20
MEMORY_BYTES = 2 * 1024 * 1024 * 1024
# The catalog keeps small files of its own beside it when it is read.
FILE_BYTES = 64 * 1024 * 1024
MAX_ROWS = 10_000
MAX_BYTES = 16 * 1024 * 1024
MAX_AT_ONCE = 2
WAIT_SECONDS = 15.0

Problem = Literal["", "refused", "error", "time", "memory", "size", "busy"]

_places = threading.BoundedSemaphore(MAX_AT_ONCE)


class Request(Struct, frozen=True, kw_only=True):
    """What the process is asked: one statement, in a warehouse as the settings name it, with these rights."""

    home: str
    warehouse: str
    catalog: str
    files: str
    text: str
    rights: Rights
    salt: str


class Outcome(Struct, frozen=True, kw_only=True):
    """What came of a statement: rows, or the problem and its words; `is_cut` when there were more rows."""

    problem: Problem = ""
    words: str = ""
    is_cut: bool = False
    seconds: float = 0.0


class Answer(Struct, frozen=True, kw_only=True):
    """The outcome with its rows."""

    outcome: Outcome
    rows: pl.DataFrame


def ask(settings: AnalyticsSettings, *, text: str, rights: Rights, seconds: float = SECONDS) -> Answer:
    """Run a person's statement beside everything else; whatever it does, it is stopped after `seconds`."""
    if not rights.asks_sql:
        return _failed("refused", "your role does not ask in SQL")
    if not _places.acquire(timeout=WAIT_SECONDS):
        return _failed("busy", "others are asking right now; try again in a moment")
    try:
        request = Request(
            home=str(settings.home.absolute()),
            warehouse=str(settings.warehouse.absolute()),
            catalog=settings.catalog,
            files=str(settings.warehouse_files),
            text=text,
            rights=rights,
            salt=secrets.token_hex(16),
        )
        return _run(request, seconds=seconds)
    finally:
        _places.release()


def _run(request: Request, *, seconds: float) -> Answer:
    with subprocess.Popen(
        [sys.executable, "-E", "-s", "-m", "analytics.reading.sandbox"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        cwd=Path(__file__).parents[2],
        env={"LANG": "C.UTF-8", "PATH": os.defpath, **told_to_clients(os.environ)},
        start_new_session=True,
    ) as process:
        try:
            return _talk(process, request, allowed=seconds)
        finally:
            process.kill()


def _talk(process: subprocess.Popen[bytes], request: Request, *, allowed: float) -> Answer:
    written, read = process.stdin, process.stdout
    if written is None or read is None:
        raise RuntimeError("the process was started without pipes")
    try:
        written.write(msgspec.json.encode(request) + b"\n")
        written.close()
    except BrokenPipeError:
        return _failed("memory", "")
    ready = _read(read, until=b"\n", seconds=SECONDS_TO_START)
    if ready != b"ready\n":
        return _failed("time" if ready is None else "memory", "")
    began = time.monotonic()
    said = _read(read, until=b"", seconds=allowed)
    seconds = time.monotonic() - began
    if said is None:
        return _failed("time", f"stopped after {allowed:.0f} s", seconds=seconds)
    head, _, body = said.partition(b"\n")
    if not head:
        return _failed("memory", "stopped: it wanted more memory than a question gets", seconds=seconds)
    outcome = msgspec.structs.replace(msgspec.json.decode(head, type=Outcome), seconds=seconds)
    rows = pl.read_ipc_stream(body) if body else pl.DataFrame()
    return Answer(outcome=outcome, rows=rows)


def _read(pipe: IO[bytes], *, until: bytes, seconds: float) -> bytes | None:
    """Read up to the mark, or to the end where there is none; None when the time is over."""
    end = time.monotonic() + seconds
    read = b""
    with selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        while not (until and read.endswith(until)) and len(read) <= 2 * MAX_BYTES:
            if not selector.select(timeout=max(0.0, end - time.monotonic())):
                return None
            chunk = os.read(pipe.fileno(), 1 if until else 1 << 16)
            if not chunk:
                break
            read += chunk
    return read


def _failed(problem: Problem, words: str, *, seconds: float = 0.0) -> Answer:
    return Answer(outcome=Outcome(problem=problem, words=words, seconds=seconds), rows=pl.DataFrame())


def main() -> None:
    """Be the process: take one request, answer it, end."""
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    request = msgspec.json.decode(sys.stdin.buffer.readline(), type=Request)
    from analytics.warehouse import open_confined

    settings = AnalyticsSettings(
        home=Path(request.home),
        warehouse_folder=Path(request.warehouse),
        catalog=request.catalog,
        warehouse_files=request.files,
    )
    session = open_confined(settings)
    _limit()
    out.write(b"ready\n")
    out.flush()
    try:
        session.allow(request.text, rights=request.rights, salt=request.salt)
        rows, is_cut = session.some(request.text, rows=MAX_ROWS, size_bytes=MAX_BYTES)
    except Refused as refused:
        out.write(msgspec.json.encode(Outcome(problem="refused", words=str(refused))) + b"\n")
    except MemoryError:
        out.write(msgspec.json.encode(Outcome(problem="memory")) + b"\n")
    except session.errors as error:
        is_memory = "Out of Memory" in str(error)
        outcome = Outcome(problem="memory" if is_memory else "error", words="" if is_memory else str(error)[:2_000])
        out.write(msgspec.json.encode(outcome) + b"\n")
    else:
        if rows is None:
            out.write(msgspec.json.encode(Outcome(problem="size")) + b"\n")
        else:
            out.write(msgspec.json.encode(Outcome(is_cut=is_cut)) + b"\n")
            rows.write_ipc_stream(out)
    out.flush()
    os._exit(0)


def _limit() -> None:
    """Bound what the process may take from now on."""
    resource.setrlimit(resource.RLIMIT_DATA, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_FSIZE, (FILE_BYTES, FILE_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))


if __name__ == "__main__":
    main()
