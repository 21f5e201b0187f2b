"""Land: what lies in Kafka comes to stand in the warehouse once, whatever happens to Kafka or to the lander."""

import threading
from datetime import timedelta
from pathlib import Path

import pytest

from analytics.warehouse import Batch, open_writer
from pipelines import land
from pipelines.kafka.ports import Consumer, Headers, Positions, Record
from pipelines.land import BACKLOG_RECORDS, GATHERING_SECONDS, IDLE_SECONDS, MAX_BATCH_RECORDS, SILENCE_SECONDS, TOPICS
from schemas import codec
from schemas.envelope import topic_of
from schemas.errors import NotYet
from schemas.instants import moment
from schemas.records import REPLAYED
from schemas.topics import TOPICS as DECLARED
from tests.analytics.landing_cases import NOW, call_events, message_events, missed_events, settings_at
from tests.fakes import MemoryKafka


@pytest.fixture
def cluster() -> MemoryKafka:
    """Hold all declared topics, with ten calls and ten messages on them."""
    opened = MemoryKafka({name: topic.partitions for name, topic in DECLARED.items()})
    producer = opened.producer()
    for number in range(10):
        for fact in (*call_events(number), *message_events(number)):
            producer.send(topic_of(fact), key=fact.partitionkey.encode(), value=codec.encode(fact))
    producer.flush()
    return opened


class OneByOne:
    """A consumer that gives few records a time, and sets `stop` when asked again after there were no more.

    What ended the first batch may not: the lander looks at `stop` before it lands what was gathered beside it.
    """

    def __init__(self, consumer: Consumer, *, stop: threading.Event, size: int, most: int = 1_000) -> None:
        self._consumer = consumer
        self._stop = stop
        self._size = size
        self._left = most
        self._is_at_end = False

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give at most `size` records; raises NotYet after `most` of them."""
        if self._left <= 0:
            raise NotYet("Kafka is away")
        records = self._consumer.poll(
            max_records=min(self._size, max_records), timeout_seconds=min(timeout_seconds, 0.01)
        )
        self._left -= len(records)
        if not records and self._is_at_end:
            self._stop.set()
        self._is_at_end = not records
        return records

    def commit(self, positions: Positions) -> None:
        """Never be asked to: the offsets lie in the warehouse."""
        raise TypeError(positions)

    def close(self) -> None:
        """Let go."""


def test_every_record_lands_once_through_a_kafka_that_goes_away(cluster: MemoryKafka, tmp_path: Path) -> None:
    stop = threading.Event()
    with open_writer(settings_at(tmp_path)) as writer:
        failing = OneByOne(cluster.assign(TOPICS, {}), stop=stop, size=7, most=13)
        with pytest.raises(NotYet):
            land.land(failing, writer=writer, stop=stop, now=lambda: NOW)
        working = OneByOne(cluster.assign(TOPICS, writer.next_offsets()), stop=stop, size=7)
        land.land(working, writer=writer, stop=stop, now=lambda: NOW)
        ends = {place: len(log) for place, log in cluster.logs.items() if log}
        assert writer.next_offsets() == ends
        assert writer.connection.rows("select count(*), count(distinct id) from log.events") == [(80, 80)]
        assert writer.connection.rows("select count(*) from facts.calls") == [(10,)]


class InPolls:
    """A consumer that gives these records poll by poll, to whoever waits; sets `stop` when there are no more polls."""

    def __init__(self, *polls: list[Record], stop: threading.Event) -> None:
        self._polls = list(polls)
        self._stop = stop

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give the next records; none where they are not waited for."""
        assert max_records > 0
        if timeout_seconds and not self._polls:
            self._stop.set()
        return self._polls.pop(0) if timeout_seconds and self._polls else []

    def commit(self, positions: Positions) -> None:
        """Never be asked to."""
        raise TypeError(positions)

    def close(self) -> None:
        """Let go."""


