"""Runs a replay from the command line: plans it, says what it will do, goes on where it was interrupted."""

import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from analytics.privacy.anonymous import without_words
from analytics.privacy.erased import Known
from analytics.progress import Pace
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader
from angime.moments import now
from angime.settings import load
from pipelines import correcting, replay
from pipelines.kafka import stretches
from pipelines.kafka.broker import Admin, assign, connect_producer
from pipelines.origins import load_origins
from pipelines.settings import PipelinesSettings
from pipelines.whole_files import write_whole
from schemas.envelope import Event
from schemas.errors import Misconfigured, NotYet
from schemas.instants import instant
from schemas.topics import CANONICAL, STREAMED

Say = Callable[[str], None]


class Plan(Struct, frozen=True, kw_only=True):
    """What a replay will do: `records` are read, from Kafka or from the log; `went_on` says that it was interrupted."""

    choice: replay.Choice
    origin: replay.Origin
    records: int
    stretch: stretches.Stretch | None
    went_on: bool = False


class State(Struct, frozen=True, kw_only=True):
    """Where an interrupted replay goes on; kept under the words it was asked with."""

    plan: Plan
    next: dict[str, int] | str


def topics_of(stage: replay.Stage, *, topic: str) -> tuple[str, ...]:
    """Give the topics that a stage reads, or the one of them that is wanted. Raises Misconfigured for another one."""
    read = {"normalise": ("raw",), "streams": STREAMED, "land": CANONICAL}[stage]
    if topic and topic not in read:
        raise Misconfigured(f"the stage {stage} reads {', '.join(read)}, not {topic!r}")
    return (topic,) if topic else read


def state_file(home: Path, words: dict[str, str]) -> Path:
    """Where the state of a replay asked with these words lies."""
    name = hashlib.sha256(json.dumps(words, sort_keys=True).encode()).hexdigest()[:16]
    return home / "replays" / f"{name}.json"


def plan(
    choice: replay.Choice, *, bootstrap: str, origin: str, offsets: tuple[int, int | None] | None, file: Path
) -> Plan:
    """Find what is to be read: an interrupted replay's rest, or a stretch of Kafka, or, where it forgot, of the log.

    Raises NotYet where Kafka is away, or forgot raw records, which stand nowhere else.
    """
    kept = read_state(file)
    if kept is not None:
        return _rest(kept)
    stretch = None
    if origin != "log":
        with closing(Admin(bootstrap)) as admin:
            if offsets is not None:
                stretch = stretches.stretch_between(admin, choice.topics, first=offsets[0], last=offsets[1])
            else:
                stretch = stretches.stretch_of(admin, choice.topics, since=choice.since, until=choice.until)
    if choice.stage == "normalise" and (stretch is None or not stretch.is_whole):
        if stretch is None or not stretch.records:
            raise NotYet("Kafka no longer holds raw records of that time, and they are kept nowhere else")
    elif stretch is None or (origin == "auto" and not stretch.is_whole and offsets is None):
        with open_reader(load(AnalyticsSettings)) as reader:
            return Plan(choice=choice, origin="log", records=replay.count_log(reader, choice), stretch=None)
    return Plan(choice=choice, origin="kafka", records=stretch.records, stretch=stretch)


def _rest(kept: State) -> Plan:
    """Give what an interrupted replay has still to read."""
    planned = kept.plan
    if planned.stretch is not None and isinstance(kept.next, dict):
        starts = stretches.as_positions(planned.stretch, done=kept.next)
        left = stretches.Stretch.between(starts, planned.stretch.ends, is_whole=planned.stretch.is_whole)
        return msgspec.structs.replace(planned, stretch=left, records=left.records, went_on=True)
    choice = msgspec.structs.replace(planned.choice, since=kept.next)
    with open_reader(load(AnalyticsSettings)) as reader:
        return msgspec.structs.replace(planned, choice=choice, records=replay.count_log(reader, choice), went_on=True)


def read_state(file: Path) -> State | None:
    """Give where an interrupted replay goes on, None where none was."""
    with suppress(FileNotFoundError):
        return msgspec.json.decode(file.read_bytes(), type=State)
    return None


