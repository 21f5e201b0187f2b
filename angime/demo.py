"""The demo: a simulated company's traffic through the real doors, compared with what is true, shown on the pages."""

import json
import os
import signal
import sys
import time
import webbrowser
from collections.abc import Generator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from threading import Event
from typing import Any

from msgspec import Struct
from msgspec.structs import replace
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from analytics.warehouse import AnalyticsSettings, Reader
from angime import up
from angime.demo_stack import reading, running
from angime.ending import ending_signals
from angime.simulator import freshness, sending, truth
from angime.simulator.company import COMPANY
from angime.simulator.delivery import Parcel, parcels
from angime.simulator.house import Told, furnish, recall
from angime.simulator.live import trickle
from angime.simulator.recordings import RECORDINGS, RecordingServer, Spoken, speak
from angime.simulator.story import Story
from angime.simulator.traffic import tell
from angime.standing import lags
from schemas.counts import so_many
from schemas.errors import Misconfigured, NotYet

DAYS = 61
CALLS = 8_000
LAND_SECONDS = 300.0
TRANSCRIBE_SECONDS = 240.0
LOOK_AGAIN_SECONDS = 0.5
COUNT_AGAIN_SECONDS = 1.5  # a count costs a tenth of a second of a processor that the stages need
SHOWN_MISMATCHES = 20
COUNTS = """
    select
        (select count(*) from facts.calls where company = $company) as calls,
        (select count(*) from facts.messages where company = $company) as messages,
        (select count(*) from facts.calls where company = $company and has_transcript) as transcripts,
        (select count(*) from log.events) as events
"""


class Wish(Struct, frozen=True, kw_only=True):
    """What the demo was asked for, and how large; a test asks for a small one."""

    seed: int
    once: bool = False
    json_output: bool = False
    days: int = DAYS
    calls: int = CALLS
    recordings: int = RECORDINGS
    live_calls: int = freshness.CALLS
    stages: tuple[str, ...] = up.STAGES


class Outcome(Struct, frozen=True, kw_only=True):
    """What a demo found, as `angime demo --once --json` prints it."""

    calls_simulated: int
    calls_reported: int
    mismatches: int
    recordings: int
    transcripts: int
    freshness_p95_seconds: float
    seconds: dict[str, float]


class Counts(Struct, frozen=True, kw_only=True):
    """How much the warehouse shows."""

    calls: int = 0
    messages: int = 0
    transcripts: int = 0
    events: int = 0


def run_demo(home: Path, *, seed: int = 1, once: bool = False, json_output: bool = False) -> int:
    """Run the demo in `home` and give the exit code: 0, or 1 when the warehouse does not tell the truth.

    Without `once` the pages stay open and calls keep coming until Ctrl-C. Raises Misconfigured as the stages do, and
    when `home` is somebody's own.
    """
    return play(home, wish=Wish(seed=seed, once=once, json_output=json_output))


def play(home: Path, *, wish: Wish) -> int:
    """Run the demo that was wished for; see `run_demo`."""
    before = {number: signal.signal(number, signal.default_int_handler) for number in ending_signals()}
    console = Console(stderr=True)
    clock = _Clock("start")
    code = 1 if wish.once else 0  # until it was compared
    told = recall(home, seed=wish.seed, days=wish.days, calls=wish.calls)
    server = _recording_server(told)
    furnish(home, told=replace(told, recordings_port=server.port), recordings_host=server.host)

    def on_step(step: str) -> None:
        console.print(f"[dim]·[/] {step}", highlight=False)

    try:
        with running(home, stages=wish.stages, on_step=on_step) as stack:
            spoken = speak(seed=told.seed, count=wish.recordings)
            story = _tell(told, spoken=spoken)
            packed = parcels(story, audio=server.hold(story, spoken=spoken))
            stack.wait_ready()
            with reading(home) as reader:
                outcome = _check(_Demo(stack, reader, story, console), packed, wish=wish, clock=clock)
            _print(outcome, wish=wish, console=console)
            code = 1 if outcome.mismatches else 0
            if not wish.once:
                _stay_open(stack, story, console=console)
    except KeyboardInterrupt:
        console.print("Stopped.")
    finally:
        server.close()
        for number, handler in before.items():
            signal.signal(number, handler)
    return code


