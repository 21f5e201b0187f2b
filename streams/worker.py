"""The stream worker as a process: settings in, Faust until a signal, the model in a process of its own."""

import asyncio
import multiprocessing
import os
import signal
import ssl
import threading
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime
from functools import cache, partial
from multiprocessing.queues import SimpleQueue
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
from msgspec import Struct, structs

from schemas.company import Company, parse_company
from schemas.envelope import Event
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant, instant
from schemas.kafka_access import Access
from schemas.ourselves import our_version
from schemas.people import Role
from schemas.secret_references import resolve_secret
from schemas.standing import WAITING_FILE
from streams.hearing import Hearing
from streams.listening import Ears, Listen
from streams.notify import Notifier, open_ways
from streams.settings import StreamsSettings
from streams.store import forget_old, open_store
from streams.transcribe import Progress, Transcriber, Transcript, transcribe
from streams.whisper import SpeechSettings, open_transcriber

if TYPE_CHECKING:
    import faust  # noqa: TID251  # a type only; the door is streams.app

STOP_SECONDS = 8.0
KNOCKING_SECONDS = 60.0
WAITING_SECONDS = 2.0
FORGETTING_SECONDS = 3_600.0
LONG_SECONDS = 600.0  # of speech: from here on the log says how far the transcription of a call is
NICENESS = 5  # by so much the process of the model is nicer than the worker: nobody waits for it

_log = structlog.get_logger("angime.streams")


class Door(Struct, frozen=True, kw_only=True):
    """The way in to Kafka.

    `knock` raises Misconfigured where we are not let in, NotYet while nobody answers or a topic of ours is not there.
    """

    access: Access
    encryption: ssl.SSLContext | None
    knock: Callable[[], None]


def run(
    settings: StreamsSettings,
    *,
    environ: dict[str, str],
    ending: Iterable[signal.Signals],
    is_erased: Callable[[Event], bool],
    door: Door,
) -> None:
    """Run the worker until one of the signals `ending` comes. Of whom `is_erased` tells nothing is fetched or heard.

    Raises Misconfigured before anything is started, and when Kafka does not let us in, or no longer. Kafka is waited
    for, and so is a model that cannot be loaded; see streams.hearing.
    """
    ears = structs.replace(open_ears(settings, environ=environ), is_erased=is_erased)
    notifier = open_notifier(settings, companies=ears.companies, environ=environ)
    asyncio.run(_serve(settings, ears=ears, notifier=notifier, ending=ending, door=door))


async def _serve(
    settings: StreamsSettings, *, ears: Ears, notifier: Notifier | None, ending: Iterable[signal.Signals], door: Door
) -> None:
    from streams.agents import add_agents
    from streams.app import make_app

    stop = asyncio.Event()
    wrong: list[Misconfigured] = []

    def give_up(error: Misconfigured) -> None:
        wrong.append(error)
        stop.set()

    for signal_number in ending:
        asyncio.get_running_loop().add_signal_handler(signal_number, stop.set)
    while not await _is_let_in(door) and not stop.is_set():
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), WAITING_SECONDS)
    if stop.is_set():
        return
    folder = str(settings.home / "streams")
    app = make_app(settings.kafka, home=folder, access=door.access, encryption=door.encryption)
    # The model lives in a process of its own, so that Faust's loop keeps its heartbeats while it listens.
    context = multiprocessing.get_context("spawn")
    told: SimpleQueue[Progress] = context.SimpleQueue()
    threading.Thread(target=_log_progress, args=(told,), daemon=True).start()
    pool = ProcessPoolExecutor(max_workers=1, mp_context=context, initializer=_begin_in_pool, initargs=(told,))
    hearing = _hearing(settings, pool=pool)
    beside = [
        _forget_recordings(ears),
        knock_again(door, give_up=give_up),
        *([hearing.load()] if hearing is not None else []),
    ]
    add_agents(
        app,
        ears=ears,
        hearing=hearing,
        notifier=notifier,
        give_up=give_up,
        clock=_now,
        version=our_version(),
    )
    await app.start()
    tasks = [asyncio.create_task(one) for one in beside]
    _log.info("ready")
    await stop.wait()
    for task in tasks:
        task.cancel()
    await _end(app, pool=pool)
    if wrong:
        raise wrong[0]


async def knock_again(
    door: Door, *, give_up: Callable[[Misconfigured], None], seconds: float = KNOCKING_SECONDS
) -> None:
    """Ask Kafka now and then whether it lets us in: Faust's client would try for ever, and say so in its own words."""
    while True:
        await asyncio.sleep(seconds)
        try:
            await _is_let_in(door)
        except Misconfigured as refusal:
            give_up(refusal)


async def _is_let_in(door: Door) -> bool:
    """Ask whether Kafka lets us in; not while it is away. Raises Misconfigured when it refuses us."""
    try:
        await asyncio.to_thread(door.knock)
    except NotYet as refusal:
        _log.warning("kafka_away", reason=refusal.reason)
        return False
    return True


