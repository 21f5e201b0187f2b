"""Erases persons from everything under the home: warehouse, recordings, copies; and writes the receipt."""

import re
import shutil
import uuid
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from analytics.connection import Connection
from analytics.engine.data_files import files_of
from analytics.privacy import erasure, persons
from analytics.privacy.erased import Erased, digest
from analytics.privacy.keys import installation_key
from analytics.privacy.traces import pattern_of, traces_of
from analytics.settings import AnalyticsSettings
from analytics.warehouse import open_reader, open_writer, prove_there
from angime.clearing import CATALOG_SECONDS, clear
from angime.recordings import forget_recordings, strays
from angime.settings import load
from angime.suggestions import nearest
from pipelines.kafka import local_kafka
from pipelines.kafka.broker import connect_producer, reach
from pipelines.kafka.topics import SEGMENT_DAYS
from pipelines.receiving.outbox import DAMAGED
from pipelines.redelivery import send_decision
from pipelines.settings import PipelinesSettings
from pipelines.sources import phones
from pipelines.whole_files import write_whole
from schemas.envelope import Event
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant, instant
from schemas.people import Identity
from schemas.topics import TOPICS

CHUNK_BYTES = 1024 * 1024
# Copies and notes that can be made again, and may hold anything: they go whole.
COPIES = ("warehouses", "replays", "temporary", "sql_history")
BROKEN_OFF = "it was broken off before old files, copies and Kafka were seen to: erase the same persons again"
# Kafka forgets by its retention; the secret holds nobody.
NOT_SEARCHED = ("kafka", "secret.key")

Say = Callable[[str], None]


class Sought(Struct, frozen=True):
    """What finds identities in the bytes of files; `overlap` is how much of a chunk the next must repeat."""

    pattern: re.Pattern[bytes] | None
    overlap: int


class Receipt(Struct, frozen=True, kw_only=True):
    """What was erased, in figures; it names nobody. `left` lists files that still hold an identity in the clear.

    Of `unknown` ones nothing was found. That they are erased is written down all the same: what was received of them
    before and lands later is dropped, and other warehouses hear of it. `mentions` are events of others who wrote a
    number or an address of theirs; there it is masked.
    `untold_recordings` are files of the store of which no event tells, whosesoever they were; see angime.recordings.
    `unfinished` says what keeps the rest from being done, such as old pages of the catalog; empty where nothing does.
    """

    erasure: str
    erased_at: Instant
    persons: int
    unknown: int = 0
    identities: int
    calls_and_messages: int
    events: int
    conflicts: int
    mentions: int = 0
    dead_letters: int
    recordings: int
    untold_recordings: int = 0
    copies: tuple[str, ...] = ()
    kafka_forgets_by: Instant
    is_kafka_told: bool = False
    left: tuple[str, ...] = ()
    unfinished: str = ""
    note: str = (
        "Sums and rates stay, for what happened is kept without who it was. Snapshots and exports that were taken "
        "before are copies out of our reach: delete them. Kafka still holds what it was told, until kafka_forgets_by; "
        "`angime topics forget --yes` lets it delete now what every stage has read."
    )


def look(identities: Sequence[str]) -> list[persons.Found]:
    """Say what there is of persons, and change nothing; the lander may run. Raises NotThere without a warehouse."""
    settings = load(AnalyticsSettings)
    prove_there(settings)
    with open_reader(settings) as reader, reader.transaction():
        _check_kinds(reader.connection, identities, home=settings.home)
        return _find(reader.connection, identities)


def erase(identities: Sequence[str], *, now: datetime, say: Say, catalog_seconds: float = CATALOG_SECONDS) -> Receipt:
    """Erase persons known by identities `kind:value`: one or many, in one go.

    The lander must not run, for it would write from memory what is being erased. Raises Misconfigured while another
    process writes, webhooks wait in the outbox, or Kafka refuses us; NotThere where there is no warehouse; NotYet while
    the store of recordings is away. From the moment at which it is written the receipt lies in the home; what keeps old
    pages of the catalog there is told in it.
    """
    settings, home = load(AnalyticsSettings), load(PipelinesSettings).home
    prove_there(settings)
    with suppress(NotYet):
        _prove_kafka()
    with open_writer(settings) as writer:
        say("looking")
        _check_kinds(writer.connection, identities, home=home)
        found = _find(writer.connection, identities)
        sought = what_finds(_all(found, "identities"))
        _check_outbox(sought)
        receipt, decisions = _apply(writer.connection, found, home=home, now=now, say=say)
        writer.reload()
        say("facts are folded anew")
        writer.rebuild()
        say("old files are rewritten")
        writer.purge()
    unfinished = clear(settings, wait_seconds=catalog_seconds)
    copies = tuple(name for name in COPIES if _remove(home / name))
    receipt = replace(
        receipt,
        untold_recordings=forget_recordings(strays(now=now)),
        copies=copies,
        is_kafka_told=_tell_kafka(decisions),
        left=tuple(sorted([*_left_in_home(home, sought), *_left_elsewhere(settings, sought)])),
        unfinished=unfinished,
    )
    _keep(receipt, home=home)
    return receipt


def _check_outbox(sought: Sought) -> None:
    """Raise Misconfigured where webhooks of them wait; what a crash tore off was never kept, and goes."""
    for path in [path for path in _files(load(PipelinesSettings).outbox_folder) if holds(path, sought)]:
        if path.suffix != DAMAGED:
            raise Misconfigured("webhooks of these persons wait in the outbox: let `angime receive` send them to Kafka")
        path.unlink()