def run(planned: Plan, *, bootstrap: str, file: Path, is_dry: bool, say: Say) -> replay.Progress:
    """Carry a plan out; `say` hears rate and time left. A dry run reads and counts everything and sends nothing."""
    keeper = _Keeper(planned, file=file, is_dry=is_dry, say=say)
    producer = None if is_dry else connect_producer(bootstrap, transport=load(PipelinesSettings).transport)
    try:
        if planned.origin == "log":
            with open_reader(load(AnalyticsSettings)) as reader:
                done = replay.from_log(
                    reader, planned.choice, producer=producer, on_progress=keeper.keep, is_erased=_is_erased()
                )
        else:
            done = _from_kafka(planned, bootstrap=bootstrap, keeper=keeper, producer=producer)
    finally:
        if producer is not None:
            producer.close()
    if not is_dry:
        file.unlink(missing_ok=True)
    return done


def correct(planned: Plan, *, bootstrap: str, is_dry: bool, say: Say) -> correcting.Corrected:
    """Carry a plan out so that what is made takes the place of what was made before; see pipelines.correcting.

    Where it went on is kept nowhere: what was sent before it was broken off is right by then, and is not sent again.
    """
    settings, stretch = load(PipelinesSettings), _stretch(planned)
    progress = Pace(say)
    producer = None if is_dry else connect_producer(bootstrap, transport=settings.transport)
    try:
        with open_reader(load(AnalyticsSettings)) as reader:
            return correcting.correct(
                lambda: assign(
                    bootstrap, topics=planned.choice.topics, offsets=stretch.starts, transport=settings.transport
                ),
                planned.choice,
                stretch=stretch,
                reader=reader,
                producer=producer,
                origins=load_origins(settings),
                now=instant(now()),
                forms=_forms(settings.home),
                is_erased=_is_erased(),
                on_read=progress.tell,
            )
    finally:
        if producer is not None:
            producer.close()


def _forms(home: Path) -> correcting.Forms:
    """Give in which forms the log may keep what an event says: also without an erased person, and without its words."""
    known = Known(home)

    def forms(told: Event) -> Iterator[bytes]:
        said = msgspec.json.encode(told.data)
        yield said
        anonymous = known.without_mentions(said.decode(), type_=told.type, told_at=told.recordedat)
        yield anonymous.encode()
        yield without_words(anonymous).encode()

    return forms


def _from_kafka(
    planned: Plan, *, bootstrap: str, keeper: "_Keeper", producer: replay.Producer | None
) -> replay.Progress:
    settings, stretch = load(PipelinesSettings), _stretch(planned)
    origins = load_origins(settings) if planned.choice.stage == "normalise" else {}
    topics = planned.choice.topics
    with closing(assign(bootstrap, topics=topics, offsets=stretch.starts, transport=settings.transport)) as consumer:
        return replay.from_kafka(
            consumer,
            planned.choice,
            stretch=stretch,
            producer=producer,
            origins=origins,
            now=instant(now()),
            on_progress=keeper.keep,
            is_erased=_is_erased(),
        )


def _stretch(planned: Plan) -> stretches.Stretch:
    if planned.stretch is None:
        raise Misconfigured("the plan of this replay is broken: delete the folder replays in ANGIME_HOME")
    return planned.stretch


def _is_erased() -> replay.IsErased:
    return Known(load(PipelinesSettings).home).holds_bytes


class _Keeper:
    """Keeps where a replay is after each acknowledged batch, and says now and then how it goes."""

    def __init__(self, planned: Plan, *, file: Path, is_dry: bool, say: Say) -> None:
        self._plan = planned
        self._file = file
        self._is_dry = is_dry
        self._pace = Pace(say)

    def keep(self, progress: replay.Progress) -> None:
        """Hear how far it is."""
        if not self._is_dry:
            following = progress.next if isinstance(progress.next, str) else dict(progress.next)
            self._file.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self._file, msgspec.json.encode(State(plan=self._plan, next=following)))
        self._pace.tell(progress.read, progress.total)
