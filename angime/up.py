"""Everything on one machine: the broker and the stages, started again when they end, stopped in order."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from pathlib import Path

from msgspec import Struct, structs

from analytics import environ_to_ask
from angime import liveness, presence
from angime.settings import load
from dashboards.settings import DashboardsSettings
from pipelines import collect
from pipelines.kafka import local_kafka, topics
from pipelines.kafka.broker import Admin
from pipelines.kafka.free_ports import free_port, is_free
from pipelines.origins import load_origins, prove_secrets
from pipelines.settings import PipelinesSettings
from schemas.errors import Misconfigured

STAGES = ("receive", "normalise", "stream", "land", "pages")
COLLECT = "collect"  # runs beside them where an account has a door that is no webhook
WRONG_SETTINGS, HALTED = 2, 3
# Where processors are short, what is landed comes before what is looked at, and that before what is heard: so much
# nicer than the others, as the system counts it, are these stages.
NICENESS = {"pages": 10, "stream": 15}
ASKING = ("land", "pages")  # these ask the warehouse
FIRST_WAIT_SECONDS = 0.5
LONGEST_WAIT_SECONDS = 30.0
CALM_SECONDS = 60.0  # a stage that ran this long starts again at once
STOP_SECONDS = 11.0  # `angime up` ends within 15 s: this, then the kill, then the broker in a few seconds
READY_SECONDS = 90.0
PATIENCE = 10
SAY_SECONDS = 30.0
READY = 200
LOOK_AGAIN_SECONDS = 0.1

Say = Callable[[str, str], None]


class Options(Struct, frozen=True, kw_only=True):
    """What `up` may be asked for: where log lines and steps go, which stages run, and with which other settings."""

    say: Say
    on_step: Callable[[str], None]
    stages: tuple[str, ...] = STAGES
    may_choose_ports: bool = False
    longest_wait_seconds: float = LONGEST_WAIT_SECONDS
    look_seconds: float = liveness.LOOK_SECONDS
    extra: tuple[tuple[str, str], ...] = ()


class Stack:
    """The running stages of one machine. `stop` ends them; `failed` tells why one could not start at all."""

    def __init__(self, options: Options, *, environ: Mapping[str, str], owns_broker: bool) -> None:
        self._environ = dict(environ)
        self._say = options.say
        self._on_step = options.on_step
        self._longest_wait_seconds = options.longest_wait_seconds
        self._look_seconds = options.look_seconds
        self._owns_broker = owns_broker
        self._stages = options.stages
        self._stopping = threading.Event()
        self._failure: str | None = None
        self._watchers = [threading.Thread(target=self._watch, args=(stage,), daemon=True) for stage in options.stages]
        if owns_broker:
            self._watchers.append(threading.Thread(target=self._watch_broker, daemon=True))
        self._watchers.append(threading.Thread(target=self._watch_life, daemon=True))
        self._processes: dict[str, subprocess.Popen[str]] = {}
        self._ends: Counter[str] = Counter()
        self.receiver_url = f"http://{environ['ANGIME_RECEIVE_HOST']}:{environ['ANGIME_RECEIVE_PORT']}"
        self.pages_url = f"http://127.0.0.1:{environ['ANGIME_PAGES_PORT']}"
        self.home = Path(environ["ANGIME_HOME"])
        self._claim = presence.claim(self.home)
        for watcher in self._watchers:
            watcher.start()

    @property
    def environ(self) -> Mapping[str, str]:
        """The settings with which the stages run."""
        return self._environ

    @property
    def failed(self) -> str | None:
        """Why a stage could not start (its settings are wrong), None while all is well."""
        return self._failure

    def pid(self, stage: str) -> int | None:
        """The process of a stage that runs now."""
        process = self._processes.get(stage)
        return process.pid if process is not None and process.poll() is None else None

    def wait_ready(self, stopped: threading.Event | None = None, *, seconds: float = READY_SECONDS) -> None:
        """Return when receiver and pages answer, or when `stopped` is set.

        One that starts is waited for as long as it does anything. Raises Misconfigured when for so many seconds it did
        not, or ended and starts again, and after ten times as many in any case.
        """
        waiting = [stage for stage in liveness.HEALTH if stage in self._stages]
        began = moved_at = said_at = time.monotonic()
        work = 0.0
        while waiting and not (stopped is not None and stopped.is_set()):
            if self._failure:
                raise Misconfigured(self._failure)
            stage, now = waiting[0], time.monotonic()
            before, work = work, liveness.work_seconds(self.pid(stage) or 0)
            if work > before and not self._ends[stage]:
                moved_at = now
            where = f"{stage} does not answer at {self._health_of(stage)} after {now - began:.0f} s"
            if now - moved_at > seconds or now - began > PATIENCE * seconds:
                raise Misconfigured(f"{where}: mend what it said above, or let `angime {stage}` say it alone")
            if now - said_at > SAY_SECONDS:
                self._on_step(f"{where}: it is waited for as long as it does anything, for a busy machine takes long")
                said_at = now
            waiting = [one for one in waiting if liveness.status_of(self._health_of(one)) != READY]
            time.sleep(LOOK_AGAIN_SECONDS)

    def _health_of(self, stage: str) -> str:
        return (self.receiver_url if stage == "receive" else self.pages_url) + liveness.HEALTH.get(stage, "")

    def stop(self) -> None:
        """End the stages in good order, then by force, then the broker if it was ours to start."""
        self._stopping.set()
        for process in self._processes.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        for process in self._processes.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(process, signal.SIGKILL)
        for watcher in self._watchers:
            watcher.join(1.0)
        if self._owns_broker:
            local_kafka.stop(self.home)
        os.close(self._claim)

    def _watch(self, stage: str) -> None:
        """Run one stage again and again until we stop; a halted stage ends only itself.

        Settings that are wrong as it first starts end everything. Those that are found wrong later are waited for until
        they are mended: what other stages take in meanwhile, nobody might send again.
        """
        waits = _Waits(self._longest_wait_seconds)
        while not self._stopping.is_set():
            began = time.monotonic()
            code, last = self._run_once(stage)
            ran_seconds = time.monotonic() - began
            if self._stopping.is_set():
                return
            if code == WRONG_SETTINGS and not self._ends[stage] and ran_seconds < CALM_SECONDS:
                self._failure = last.removeprefix("angime: ")
                return
            if code == HALTED:
                self._say(
                    "up", f"{stage} stays stopped, the others go on; mend what it said and start `angime up` anew"
                )
                return
            wait_seconds = waits.after(ran_seconds)
            self._ends[stage] += 1
            mending = ": mend what it said" if code == WRONG_SETTINGS else ""
            self._say("up", f"{stage} ended with {code}{mending}; it starts again in {wait_seconds:.1f} s")
            self._stopping.wait(wait_seconds)

    def _watch_broker(self) -> None:
        """Start the broker of this home again whenever it ends, but not one that somebody stopped."""
        waits = _Waits(self._longest_wait_seconds)
        began = time.monotonic()
        hindrance = ""
        while not self._stopping.wait(LOOK_AGAIN_SECONDS):
            if not local_kafka.is_lost(self.home):
                continue
            wait_seconds = waits.after(time.monotonic() - began)
            if not hindrance:
                self._say("up", f"broker ended; it starts again in {wait_seconds:.1f} s")
            self._stopping.wait(wait_seconds)
            hindrance = self._start_broker_again(known=hindrance)
            began = time.monotonic()

    def _start_broker_again(self, *, known: str) -> str:
        """Start the broker, and give what hinders it, which is said unless it is `known`; nothing when it runs."""
        if self._stopping.is_set() or not local_kafka.is_lost(self.home):
            return ""
        try:
            running = local_kafka.start(self.home, on_step=lambda _step: None)
        except Misconfigured as refusal:
            if refusal.reason != known and not self._stopping.is_set():
                self._on_step(f"The broker cannot start, and is tried again: {refusal.reason}")
            return refusal.reason
        self._say("up", f"broker runs again at {running.bootstrap}")
        if running.bootstrap != self._environ["ANGIME_KAFKA"]:
            self._environ["ANGIME_KAFKA"] = running.bootstrap
            for stage, process in list(self._processes.items()):
                if stage != "pages":  # these do not ask Kafka
                    _signal(process, signal.SIGTERM)
        return ""

    def _watch_life(self) -> None:
        """End whatever hangs, so that it starts again."""
        watch = liveness.Watch()
        while not self._stopping.wait(self._look_seconds):
            asked = {
                stage: liveness.asked_of_stage(stage, pid=pid, url=self._health_of(stage), home=self.home)
                for stage in self._stages
                if (pid := self.pid(stage)) is not None
            }
            if self._owns_broker:
                asked["broker"] = liveness.asked_of_broker(self.home)
            known = {name: one for name, one in asked.items() if one is not None}
            for name in watch.look(known):
                if self._stopping.is_set():
                    return
                minutes = liveness.HANGING_LOOKS * self._look_seconds / 60
                self._say(
                    "up", f"{name} hangs: it runs, and gave no sign of life for {minutes:.0f} minutes; it is ended"
                )
                with suppress(ProcessLookupError):
                    os.kill(known[name].pid, signal.SIGKILL)

    def _run_once(self, stage: str) -> tuple[int, str]:
        """Run a stage until it ends; gives how it ended, and the last line that it said."""
        last = ""
        environ = environ_of(stage, self._environ)
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "angime", stage],  # not what goes by this name in the folder of whoever typed
            env=environ,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            # The terminal's Ctrl-C reaches us alone, and we stop the stages in order. Their session is ours: to
            # sessions the system may give even shares of the processors, and then niceness counts within one only.
            process_group=0,
        ) as process:
            self._processes[stage] = process
            with suppress(ProcessLookupError):
                os.setpriority(os.PRIO_PGRP, process.pid, os.getpriority(os.PRIO_PROCESS, 0) + NICENESS.get(stage, 0))
            threading.Thread(target=_end_children, args=(process,), daemon=True).start()
            if self._stopping.is_set() or environ["ANGIME_KAFKA"] != self._environ["ANGIME_KAFKA"]:
                _signal(process, signal.SIGTERM)
            for line in process.stdout or ():
                last = line.rstrip() or last
                self._say(stage, line.rstrip())
            code = process.wait()
        return code, last


class _Waits:
    """How long to wait before what ended starts again: twice as long each time, but little after a calm time."""

    def __init__(self, longest_seconds: float) -> None:
        self._longest_seconds = longest_seconds
        self._seconds = FIRST_WAIT_SECONDS

    def after(self, ran_seconds: float) -> float:
        """Give the seconds to wait after it ran so long."""
        if ran_seconds > CALM_SECONDS:
            self._seconds = FIRST_WAIT_SECONDS
        seconds, self._seconds = self._seconds, min(self._seconds * 2, self._longest_seconds)
        return seconds


def environ_of(stage: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Give the environment of a stage."""
    return environ_to_ask(environ, has_many_threads=stage == "pages") if stage in ASKING else dict(environ)


