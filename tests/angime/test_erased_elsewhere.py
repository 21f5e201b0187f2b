"""A person was erased from another warehouse of the same log: from this one as well, once, whatever it held of him."""

import shutil
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest

from analytics.connection import Connection
from analytics.privacy import erasure, persons
from analytics.privacy.keys import installation_key
from analytics.warehouse import Batch, open_reader, open_writer
from angime import erasing
from angime.recordings import forget_recordings
from pipelines.replay import Choice, from_log
from schemas.envelope import Event
from schemas.errors import NotYet
from schemas.ids import identify
from schemas.instants import Instant, instant, moment
from tests.analytics.landing_cases import records_of, settings_at
from tests.angime.test_erase import (
    AFTER,
    LATER,
    MARK,
    NOW,
    PHONE,
    THE_PERSON,
    Person,
    dead_record,
    everything_in,
    make_home,
    of_the_person,
    sums,
)

OTHER = Person(551)


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home in which two persons are known, and nothing of which copies were made."""
    made: Path = tmp_path_factory.mktemp("known")
    make_home(made, [THE_PERSON, OTHER])
    for name in erasing.COPIES:
        shutil.rmtree(made / name) if (made / name).is_dir() else (made / name).unlink(missing_ok=True)
    return made


def decision_of(home: Path, person: Person) -> Event:
    """Give what another warehouse of the same log and key writes when it erases a person."""
    with open_writer(settings_at(home)) as writer:
        [found] = persons.find(writer.connection, [f"phone:{person.phone}"], phones_of=erasing.phones_of)
    return erasure.decide(found, key=installation_key(home), until=LATER)


def hear(home: Path, *told: Event, at: Instant = LATER) -> None:
    """Land decisions as a lander does, which then has nothing to do."""
    with open_writer(settings_at(home), forget_recordings=forget_recordings) as writer:
        first = writer.next_offsets().get(("decisions", 0), 0)
        writer.land(Batch(records_of(told, first_offset=first)), now=at)
        writer.catch_up(at)


def clean(home: Path) -> None:
    """Let maintenance take old files from the disk, when no reader can be at any state of before."""
    with open_writer(settings_at(home)) as writer:
        for minutes in (5, 10, 15):
            writer.maintain(instant(datetime(2100, 1, 1, 0, minutes, tzinfo=UTC)))


def steps_of(connection: Connection) -> list[tuple[int]]:
    """Give how many persons each step took out of the log."""
    return connection.rows("select taken from log.forgotten where kind = 'persons' order by forgotten_at")


def test_of_who_was_erased_elsewhere_no_byte_is_left_and_every_sum_is_as_before(home: Path) -> None:
    before, decision = sums(home), decision_of(home, THE_PERSON)
    hear(home, decision)
    clean(home)

    assert {number for number, _ in MARK.findall(everything_in(home))} == {f"{OTHER.number:03d}"}
    assert sums(home) == before
    hear(home, decision)
    with open_writer(settings_at(home)) as writer:
        assert steps_of(writer.connection) == [(1,)]
        assert [table["table"] for table in writer.rebuild(verify=True) if not table["same"]] == []
        kinds = "select distinct data ->> '$.contact[0].kind' from log.events where type = 'call.offered' order by all"
        assert writer.connection.rows(kinds) == [("erased",), ("phone",)]


def test_a_lander_whose_store_is_away_or_that_is_killed_erases_at_the_next_start(home: Path) -> None:
    decision = decision_of(home, THE_PERSON)

    def is_away(_: object) -> None:
        raise NotYet("the store is away")

    with open_writer(settings_at(home), forget_recordings=is_away) as writer:
        writer.land(Batch(records_of([decision])), now=LATER)
        with pytest.raises(NotYet, match="away"):
            writer.catch_up(LATER)
    hear(home)
    clean(home)
    assert {number for number, _ in MARK.findall(everything_in(home))} == {f"{OTHER.number:03d}"}


def test_what_others_wrote_of_him_is_masked_as_well_up_to_the_erasure(home: Path) -> None:
    decision = decision_of(home, THE_PERSON)
    sent = next(fact for fact in of_the_person(OTHER) if fact.type == "message.sent")
    wrote = [written(sent, PHONE, recorded_at=at) for at in (NOW, AFTER)]
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(wrote, first_offset=900)), now=AFTER)
    hear(home, decision, at=AFTER)
    with open_writer(settings_at(home)) as writer:
        again = writer.land(Batch(records_of(wrote, first_offset=950)), now=AFTER)
        texts = writer.connection.rows(
            "select data ->> '$.text' from log.events where entity in ($now, $after) order by recorded_at",
            {"now": wrote[0].data.message_id, "after": wrote[1].data.message_id},
        )

    assert texts == [("call +xxxxxxxxxx",), (f"call {PHONE}",)]
    assert (again.duplicates, again.conflicts) == (2, 0)


def written(sent: Event, number: str, *, recorded_at: Instant) -> Event:
    """Give another message with a number in it."""
    own = identify("written", recorded_at)
    said = msgspec.structs.replace(sent.data, message_id=own, provider_message_id=own, text=f"call {number}")
    return msgspec.structs.replace(sent, id=own, recordedat=recorded_at, data=said)


def test_what_was_told_after_the_erasure_stays_and_what_comes_with_it_goes(home: Path) -> None:
    decision = decision_of(home, THE_PERSON)
    first = of_the_person(THE_PERSON)[0]
    late = anew(first, "late", recorded_at=AFTER)
    unknown = anew(first, "unknown", recorded_at=NOW)
    with open_writer(settings_at(home), forget_recordings=forget_recordings) as writer:
        letters = [
            dead_record(THE_PERSON, offset=10, body=f"{PHONE} again", received_at=AFTER),
            dead_record(THE_PERSON, offset=20, body=f"{PHONE} before"),
        ]
        facts = records_of([late, unknown], first_offset=900)
        writer.land(Batch([*facts, *letters, *records_of([decision])]), now=AFTER)
        writer.catch_up(AFTER)
    with closing(open_reader(settings_at(home))) as reader:
        named = reader.sql("select call_id from facts.calls where contact_key = $key", {"key": f"phone:{PHONE}"})
        bodies = reader.sql("select decode(body) as body from log.dead where contains(decode(body), $phone)",
                            {"phone": PHONE})  # fmt: skip
        told = reader.sql("select count(*) from facts.calls where call_id = $id", {"id": unknown.data.call_id}).rows()
    assert named["call_id"].to_list() == [late.data.call_id]
    assert bodies["body"].to_list() == [f"{PHONE} again"]
    assert told == [(1,)]


def anew(fact: Event, name: str, *, recorded_at: Instant) -> Event:
    """Give the same fact of another call."""
    call = identify(fact.data.call_id, name)
    said = msgspec.structs.replace(fact.data, call_id=call, provider_call_id=name)
    return msgspec.structs.replace(
        fact, id=identify(fact.id, name), subject=call, partitionkey=call, recordedat=recorded_at, data=said
    )


def test_a_backlog_that_holds_the_decision_is_erased_when_its_facts_are_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGIME_HOME", str(tmp_path))
    make_home(tmp_path, [])
    told = of_the_person(THE_PERSON)
    found = persons.Found(
        identities=tuple(f"{one.kind}:{one.value}" for one in THE_PERSON.identities),
        entities=(),
        events=0,
        conflicts=0,
        dead=0,
        recordings=(),
    )
    decision = erasure.decide(found, key=installation_key(tmp_path), until=LATER)
    with open_writer(settings_at(tmp_path), forget_recordings=forget_recordings) as writer:
        batch = [*records_of(told, first_offset=900), *records_of([decision])]
        writer.land(Batch(batch), now=LATER, folds=False)
        writer.catch_up(LATER)
        assert [table["table"] for table in writer.rebuild(verify=True) if not table["same"]] == []
    clean(tmp_path)
    assert MARK.findall(everything_in(tmp_path)) == []


def test_an_erasure_of_this_warehouse_is_not_done_twice_nor_loses_the_country(home: Path) -> None:
    erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None)
    with open_writer(settings_at(home), forget_recordings=forget_recordings) as writer:
        erased = 'select id, data from log.events where contains(data, \'"kind":"erased"\') order by id'
        before = writer.connection.rows(erased)
        writer.catch_up(AFTER)
        assert steps_of(writer.connection) == [(1,)]
        # As one would be of which an earlier version did not write that it was done.
        writer.connection.execute("delete from log.forgotten where kind = 'persons'")
        writer.reload()
        writer.catch_up(AFTER)
        assert (steps_of(writer.connection), writer.connection.rows(erased)) == ([(1,)], before)


def test_an_erasure_while_no_kafka_runs_can_be_told_later(home: Path) -> None:
    assert not erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None).is_kafka_told
    choice = Choice(stage="land", topics=("decisions",), since="1970-01-01T00:00:00.000Z", until=AFTER)
    with closing(open_reader(settings_at(home))) as reader:
        assert dict(from_log(reader, choice, producer=None).made) == {"person.erased": 1}
