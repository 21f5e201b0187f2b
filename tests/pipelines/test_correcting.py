"""Correcting: what today's code and settings make of raw records is what the log holds afterwards, and no more."""

from collections.abc import Iterable, Mapping
from typing import Any, cast

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st

from analytics.privacy.anonymous import without_words
from analytics.warehouse import Batch, Reader
from pipelines import correcting
from pipelines.correcting import Corrected, correct
from pipelines.kafka import stretches
from pipelines.land import TOPICS as LANDED
from pipelines.normalise import normalise
from pipelines.origins import Origin, Origins, raw_record
from pipelines.sources import SOURCES
from pipelines.sources.contract import Translation
from schemas.calls import CallEnded, CallRecordingMadeAvailable, CallRecordingStored
from schemas.codec import decode, encode
from schemas.company import Account, Company
from schemas.envelope import Event, event, topic_of
from schemas.errors import InvalidEvent, Misconfigured, NotYet
from schemas.ids import call_id, fact_id, message_id, recording_id
from schemas.instants import Instant
from schemas.messages import MessageReceived
from schemas.records import RawRecord, raw_to_kafka
from schemas.topics import TOPICS
from tests.analytics.landing_cases import NOW
from tests.analytics.retold import Log
from tests.fakes import MemoryConsumer, MemoryKafka
from tests.pipelines.test_replay import Remembered, choice

