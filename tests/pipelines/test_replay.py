"""Replay: the past goes through a stage again, byte for byte, as often as wanted, and changes nothing it need not."""

import json
import re
import shutil
from collections.abc import Sequence
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest

from analytics import progress
from analytics.copies import aside, comparison
from analytics.warehouse import Batch, open_reader, open_writer
from angime.printing import VERSIONS
from pipelines import replay
from pipelines.kafka import stretches
from pipelines.kafka.stretches import Places, Stretch
from pipelines.land import TOPICS as LANDED
from pipelines.origins import Origins, load_origins
from pipelines.replay import Choice, Progress
from pipelines.settings import PipelinesSettings
from schemas import codec
from schemas.errors import NotYet
from schemas.ids import raw_id
from schemas.instants import moment
from schemas.records import REPLAYED, RawRecord, raw_to_kafka
from schemas.topics import CANONICAL, TOPICS
from tests.analytics.landing_cases import BEGIN, NOW, call_events, message_events, settings_at
from tests.fakes import MemoryKafka

SINCE, UNTIL = "2026-01-01T00:00:00.000Z", "2026-12-31T00:00:00.000Z"
COMPANY = """
id = "acme"
name = "Acme"
time_zone = "Asia/Almaty"
default_region = "KZ"

[[accounts]]
id = "crm"
source = "ingest"
"""


class Remembered:
    """What a cluster in memory tells of its offsets; it forgot all before `begin`."""

    def __init__(self, kafka: MemoryKafka, *, begin: int = 0) -> None:
        self._kafka = kafka
        self._begin = begin

    def begin_offsets(self, topics: Sequence[str]) -> Places:
        """Give the oldest offsets."""
        return {place: min(self._begin, end) for place, end in self.end_offsets(topics).items()}

    def end_offsets(self, topics: Sequence[str]) -> Places:
        """Give the next offsets."""
        return {place: len(log) for place, log in self._kafka.logs.items() if place[0] in topics}

    def offsets_at(self, topics: Sequence[str], *, timestamp_ms: int) -> Places:
        """Give the beginning for a moment of long ago, else the end."""
        is_early = timestamp_ms < moment(NOW).timestamp() * 1000
        return self.begin_offsets(topics) if is_early else self.end_offsets(topics)


@pytest.fixture
def kafka() -> MemoryKafka:
    """Hold what is always the same."""
    return filled()


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, object]]:
    """Land it once for all tests of this file; gives the home, and the hash of every table."""
    home = tmp_path_factory.mktemp("landed")
    return home, land(filled(), home)


@pytest.fixture
def home(landed: tuple[Path, dict[str, object]], tmp_path: Path) -> Path:
    """Give a copy of that home to one test alone."""
    return shutil.copytree(landed[0], tmp_path / "home")


def filled() -> MemoryKafka:
    """Hold five calls and a message, one of the calls told in an older version, and what is no event."""
    cluster = MemoryKafka(dict.fromkeys(TOPICS, 2))
    producer = cluster.producer()
    for number in range(1, 6):
        for fact in call_events(number, begin=BEGIN + number * timedelta(hours=7)):
            topic = "transcripts" if fact.type == "call.transcribed" else "calls"
            producer.send(topic, key=fact.partitionkey.encode(), value=codec.encode(fact))
    for fact in message_events(1):
        producer.send("messages", key=fact.partitionkey.encode(), value=codec.encode(fact))
    old = (VERSIONS / "call.ended" / "1.whole.pass.json").read_text()
    producer.send(
        "calls", key=b"old", value=json.dumps(json.loads(old), separators=(",", ":"), ensure_ascii=False).encode()
    )
    producer.send("calls", key=b"none", value=b"no event")
    producer.flush()
    return cluster


def choice(stage: replay.Stage = "land", **wanted: str) -> Choice:
    topics = ("raw",) if stage == "normalise" else CANONICAL
    fields: dict[str, str] = {"since": SINCE, "until": UNTIL, **wanted}
    return Choice(stage=stage, topics=topics, **fields)


def whole_stretch(kafka: Remembered, wanted: Choice) -> Stretch:
    return stretches.stretch_of(kafka, wanted.topics, since=wanted.since, until=wanted.until)


def replayed(
    kafka: MemoryKafka,
    wanted: Choice,
    *,
    is_dry: bool = False,
    origins: Origins | None = None,
    stretch: Stretch | None = None,
    told: list[Progress] | None = None,
) -> Progress:
    meant = stretch or whole_stretch(Remembered(kafka), wanted)
    return replay.from_kafka(
        kafka.assign(wanted.topics, meant.starts),
        wanted,
        stretch=meant,
        producer=None if is_dry else kafka.producer(),
        origins=origins or {},
        now=NOW,
        on_progress=(told if told is not None else []).append,
    )