def test_a_fresh_warehouse_builds_its_facts_once_though_one_record_comes_before_the_others(tmp_path: Path) -> None:
    facts = call_events(0) + call_events(1) * (2 * BACKLOG_RECORDS // 5)
    records = [Record(topic_of(fact), 0, at, None, codec.encode(fact), (), 0) for at, fact in enumerate(facts)]
    stop = threading.Event()
    half = BACKLOG_RECORDS + 1
    polls = [records[:1], [], records[1:half], [], records[half : half + 1], records[half + 1 :], [], []]
    consumer = InPolls(*polls, stop=stop)
    with open_writer(settings_at(tmp_path)) as writer:
        land.land(consumer, writer=writer, stop=stop, now=lambda: NOW)
        built = writer.connection.rows("select fingerprint = '' from log.builds order by built_at")
        assert built == [(False,), (True,), (False,)]
        assert writer.connection.rows("select count(*), sum(events) from facts.calls") == [(2, 10)]


def test_live_traffic_is_no_beginning_of_a_backlog() -> None:
    deferring = land.Deferring(lambda: True)
    assert [deferring.defers(records) for records in (1, 0, BACKLOG_RECORDS, 0, BACKLOG_RECORDS)] == [
        *(False, False, True, False, True)
    ]
    assert [deferring.defers(records) for records in (BACKLOG_RECORDS - 2, BACKLOG_RECORDS)] == [False, True]
    assert [deferring.defers(records) for records in (1, BACKLOG_RECORDS, 0)] == [False, False, False]


ALERTS = """
id = "acme"
name = "Acme"
time_zone = "UTC"
default_region = "KZ"

[[alerts.channels]]
id = "managers"
url = "env:MANAGERS"

[[alerts.rules]]
id = "missed"
kind = "missed_call"
to = ["managers"]
"""


@pytest.mark.parametrize("copies", [1, BACKLOG_RECORDS // 2], ids=["in a trickle", "whose facts are left behind"])
def test_an_alert_is_published_once_and_one_that_came_of_a_replay_is_marked(tmp_path: Path, copies: int) -> None:
    (tmp_path / "company.toml").write_text(ALERTS)
    cluster = MemoryKafka({name: topic.partitions for name, topic in DECLARED.items()})
    producer = cluster.producer()

    def bring(number: int, *, headers: Headers = (), copies: int = 1) -> None:
        for fact in missed_events(number, begin=moment(NOW) - timedelta(hours=1)) * copies:
            producer.send("calls", key=fact.partitionkey.encode(), value=codec.encode(fact), headers=headers)
        producer.flush()
        stop = threading.Event()
        assigned = cluster.assign(TOPICS, writer.next_offsets())
        consumer = OneByOne(assigned, stop=stop, size=MAX_BATCH_RECORDS, most=MAX_BATCH_RECORDS)
        land.land(consumer, writer=writer, stop=stop, herald=herald, now=lambda: NOW)

    with open_writer(settings_at(tmp_path)) as writer:
        herald = land.Herald(writer.bell(NOW))
        herald.speak_to(producer)
        bring(1)
        herald.tell(NOW)
        herald.tell(NOW)
        bring(2, headers=[(REPLAYED, b"1")], copies=copies)
        bring(3)
        herald.tell(NOW)

    assert [record.headers for record in cluster.records("alerts")] == [(), ((REPLAYED, b"1"),), ()]
    assert len({record.value for record in cluster.records("alerts")}) == 3


def test_a_backlog_goes_on_as_one_when_its_lander_was_killed_and_nobody_is_notified_of_it(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text(ALERTS)
    cluster, stop = MemoryKafka({"alerts": 1}), threading.Event()
    facts = [fact for number in (1, 2) for fact in missed_events(number, begin=moment(NOW) - timedelta(hours=1))]
    half = len(facts) // 2
    copies = BACKLOG_RECORDS // half + 1
    told = facts[:half] * copies + facts[half:] * copies
    records = [Record("calls", 0, at, None, codec.encode(fact), (), 0) for at, fact in enumerate(told)]
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records[: len(records) // 2]), now=NOW, folds=False)

    with open_writer(settings_at(tmp_path)) as writer:
        assert (writer.was_left_behind, writer.is_fresh(most_events=0)) == (True, True)
        herald = land.Herald(writer.bell(NOW), owes_replay=writer.was_left_behind)
        herald.speak_to(cluster.producer())
        rest = InPolls(records[len(records) // 2 :], [], [], stop=stop)
        land.land(rest, writer=writer, stop=stop, herald=herald, now=lambda: NOW)
        assert (writer.was_left_behind, writer.is_fresh(most_events=0)) == (False, False)
        built = writer.connection.rows("select fingerprint = '' from log.builds order by built_at")
        assert built == [(False,), (True,), (False,), (True,), (False,)]
        assert writer.connection.rows("select count(*) from facts.calls") == [(2,)]
    assert [record.headers for record in cluster.records("alerts")] == [((REPLAYED, b"1"),)] * 2


def test_a_batch_takes_what_is_there_and_does_not_wait_for_a_trickle(cluster: MemoryKafka) -> None:
    stop = threading.Event()
    consumer = OneByOne(cluster.assign(TOPICS, {}), stop=stop, size=7)
    assert len(land.gather(consumer)) == 80
    assert land.gather(consumer) == []


def test_a_broker_that_is_silent_for_a_moment_does_not_end_a_backlog() -> None:
    few, many = ([Record("calls", 0, 0, None, b"{}", (), 0)] * count for count in (3, BACKLOG_RECORDS))
    assert len(land.gather(Silent(few, then=many), is_in_backlog=True)) == 3 + BACKLOG_RECORDS
    assert len(land.gather(Silent(few, then=many))) == 3
    assert (SILENCE_SECONDS, IDLE_SECONDS) == (first_wait(is_in_backlog=True), first_wait(is_in_backlog=False))


def first_wait(*, is_in_backlog: bool) -> float:
    """Give how long a batch waits for its first record."""
    consumer = Silent([], then=[])
    land.gather(consumer, is_in_backlog=is_in_backlog)
    return consumer.waits[0]


class Silent:
    """A consumer that has some records at once, and others for whoever waits longer than to gather."""

    def __init__(self, first: list[Record], *, then: list[Record]) -> None:
        self._first, self._then = first, then
        self._is_speaking = False
        self.waits: list[float] = []

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give of the first, or, when these are taken, of the others."""
        self.waits.append(timeout_seconds)
        if self._first:
            given, self._first = self._first[:max_records], self._first[max_records:]
        elif timeout_seconds > GATHERING_SECONDS or self._is_speaking:
            given, self._then = self._then[:max_records], self._then[max_records:]
            self._is_speaking = True
        else:
            given = []
        return given

    def commit(self, positions: Positions) -> None:
        """Never be asked to."""
        raise TypeError(positions)

    def close(self) -> None:
        """Let go."""


def test_a_batch_has_a_limit() -> None:
    record = Record("calls", 0, 0, None, b"{}", (), 0)
    endless = Endless(record)
    assert len(land.gather(endless)) == MAX_BATCH_RECORDS
    assert GATHERING_SECONDS < 0.5


class Endless:
    """A consumer that always has more of the same record."""

    def __init__(self, record: Record) -> None:
        self._record = record

    def poll(self, *, max_records: int, timeout_seconds: float) -> list[Record]:
        """Give as many as are asked for, at once."""
        assert timeout_seconds >= 0
        return [self._record] * max_records

    def commit(self, positions: Positions) -> None:
        """Never be asked to."""
        raise TypeError(positions)

    def close(self) -> None:
        """Let go."""
