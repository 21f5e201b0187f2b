"""Landing: nothing twice, nothing lost, what is no event is kept as it came, and one writer only."""

import itertools
import os
import signal
import subprocess
import sys
import time
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import msgspec
import numpy as np
import pytest

from analytics.connection import Connection
from analytics.engine.attaching import attach
from analytics.engine.sessions import open_session
from analytics.folding.refresh import Refresher
from analytics.folding.scratch import Scratch, scratch
from analytics.landing.batches import STRANGE, Lander
from analytics.landing.memory import Memory
from analytics.landing.seen import LEAST_CAPACITY
from analytics.log import BEGINNING, STORED
from analytics.views import read_views
from analytics.warehouse import Batch, Landed, open_writer
from schemas import codec
from schemas.catalogue import EVENT_TYPES
from schemas.decisions import PersonErased
from schemas.envelope import Event, event
from schemas.errors import Misconfigured, OtherLog
from schemas.ids import fact_id
from schemas.records import DeadLetter, dead_to_kafka
from schemas.topics import CANONICAL
from schemas.withdrawals import WITHDRAWN
from tests.analytics.landing_cases import (
    BEGIN,
    NOW,
    FullDisk,
    KafkaRecord,
    Refused,
    call_events,
    message_events,
    records_of,
    settings_at,
)

GOOD = call_events(1)[0]
UNUSED = itertools.count(10)  # partitions
ERASURE = event(
    PersonErased(until=NOW, digests=("0" * 64,), entities=(GOOD.data.call_id,)),
    id=fact_id("angime", "angime", "person.erased", "1"),
    source="angime",
    account="angime",
    company="acme",
    time=NOW,
    recordedat=NOW,
    key="acme",
)


@pytest.fixture
def warehouse() -> Scratch:
    """Open a warehouse in memory with all its tables."""
    opened = scratch()
    opened.build()
    return opened


@pytest.fixture
def lander(warehouse: Scratch) -> Lander:
    """Open a lander on it."""
    return lander_on(warehouse.connection)


@pytest.fixture(scope="module")
def filling() -> tuple[Scratch, Lander]:
    """Open a warehouse and its lander for many batches; the good event is landed."""
    opened = scratch()
    opened.build()
    lander = lander_on(opened.connection)
    lander.land(Batch([msgspec.structs.replace(records_of([GOOD])[0], partition=1)]), now=NOW)
    return opened, lander


def lander_on(connection: Connection, *, hot_events: int = 1_000) -> Lander:
    return Lander(connection, refresher=Refresher(connection, read_views(), companies=()), hot_events=hot_events)


def test_a_batch_lands_with_its_facts_and_offsets(warehouse: Scratch, lander: Lander) -> None:
    landed = lander.land(Batch(records_of([*call_events(1), *call_events(2)])), now=NOW)
    assert landed == Landed(events=10)
    assert lander.next_offsets() == {("calls", 0): 9, ("transcripts", 0): 10}
    assert warehouse.connection.rows("select call_id, outcome, events from facts.calls order by provider_call_id") == [
        (fact[0].data.call_id, "answered", 5) for fact in (call_events(1), call_events(2))
    ]


def test_the_same_event_later_in_a_batch_and_in_later_batches_is_a_duplicate(lander: Lander) -> None:
    records = records_of([GOOD, GOOD, GOOD])
    assert lander.land(Batch(records[:2]), now=NOW) == Landed(events=1, duplicates=1)
    assert lander.land(Batch(records[2:]), now=NOW) == Landed(duplicates=1)


def test_a_duplicate_that_comes_days_late_is_found_without_memory_of_it(warehouse: Scratch) -> None:
    lander_on(warehouse.connection).land(Batch(records_of([GOOD])), now=NOW)
    later = msgspec.structs.replace(GOOD, recordedat="2026-03-20T00:00:00.000Z", causationid=GOOD.id)
    restarted = lander_on(warehouse.connection)
    assert restarted.land(Batch(records_of([later], first_offset=1)), now=NOW) == Landed(duplicates=1)


