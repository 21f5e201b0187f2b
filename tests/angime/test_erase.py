"""Erasure: of the person no byte is left in any file, every sum is as before, and nothing of it comes back."""

import json
import re
import shutil
from base64 import b64encode
from collections.abc import Sequence
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import msgspec
import pytest
from msgspec import Struct

from analytics.connection import Connection
from analytics.privacy import anonymous, erasure, persons
from analytics.privacy.keys import installation_key
from analytics.search.index import FILE as INDEX
from analytics.search.index import SearchIndex
from analytics.settings import AnalyticsSettings
from analytics.warehouse import Batch, open_reader, open_writer
from angime import erasing
from pipelines.replay import PUBLISHED
from schemas import calls, codec, messages, transcripts
from schemas.envelope import Event
from schemas.errors import Misconfigured
from schemas.ids import conversation_id, identify
from schemas.instants import Instant, instant, moment
from schemas.people import Identity
from schemas.records import DeadLetter, dead_to_kafka
from tests.analytics.landing_cases import (
    KafkaRecord,
    call_events,
    message_events,
    other_events,
    reading_the_catalog,
    records_of,
    settings_at,
)
from tests.angime.front_door import angime, typed
from tests.postgres import Postgres
from tests.runbooks import Runbook
from tests.torture.bucket import Bucket

NOW: Instant = "2026-03-09T12:00:00.000Z"
LATER: Instant = "2026-03-10T12:00:00.000Z"
AFTER: Instant = "2026-03-11T12:00:00.000Z"
PERSONS = 100
SAMPLED = "select count(*) > 0 from pg_stats where concat(most_common_vals, histogram_bounds) ~* 'quandyq|501555'"
MARK = re.compile(r"(?i:quandyq|501555)(\d{3})([a-z]*)")


class Person(Struct, frozen=True):
    """One of those who are erased; every one of the twenty strings planted about them holds the mark and the number."""

    number: int

    @property
    def phone(self) -> str:
        """The phone."""
        return f"+7501555{self.number:03d}"

    @property
    def bsuid(self) -> str:
        """The provider's id of the person."""
        return f"BSUID.501555{self.number:03d}"

    @property
    def identities(self) -> tuple[Identity, ...]:
        """Both."""
        return (Identity("phone", self.phone), Identity("whatsapp_user", self.bsuid))

    def planted(self, word: str) -> str:
        """Give a string that names the person."""
        return f"Quandyq{self.number:03d}{word}"


WORDS = (
    *("name", "leg", "parcel", "said", "word", "call", "sms", "address", "media", "status", "other", "body"),
    *("sound", "path", "told", "query", "search"),
)


def of_the_person(person: Person) -> list[Event]:
    """Give the facts of a call with a recording and a transcript, and of a message, with something planted in each."""
    call, message = call_events(1_001 + person.number), message_events(1_001 + person.number)
    made: list[Event] = []
    for fact in call:
        said = msgspec.structs.replace(
            fact.data,
            contact=person.identities,
            contact_name=person.planted("name"),
            leg_id=person.planted("leg"),
            provider_call_id=person.planted("call"),
        )
        if isinstance(said, transcripts.CallTranscribed):
            spoken = transcripts.Word(text=person.planted("word"), start_seconds=0.0, end_seconds=1.0)
            sentence = f"{person.planted('said')} {person.planted('search')}?"
            turns = [msgspec.structs.replace(turn, text=sentence, words=(spoken,)) for turn in said.turns]
            said = msgspec.structs.replace(said, turns=tuple(turns))
        made.append(msgspec.structs.replace(fact, data=said))
    known = {name: getattr(made[0].data, name) for name in calls.CallFact.__struct_fields__}
    recording = made[4].data.recording_id
    available = calls.CallRecordingMadeAvailable(
        **known, recording_id=recording, url=f"https://cdn.example/{person.planted('address')}.wav"
    )
    stored = calls.CallRecordingStored(
        **known, recording_id=recording, path=_path(person), sha256=f"501555{person.number:03d}".ljust(64, "a"),
        size_bytes=9,
    )  # fmt: skip
    for kind, extra in (("made_available", available), ("stored", stored)):
        name = f"call.recording_{kind}"
        made.append(
            msgspec.structs.replace(
                made[0], id=identify(made[0].id, name), type=name, dataschema=f"{name}/1", data=extra
            )
        )
    conversation = conversation_id("acme", "phone", person.phone)
    for fact in message:
        said = msgspec.structs.replace(
            fact.data,
            contact=person.identities[1:],
            provider_message_id=person.planted("sms"),
            conversation_id=conversation,
        )
        if isinstance(said, messages.MessageSent):
            said = msgspec.structs.replace(said, text=person.planted("parcel"), media_id=person.planted("media"))
        elif isinstance(said, messages.MessageRead):
            status = f"{person.planted('status')} {person.bsuid}"
            said = msgspec.structs.replace(said, contact=(), provider_status=status)
        made.append(msgspec.structs.replace(fact, data=said, subject=conversation, partitionkey=conversation))
    return made