def start(options: Options) -> Stack:
    """Start the broker (unless ANGIME_KAFKA names one), the topics and the stages. Raises Misconfigured."""
    settings = load(PipelinesSettings)
    home = settings.home.absolute()
    origins = load_origins(settings)  # a wrong company file is said before anything starts, and a missing secret
    if "receive" in options.stages:
        prove_secrets(settings, environ={**os.environ, **dict(options.extra)})
    if collect.is_needed(origins) and "receive" in options.stages:
        options = structs.replace(options, stages=(*options.stages, COLLECT))
    os.close(presence.claim(home))  # who runs it all already is said before anything starts
    ports = {
        "ANGIME_RECEIVE_PORT": _port(settings.receive_port, "ANGIME_RECEIVE_PORT", options=options),
        "ANGIME_PAGES_PORT": _port(load(DashboardsSettings).pages_port, "ANGIME_PAGES_PORT", options=options),
    }
    bootstrap = settings.kafka or local_kafka.start(home, on_step=options.on_step).bootstrap
    options.on_step("Topics")
    with closing(Admin(bootstrap)) as admin:
        topics.apply(admin)
    environ = {
        **os.environ,
        "ANGIME_HOME": str(home),
        "ANGIME_KAFKA": bootstrap,
        "ANGIME_RECEIVE_HOST": settings.receive_host,
        **{name: str(port) for name, port in ports.items()},
        "PYTHONUNBUFFERED": "1",
        **dict(options.extra),
    }
    options.on_step("Stages: " + ", ".join(options.stages))
    return Stack(options, environ=environ, owns_broker=not settings.kafka)


def _port(wanted: int, name: str, *, options: Options) -> int:
    if wanted and is_free(wanted):
        return wanted
    if wanted and not options.may_choose_ports:
        raise Misconfigured(f"port {wanted} is taken by another program: set {name} to another one, or to 0 for any")
    return free_port()


def _end_children(process: subprocess.Popen[str]) -> None:
    """End what a stage leaves behind when it is killed: its children would hold its log open, and us with it."""
    process.wait()
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _signal(process: subprocess.Popen[str], number: int) -> None:
    if process.poll() is None:
        process.send_signal(number)