def test_the_first_landed_of_one_id_wins_and_the_other_is_kept_as_a_conflict(
    warehouse: Scratch, lander: Lander
) -> None:
    changed = msgspec.structs.replace(GOOD, time="2026-03-01T23:31:00.000Z")
    again = msgspec.structs.replace(GOOD, time="2026-03-01T23:32:00.000Z")
    moved = msgspec.structs.replace(GOOD, subject="another")
    records = records_of([GOOD, changed, again, moved])
    assert lander.land(Batch(records[:2]), now=NOW) == Landed(events=1, duplicates=1, conflicts=1)
    assert lander.land(Batch(records[2:]), now=NOW) == Landed(duplicates=2, conflicts=2)
    assert warehouse.connection.rows("select time from log.events") == [(BEGIN,)]
    told = "select minute(time), subject = 'another' from log.conflicts order by all"
    assert warehouse.connection.rows(told) == [(30, True), (31, False), (32, False)]


@pytest.mark.parametrize("folds", [True, False], ids=["folded", "in a backlog"])
def test_a_call_stays_with_the_company_that_told_of_it_first_whoever_gives_theirs_its_id(
    warehouse: Scratch, lander: Lander, folds: bool
) -> None:
    own = [told_by("acme", fact) for fact in call_events(1)]
    stolen = [told_by("bolt", msgspec.structs.replace(fact, time="1970-01-02T00:00:00.000Z")) for fact in own]
    lander.land(Batch(records_of([*own[:2], stolen[0]])), now=NOW, folds=folds)
    landed = lander.land(Batch(records_of([*stolen[1:3], *own[2:]], first_offset=3)), now=NOW, folds=folds)
    assert (landed.events, landed.dead) == (3, 2)
    assert warehouse.connection.rows("select company, count(*) from log.events group by all") == [("acme", 5)]
    assert warehouse.connection.rows('select topic, "offset", reason, body from log.dead order by all') == [
        ("calls", offset, STRANGE, codec.encode(fact)) for offset, fact in zip((2, 3, 4), stolen, strict=False)
    ]


def told_by(company: str, fact: Event) -> Event:
    """Tell a fact of a company's module, which made the id of the call."""
    named = "8a6e0804-2bd0-4672-b79d-d97027f9071a"
    data = msgspec.structs.replace(fact.data, call_id=named)
    return msgspec.structs.replace(fact, id=fact_id(company, fact.id, ""), company=company, subject=named, data=data)


def test_an_id_that_another_entity_used_is_found_in_the_whole_log(warehouse: Scratch, lander: Lander) -> None:
    stolen = msgspec.structs.replace(call_events(2)[0], id=GOOD.id)
    lander.land(Batch(records_of([GOOD])), now=NOW)
    landed = lander.land(Batch(records_of([stolen], first_offset=1)), now=NOW)
    assert landed == Landed(duplicates=1, conflicts=1)
    assert warehouse.connection.rows("select count(*) from facts.calls") == [(1,)]


def _changed(**fields: Any) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(codec.encode(GOOD)) | fields)