ACCOUNT = Account(id="main", source="ingest")
COMPANY = Company(id="acme", name="Acme", time_zone="Asia/Almaty", default_region="KZ", accounts=(ACCOUNT,))
LATER: tuple[Instant, ...] = tuple(f"2026-03-2{day}T09:00:00.000Z" for day in range(4))
CASES = max(4, drawing.default.max_examples // 20) if drawing.default else 4

# What a translator makes of raw records: of each, by its body, numbers of facts and how they are told, or a refusal.
Telling = Mapping[str, Mapping[int, int] | None]


def origins_of(telling: Telling) -> Origins:
    """Give a source whose translator makes just this."""

    def translate(raw: RawRecord, *, company: Company, account: Account) -> Translation:  # noqa: ARG001  # the port's form
        told = telling.get(raw.body.decode(), {})
        if told is None:
            raise InvalidEvent("it cannot be read")
        return Translation(events=tuple(fact(raw, number, how) for number, how in told.items()))

    source = msgspec.structs.replace(SOURCES["ingest"], translate=translate)
    return {("ingest", "main"): Origin(company=COMPANY, account=ACCOUNT, source=source)}


def fact(raw: RawRecord, number: int, how: int) -> Event:
    """Make the fact of a number, told in one way or another: a call's, a recording's, or a message's."""
    call: dict[str, Any] = {
        "call_id": call_id("ingest", "main", str(number - how % 2)),
        "provider_call_id": str(number),
    }
    kinds: tuple[msgspec.Struct, ...] = (
        CallEnded(**call, direction="incoming", channel="phone", talk_seconds=how),
        CallRecordingMadeAvailable(
            **call, direction="incoming", channel="phone", url=f"http://r/{how}",
            recording_id=recording_id("ingest", "main", str(number)),
        ),
        MessageReceived(
            message_id=message_id("ingest", "main", str(number)), provider_message_id=str(number), channel="whatsapp",
            conversation_id=message_id("ingest", "main", "talk"), text=f"Salem {how}",
        ),
    )  # fmt: skip
    data = kinds[number % len(kinds)]
    key = getattr(data, "conversation_id", "") or call["call_id"]
    return event(
        data, id=fact_id("ingest", "main", type(data).__name__, str(number)), source="ingest", account="main",
        company="acme", time=NOW, recordedat=raw.received_at, key=key, causationid=raw.raw_id,
    )  # fmt: skip


def received(bodies: Iterable[str]) -> MemoryKafka:
    """Hold raw records of these bodies, and one of nobody."""
    kafka = MemoryKafka(dict.fromkeys(TOPICS, 1))
    producer = kafka.producer()
    for body in bodies:
        raw = raw_record(origins_of({})["ingest", "main"], body.encode(), received_at=NOW)
        key, value, headers = raw_to_kafka(raw)
        producer.send("raw", key=key, value=value, headers=headers)
    producer.send("raw", key=b"", value=b"what somebody else put there")
    producer.flush()
    return kafka


def work(kafka: MemoryKafka, telling: Telling) -> None:
    """Normalise all raw records, and keep the recordings that they tell of, as the streams do."""
    producer = kafka.producer()
    for record in kafka.records("raw"):
        for made in normalise(record, origins=origins_of(telling), now=NOW).facts:
            producer.send(made.topic, key=made.key, value=made.value)
            told = decode(made.value)
            if told.type == "call.recording_made_available":
                kept = stored(told)
                producer.send(topic_of(kept), key=kept.partitionkey.encode(), value=encode(kept))
    producer.flush()


def stored(cause: Event) -> Event:
    said = CallRecordingStored(
        call_id=cause.data.call_id, provider_call_id=cause.data.provider_call_id, recording_id=cause.data.recording_id,
        path="r.wav", sha256="0" * 64, size_bytes=1, direction="incoming", channel="phone",
    )  # fmt: skip
    return event(
        said, id=fact_id("ingest", "main", "call.recording_stored", said.recording_id), source="ingest",
        account="main", company="acme", time=cause.time, recordedat=NOW, key=cause.partitionkey, causationid=cause.id,
        revision=cause.revision,
    )  # fmt: skip


def land(kafka: MemoryKafka, log: Log) -> None:
    lander = log.lander()
    consumer = kafka.assign(LANDED, lander.next_offsets())
    lander.land(Batch(consumer.poll(max_records=10_000, timeout_seconds=0)), now=NOW, folds=False)


def corrected(
    kafka: MemoryKafka, log: Log, telling: Telling, *, nth: int = 0, is_dry: bool = False, **wanted: Any
) -> Corrected:
    chosen = choice("normalise", call=wanted.pop("call", ""))
    stretch = stretches.stretch_of(Remembered(kafka), chosen.topics, since=chosen.since, until=chosen.until)
    ports: dict[str, Any] = {
        "open_consumer": lambda: kafka.assign(chosen.topics, stretch.starts),
        "origins": origins_of(telling),
    }
    return correct(
        choice=chosen,
        stretch=stretch,
        reader=cast("Reader", log),
        producer=None if is_dry else kafka.producer(),
        now=LATER[nth],
        **(ports | wanted),
    )


def stands(log: Log) -> list[tuple[Any, ...]]:
    """Give what facts are folded from, but for what the streams made."""
    columns = "id, type, subject, time, recorded_at, company, dataschema, cast(data as varchar), entity"
    of_sources = "type not in ('event.withdrawn', 'call.recording_stored')"
    return log.connection.rows(f"select {columns} from log.events where {of_sources} order by id")  # noqa: S608


@st.composite
def tellings(draw: st.DrawFn) -> Telling:
    """Draw what a translator makes of a few raw records; a fact is told in one way, by whichever of them it is told."""
    ways = draw(st.lists(st.integers(0, 3), min_size=6, max_size=6))
    numbers = st.sets(st.integers(0, 5), max_size=3)
    return {body: {number: ways[number] for number in sorted(draw(numbers))} for body in "abcd"}


@drawing(max_examples=CASES)
@given(wrong=tellings(), right=tellings(), repeated=st.sampled_from(("", "a", "bc")))
def test_whatever_was_made_wrongly_the_log_holds_afterwards_what_the_right_code_makes(
    whole_log: Log, wrong: Telling, right: Telling, repeated: str
) -> None:
    log = whole_log
    only_right = received("abcd" + repeated)
    log.empty()
    work(only_right, right)
    land(only_right, log)
    expected = stands(log)
    kafka = received("abcd" + repeated)
    log.empty()
    work(kafka, wrong)
    land(kafka, log)

    counted = corrected(kafka, log, right, is_dry=True)
    sent = corrected(kafka, log, right)
    assert msgspec.structs.replace(sent, sent=0) == counted
    land(kafka, log)
    assert stands(log) == expected
    assert corrected(kafka, log, right, nth=1).sent == 0
    work(kafka, wrong)
    land(kafka, log)
    assert stands(log) == expected
    log.empty()
    land(kafka, log)
    assert stands(log) == expected
    assert log.connection.rows("select count(*) from log.conflicts") == [(0,)]


WRONG: Telling = {"a": {0: 1, 1: 0}, "b": {2: 0}}


def test_what_was_made_from_what_is_withdrawn_goes_with_it_and_comes_again_with_it(log: Log) -> None:
    kafka = received("ab")
    work(kafka, WRONG)
    land(kafka, log)
    before = log.content()
    found = corrected(kafka, log, {"b": {2: 3}})
    assert found.told_anew == {"message.received": 1}
    assert found.withdrawn == {"call.ended": 1, "call.recording_made_available": 1, "call.recording_stored": 1}
    land(kafka, log)
    assert {type_ for _, type_, *_ in log.content()} == {"event.withdrawn", "message.received"}

    again = corrected(kafka, log, WRONG, nth=1)
    assert again.told_anew == {"call.ended": 1, "call.recording_made_available": 1, "message.received": 1}
    [available] = [
        one for one in map(told_by, kafka.records("calls")) if one.revision == LATER[1] and "url" in str(one)
    ]
    remade = stored(available)
    producer = kafka.producer()
    producer.send("transcripts", key=b"", value=encode(remade))
    producer.flush()
    land(kafka, log)
    told = [(id_, type_, data) for id_, type_, *_, data, _, _ in log.content()]
    assert told == [(id_, type_, data) for id_, type_, *_, data, _, _ in before]


def told_by(record: Any) -> Event:
    return decode(record.value or b"")


def test_what_is_refused_now_stays_as_it_is(log: Log) -> None:
    kafka = received("ab")
    work(kafka, WRONG)
    land(kafka, log)
    found = corrected(kafka, log, {"a": None, "b": {2: 0}})
    assert (found.read, found.refused, found.sent) == (3, 1, 0)


def test_what_was_taken_out_of_the_log_is_no_mistake_and_of_an_erased_person_nothing_is_sent(log: Log) -> None:
    kafka = received("ab")
    work(kafka, WRONG)
    land(kafka, log)
    log.connection.execute(
        "update log.stored_events set data = replace(cast(data as varchar), 'Salem 0', 'xxxxx x'), "
        "short_data = replace(short_data, 'Salem 0', 'xxxxx x')"
    )

    def forms(told: Event) -> list[bytes]:
        said = msgspec.json.encode(told.data)
        return [said, without_words(said.decode()).encode()]

    assert corrected(kafka, log, WRONG, is_dry=True).told_anew == {"message.received": 1}
    assert corrected(kafka, log, WRONG, forms=forms).sent == 0
    assert corrected(kafka, log, {**WRONG, "b": {2: 1}}, is_erased=bool).sent == 0


def test_of_one_call_alone_nothing_else_is_corrected(log: Log) -> None:
    kafka = received("ab")
    work(kafka, WRONG)
    land(kafka, log)
    found = corrected(kafka, log, {"c": {3: 0}}, call="0", is_dry=True)
    assert (found.new, found.told_anew, found.withdrawn) == ({}, {}, {"call.ended": 1})


def test_nothing_is_withdrawn_where_kafka_stops_before_the_end_or_too_much_would_be(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    kafka = received("ab")
    work(kafka, WRONG)
    land(kafka, log)
    opened: list[MemoryConsumer] = []

    def fail_at_the_second() -> MemoryConsumer:
        end = len(kafka.records("raw"))
        opened.append(kafka.assign(["raw"], {("raw", 0): end if opened else 0}))
        return opened[-1]

    monkeypatch.setattr(stretches, "PATIENCE_POLLS", 1)
    with pytest.raises(NotYet, match="before their end"):
        corrected(kafka, log, {}, open_consumer=fail_at_the_second)
    monkeypatch.setattr(correcting, "MAX_WITHDRAWN", 1)
    with pytest.raises(Misconfigured, match="more than 1 events would be withdrawn"):
        corrected(kafka, log, {})
    assert [one for one in kafka.records("calls") if b"withdrawn" in (one.value or b"")] == []