def _apply(
    connection: Connection, found: Sequence[persons.Found], *, home: Path, now: datetime, say: Say
) -> tuple[Receipt, list[Event]]:
    """Erase who was found from recordings and log; gives the receipt, which says that the rest is to come."""
    key, moment = installation_key(home), instant(now)
    decisions = [erasure.decide(one, key=key, until=moment) for one in found]
    recordings, events = _all(found, "recordings"), sum(one.events for one in found)
    say(f"recordings: {len(recordings)}")
    forgotten = forget_recordings(recordings)
    say(f"events: {events}, of persons: {len(found)}")
    erasure.apply(connection, found, decisions=decisions, make_token=lambda: uuid.uuid4().hex)
    receipt = Receipt(
        erasure=decisions[0].id,
        erased_at=moment,
        persons=sum(one.is_known for one in found),
        unknown=sum(not one.is_known for one in found),
        identities=len(_all(found, "identities")),
        calls_and_messages=len(_all(found, "entities")),
        events=events,
        conflicts=sum(one.conflicts for one in found),
        mentions=sum(one.mentions for one in found),
        dead_letters=sum(one.dead for one in found),
        recordings=forgotten,
        kafka_forgets_by=instant(now + timedelta(days=_kafka_days())),
        unfinished=BROKEN_OFF,
    )
    _keep(receipt, home=home)
    return receipt, decisions


def _keep(receipt: Receipt, *, home: Path) -> None:
    kept = home / "erasures" / f"{receipt.erasure}.json"
    kept.parent.mkdir(exist_ok=True)
    write_whole(kept, msgspec.json.format(msgspec.json.encode(receipt), indent=2) + b"\n")


def phones_of(identity: str) -> frozenset[str]:
    """Give in E.164 the numbers of whoever has an identity `kind:value`; none where it is no number."""
    kind, _, value = identity.partition(":")
    return phones.numbers_of(Identity(kind=kind, value=value))


def _find(connection: Connection, identities: Sequence[str]) -> list[persons.Found]:
    return persons.find(connection, identities, phones_of=phones_of)


def _check_kinds(connection: Connection, identities: Sequence[str], *, home: Path) -> None:
    """Raise Misconfigured for a kind that no identity has and that is like one: nobody would be found, and erased.

    Whoever was erased may have been the last of a kind.
    """
    kinds = {kind for (kind,) in connection.rows("select distinct kind from facts.identities")}
    erased, key = Erased.of(persons.read_decisions(connection)).digests, installation_key(home)
    asked = {one.partition(":")[0] for one in identities if digest(key, one) not in erased}
    for kind in sorted(asked - kinds):
        if near := nearest(kind, names=kinds):
            raise Misconfigured(f"there is no identity of the kind {kind!r}; did you mean {near}?")


def _all(found: Sequence[persons.Found], name: str) -> list[str]:
    return [one for person in found for one in getattr(person, name)]


def _prove_kafka() -> None:
    """Raise Misconfigured where Kafka refuses us: others must hear of what cannot be undone."""
    if bootstrap := load(PipelinesSettings).kafka:
        reach(bootstrap)


def _tell_kafka(decisions: Sequence[Event]) -> bool:
    """Let other warehouses of this log honour it; where no Kafka runs, the log of this one tells them later."""
    settings = load(PipelinesSettings)
    bootstrap = settings.kafka or local_kafka.status(settings.home).bootstrap
    if not bootstrap:
        return False
    try:
        with closing(connect_producer(bootstrap, transport=settings.transport)) as producer:
            for decision in decisions:
                send_decision(decision, producer=producer)
            producer.flush()
    except (NotYet, Misconfigured):
        return False
    return True


def _kafka_days() -> int:
    """How long Kafka may hold a record: a file goes as a whole, when the newest record in it is old enough."""
    return max(topic.retention_days for topic in TOPICS.values()) + SEGMENT_DAYS


def _remove(path: Path) -> bool:
    if path.is_dir():
        shutil.rmtree(path)
        return True
    if path.exists():
        path.unlink()
        return True
    return False


def _left_in_home(home: Path, sought: Sought) -> Iterator[str]:
    for path in _files(home):
        name = path.relative_to(home)
        if name.parts[0] not in NOT_SEARCHED and holds(path, sought):
            yield str(name)


def _left_elsewhere(settings: AnalyticsSettings, sought: Sought) -> Iterator[str]:
    """Search data files that do not lie in the home."""
    files = files_of(settings)
    names = files.sizes() if settings.warehouse_files else ()
    return (f"{files.place}/{name}" for name in names if _are_in(files.chunks(name), sought))


def _files(folder: Path) -> Iterator[Path]:
    return (path for path in folder.rglob("*") if path.is_file())


def what_finds(identities: Sequence[str]) -> Sought:
    """Give what finds identities (`kind:value`), in whatever way they are written."""
    traces = traces_of(identities)
    if not traces:
        return Sought(None, 0)
    overlap = max(len(trace.encode()) for trace in traces)  # and a byte before it
    return Sought(re.compile("|".join(map(pattern_of, traces)).encode(), re.IGNORECASE), overlap)


def holds(path: Path, sought: Sought) -> bool:
    """Search a file's bytes for identities, chunk by chunk, each with the end of the one before."""
    with path.open("rb") as file:
        return _are_in(iter(partial(file.read, CHUNK_BYTES), b""), sought)


def _are_in(chunks: Iterable[bytes], sought: Sought) -> bool:
    if sought.pattern is None:
        return False
    tail = b""
    for chunk in chunks:
        held = tail + chunk
        if sought.pattern.search(held):
            return True
        tail = held[-sought.overlap :]
    return False