REFUSED = {
    "no JSON": (b"hello", "no valid JSON"),
    "half of it": (codec.encode(GOOD)[:80], "no valid JSON"),
    "no value": (None, "no value"),
    "empty": (b"", "no valid JSON"),
    "not UTF-8": (codec.encode(GOOD).replace(b"twilio", b"tw\xff\xfeio"), "UTF-8"),
    "a list": (b"[]", "object"),
    "wrong type": (_changed(time=5), "time"),
    "wrong type within data": (_changed(data=msgspec.to_builtins(GOOD.data) | {"is_test": "no"}), "is_test"),
    "a day that does not exist": (_changed(time="2026-02-30T00:00:00.000Z"), "does not exist"),
    "a year whose last local day is none": (_changed(time="9999-12-31T23:59:59.999Z"), "1970 to 9998"),
    "unknown type": (_changed(type="call.teleported"), "unknown"),
    "of another topic": (codec.encode(ERASURE), "person.erased does not belong on calls; it is told on decisions"),
    "plainly of another topic": (codec.encode(message_events(1)[0]), "message.sent does not belong on calls"),
    "newer version": (_changed(dataschema="call.offered/9"), "no version 9"),
    "NUL": (_changed(data=msgspec.to_builtins(GOOD.data) | {"contact_name": "a\0b"}), "NUL"),
    "a lone surrogate": (codec.encode(GOOD).replace(b"CA1", b"\\ud800"), "no valid JSON"),
    "a huge number": (
        _changed(data=msgspec.to_builtins(GOOD.data) | {"n": 0}).replace(b'"n":0', b'"n":' + b"9" * 400),
        "",
    ),
    "nested too deep": (_changed(x=0).replace(b'"x":0', b'"x":' + b"[" * 100 + b"]" * 100), "nested"),
    "nested far too deep": (_changed(x=0).replace(b'"x":0', b'"x":' + b"[" * 9999 + b"]" * 9999), "nested"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_event_is_kept_untouched_and_the_rest_of_its_batch_lands(
    filling: tuple[Scratch, Lander], case: str
) -> None:
    warehouse, lander = filling
    body, reason = REFUSED[case]
    place = 2 * list(REFUSED).index(case)
    beside = records_of(call_events(place + 100)[:1], first_offset=place)
    record = KafkaRecord("calls", 2, place + 1, body, key=b"k", headers=(("h", b"\xff"),))
    landed = lander.land(Batch([*beside, record]), now=NOW)
    if case == "a huge number":
        # Unknown fields are ignored, whatever they hold: an event, if not the one that was landed.
        assert landed == Landed(events=1, duplicates=1, conflicts=1)
        return
    assert landed == Landed(events=1, dead=1)
    [(kept, said, stage, topic, key)] = warehouse.connection.rows(
        'select body, reason, stage, topic, "key" from log.dead where "partition" = 2 and "offset" = ?', [place + 1]
    )
    assert (kept, stage, topic, key) == (body or b"", "land", "calls", b"k")
    assert reason in said


def test_a_key_that_stands_twice_means_the_same_to_the_check_and_to_the_log(warehouse: Scratch, lander: Lander) -> None:
    doubled = codec.encode(GOOD).replace(b'{"id":', b'{"id":"00000000-0000-0000-0000-000000000000","id":', 1)
    assert lander.land(Batch([KafkaRecord("calls", 0, 0, doubled)]), now=NOW) == Landed(events=1)
    assert warehouse.connection.rows("select id from log.events") == [(GOOD.id,)]


def test_an_old_version_stays_in_the_log_as_it_was_published(warehouse: Scratch, lander: Lander) -> None:
    ended = call_events(1)[3]
    old = msgspec.to_builtins(ended.data) | {"duration_seconds": 7, "status": "completed"}
    value = msgspec.json.encode(msgspec.json.decode(codec.encode(ended)) | {"dataschema": "call.ended/1", "data": old})
    lander.land(Batch([KafkaRecord("calls", 0, 0, value)]), now=NOW)
    assert warehouse.connection.rows("select dataschema, data ->> '$.duration_seconds' from log.events") == [
        ("call.ended/1", "7")
    ]


def test_dead_letters_of_other_stages_land_as_they_are(warehouse: Scratch, lander: Lander) -> None:
    letter = DeadLetter(
        reason="broken",
        stage="normalise",
        topic="raw",
        partition=3,
        offset=9,
        died_at=NOW,
        version="1",
        source="twilio",
        key=b"k",
        body=b"\x00\xff",
        headers=(("a", b"b"),),
    )
    key, value, headers = dead_to_kafka(letter)
    records = [
        KafkaRecord("dead", 0, 0, value, key=key, headers=tuple(headers)),
        KafkaRecord("dead", 0, 1, b"not ours"),
    ]
    assert lander.land(Batch(records), now=NOW) == Landed(dead=2)
    assert warehouse.connection.rows(
        'select stage, topic, partition, "offset", body, headers from log.dead order by stage'
    ) == [("land", "dead", 0, 1, b"not ours", "[]"), ("normalise", "raw", 3, 9, b"\x00\xff", '[["a","Yg=="]]')]


def test_a_letter_of_a_topic_of_which_nobody_writes_any_is_refused_for_redelivered_it_would_be_obeyed(
    warehouse: Scratch, lander: Lander
) -> None:
    letter = DeadLetter(
        reason="broken", stage="streams", topic="decisions", partition=0, offset=9, died_at=NOW, version="1",
        body=codec.encode(ERASURE),
    )  # fmt: skip
    key, value, headers = dead_to_kafka(letter)
    lander.land(Batch([KafkaRecord("dead", 0, 0, value, key=key, headers=tuple(headers))]), now=NOW)
    assert warehouse.connection.rows("select stage, topic, reason, body from log.dead") == [
        ("land", "dead", "the headers of a dead letter name a topic of which nobody writes any", letter.body)
    ]


@pytest.mark.parametrize(
    ("kept", "others"),
    [(6, 3), (2, 3), (2, 4), (0, 9)],
    ids=["nothing lost", "shorter than it was", "as long as it was", "longer, and another"],
)
def test_what_kafka_took_after_it_lost_records_lands_once(
    filling: tuple[Scratch, Lander], kept: int, others: int
) -> None:
    warehouse, lander = filling
    place = ("messages", next(UNUSED))
    facts = [fact for number in range(5) for fact in message_events(100 * place[1] + number)]
    lost, told = facts[:6], facts[6 : 6 + others]
    lander.land(Batch(_taken(lost, place, at=1_000)), now=NOW)
    holds = [*_taken(lost, place, at=1_000)[:kept], *_taken(told, place, at=2_000, first_offset=kept)]

    is_read = False
    while not is_read:
        begin = lander.next_offsets().get(place, 0)
        if begin > len(holds):  # so the broker says
            lander.begin_anew([place])
            continue
        try:
            lander.land(Batch(holds[max(0, begin - 1) : begin + 5]), now=NOW)
        except OtherLog:
            lander.begin_anew([place])
        is_read = lander.next_offsets().get(place, 0) == len(holds)

    landed = warehouse.connection.rows('select id from log.events where "partition" = ?', [place[1]])
    assert sorted(id_ for (id_,) in landed) == sorted(fact.id for fact in [*lost, *told])


def _taken(facts: list[Event], place: tuple[str, int], *, at: int, first_offset: int = 0) -> list[KafkaRecord]:
    return [
        KafkaRecord(*place, offset, codec.encode(fact), timestamp_ms=at + offset)
        for offset, fact in enumerate(facts, start=first_offset)
    ]


def test_letters_of_a_topic_that_is_read_anew_are_known(warehouse: Scratch, lander: Lander) -> None:
    letter = DeadLetter(reason="broken", stage="normalise", topic="raw", partition=3, offset=9, died_at=NOW, version="")
    key, value, headers = dead_to_kafka(letter)
    again = dead_to_kafka(msgspec.structs.replace(letter, died_at="2026-03-20T00:00:00.000Z"))
    records = [
        KafkaRecord("dead", 0, 0, value, key=key, headers=tuple(headers)),
        KafkaRecord("dead", 0, 1, b"not ours"),
        KafkaRecord("dead", 0, 2, again[1], key=again[0], headers=tuple(again[2])),
    ]
    lander.land(Batch(records), now=NOW)
    lander.begin_anew([("dead", 0)])
    lander.land(Batch(records), now="2026-03-21T00:00:00.000Z")

    assert warehouse.connection.rows("select stage, count(*) from log.dead group by all order by all") == [
        ("land", 1),
        ("normalise", 2),
    ]


def test_every_type_of_event_belongs_on_one_topic_of_events() -> None:
    assert {one.topic for name, one in EVENT_TYPES.items() if name != WITHDRAWN} == set(CANONICAL)


def test_records_that_were_landed_before_are_left_out_of_a_batch(lander: Lander) -> None:
    records = records_of([*call_events(1), *message_events(1)])
    lander.land(Batch(records[:5]), now=NOW)
    assert lander.land(Batch(records[3:]), now=NOW) == Landed(events=3, known=2)
    assert lander.land(Batch(records[3:]), now=NOW) == Landed(known=5)


def test_a_lander_whose_offsets_somebody_else_moved_stops_and_writes_nothing(
    warehouse: Scratch, lander: Lander
) -> None:
    lander_on(warehouse.connection).land(Batch(records_of(call_events(1))), now=NOW)
    with pytest.raises(Misconfigured, match="another process lands"):
        lander.land(Batch(records_of(call_events(2))), now=NOW)
    assert warehouse.connection.rows("select count(*) from log.events") == [(5,)]


@pytest.mark.parametrize("is_maintained", [False, True])
def test_a_lander_stops_where_somebody_else_wrote_offsets_since_its_last_batch(
    home: Path, *, is_maintained: bool
) -> None:
    settings = settings_at(home)
    with open_writer(settings) as writer, closing(open_session(settings)) as other:
        writer.land(Batch(records_of(call_events(1))), now=NOW)
        attach(other, settings, reads_only=False)
        other.execute("update lake.log.offsets set next_offset = next_offset + 1")
        if is_maintained:  # what this process writes itself hides nothing
            writer.connection.execute("delete from facts.calls")
        with pytest.raises(Misconfigured, match="another process lands"):
            writer.land(Batch(records_of(call_events(2), first_offset=5)), now=NOW)


def test_what_a_failed_transaction_folded_is_not_remembered(warehouse: Scratch) -> None:
    connection = FullDisk(warehouse.connection)
    lander = lander_on(cast("Connection", connection))
    lander.land(Batch(records_of(call_events(1))), now=NOW)
    connection.is_full = True
    with pytest.raises(Refused):
        lander.land(Batch(records_of(call_events(8), first_offset=5)), now=NOW)
    connection.is_full = False
    lander.land(Batch(records_of(call_events(15), first_offset=5)), now=NOW)
    of_one_contact = "select count(*), count(distinct contact_key) from facts.calls"
    assert warehouse.connection.rows(of_one_contact) == [(2, 1)]
    assert warehouse.connection.rows("select incoming_calls + outgoing_calls from facts.conversations") == [(2,)]


def test_a_late_event_that_moves_the_start_of_its_call_leaves_one_row(warehouse: Scratch, lander: Lander) -> None:
    facts = call_events(1)
    earlier = msgspec.structs.replace(facts[0], time="2026-02-20T08:00:00.000Z", recordedat=NOW)
    lander.land(Batch(records_of(facts[1:])), now=NOW)
    lander_on(warehouse.connection).land(Batch(records_of([earlier], first_offset=4)), now=NOW)
    assert warehouse.connection.rows("select count(*), min(day)::varchar from facts.calls") == [(1, "2026-02-20")]
    assert warehouse.connection.rows("select day::varchar, calls from reports.calls_daily") == [("2026-02-20", 1)]


def test_a_backlog_is_taken_in_first_and_its_facts_are_built_at_the_end(home: Path) -> None:
    records = records_of([fact for number in range(12) for fact in call_events(number)] * 2)
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records[:20]), now=NOW, folds=False)
        assert writer.land(Batch(records[20:100]), now=NOW, folds=False) == Landed(events=40, duplicates=40)
        assert writer.connection.rows("select count(*) from facts.calls") == [(0,)]
        writer.land(Batch(records[100:]), now=NOW)
        assert writer.connection.rows("select count(*), sum(events) from facts.calls") == [(12, 60)]
        assert all(table["same"] for table in writer.rebuild(verify=True))


