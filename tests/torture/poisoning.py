"""Bodies that nobody should send: broken, hostile and absurd ones of every kind, among good ones and without any."""

import json
import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pipelines.dead import Breaker
from pipelines.kafka.ports import Record
from pipelines.normalise import GROUP, normalise, step
from pipelines.origins import Origins, load_origins, raw_record
from pipelines.settings import PipelinesSettings
from schemas.errors import Halted
from schemas.instants import instant
from schemas.records import raw_to_kafka
from schemas.topics import TOPICS
from tests.fakes import MemoryKafka
from tests.torture.faults import Case, fault
from tests.torture.manifest import Manifest, manifest
from tests.torture.peace import RECEIVED, as_records, content_type_of, fact_of, facts_of, land
from tests.torture.stacks import look, rebuilt
from tests.torture.tales import telling

GOLDEN = Path(__file__).parent.parent / "pipelines" / "sources"
CONTENT_TYPES = {".json": "application/json", ".form": "application/x-www-form-urlencoded", ".csv": "text/csv"}
POISON = 0.01
DEEP = 20_000
LONG = 300_000

# What stands in the place of a value that was right.
ABSURD: tuple[Any, ...] = (
    None,
    "",
    [],
    {},
    True,
    -1,
    0,
    10**30,
    1.5e308,
    "\x00",
    "\ud800",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "'; drop table log.events; --",
    "../../../../etc/passwd",
    "http://169.254.169.254/latest/meta-data/",
    "1970-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
    "0000-00-00 00:00:00",
    -62_135_596_801,
    253_402_300_800,
    "٣",
    "+" + "7" * 4_000,
    "a" * LONG,
    [[[]]],
    {"": {"": ""}},
)


def _torn(body: bytes, chance: random.Random) -> bytes:
    return body[: chance.randrange(len(body))] if body else b"{"


def _flipped(body: bytes, chance: random.Random) -> bytes:
    if not body:
        return b"\xff"
    place = chance.randrange(len(body))
    return body[:place] + bytes([body[place] ^ (1 << chance.randrange(8))]) + body[place + 1 :]


def _doubled(body: bytes, _: random.Random) -> bytes:
    return body + body


def _absurd(body: bytes, chance: random.Random) -> bytes:
    """Put something absurd in the place of one value, wherever it stands."""
    try:
        document = json.loads(body)
    except ValueError:
        return body.replace(b"=", b"=%00", 1)
    places = list(_places(document))
    if not places:
        return b"[]"
    holder, key = chance.choice(places)
    holder[key] = chance.choice(ABSURD)
    return json.dumps(document).encode()


def _foreign(_body: bytes, chance: random.Random) -> bytes:
    """Give what is no body of any provider."""
    return chance.choice(
        (
            b"",
            b"null",
            b"[]",
            b"\xef\xbb\xbf{}",
            b"\xff\xfe\x00",
            b"[" * DEEP,
            b'{"a":' * DEEP,
            b"[" * DEEP + b"]" * DEEP,
            b"1e999",
            b"-" + b"9" * 5_000,
            b'"' + b"\\ud800" * 100 + b'"',
            b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b SYSTEM 'file:///etc/passwd'>]><a>&b;</a>",
            b"%00=%00&%00[%00]=%00",
            b"a[b]=1&a=2&a[b][c]=3",
            bytes(range(256)),
        )
    )


KINDS: tuple[Callable[[bytes, random.Random], bytes], ...] = (_torn, _flipped, _doubled, _absurd, _absurd, _foreign)


@fault(
    "Bodies of every provider are torn, flipped, doubled, filled with absurd values or exchanged for something else: "
    "the normaliser never falls, and all that it makes of them can be landed.",
    quick_seconds=15,
    full_seconds=90,
)
def poison_of_every_kind(case: Case) -> None:
    """Break golden bodies at random; whatever comes out must be an event that lands, or a dead letter."""
    origins = load_origins(PipelinesSettings(home=GOLDEN))
    bodies = [path for path in sorted(GOLDEN.glob("golden/*/*")) if not path.name.endswith(".events.json")]
    home = case.folder / "home"
    home.mkdir()
    (home / "company.toml").write_text((GOLDEN / "company.toml").read_text())
    facts: dict[str, Any] = {}
    letters = fallen = 0
    rounds = case.size(quick=3_000, full=100_000)
    for _ in range(rounds):
        path = case.chance.choice(bodies)
        body = case.chance.choice(KINDS)(path.read_bytes(), case.chance)
        record = _record(origins, source=path.parent.name, body=body, content_type=CONTENT_TYPES.get(path.suffix, ""))
        try:
            outcome = normalise(record, origins=origins, now=RECEIVED)
        except Exception as error:  # noqa: BLE001  # this is what the case looks for
            fallen += 1
            (case.folder / f"fallen-{fallen}").write_bytes(body)
            case.broken.append(f"{path.parent.name}/{path.name} broken: {type(error).__name__}: {error}"[:300])
            continue
        letters += len(outcome.letters)
        for made in outcome.facts:
            fact = fact_of(made.topic, key=made.key, value=made.value)
            facts.setdefault(fact.id, fact)
    records = as_records(facts.values())
    landed = land(home, records)
    after = look(home)
    case.holds("the normaliser never falls", expected=0, actual=fallen)
    case.holds("the lander refuses nothing that it made", expected=0, actual=sum(batch.dead for batch in landed))
    case.holds("each event is there once", expected=manifest(facts), actual=after.events)
    case.holds("the tables are those of a rebuild", expected=after.hashes, actual=rebuilt(home))
    case.note(bodies=rounds, dead_letters=letters, events=len(facts), providers=len({one.parent for one in bodies}))