def land(kafka: MemoryKafka, home: Path) -> dict[str, object]:
    """Land everything, and hash every table."""
    with open_writer(settings_at(home)) as writer:
        consumer = kafka.assign(LANDED, writer.next_offsets())
        writer.land(Batch(consumer.poll(max_records=10_000, timeout_seconds=0)), now=NOW)
        tables = ("facts.calls", "facts.messages", "facts.turns", "reports.calls_grouped")
        counts = writer.connection.rows("select count(*), count(distinct id) from log.events")
        return {"events": counts, **{name: writer.table_hash(name) for name in tables}}


def test_nothing_of_an_erased_person_is_sent_again(kafka: MemoryKafka, home: Path) -> None:
    [first, *_] = call_events(1)
    whole = whole_stretch(Remembered(kafka), choice())

    def is_erased(value: bytes) -> bool:
        return first.data.call_id.encode() in value

    with closing(open_reader(settings_at(home))) as reader:
        from_log = replay.from_log(reader, choice(), producer=kafka.producer(), is_erased=is_erased)
    from_kafka = replay.from_kafka(
        kafka.assign(CANONICAL, whole.starts),
        choice(),
        stretch=whole,
        producer=kafka.producer(),
        origins={},
        now=NOW,
        is_erased=is_erased,
    )

    assert (from_log.sent, from_log.read) == (24, 29)
    assert from_kafka.sent == 24
    sent = [record.value or b"" for place, log in kafka.logs.items() for record in log if record.headers]
    assert (len(sent), any(map(is_erased, sent))) == (48, False)


def test_events_replayed_from_kafka_and_from_the_log_change_nothing_however_often(
    kafka: MemoryKafka, home: Path, landed: tuple[Path, dict[str, object]]
) -> None:
    first = replayed(kafka, choice())
    again = replayed(kafka, choice())
    with closing(open_reader(settings_at(home))) as reader:
        from_log = replay.from_log(reader, choice(), producer=kafka.producer())

    assert land(kafka, home) == landed[1]
    assert (first.sent, again.sent, from_log.sent) == (29, 58, 29)
    assert from_log.made == first.made


def test_what_the_log_gives_are_the_very_bytes_that_were_published(kafka: MemoryKafka, home: Path) -> None:
    published = {record.value for topic in CANONICAL for record in kafka.records(topic)} - {b"no event"}
    other = MemoryKafka(dict.fromkeys(TOPICS, 1))
    with closing(open_reader(settings_at(home))) as reader:
        replay.from_log(reader, choice(), producer=other.producer())

    assert {record.value for topic in CANONICAL for record in other.records(topic)} == published
    assert {record.headers for topic in CANONICAL for record in other.records(topic)} == {((REPLAYED, b"1"),)}


def test_an_event_on_a_topic_of_others_is_not_sent_again(kafka: MemoryKafka) -> None:
    producer = kafka.producer()
    producer.send("messages", key=b"elsewhere", value=codec.encode(call_events(9)[0]))
    producer.flush()

    assert replayed(kafka, choice()).sent == 29


CHOSEN = (
    (choice(source="twilio"), 29),
    (choice(source="ingest"), 0),
    (choice(company="demo"), 1),
    (choice(call="CA3"), 5),
    (choice("streams"), 0),
)


def test_only_what_is_meant_is_replayed(kafka: MemoryKafka, home: Path) -> None:
    expected = [count for _, count in CHOSEN]

    assert [sum(replayed(kafka, wanted, is_dry=True).made.values()) for wanted, _ in CHOSEN] == expected
    with closing(open_reader(settings_at(home))) as reader:
        assert [replay.count_log(reader, wanted) for wanted, _ in CHOSEN] == expected
        assert [replay.from_log(reader, wanted, producer=None).made for wanted, _ in CHOSEN] == [
            replayed(kafka, wanted, is_dry=True).made for wanted, _ in CHOSEN
        ]
        late = choice(since="2026-03-05T00:00:00.000Z")
        assert replay.from_log(reader, late, producer=None).read == 0
        [first, *_, last] = sorted({fact.recordedat for fact in call_events(2, begin=BEGIN + timedelta(hours=14))})
        assert replay.from_log(reader, choice(since=first, until=last, source="twilio"), producer=None).read == 4