def test_a_backlog_of_more_ids_than_were_expected_leaves_new_ones_known_to_be_new(
    warehouse: Scratch, lander: Lander
) -> None:
    lander.land(Batch(records_of([GOOD])), now=NOW)
    memory = Memory(warehouse.connection, hot_events=0)
    memory.cool()
    chance = np.random.default_rng(7)
    memory.ids.add(chance.integers(2**64, size=4 * LEAST_CAPACITY, dtype=np.uint64))
    memory.trim()
    [(known,)] = warehouse.connection.rows(f"select hash({BEGINNING}) from {STORED}")  # noqa: S608  # ours
    assert memory.ids.may_hold(np.array([known], dtype=np.uint64)).all()
    assert not memory.ids.may_hold(chance.integers(2**64, size=1_000, dtype=np.uint64)).any()


def test_the_newest_events_stay_hot_however_many_come_within_minutes(warehouse: Scratch) -> None:
    lander = lander_on(warehouse.connection, hot_events=10)
    for number in range(7):
        told = call_events(number, begin=BEGIN + timedelta(minutes=3 * number))
        lander.land(Batch(records_of(told, first_offset=5 * number)), now=NOW)
        [(hot,)] = warehouse.connection.rows("select count(*) from hot")
        assert 5 <= hot <= 12