async def _forget_recordings(ears: Ears) -> None:
    """Delete what companies keep no longer, now and then; a store that is away is asked again."""
    while True:
        try:
            forgotten = await asyncio.to_thread(forget_old, ears.store, ears.companies.values(), now=_now())
        except NotYet as refusal:
            _log.warning("old_recordings_wait", reason=refusal.reason)
        else:
            if forgotten:
                _log.info("old_recordings_forgotten", recordings=forgotten)
        await asyncio.sleep(FORGETTING_SECONDS)


def _hearing(settings: StreamsSettings, *, pool: ProcessPoolExecutor) -> Hearing | None:
    """Give what hears recordings; None where no model is set, and then nothing waits for one."""
    (settings.home / WAITING_FILE).unlink(missing_ok=True)
    listen = listener(settings)
    if listen is None:
        return None
    load = partial(_load_model, speech_of(settings))
    return Hearing(load=load, listen=listen, pool=pool, home=settings.home, clock=_now)


async def _end(app: "faust.App", *, pool: ProcessPoolExecutor) -> None:
    """Stop within the limit; what is unfinished was not acknowledged and is done again at the next start."""
    try:
        await asyncio.wait_for(app.stop(), STOP_SECONDS)
    except TimeoutError:
        _log.warning("stopped hard", after_seconds=STOP_SECONDS)
    for process in multiprocessing.active_children():
        process.kill()
    pool.shutdown(cancel_futures=True)


def open_ears(settings: StreamsSettings, *, environ: dict[str, str]) -> Ears:
    """Read the companies and their secrets, and open the store. Raises Misconfigured."""
    companies = {company.id: company for company in _companies(settings.company_path)}
    secrets = {
        (company.id, account.id): resolve_secret(account.fetch_secret, environ=environ, read=_beside(settings))
        for company in companies.values()
        for account in company.accounts
        if account.fetch_secret
    }
    return Ears(
        companies=companies,
        fetch_secrets=secrets,
        store=open_store(settings.recordings_url),
        fetch_seconds=settings.fetch_seconds,
    )


def open_notifier(
    settings: StreamsSettings, *, companies: Mapping[str, Company], environ: Mapping[str, str]
) -> Notifier | None:
    """Give what tells people of alerts, None where no rule asks for it. Raises Misconfigured."""
    ways = open_ways(list(companies.values()), environ=environ, read=_beside(settings))
    return Notifier(companies, ways, memory=settings.home / "streams" / "notified.sqlite") if ways else None


def _beside(settings: StreamsSettings) -> Callable[[str], str]:
    """Read files that company data names beside itself."""
    base = settings.company_path if settings.company_path.is_dir() else settings.company_path.parent
    return lambda name: (base / name).read_text()


def listener(settings: StreamsSettings) -> Listen | None:
    """Give what transcribes a recording, to be called in another process; None when no model is set."""
    if not settings.speech_model:
        return None
    return _Listener(settings)


def speech_of(settings: StreamsSettings) -> SpeechSettings:
    """Give what the settings say of the model."""
    return SpeechSettings(
        model=settings.speech_model,
        device=settings.speech_device,
        compute_type=settings.speech_compute_type,
        threads=settings.speech_threads,
        aligner=settings.speech_aligner,
        offline=not settings.speech_download,
    )


class _Listener:
    """A picklable call into the one transcriber of its process."""

    def __init__(self, settings: StreamsSettings) -> None:
        self._speech = speech_of(settings)

    def __call__(self, content: bytes, roles: tuple[Role, ...], language: str | None) -> Transcript:
        transcriber = _transcriber(self._speech)
        return transcribe(content, roles=roles, language=language, transcriber=transcriber, on_progress=_tell)


_progress: "list[SimpleQueue[Progress]]" = []  # of the process of the model: where it tells how far it is


def _begin_in_pool(told: "SimpleQueue[Progress]") -> None:
    """Let the process of the model tell its progress, and end when the worker was killed."""
    os.nice(NICENESS)
    _progress[:] = [told]
    parent = multiprocessing.parent_process()

    def watch() -> None:
        if parent is not None:
            parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _tell(progress: Progress) -> None:
    for told in _progress:
        told.put(progress)


def _log_progress(told: "SimpleQueue[Progress]") -> None:
    """Say of long calls how far they are and how long the rest will take, as long as the worker lives."""
    while True:
        progress = told.get()
        if progress.all_seconds >= LONG_SECONDS and progress.left_seconds is not None:
            _log.info("listening", done=round(progress.share, 2), left_seconds=round(progress.left_seconds))


def _load_model(speech: SpeechSettings) -> None:
    _transcriber(speech).load()


@cache
def _transcriber(speech: SpeechSettings) -> Transcriber:
    return open_transcriber(speech)


def _companies(path: Path) -> list[Company]:
    files = sorted(path.glob("*.toml")) if path.is_dir() else [path]
    if not files or not all(file.is_file() for file in files):
        raise Misconfigured(f"there is no company file at {path}: write one, or set ANGIME_COMPANY to where it is")
    return [parse_company(file.read_text(), file=str(file)) for file in files]


def _now() -> Instant:
    return instant(datetime.now(UTC))