class _Clock:
    """Takes the time of each phase, one after the other."""

    def __init__(self, phase: str) -> None:
        self.seconds: dict[str, float] = {}
        self._phase = phase
        self._began = time.monotonic()

    def next(self, phase: str) -> None:
        """End the phase that runs and begin another."""
        now = time.monotonic()
        self.seconds[self._phase] = round(now - self._began, 1)
        self._phase, self._began = phase, now


class _Demo(Struct, frozen=True):
    """What a running demo holds: the stages, a reader of the warehouse, the story, and where progress is shown."""

    stack: up.Stack
    reader: Reader
    story: Story
    console: Console

    def counts(self) -> Counts:
        """Look how much the warehouse shows. Raises Misconfigured when a stage gave up."""
        if self.stack.failed:
            raise Misconfigured(self.stack.failed)
        [row] = self.reader.sql(COUNTS, {"company": COMPANY}).to_dicts()
        return Counts(**row)

    def has_landed_all(self) -> bool:
        """Whether no stage has anything before it."""
        settings = AnalyticsSettings(home=self.stack.home)
        try:
            return not any(row.waiting for row in lags(self.stack.environ["ANGIME_KAFKA"], settings=settings))
        except NotYet:
            return False

    def read_sql(self, text: str, parameters: dict[str, Any]) -> truth.Rows:
        """Ask the warehouse as a page does."""
        return self.reader.sql(text, parameters)


def _check(demo: _Demo, packed: tuple[Parcel, ...], *, wish: Wish, clock: _Clock) -> Outcome:
    """Send everything, wait until it is shown, measure freshness with calls of now, and compare."""
    story = demo.story
    clock.next("send_and_land")
    expected = Counts(
        calls=len(story.calls),
        messages=truth.count_messages(story.messages).total(),
        transcripts=len(story.recordings),
    )
    with _progress(demo.console) as progress:
        _send_and_land(demo, packed, expected=expected, progress=progress)
        clock.next("transcribe")
        _wait_for_transcripts(demo, expected=expected, progress=progress)
    clock.next("freshness")
    fresh = freshness.measure(story, base_url=demo.stack.receiver_url, read_sql=demo.read_sql, calls=wish.live_calls)
    clock.next("compare")
    story = replace(story, calls=(*story.calls, *fresh.calls))
    mismatches = _settled_mismatches(demo, story)
    shown = demo.counts()
    clock.next("")
    for mismatch in mismatches[:SHOWN_MISMATCHES]:
        demo.console.print(
            f"{mismatch.call}: {mismatch.field} is {mismatch.actual}, truly {mismatch.expected}", markup=False
        )
    return Outcome(
        calls_simulated=len(story.calls),
        calls_reported=shown.calls,
        mismatches=len(mismatches),
        recordings=expected.transcripts,
        transcripts=shown.transcripts,
        freshness_p95_seconds=round(fresh.p95_seconds, 3),
        seconds=clock.seconds,
    )


def _send_and_land(demo: _Demo, packed: tuple[Parcel, ...], *, expected: Counts, progress: Progress) -> None:
    sent = progress.add_task("webhooks sent", total=len(packed))
    calls = progress.add_task("calls landed", total=expected.calls)
    messages = progress.add_task("messages landed", total=expected.messages)
    is_over = Event()
    with ThreadPoolExecutor(1) as pool, _set_at_the_end(is_over):
        sending_all = pool.submit(
            sending.send,
            takewhile(lambda _: not is_over.is_set(), packed),
            base_url=demo.stack.receiver_url,
            seed=demo.story.seed,
            on_sent=lambda: progress.advance(sent),
        )
        deadline = time.monotonic() + LAND_SECONDS
        while time.monotonic() < deadline:
            shown = demo.counts()
            _draw(progress, {calls: shown.calls, messages: shown.messages})
            if _is_sent(sending_all) and shown.calls >= expected.calls and shown.messages >= expected.messages:
                return
            time.sleep(COUNT_AGAIN_SECONDS)