def test_a_call_is_known_for_as_long_as_one_of_its_events_is_hot_and_found_when_none_is(warehouse: Scratch) -> None:
    lander = lander_on(warehouse.connection, hot_events=10)
    calls = [call_events(number, begin=BEGIN + timedelta(minutes=3 * number)) for number in range(7)]
    for number, told in enumerate(calls):
        lander.land(Batch(records_of(told[:-1], first_offset=4 * number)), now=NOW)
        known, hot, kept = (
            warehouse.connection.rows(f"select distinct {listed} order by all")
            for listed in ("entity from kept_of_calls", "entity from hot", "call_id from kept_calls")
        )
        assert known == hot == kept
    assert len(known) < len(calls)
    lander.land(Batch(records_of([told[-1] for told in calls], first_offset=28)), now=NOW)
    assert warehouse.connection.rows("select count(*), count(distinct call_id), sum(events) from facts.calls") == [
        (7, 7, 35)
    ]


def test_facts_left_behind_by_a_lander_that_died_are_built_at_the_next_start(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(call_events(1))), now=NOW, folds=False)
    with open_writer(settings_at(home)) as writer:
        assert writer.connection.rows("select count(*), sum(events) from facts.calls") == [(1, 5)]


def test_a_second_writer_is_told_that_there_is_one(home: Path) -> None:
    with open_writer(settings_at(home)), pytest.raises(Misconfigured, match="another process writes"):
        open_writer(settings_at(home))