def _path(person: Person) -> str:
    return f"acme/2026/03/01/{person.planted('path')}.wav"


def dead_record(person: Person, *, body: str = "", offset: int = 0, received_at: Instant = NOW) -> KafkaRecord:
    """Give a dead letter whose body names the person."""
    letter = DeadLetter(
        reason="broken",
        stage="normalise",
        topic="raw",
        partition=0,
        offset=5 + person.number + offset,
        died_at=AFTER,
        version="1",
        body=(body or f"{person.planted('body')} %2B{person.phone[1:]}").encode(),
        headers=(("angime-received_at", received_at.encode()),),
    )
    key, value, headers = dead_to_kafka(letter)
    return KafkaRecord("dead", 0, person.number + offset, value, key, tuple(headers))


THE_PERSON = Person(550)
PHONE, BSUID = THE_PERSON.phone, THE_PERSON.bsuid


def make_home(home: Path, persons: Sequence[Person]) -> None:
    """Fill a home in which these persons are known everywhere, among five others."""
    facts = [fact for number in range(1, 6) for fact in (*call_events(number), *message_events(number))]
    for person in persons:
        told = of_the_person(person)
        conflict = msgspec.structs.replace(told[0].data, contact_name=person.planted("other"))
        facts += [*told, msgspec.structs.replace(told[0], data=conflict)]
        recording = home / "recordings" / _path(person)
        recording.parent.mkdir(parents=True, exist_ok=True)
        recording.write_text(person.planted("sound"))
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch([*records_of(facts), *map(dead_record, persons)]), now=NOW)
        writer.maintain(NOW)
    (home / "temporary").mkdir(exist_ok=True)
    (home / "temporary" / "spilled").write_text("\n".join(person.planted("told") for person in persons))
    (home / "sql_history").write_text("\n".join(person.planted("query") for person in persons))
    (home / "replays").mkdir()
    (home / "replays" / "one.json").write_text("\n".join(person.planted("told") for person in persons))
    with closing(open_reader(settings_at(home))) as reader, closing(SearchIndex(home / "warehouse" / INDEX)) as index:
        assert index.follow(reader) == len(persons) + 5
    shutil.copytree(home / "warehouse", home / "warehouses" / "trial")


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home in which one person is known."""
    made: Path = tmp_path_factory.mktemp("known")
    make_home(made, [THE_PERSON])
    return made


def sums(home: Path) -> dict[str, object]:
    """Give what managers see: every roll-up and every metric of every day."""
    with closing(open_reader(settings_at(home))) as reader:
        return {
            "daily": reader.sql("from reports.calls_daily order by all").rows(),
            "metrics": reader.sql("from metrics.daily order by all").rows(),
            "calls": reader.sql("select outcome, talk_seconds, day from facts.calls order by all").rows(),
            "contacts": reader.sql("select count(distinct contact_key) from facts.calls").rows(),
        }


def receipt_in(home: Path) -> erasing.Receipt:
    """Give the one receipt that the home holds."""
    [kept] = (home / "erasures").iterdir()
    return msgspec.json.decode(kept.read_bytes(), type=erasing.Receipt)


def everything_in(home: Path) -> str:
    """Read all bytes of all files, and all rows of all tables, as one text."""
    held = [path.read_bytes().decode("latin-1") for path in home.rglob("*") if path.is_file()]
    with closing(open_reader(settings_at(home))) as reader:
        names = reader.sql("select schema_name || '.' || table_name from duckdb_tables() where schema_name in "
                           "('log', 'facts', 'reports')").to_series().to_list()  # fmt: skip
        held += [str(reader.sql(f"from {name}").rows()) for name in names]
    return "\n".join(held)


def everything_held(connection: Connection) -> str:
    """Read all rows that a session holds in memory as one text."""
    held = connection.rows("select table_name from duckdb_tables() where temporary")
    return "\n".join(str(connection.rows(f"from temp.{table}")) for (table,) in held)


def trial_of(home: Path) -> AnalyticsSettings:
    """Name the second warehouse, as `angime replay --into trial` lays it."""
    return AnalyticsSettings(home=home, warehouse_folder=home / "warehouses" / "trial")


def test_of_a_hundred_persons_no_byte_is_left_and_every_sum_is_as_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGIME_HOME", str(tmp_path))
    persons = [Person(number) for number in range(PERSONS)]
    make_home(tmp_path, persons)
    before = sums(tmp_path)
    found = set(MARK.findall(everything_in(tmp_path)))
    planted = {(f"{one.number:03d}", word) for one in persons for word in WORDS}
    assert planted - found == set()
    with closing(open_reader(trial_of(tmp_path))) as reader:
        assert len(set(MARK.findall(str(reader.sql("select data from log.events").rows())))) >= PERSONS
    assert len(planted) + 3 * PERSONS >= 20 * PERSONS  # and the phone, the id, and the checksum of the recording

    receipt = erasing.erase([f"whatsapp_user:{one.bsuid}" for one in persons], now=moment(LATER), say=lambda _: None)

    assert MARK.findall(everything_in(tmp_path)) == []
    assert sums(tmp_path) == before
    told = (receipt.persons, receipt.identities, receipt.events, receipt.recordings, receipt.conflicts)
    assert told == (PERSONS, 2 * PERSONS, 10 * PERSONS, PERSONS, PERSONS)
    assert (receipt.dead_letters, receipt.left) == (PERSONS, ())
    assert set(receipt.copies) >= {"warehouses", "sql_history"}
    assert not (tmp_path / "warehouse" / INDEX).exists()
    assert list((tmp_path / "erasures").iterdir())


def test_no_byte_is_left_in_a_database_that_holds_the_catalog_but_in_its_write_ahead_log(
    catalog: str, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGIME_HOME", str(tmp_path))
    database = catalog.rpartition("/")[2]
    make_home(tmp_path, [THE_PERSON])
    before = sums(tmp_path)
    postgres.ask("analyze", database=database)
    postgres.ask("checkpoint")
    assert MARK.search(_files_of(postgres))
    assert postgres.ask(SAMPLED, database=database) == [(True,)]

    receipt = erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None)

    postgres.ask("checkpoint")
    assert MARK.findall(_files_of(postgres)) == []
    assert postgres.ask(SAMPLED, database=database) == [(False,)]
    assert MARK.findall(everything_in(tmp_path)) == []
    assert sums(tmp_path) == before
    assert (receipt.events, receipt.recordings, receipt.left, receipt.unfinished) == (10, 1, (), "")


def test_no_byte_is_left_in_a_bucket_that_holds_the_data_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Bucket() as bucket:
        told = {"ANGIME_HOME": str(tmp_path), "ANGIME_WAREHOUSE_FILES": "s3://lake/angime", **bucket.address}
        for name, setting in told.items():
            monkeypatch.setenv(name, setting)
        persons = [Person(number) for number in (550, 551, 552)]  # of whom the catalog does not take all into itself
        make_home(tmp_path, persons)
        before, log = sums(tmp_path), {name for name in bucket.kept if "/log/stored_events/" in name}

        receipt = erasing.erase([f"phone:{one.phone}" for one in persons], now=moment(LATER), say=lambda _: None)

        assert MARK.findall(everything_in(tmp_path)) == []
        assert MARK.findall("\n".join(content.decode("latin-1") for content in bucket.kept.values())) == []
        assert sums(tmp_path) == before
        assert log
        assert log.isdisjoint(bucket.kept)
        assert (receipt.events, receipt.left, receipt.unfinished) == (30, (), "")


def _files_of(postgres: Postgres) -> str:
    contents: list[bytes] = []
    for path in postgres.files.rglob("*"):
        if path.is_file() and "pg_wal" not in path.parts:
            with suppress(FileNotFoundError):  # PostgreSQL drops files of its own at any time
                contents.append(path.read_bytes())
    return b"\n".join(contents).decode("latin-1")


def test_what_stays_while_somebody_reads_is_told_in_the_receipt_and_left_to_the_next_maintenance(home: Path) -> None:
    with reading_the_catalog(home):
        receipt = erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None, catalog_seconds=0.1)

    assert (receipt.events, receipt.left) == (10, ("warehouse/catalog.sqlite", "warehouse/catalog.sqlite-wal"))
    assert "being read" in receipt.unfinished
    assert receipt_in(home) == receipt
    with open_writer(settings_at(home)) as writer:
        for minutes in (5, 10, 15):
            writer.maintain(instant(moment(LATER) + timedelta(minutes=minutes)))
        gone = writer.connection.rows(
            "select until > cast(? as timestamptz) from log.forgotten where kind = 'files'", [LATER]
        )
    assert gone == [(True,)]
    assert MARK.findall(everything_in(home)) == []


def test_an_erasure_that_was_broken_off_has_its_receipt_and_is_finished_by_asking_again(home: Path) -> None:
    def break_off(step: str) -> None:
        if step == "facts are folded anew":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=break_off)

    assert (receipt_in(home).events, receipt_in(home).unfinished) == (10, erasing.BROKEN_OFF)
    again = erasing.erase([f"phone:{PHONE}"], now=moment(LATER) + timedelta(minutes=1), say=lambda _: None)
    assert (again.events, again.unfinished, again.left) == (0, "", ())
    assert MARK.findall(everything_in(home)) == []


NAMING = (
    "8501555550",
    "tel=8+%28501%29+555-550",
    '{"from": "+7 501 555 550"}',
    r'{"from": "\u202a+7\u00a0501\u00a0555\u00a0550\u202c"}',
    "8/501555550/x",
    "٨٥٠١٥٥٥٥٥٠",
    "77501555550@c.us",
    f"from={BSUID}&to=5",
    f'["{BSUID}"]',
    f"from={BSUID.lower()}",
    f"wamid.{b64encode(b'0x 7501555550 x0').decode()}",
    f"{b64encode(b'tel:+7501555550').decode()}&token=5",
    "\0".join("+7501555550"),
)
NAMING_OTHERS = ("8501555551", "BSUID.501555551", "850155555")


def test_a_dead_letter_goes_however_it_writes_the_number(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        bodies = enumerate((*NAMING, *NAMING_OTHERS), start=1)
        writer.land(Batch([dead_record(THE_PERSON, body=body, offset=place) for place, body in bodies]), now=NOW)

    assert erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None).dead_letters == len(NAMING) + 1
    assert letters_in(home) == sorted(NAMING_OTHERS)


def test_a_dead_letter_that_is_landed_after_the_erasure_goes_as_well_if_it_was_received_before(home: Path) -> None:
    erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None)
    bodies = [(body, NOW) for body in (*NAMING, *NAMING_OTHERS)] + [(f"{PHONE} again", AFTER)]
    with open_writer(settings_at(home)) as writer:
        letters = [
            dead_record(THE_PERSON, body=body, offset=place, received_at=received_at)
            for place, (body, received_at) in enumerate(bodies, start=1)
        ]
        landed = writer.land(Batch(letters), now=AFTER)

    assert (landed.erased, landed.dead) == (len(NAMING), len(NAMING_OTHERS) + 1)
    assert letters_in(home) == sorted([*NAMING_OTHERS, f"{PHONE} again"])


def letters_in(home: Path) -> list[str]:
    """Give the bodies of all dead letters."""
    with closing(open_reader(settings_at(home))) as reader:
        return [body for (body,) in reader.sql("select decode(body) as body from log.dead order by body").rows()]


def test_what_comes_again_is_dropped_and_a_new_acquaintance_is_not(home: Path) -> None:
    erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None)
    new = msgspec.structs.replace(of_the_person(THE_PERSON)[0], id=of_the_person(THE_PERSON)[0].id[:-2] + "ff")
    late = msgspec.structs.replace(new, id=new.id[:-2] + "fe", recordedat="2026-03-11T00:00:00.000Z")
    late = msgspec.structs.replace(late, data=msgspec.structs.replace(late.data, call_id=late.id))

    with open_writer(settings_at(home)) as writer:
        landed = writer.land(Batch(records_of([*of_the_person(THE_PERSON), new, late], first_offset=500)), now=LATER)
        assert (landed.erased, landed.events, landed.duplicates, landed.conflicts) == (11, 1, 0, 0)
        rebuilt = writer.rebuild(verify=True)
        assert [table["table"] for table in rebuilt if not table["same"]] == []
    with closing(open_reader(settings_at(home))) as reader:
        named = reader.sql("select call_id from facts.calls where contact_key = $key", {"key": f"phone:{PHONE}"})
    assert named["call_id"].to_list() == [late.id]


def test_who_was_erased_is_heard_of_by_kafka_and_what_comes_of_his_calls_is_dropped(tmp_path: Path) -> None:
    told = of_the_person(THE_PERSON)
    found = persons.Found(
        identities=(f"phone:{PHONE}",),
        entities=(told[0].data.call_id,),
        events=0,
        conflicts=0,
        dead=0,
        recordings=(),
    )
    decision = erasure.decide(found, key=installation_key(tmp_path), until=LATER)
    # A recording that is fetched, or heard, when its call was erased is told of later.
    after = [msgspec.structs.replace(fact, recordedat="2026-03-11T00:00:00.000Z") for fact in told]
    made = [fact for fact in after if fact.type in {"call.recording_stored", "call.transcribed"}]
    # Those of the message name him by another identity, which the decision does not know.
    named = [fact for fact in told if Identity("phone", PHONE) in fact.data.contact]
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of([decision])), now=LATER)
        landed = writer.land(Batch(records_of([*told, *made])), now=LATER)

    assert (landed.erased, landed.events) == (len(named) + len(made), len(told) - len(named))
    assert (len(named), len(made)) == (7, 2)


def test_the_writer_holds_nothing_of_the_person_when_the_erasure_is_written(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(of_the_person(Person(551)), first_offset=500)), now=NOW)
        assert set(MARK.findall(everything_held(writer.connection))) >= {("550", "name"), ("551", "name")}
        found = persons.find(writer.connection, [f"phone:{one.phone}" for one in (THE_PERSON, Person(551))])
        decisions = [erasure.decide(one, key=b"k" * 32, until=LATER) for one in found]
        erasure.apply(writer.connection, found, decisions=decisions, make_token=lambda: "a" * 32)
        writer.reload()
        assert MARK.findall(everything_held(writer.connection)) == []


def test_a_deal_stays_and_who_had_it_after_the_person_too(home: Path) -> None:
    opened, moved = (other_events(1)[nth] for nth in (0, 1))
    alone = other_events(2)[0]
    other = msgspec.structs.replace(moved.data, contact=(Identity("phone", "+77019999999"),))
    told = [
        *(of_a_deal(fact, contact=THE_PERSON.identities) for fact in (opened, alone)),
        msgspec.structs.replace(moved, data=other),
    ]
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(told, first_offset=500)), now=NOW)
    receipt = erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None)

    assert (receipt.identities, receipt.events) == (2, 12)
    with open_writer(settings_at(home)) as writer:
        late = msgspec.structs.replace(told[-1], id=f"{moved.id[:-2]}ff")
        landed = writer.land(Batch(records_of([*told, late], first_offset=600)), now=LATER)
        assert (landed.erased, landed.duplicates, landed.events) == (2, 1, 1)
    with closing(open_reader(settings_at(home))) as reader:
        deals = reader.sql("select deal_id, left(contact_key, 6), stage from facts.deals order by deal_id").rows()
    expected = [(opened.data.deal_id, "phone:", "talks"), (alone.data.deal_id, "erased", None)]
    assert sorted(expected) == deals
    assert MARK.findall(everything_in(home)) == []


def of_a_deal(fact: Event, *, contact: tuple[Identity, ...]) -> Event:
    """Make a deal's fact a contact's, kept in order by its account, as earlier versions did what modules told."""
    said = msgspec.structs.replace(fact.data, contact=contact)
    return msgspec.structs.replace(fact, data=said, subject=fact.account, partitionkey=fact.account)


def test_every_event_that_stays_is_still_an_event(home: Path) -> None:
    erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None)

    with closing(open_reader(settings_at(home))) as reader:
        rows = reader.sql(f"select '{{' || {PUBLISHED} || '}}' as published from log.events")  # noqa: S608
    events = [codec.decode(published.encode()) for published in rows["published"]]
    assert len(events) == 51
    [said] = [event.data for event in events if event.type == "person.erased"]
    assert PHONE not in str(said)


def test_without_yes_it_is_only_said_while_the_lander_goes_on_and_a_stranger_leaves_nothing_to_do(home: Path) -> None:
    with open_writer(settings_at(home)):
        said = angime("erase", "--identity", f"phone:{PHONE}", "--json", home=home)

    assert (said.code, json.loads(said.out)["events"]) == (0, 10)
    assert [one.events for one in erasing.look(["phone:+77019999999"])] == [0]


def test_who_asks_to_be_forgotten_is_given_his_words_and_forgotten_as_the_runbook_says(home: Path) -> None:
    book = Runbook("erasure-request", home=home)
    his = "contact_id in (select contact_id from facts.identities where identity = 'phone:NUMBER')"
    said = "select turns.* from facts.turns inner join facts.calls using (call_id) where calls.contact_key in"

    asked = (
        f'"from facts.identities where {his}"',
        f'--csv "from reports.conversation_entries where {his} order by moment"',
        f'--csv "{said} (select identity from facts.identities where {his}) order by call_id, start_seconds"',  # noqa: S608  # only typed
    )
    known, entries, turns = [book.type(f"angime sql {one}", NUMBER=PHONE) for one in asked]
    looked = book.type("angime erase --identity phone:NUMBER", NUMBER=PHONE)
    book.read("angime up")
    kept = everything_in(home)
    forgotten = book.type("angime erase --identity phone:NUMBER --yes", NUMBER=PHONE)
    book.read("angime topics forget")  # no Kafka runs here; tests/journeys/test_doors.py types it
    book.done()

    assert [one in known.out for one in (PHONE, BSUID)] == [True, True]
    assert (THE_PERSON.planted("parcel") in entries.out, THE_PERSON.planted("said") in turns.out) == (True, True)
    assert ("events: 10" in looked.out, PHONE in kept, receipt_in(home).events) == (True, True, 10)
    assert ("is_kafka_told: False" in forgotten.out, PHONE in everything_in(home)) == (True, False)


def test_of_whom_nothing_is_here_it_is_said_and_what_lands_of_him_later_is_dropped(home: Path) -> None:
    stranger = Person(551)
    asked = ("erase", "--identity", f"phone:{stranger.phone}", "--identity", f"phone:{PHONE}", "--json")
    looked = typed(*asked, home=home)
    said = typed(*asked, "--yes", home=home)

    told = json.loads(looked.out)
    assert (looked.code, told["persons"], told["unknown"], told["events"]) == (0, 1, 1, 10)
    receipt = receipt_in(home)
    assert (said.code, receipt.persons, receipt.unknown, receipt.events) == (0, 1, 1, 10)
    assert ["unknown here: 1. Nobody has these identities" in one.err for one in (looked, said)] == [True, True]
    with open_writer(settings_at(home)) as writer:
        landed = writer.land(Batch(records_of(of_the_person(stranger)[:5], first_offset=500)), now=AFTER)
    assert (landed.erased, landed.events) == (5, 0)


def test_of_whom_was_the_last_of_a_kind_it_may_be_asked_again(home: Path) -> None:
    fact = call_events(900)[0]
    said = msgspec.structs.replace(fact.data, contact=(Identity("phones", "quandyq"),))
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of([msgspec.structs.replace(fact, data=said)], first_offset=500)), now=NOW)

    assert [one.events for one in erasing.look(["phones:quandyq"])] == [1]
    for events in (1, 0):
        assert erasing.erase(["phones:quandyq"], now=moment(LATER), say=lambda _: None).events == events
    with pytest.raises(Misconfigured, match="did you mean phone"):
        erasing.look(["phones:quandyk"])


def test_a_phone_written_as_at_home_is_refused_for_nobody_is_known_by_it(home: Path) -> None:
    said = angime("erase", "--identity", "phone:8501555550", "--yes", home=home)

    assert (said.code, "as it is dialled from abroad" in said.err) == (2, True)


@pytest.mark.parametrize("asked", [f"phone:{PHONE}", f"whatsapp_user:{BSUID}"])
def test_webhooks_that_wait_for_kafka_must_go_first(home: Path, asked: str) -> None:
    (home / "outbox").mkdir()
    (home / "outbox" / "segment").write_bytes(b"x" * (1024 * 1024 - 4) + PHONE.encode())

    with pytest.raises(Misconfigured, match="wait in the outbox"):
        erasing.erase([asked], now=moment(LATER), say=lambda _: None)
    assert [one.events for one in erasing.look([asked])] == [10]


def test_what_a_crash_tore_off_the_outbox_goes_with_the_person(home: Path) -> None:
    (home / "outbox").mkdir()
    for name, held in (("1.damaged", PHONE), ("2.damaged", "+77019999999")):
        (home / "outbox" / name).write_text(held)

    assert erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None).left == ()
    assert [file.name for file in (home / "outbox").iterdir()] == ["2.damaged"]


@pytest.mark.parametrize(
    ("written", "is_named"),
    [
        (b'"value":"10245"', True),
        (b"card/10245", True),
        (b"019a10245b3c", False),
        (b"1772410245", False),
        (b"x" * (1024 * 1024 - 3) + b" 10245 ", True),
        (b"x" * (1024 * 1024 - 1) + b"10245 ", False),
    ],
)
def test_a_file_names_a_card_where_its_number_stands_alone(tmp_path: Path, written: bytes, is_named: bool) -> None:
    file = tmp_path / "held"
    file.write_bytes(written)

    assert erasing.holds(file, erasing.what_finds(["crm_kommo:10245"])) is is_named
    assert not erasing.holds(file, erasing.what_finds(["crm_kommo:7"]))


def test_masking_keeps_words_and_questions_countable() -> None:
    assert anonymous.masked("Сәлем, Zhan! 5 ok?") == "xxxxx, xxxx! x xx?"


def test_a_digest_tells_nothing_without_the_key() -> None:
    one, other = erasure.digest(b"a" * 32, f"phone:{PHONE}"), erasure.digest(b"b" * 32, f"phone:{PHONE}")

    assert one != other
    assert len(one) == 64