@contextmanager
def _set_at_the_end(event: Event) -> Generator[None]:
    """Set `event` when the work in this context ends, however it ends."""
    try:
        yield
    finally:
        event.set()


def _wait_for_transcripts(demo: _Demo, *, expected: Counts, progress: Progress) -> None:
    task = progress.add_task("recordings transcribed", total=expected.transcripts)
    deadline = time.monotonic() + TRANSCRIBE_SECONDS
    while time.monotonic() < deadline:
        shown = demo.counts()
        _draw(progress, {task: shown.transcripts})
        if shown.transcripts >= expected.transcripts:
            return
        time.sleep(COUNT_AGAIN_SECONDS)


def _settled_mismatches(demo: _Demo, story: Story) -> list[truth.Mismatch]:
    """Compare until nothing differs, or until all that was sent is landed: a busy machine is no lie."""
    deadline = time.monotonic() + LAND_SECONDS
    while True:
        is_over = demo.has_landed_all() or time.monotonic() > deadline  # asked first, and compared afterwards
        mismatches = truth.compare(story, read_sql=demo.read_sql)
        if is_over or not mismatches:
            return mismatches
        time.sleep(LOOK_AGAIN_SECONDS)


def _tell(told: Told, *, spoken: tuple[Spoken, ...]) -> Story:
    lengths = tuple((one.language, one.seconds) for one in spoken)
    return tell(seed=told.seed, now=told.now, days=told.days, calls=told.calls, spoken=lengths)


def _recording_server(told: Told) -> RecordingServer:
    """Serve recordings on the port of last time, or on another where somebody has taken it."""
    try:
        return RecordingServer(port=told.recordings_port, seed=told.seed)
    except OSError:
        return RecordingServer(seed=told.seed)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    return Progress(*columns, console=console, refresh_per_second=2)


def _draw(progress: Progress, done: Mapping[TaskID, int]) -> None:
    for task, count in done.items():
        progress.update(task, completed=count)


def _is_sent(sending_all: Future[sending.Sent]) -> bool:
    """Say whether all was sent; raises what the sending raised."""
    return sending_all.done() and sending_all.result().requests > 0


def _print(outcome: Outcome, *, wish: Wish, console: Console) -> None:
    fields: dict[str, Any] = {name: getattr(outcome, name) for name in Outcome.__struct_fields__}
    if wish.json_output:
        sys.stdout.write(json.dumps(fields) + "\n")
        sys.stdout.flush()
        return
    for line in in_words(outcome):
        console.print(line)


def in_words(outcome: Outcome) -> list[str]:
    """Say what a demo found, a line each, in rich's markup."""
    verdict = "[green]the warehouse tells the truth[/]" if not outcome.mismatches else "[red]it differs[/]"
    lines = [f"{so_many(outcome.calls_simulated, 'call')} simulated, {outcome.calls_reported} reported: {verdict}"]
    if (earlier := outcome.calls_reported - outcome.calls_simulated) > 0:
        lines.append(f"among them {so_many(earlier, 'live call')} of an earlier demo")
    mismatches = so_many(outcome.mismatches, "mismatch", "mismatches")
    recordings = so_many(outcome.transcripts, "recording")
    lines.append(f"{mismatches}, {recordings} transcribed by the demo model")
    if (waiting := outcome.recordings - outcome.transcripts) > 0:
        waits = so_many(waiting, "recording")
        lines.append(f"{waits} could not be transcribed in time on this machine: each is a mismatch until it is")
    lines.append(f"webhook to page: 95 of 100 within {outcome.freshness_p95_seconds:.2f} s")
    lines.append(", ".join(f"{phase} {seconds:.0f} s" for phase, seconds in outcome.seconds.items()))
    return lines


def _stay_open(stack: up.Stack, story: Story, *, console: Console) -> None:
    """Open the pages and let calls come until Ctrl-C."""
    console.print(f"Pages: [bold]{stack.pages_url}[/]   (Ctrl-C ends everything)")
    if sys.platform in {"darwin", "win32"} or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"):
        webbrowser.open(stack.pages_url)
    trickle(story, base_url=stack.receiver_url, is_over=lambda: stack.failed is not None)
    raise Misconfigured(stack.failed or "a stage stopped")