KILLS = 3
ALL_CALLS = 90
_LAND = """
import sys
from pathlib import Path
from analytics.warehouse import Batch, open_writer
from tests.analytics.landing_cases import NOW, call_events, records_of, settings_at

with open_writer(settings_at(sys.argv[1])) as writer:
    records = records_of(fact for number in range(int(sys.argv[2])) for fact in call_events(number))
    at = max(writer.next_offsets().values(), default=0)
    print("ready", flush=True)
    while at < len(records):
        size = 20 + at % 87
        writer.land(Batch(records[at:at + size]), now=NOW)
        at += size
        if at % 3 == 0:
            writer.maintain(NOW)
        print(at, flush=True)
assert "pandas" not in sys.modules  # which alone would take a third of a second of each start
"""


def test_a_lander_killed_at_any_moment_goes_on_where_its_last_transaction_ended(home: Path) -> None:
    command = [sys.executable, "-c", _LAND, str(home), str(ALL_CALLS)]
    for kill in range(KILLS):
        lander = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(__file__).parents[2], text=True)
        assert lander.stdout is not None
        lander.stdout.readline()
        time.sleep(0.13 * (kill + 1) + 0.037 * (os.getpid() % 7))
        lander.send_signal(signal.SIGKILL)
        lander.communicate()
        with open_writer(settings_at(home)) as writer:
            counts = writer.connection.rows(
                "select count(*), count(distinct id), (select coalesce(max(next_offset), 0) from log.offsets) "
                "from log.events"
            )
            [(events, ids, offset)] = counts
            assert events == ids == offset
    subprocess.run(command, stdout=subprocess.DEVNULL, check=True, cwd=Path(__file__).parents[2], timeout=120)
    with open_writer(settings_at(home)) as writer:
        assert writer.connection.rows("select count(*), count(distinct id) from log.events") == [
            (5 * ALL_CALLS, 5 * ALL_CALLS)
        ]
        assert writer.connection.rows("select count(*), count(distinct call_id) from facts.calls") == [
            (ALL_CALLS, ALL_CALLS)
        ]
        assert [table for table in writer.rebuild(verify=True) if not table["same"]] == []