@fault(
    "Of a company's webhooks one in a hundred is poison: each of these becomes a dead letter with its very bytes, and "
    "of the others nothing is missing.",
    quick_seconds=5,
    full_seconds=40,
)
def poison_among_good(case: Case) -> None:
    """Normalise a story with poison in it, batch by batch, as the stage does."""
    with telling(seed=case.seed, days=21, calls=case.size(quick=500, full=3_000), recordings=0) as tale:
        home = tale.furnish(case.folder / "home")
        origins = load_origins(PipelinesSettings(home=home))
        facts = facts_of(tale.deliveries, home=home)
        kafka = MemoryKafka({topic.name: topic.partitions for topic in TOPICS.values()})
        poison: list[bytes] = []
        for parcel in tale.deliveries:
            if case.chance.random() < POISON or not poison:
                poison.append(b"{%d" % len(poison))
                _send(kafka, origins, path=parcel.path, body=poison[-1], content_type="application/json")
            _send(kafka, origins, path=parcel.path, body=parcel.body, content_type=content_type_of(parcel))
    _run(kafka, origins=origins)
    made = _made(kafka)
    dead = sorted(letter.value or b"" for letter in kafka.records("dead"))
    case.holds("nothing good is missing", expected=manifest(fact.id for fact in facts), actual=made)
    case.holds("each poison is a dead letter, untouched", expected=sorted(poison), actual=dead)
    case.note(webhooks=len(tale.deliveries), poison=len(poison), events=made.count)


@fault(
    "All that comes is bad: the breaker stops the stage with a sentence that says why, nothing is skipped, and what "
    "was right is made as soon as the cause is mended.",
    quick_seconds=5,
    full_seconds=10,
)
def all_bad(case: Case) -> None:
    """Let the company file forget its accounts, so that good webhooks are refused; then give it back."""
    with telling(seed=case.seed, days=21, calls=500, recordings=0) as tale:
        home = tale.furnish(case.folder / "home")
        origins = load_origins(PipelinesSettings(home=home))
        facts = facts_of(tale.deliveries, home=home)
        kafka = MemoryKafka({topic.name: topic.partitions for topic in TOPICS.values()})
        for parcel in tale.deliveries:
            _send(kafka, origins, path=parcel.path, body=parcel.body, content_type=content_type_of(parcel))
    sentence = ""
    try:
        _run(kafka, origins={})
    except Halted as halted:
        sentence = halted.reason
    case.holds("the breaker stops it", expected=True, actual="Nothing was skipped" in sentence)
    case.holds(
        "nothing is committed", expected={}, actual={place: end for place, end in kafka.committed.items() if end}
    )
    _run(kafka, origins=origins)
    made = _made(kafka)
    case.holds("all is made when it is mended", expected=manifest(fact.id for fact in facts), actual=made)
    case.holds("no dead letter is left behind", expected=0, actual=len(kafka.records("dead")))
    case.note(webhooks=len(tale.deliveries), events=made.count)


def _run(kafka: MemoryKafka, *, origins: Origins) -> None:
    """Normalise until nothing is left, as the stage does."""
    consumer, breaker, producer = kafka.join(GROUP, ["raw"]), Breaker("normalise"), kafka.producer()
    while step(consumer, producer=producer, origins=origins, breaker=breaker, now=lambda: instant(datetime.now(UTC))):
        pass


def _made(kafka: MemoryKafka) -> Manifest:
    """Sum up the events that were made, each id once."""
    topics = set(TOPICS) - {"raw", "dead"}
    return manifest(
        {
            fact_of(topic, key=one.key or b"", value=one.value or b"").id
            for topic in topics
            for one in kafka.records(topic)
        }
    )


def _record(origins: Origins, *, source: str, body: bytes, content_type: str, account: str = "") -> Record:
    """Give a body as it lies on the topic raw; without `account` it is the first one of its source."""
    known = account or next(id_ for name, id_ in origins if name == source)
    raw = raw_record(origins[source, known], body, received_at=RECEIVED, content_type=content_type)
    key, value, headers = raw_to_kafka(raw)
    return Record("raw", 0, 0, key, value, tuple(headers), 0)


def _send(kafka: MemoryKafka, origins: Origins, *, path: str, body: bytes, content_type: str) -> None:
    _, _, source, account = path.split("/")
    record = _record(origins, source=source, account=account, body=body, content_type=content_type)
    producer = kafka.producer()
    producer.send("raw", key=record.key or b"", value=body, headers=record.headers)
    producer.flush()


def _places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Give every holder and key of a JSON document under which a value stands."""
    keys = list(document) if isinstance(document, dict) else range(len(document)) if isinstance(document, list) else ()
    for key in keys:
        yield document, key
        yield from _places(document[key])