def test_raw_records_are_normalised_again_by_todays_code(tmp_path: Path) -> None:
    kafka = MemoryKafka(dict.fromkeys(TOPICS, 1))
    (tmp_path / "company.toml").write_text(COMPANY)
    origins = load_origins(PipelinesSettings(home=tmp_path))
    told = {"specversion": "1.0", "id": "1", "source": "/m", "type": "call.ended", "time": "2026-03-01T08:00:00Z"}
    producer = kafka.producer()
    for body in (json.dumps({**told, "data": {"provider_call_id": "c1"}}).encode(), b"{"):
        raw = RawRecord(
            raw_id=raw_id("ingest", "crm", body.hex()), source="ingest", account="crm", company="acme",
            received_at=NOW, content_type="application/json", body=body,
        )  # fmt: skip
        key, value, headers = raw_to_kafka(raw)
        producer.send("raw", key=key, value=value, headers=headers)
    producer.send("raw", key=b"", value=b"what somebody else put there")
    producer.flush()
    of_source = replayed(kafka, choice("normalise", source="ingest"), origins=origins, is_dry=True)
    assert (of_source.read, of_source.refused, of_source.made) == (3, 1, {"call.ended": 1})
    of_other = replayed(kafka, choice("normalise", company="other"), origins=origins, is_dry=True)
    assert (of_other.read, of_other.refused, of_other.made) == (3, 0, {})

    dry = replayed(kafka, choice("normalise"), origins=origins, is_dry=True)
    assert (dry.read, dry.sent, dry.refused, dry.made) == (3, 0, 2, {"call.ended": 1})
    assert kafka.records("calls") == []
    done = replayed(kafka, choice("normalise"), origins=origins)
    again = replayed(kafka, choice("normalise"), origins=origins)
    first, second = kafka.records("calls")
    assert (done.sent, again.sent, first.value) == (1, 1, second.value)
    assert kafka.records("dead") == []


def test_an_interrupted_replay_goes_on_after_the_last_batch_that_kafka_has(kafka: MemoryKafka) -> None:
    told: list[Progress] = []
    whole = whole_stretch(Remembered(kafka), choice())
    halves = {place: (start + whole.ends[place]) // 2 for place, start in whole.starts.items()}
    first = Stretch.between(whole.starts, halves, is_whole=True)
    assert replayed(kafka, choice(), is_dry=True, stretch=first, told=told).read == first.records
    assert isinstance(told[-1].next, dict)
    rest = Stretch.between(stretches.as_positions(whole, done=told[-1].next), whole.ends, is_whole=True)

    assert first.records + rest.records == whole.records
    assert rest.starts == halves


def test_a_broker_that_goes_away_leaves_the_place_to_go_on_from(kafka: MemoryKafka) -> None:
    told: list[Progress] = []
    kafka.is_away = True
    with pytest.raises(NotYet):
        replayed(kafka, choice(), told=told)
    assert told == []


@pytest.mark.parametrize(("begin", "is_whole"), [(0, True), (3, False)])
def test_kafka_says_when_it_has_forgotten(kafka: MemoryKafka, begin: int, is_whole: bool) -> None:
    found = whole_stretch(Remembered(kafka, begin=begin), choice())

    assert found.is_whole is is_whole
    assert all(start >= min(begin, found.ends[place]) for place, start in found.starts.items())


def test_offsets_bound_a_stretch_within_what_kafka_holds(kafka: MemoryKafka) -> None:
    found = stretches.stretch_between(Remembered(kafka, begin=1), ["calls"], first=0, last=4)

    assert set(found.starts.values()) == {1}
    assert set(found.ends.values()) == {4}
    assert (found.records, found.is_whole) == (6, False)


def test_a_second_warehouse_of_the_same_log_is_the_same_and_a_changed_row_is_found(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(progress, "SAY_SECONDS", 0.0)
    live = settings_at(home)
    said: list[str] = []
    aside.build(live, name="trial", since=None, until=None, on_step=said.append)
    assert said[0] == "log: 29 of 29 events"
    assert comparison.compare(live, aside.folder_of(live, "trial"), on_step=said.append) == []
    assert re.fullmatch(r"(\d+) of \1 rows, \d+ a second, 0 s left", said[-1])
    with open_writer(live) as writer:
        writer.connection.execute("drop table log.forgotten")  # as an earlier version left it
    assert aside.build(live, name="trial", since=None, until=None, on_step=said.append)

    with open_writer(aside.folder_of(live, "trial")) as writer:
        writer.connection.execute("update facts.calls set talk_seconds = 13 where provider_call_id = 'CA3'")
        writer.connection.execute("delete from facts.messages")
    [fewer, longer] = comparison.compare(live, aside.folder_of(live, "trial"))
    assert (longer.table, longer.column, longer.rows, longer.change) == ("facts.calls", "talk_seconds", 1, 10.0)
    assert [(row["a"], row["b"]) for row in longer.examples] == [(3.0, 13.0)]
    assert (fewer.table, fewer.only, fewer.rows) == ("facts.messages", "a", 1)
