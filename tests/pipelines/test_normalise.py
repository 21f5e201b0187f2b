"""Normalising turns raw records into events, and what cannot be read into dead letters while the rest goes on."""

import gc
import json
import re
import signal
import threading
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import pytest
from msgspec import structs

from pipelines import dead, normalise
from pipelines.kafka import broker, local_kafka
from pipelines.kafka.broker import Record
from pipelines.origins import Origins, load_origins
from pipelines.settings import PipelinesSettings
from pipelines.sources.contract import Translation
from schemas.codec import decode
from schemas.company import Account, Company
from schemas.errors import Halted, NotYet
from schemas.ids import call_id, raw_id
from schemas.records import DeadLetter, RawRecord, dead_from_kafka, raw_to_kafka
from schemas.topics import CANONICAL
from tests.brokers import own_broker, values_of
from tests.fakes import MemoryKafka
from tests.forked import running

NOW = "2026-03-01T08:30:00.000Z"
GROUP = "group"
ALL_TOPICS = ("raw", "dead", *CANONICAL)
COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "crm"
source = "ingest"
"""
DEEP = b"[" * 100 + b"]" * 100
POISON = {
    "broken JSON": b'{"id": ',
    "100-deep nesting": DEEP,
    "a lone surrogate": b'{"specversion":"1.0","type":"\\ud800"}',
    "bytes that are no UTF-8": b'{"specversion":"\xed\xa0\x80"}',
    "an unknown type": b'{"specversion":"1.0","id":"1","source":"crm","type":"call.sung","time":"2026-03-01T08:00Z"}',
    "nothing": b"",
}


def call(number: int, *, name: str = "Ann", version: int = 2) -> dict[str, object]:
    """Give a CloudEvent of a call that ended."""
    return {
        "specversion": "1.0",
        "id": f"end-{number}",
        "source": "crm",
        "type": "call.ended",
        "time": "2026-03-01T08:00:00Z",
        "dataschema": f"call.ended/{version}",
        "data": {"provider_call_id": f"c{number}", "contact_name": name, "talk_seconds": 3},
    }


def body(*events: dict[str, object]) -> bytes:
    """Give the bytes of one event, or of a batch."""
    return json.dumps(events[0] if len(events) == 1 else events).encode()


def put(kafka: MemoryKafka, bodies: list[bytes], *, account: str = "crm", source: str = "ingest") -> None:
    """Write raw records, as the receiver does."""
    producer = kafka.producer()
    for content in bodies:
        key, value, headers = raw_to_kafka(raw_of(content, account=account, source=source))
        producer.send("raw", key=key, value=value, headers=headers)
    producer.flush()


def raw_of(content: bytes, *, account: str = "crm", source: str = "ingest") -> RawRecord:
    """Give a raw record with these bytes."""
    return RawRecord(
        raw_id=raw_id(source, account, content.hex()),
        source=source,
        account=account,
        company="acme",
        received_at=NOW,
        content_type="application/json",
        body=content,
    )


@pytest.fixture
def origins(tmp_path: Path) -> Origins:
    """Give the accounts of a company with one account of our own door."""
    (tmp_path / "company.toml").write_text(COMPANY)
    return load_origins(PipelinesSettings(home=tmp_path))


@pytest.fixture
def kafka_in_memory() -> MemoryKafka:
    """Give an empty cluster with all topics."""
    return MemoryKafka(dict.fromkeys(ALL_TOPICS, 1))


@pytest.mark.usefixtures("origins")  # whose company file lies in the folder
def test_no_garbage_is_looked_for_among_what_was_loaded_at_the_start(tmp_path: Path) -> None:
    gc.unfreeze()

    found = normalise.settled(PipelinesSettings(home=tmp_path))
    kept = gc.get_freeze_count()
    gc.unfreeze()

    assert kept > 0
    assert [("ingest", "crm")] == list(found)


def work(kafka: MemoryKafka, *, origins: Origins, breaker: dead.Breaker | None = None) -> None:
    """Normalise until nothing is left."""
    consumer = kafka.join(GROUP, ["raw"])
    watch = breaker or dead.Breaker("normalise")
    while normalise.step(consumer, producer=kafka.producer(), origins=origins, breaker=watch, now=lambda: NOW):
        pass


def letters(kafka: MemoryKafka) -> list[DeadLetter]:
    """Give the dead letters, as the lander reads them."""
    return [dead_from_kafka(record.key, record.value, record.headers) for record in kafka.records("dead")]


def test_an_event_goes_to_the_topic_of_its_type_under_its_key(kafka_in_memory: MemoryKafka, origins: Origins) -> None:
    put(kafka_in_memory, [body(call(1))])

    work(kafka_in_memory, origins=origins)

    (record,) = kafka_in_memory.records("calls")
    event = decode(record.value or b"")
    assert (event.type, event.recordedat, event.company) == ("call.ended", NOW, "acme")
    assert record.key == call_id("ingest", "crm", "c1").encode()
    assert kafka_in_memory.committed == {(GROUP, ("raw", 0)): 1}


@pytest.mark.parametrize("told", [{"time": "2037-01-01T00:00:00Z"}, {"started_at": "9998-01-01T00:00:00Z"}])
def test_what_happens_in_thousands_of_months_is_refused(
    kafka_in_memory: MemoryKafka, origins: Origins, told: dict[str, str]
) -> None:
    wrong = call(1)
    target = wrong if "time" in told else wrong["data"]
    assert isinstance(target, dict)
    target |= told
    put(kafka_in_memory, [body(wrong, call(2))])

    work(kafka_in_memory, origins=origins)

    assert [letter.reason for letter in letters(kafka_in_memory)] == [
        "call.ended: it happened more than 10 years after it was received"
    ]
    assert len(kafka_in_memory.records("calls")) == 1


def test_an_account_whose_calls_another_tells_makes_no_facts_of_calls(
    kafka_in_memory: MemoryKafka, tmp_path: Path
) -> None:
    (tmp_path / "company.toml").write_text(f"{COMPANY}tells_calls = false\n")
    created = call(2) | {"type": "deal.created", "data": {"provider_deal_id": "d1"}}
    del created["dataschema"]
    put(kafka_in_memory, [body(call(1)), body(created)])

    work(kafka_in_memory, origins=load_origins(PipelinesSettings(home=tmp_path)))

    assert ([], [], 1) == (
        kafka_in_memory.records("calls"),
        letters(kafka_in_memory),
        len(kafka_in_memory.records("crm")),
    )


def test_the_same_bytes_give_the_same_events(kafka_in_memory: MemoryKafka, origins: Origins) -> None:
    put(kafka_in_memory, [body(call(1))] * 2)

    work(kafka_in_memory, origins=origins)

    first, second = kafka_in_memory.records("calls")
    assert first.value == second.value


@pytest.mark.parametrize("what", POISON)
def test_poison_becomes_a_dead_letter_and_the_rest_goes_on(
    kafka_in_memory: MemoryKafka, origins: Origins, what: str
) -> None:
    put(kafka_in_memory, [body(call(1)), POISON[what], body(call(2))])

    work(kafka_in_memory, origins=origins)

    (letter,) = letters(kafka_in_memory)
    assert letter.body == POISON[what]
    assert (letter.topic, letter.partition, letter.offset, letter.stage) == ("raw", 0, 1, "normalise")
    assert (letter.source, letter.account, letter.company, letter.died_at) == ("ingest", "crm", "acme", NOW)
    assert letter.headers == kafka_in_memory.records("raw")[1].headers
    assert letter.reason
    assert len(kafka_in_memory.records("calls")) == 2


def test_a_mistake_of_ours_buries_what_it_meets_and_the_rest_goes_on(
    kafka_in_memory: MemoryKafka, origins: Origins
) -> None:
    origin = origins["ingest", "crm"]

    def mistaken(raw: RawRecord, *, company: Company, account: Account) -> Translation:
        if b'"Bob"' in raw.body:
            int(raw.body)
        return origin.source.translate(raw, company=company, account=account)

    broken = structs.replace(origin, source=structs.replace(origin.source, translate=mistaken))
    put(kafka_in_memory, [body(call(1)), body(call(2, name="Bob")), body(call(3))])

    work(kafka_in_memory, origins={("ingest", "crm"): broken})

    (letter,) = letters(kafka_in_memory)
    assert letter.body == body(call(2, name="Bob"))
    assert re.fullmatch(r"a mistake of ours: ValueError at pipelines/translate\.py:[0-9]+", letter.reason)
    assert len(kafka_in_memory.records("calls")) == 2


def test_text_with_nul_is_refused_and_its_bytes_are_kept(kafka_in_memory: MemoryKafka, origins: Origins) -> None:
    bad = body(call(1, name="An\x00n"))
    put(kafka_in_memory, [bad])

    work(kafka_in_memory, origins=origins)

    (letter,) = letters(kafka_in_memory)
    assert (letter.body, letter.reason) == (bad, "text holds a NUL character")


def test_a_broken_part_is_refused_by_its_place_and_the_others_go_on(
    kafka_in_memory: MemoryKafka, origins: Origins
) -> None:
    batch = body(call(1), call(2, version=9), call(3))
    put(kafka_in_memory, [batch])

    work(kafka_in_memory, origins=origins)

    (letter,) = letters(kafka_in_memory)
    assert (letter.part, letter.body) == ("[1]", batch)
    assert len(kafka_in_memory.records("calls")) == 2


def test_one_body_of_many_broken_parts_makes_few_letters(kafka_in_memory: MemoryKafka, origins: Origins) -> None:
    put(kafka_in_memory, [body(*(call(number, version=9) for number in range(50)))])

    work(kafka_in_memory, origins=origins)

    found = letters(kafka_in_memory)
    assert len(found) == normalise.MAX_LETTERS
    assert found[-1].reason == f"{50 - normalise.MAX_LETTERS + 1} more parts are refused"


@pytest.mark.parametrize(("account", "source"), [("gone", "ingest"), ("crm", "unheard_of")])
def test_an_account_nobody_knows_makes_a_dead_letter(
    kafka_in_memory: MemoryKafka, origins: Origins, account: str, source: str
) -> None:
    put(kafka_in_memory, [b"{}"], account=account, source=source)

    work(kafka_in_memory, origins=origins)

    (letter,) = letters(kafka_in_memory)
    assert letter.reason == f"no account {account} of {source} stands in company.toml"


def test_a_record_without_our_headers_makes_a_dead_letter(origins: Origins) -> None:
    record = Record("raw", 0, 7, b"key", b"bytes", (("x", b"y"),), 0)

    outcome = normalise.normalise(record, origins=origins, now=NOW)

    (letter,) = outcome.letters
    assert (letter.key, letter.body, letter.headers) == (b"key", b"bytes", (("x", b"y"),))
    assert letter.reason == "the record lacks the headers of a raw record"


def test_nothing_is_committed_before_kafka_has_what_was_made(kafka_in_memory: MemoryKafka, origins: Origins) -> None:
    put(kafka_in_memory, [body(call(1))])
    kafka_in_memory.is_away = True

    with pytest.raises(NotYet):
        work(kafka_in_memory, origins=origins)
    kafka_in_memory.is_away = False
    work(kafka_in_memory, origins=origins)

    assert len(kafka_in_memory.records("calls")) == 1
    assert kafka_in_memory.committed == {(GROUP, ("raw", 0)): 1}


def test_a_stage_that_refuses_everything_stops_and_skips_nothing(
    kafka_in_memory: MemoryKafka, origins: Origins
) -> None:
    put(kafka_in_memory, [b"broken"] * 150)

    with pytest.raises(Halted, match=r"normalise refused 100 records in a row.*Nothing was skipped"):
        work(kafka_in_memory, origins=origins)

    assert kafka_in_memory.committed == {}
    assert letters(kafka_in_memory) == []


def test_some_poison_among_many_never_stops_the_stage(kafka_in_memory: MemoryKafka, origins: Origins) -> None:
    put(kafka_in_memory, [b"broken" if number % 100 == 0 else body(call(number)) for number in range(2_000)])

    work(kafka_in_memory, origins=origins)

    assert (len(kafka_in_memory.records("calls")), len(letters(kafka_in_memory))) == (1_980, 20)


@contextmanager
def normaliser(home: Path, *, kafka: str) -> Generator[ForkServerProcess]:
    """Run a normaliser in a process of its own, and stop it by SIGTERM at the end."""
    with running("normalise", home=home, log=home / "normalise.log", ANGIME_KAFKA=kafka) as process:
        yield process
    assert process.exitcode in {0, -signal.SIGKILL}


def offsets_done(bootstrap: str) -> int:
    """Tell how many raw records are committed."""
    admin = broker.Admin(bootstrap)
    try:
        return sum(admin.committed(normalise.GROUP).values())
    except NotYet:
        return 0  # the group does not exist yet
    finally:
        admin.close()


@pytest.mark.kafka
def test_a_killed_normaliser_loses_nothing_and_makes_nothing_new(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / "company.toml").write_text(COMPANY)
    with own_broker(home) as running:
        put_and_kill(home, running=running)
        events = {decode(value or b"").id for value in values_of(running.bootstrap, "calls", count=2_994)}
        dead_bodies = values_of(running.bootstrap, "dead", count=6)

    assert len(events) == 2_994
    assert set(dead_bodies) == {b"broken"}


def put_and_kill(home: Path, *, running: local_kafka.Running) -> None:
    """Write 3 000 raw records, six of them broken; kill a normaliser amid them, and let another one end the work."""
    put_into_kafka(running, numbers=range(2_000))
    with normaliser(home, kafka=running.bootstrap) as process:
        wait_until(lambda: offsets_done(running.bootstrap) > 0)
        process.kill()
    put_into_kafka(running, numbers=range(2_000, 3_000))
    with normaliser(home, kafka=running.bootstrap):
        wait_until(lambda: offsets_done(running.bootstrap) == 3_000)


def put_into_kafka(running: local_kafka.Running, *, numbers: range) -> None:
    """Write raw records, every five-hundredth of them broken."""
    producer = broker.connect_producer(running.bootstrap)
    for number in numbers:
        content = b"broken" if number % 500 == 499 else body(call(number))
        key, value, headers = raw_to_kafka(raw_of(content))
        producer.send("raw", key=key, value=value, headers=headers)
    producer.flush()
    producer.close()


def test_a_stop_ends_a_normaliser_that_waits_for_kafka(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text(COMPANY)
    stop = threading.Event()
    settings = PipelinesSettings(home=tmp_path, kafka="127.0.0.1:9")
    thread = threading.Thread(target=normalise.run, args=(settings,), kwargs={"stop": stop})
    thread.start()
    time.sleep(0.2)
    stop.set()
    thread.join(5)

    assert thread.is_alive() is False


def wait_until(is_so: Callable[[], bool], *, seconds: float = 90) -> None:
    """Wait for something another process brings about."""
    deadline = time.monotonic() + seconds
    while not is_so() and time.monotonic() < deadline:
        time.sleep(0.1)
    assert is_so()
