"""Erasure and the streams: of an erased person nothing is fetched, heard, landed or left in the store, in any order."""

import asyncio
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from analytics.landing import dropping
from analytics.landing.admission import admit
from analytics.privacy import erased, erasure, persons
from analytics.privacy.erased import Erased, Known, digest
from analytics.privacy.keys import installation_key
from analytics.warehouse import Batch, Landed, open_reader, open_writer
from angime import erasing
from angime.recordings import forget_recordings
from schemas import codec
from schemas.calls import CallFact, CallRecordingMadeAvailable, CallRecordingStored
from schemas.company import Account, Company
from schemas.envelope import Event
from schemas.errors import NotYet
from schemas.ids import identify
from schemas.instants import Instant, moment
from schemas.people import Identity
from schemas.records import DeadLetter, dead_to_kafka
from streams.listening import Ears, is_to_be_heard, store_recording
from streams.store import open_store, path_of
from tests.analytics.drawn import warehouse
from tests.analytics.landing_cases import (
    KafkaRecord,
    call_events,
    message_events,
    other_events,
    records_of,
    settings_at,
)

NOW: Instant = "2026-03-09T12:00:00.000Z"
ERASED_AT: Instant = "2026-03-10T12:00:00.000Z"
AFTER: Instant = "2026-03-11T12:00:00.000Z"
PHONE, OTHER = "+75015550550", "+75015550551"
SAID = b"Quandyq said"
KNOWN, UNKNOWN, OTHERS = 1_001, 1_002, 1_003  # a call of the log, one it has not heard of, and another person's


def call_of(number: int, *, phone: str = PHONE, recorded_at: Instant = NOW) -> list[Event]:
    """Give the facts of a call, the last three its recording made available and stored, and the transcript."""
    *told, said = [
        msgspec.structs.replace(
            fact,
            recordedat=recorded_at,
            data=msgspec.structs.replace(fact.data, contact=(Identity("phone", phone),)),
        )
        for fact in call_events(number)
    ]
    of_call = {name: getattr(said.data, name) for name in CallFact.__struct_fields__}
    about = {**of_call, "recording_id": said.data.recording_id}
    available = _fact(said, CallRecordingMadeAvailable(**about, url="http://127.0.0.1:1/x", media_type="audio/wav"))
    stored = CallRecordingStored(**about, path=path_of(available), sha256="a" * 64, size_bytes=len(SAID))
    return [*told, available, _fact(said, stored), said]


def _fact(beside: Event, data: CallRecordingMadeAvailable | CallRecordingStored) -> Event:
    name = "call.recording_stored" if isinstance(data, CallRecordingStored) else "call.recording_made_available"
    return msgspec.structs.replace(beside, id=identify(beside.id, name), type=name, dataschema=f"{name}/1", data=data)


def made_later(facts: Sequence[Event]) -> list[Event]:
    """Give what the worker makes of a call long after it: its recording and its transcript."""
    return [msgspec.structs.replace(fact, recordedat=AFTER) for fact in facts[-2:]]


def keep_sound(home: Path, facts: Sequence[Event]) -> Path:
    """Lay a call's recording into the store."""
    file = home / "recordings" / path_of(facts[-3])
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(SAID)
    return file


@pytest.fixture(scope="module")
def known(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home in which the person and another one called, and the person was erased."""
    made: Path = tmp_path_factory.mktemp("known")
    for number, phone in ((KNOWN, PHONE), (OTHERS, OTHER)):
        keep_sound(made, call_of(number, phone=phone))
    with open_writer(settings_at(made)) as writer:
        writer.land(Batch(records_of([*call_of(KNOWN), *call_of(OTHERS, phone=OTHER)])), now=NOW)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ANGIME_HOME", str(made))
        assert erasing.erase([f"phone:{PHONE}"], now=moment(ERASED_AT), say=lambda _: None).recordings == 1
    return made


def land(home: Path, facts: Sequence[Event], *, letters: Sequence[KafkaRecord] = ()) -> Landed:
    """Land facts as they come of the worker, by a lander that was just started."""
    with open_writer(settings_at(home), forget_recordings=forget_recordings) as writer:
        first = max(writer.next_offsets().values(), default=0)
        records = records_of(facts, first_offset=first)
        return writer.land(Batch([*records, *letters]), now=AFTER)


def sounds(home: Path) -> list[Path]:
    """Give every recording that the store holds."""
    return [file for file in (home / "recordings").rglob("*") if file.is_file()]


def names_the_person(home: Path) -> list[str]:
    """Give the tables of the log that name the person, and files that hold what was said."""
    with closing(open_reader(settings_at(home))) as reader:
        tables = [name for name in ("events", "conflicts") if PHONE in str(reader.sql(f"from log.{name}").rows())]
        letters = reader.sql("select decode(body) from log.dead").rows()
    files = [file.name for file in home.rglob("*") if file.is_file() and SAID in file.read_bytes()]
    return [*tables, *(["dead"] if PHONE in str(letters) else []), *files]


def ears_of(home: Path) -> Ears:
    """Give the worker's ears, at a company whose provider cannot be reached."""
    account = Account(id="main", source="twilio", recording_hosts=("127.0.0.1:1",))
    company = Company(id="acme", name="Acme", time_zone="Asia/Almaty", default_region="KZ", accounts=(account,))
    store = open_store((home / "recordings").as_uri())
    return Ears(companies={"acme": company}, fetch_secrets={}, store=store, is_erased=Known(home).holds)


def others(home: Path) -> Path:
    """Name where the other person's recording lies."""
    return home / "recordings" / path_of(call_of(OTHERS, phone=OTHER)[-3])


@pytest.mark.parametrize("number", [KNOWN, UNKNOWN])
def test_the_worker_neither_fetches_nor_hears_an_erased_person_and_deletes_what_it_kept(
    home: Path, number: int
) -> None:
    *_, available, stored, _ = call_of(number)
    keep_sound(home, call_of(number))  # by a worker that was killed before it told of it
    ears = ears_of(home)

    assert asyncio.run(store_recording(available, ears=ears, now=AFTER)) is None
    assert sounds(home) == [others(home)]
    assert not is_to_be_heard(stored, ears=ears, now=AFTER)


def test_the_worker_hears_others_and_who_calls_after_he_was_erased(home: Path) -> None:
    *_, stored, _ = call_of(OTHERS, phone=OTHER)
    *_, again, _ = [msgspec.structs.replace(fact, time=AFTER, recordedat=AFTER) for fact in call_of(UNKNOWN)]

    assert [is_to_be_heard(fact, ears=ears_of(home), now=AFTER) for fact in (stored, again)] == [True, True]
    assert land(home, [again]).events == 1


@pytest.mark.parametrize("number", [KNOWN, UNKNOWN])
def test_what_a_worker_made_that_did_not_know_is_dropped_and_its_file_deleted(home: Path, number: int) -> None:
    keep_sound(home, call_of(number))

    landed = land(home, [*made_later(call_of(number)), *made_later(call_of(OTHERS, phone=OTHER))])

    assert (landed.erased, landed.duplicates, landed.events) == (2, 2, 0)
    assert sounds(home) == [others(home)]
    assert names_the_person(home) == [others(home).name]


def test_a_recording_that_was_fetched_before_the_erasure_and_not_landed_is_deleted_after_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGIME_HOME", str(tmp_path))
    told = call_of(KNOWN)
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of(told[:-2])), now=NOW)
    keep_sound(tmp_path, told)
    erasing.erase([f"phone:{PHONE}"], now=moment(ERASED_AT), say=lambda _: None)

    assert land(tmp_path, told[-2:]).erased == 2
    assert (sounds(tmp_path), names_the_person(tmp_path)) == ([], [])


def test_a_lander_that_is_killed_or_whose_store_is_away_deletes_at_the_next_start(home: Path) -> None:
    keep_sound(home, call_of(KNOWN))
    made = records_of(made_later(call_of(KNOWN)), first_offset=500)

    def is_away(_: Sequence[str]) -> None:
        raise NotYet("the store is away")

    def killed(paths: Sequence[str]) -> None:
        assert forget_recordings(paths) == 1
        raise KeyboardInterrupt

    for ending in (is_away, killed):
        with (
            pytest.raises((NotYet, KeyboardInterrupt)),
            open_writer(settings_at(home), forget_recordings=ending) as writer,
        ):
            writer.land(Batch(made), now=AFTER)
    assert land(home, made_later(call_of(KNOWN))).erased == 2
    assert (sounds(home), names_the_person(home)) == ([others(home)], [others(home).name])


def test_what_a_worker_kept_of_an_erased_person_is_looked_for_again_whatever_the_clock(home: Path) -> None:
    with open_writer(settings_at(home), forget_recordings=forget_recordings) as writer:
        for now in ("2026-03-12T00:00:00.000Z", AFTER):  # the clock was set back
            keep_sound(home, call_of(KNOWN))
            writer.maintain(now)
            assert sounds(home) == [others(home)]


def test_what_a_writer_that_was_killed_left_beside_a_recording_goes_with_it(home: Path) -> None:
    for facts in (call_of(KNOWN), call_of(OTHERS, phone=OTHER)):
        place = home / "recordings" / path_of(facts[-3])
        place.with_name(f"{place.name}#1").write_bytes(SAID)

    assert asyncio.run(store_recording(call_of(KNOWN)[-3], ears=ears_of(home), now=AFTER)) is None
    assert sorted(sounds(home)) == [others(home), others(home).with_name(f"{others(home).name}#1")]


def test_a_dead_letter_of_the_worker_that_names_an_erased_person_is_dropped(home: Path) -> None:
    told = [call_of(KNOWN)[-2], call_of(UNKNOWN)[-2], call_of(OTHERS, phone=OTHER)[-2]]

    landed = land(home, [], letters=[_letter(fact, offset=nth) for nth, fact in enumerate(told)])

    assert (landed.erased, landed.dead, landed.duplicates) == (2, 1, 0)
    assert names_the_person(home) == [others(home).name]


def _letter(fact: Event, *, offset: int) -> KafkaRecord:
    letter = DeadLetter(
        reason="the store of recordings refused to read: NotFoundError",
        stage="streams",
        topic="transcripts",
        partition=0,
        offset=offset,
        died_at=AFTER,
        version="1",
        body=codec.encode(fact),
    )
    key, value, headers = dead_to_kafka(letter)
    return KafkaRecord("dead", 0, offset, value, key, tuple(headers))


def test_a_call_that_is_told_of_once_more_after_its_erasure_leaves_no_conflict(home: Path) -> None:
    landed = land(home, call_of(KNOWN, recorded_at=AFTER))

    assert (landed.erased, landed.conflicts) == (7, 0)
    assert names_the_person(home) == [others(home).name]


def test_whoever_reads_no_log_is_told_of_an_erasure_that_came_by_kafka_and_names_nobody(tmp_path: Path) -> None:
    found = persons.Found(identities=(f"phone:{PHONE}",), entities=(), events=0, conflicts=0, dead=0, recordings=())
    decision = erasure.decide(found, key=installation_key(tmp_path), until=ERASED_AT)
    fact, known = call_of(KNOWN)[-3], Known(tmp_path)

    before = known.holds(fact)
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of([decision])), now=AFTER)

    assert (before, known.holds(fact)) == (False, True)
    assert PHONE.encode() not in (tmp_path / erased.FILE).read_bytes()


def test_a_file_of_who_was_erased_that_is_torn_or_gone_is_made_anew_by_the_next_writer(home: Path) -> None:
    file, fact = home / erased.FILE, call_of(KNOWN)[-3]
    whole = file.read_bytes()
    for torn in (whole[:-9], b"\xff"):
        file.write_bytes(torn)
        assert not Known(home).holds(fact)
        land(home, [])
        assert file.read_bytes() == whole
    file.unlink()
    land(home, [])
    assert Known(home).holds(fact)


def test_a_second_warehouse_that_knows_of_fewer_takes_nobody_out_of_the_file(home: Path) -> None:
    aside = settings_at(home).model_copy(update={"warehouse_folder": home / "warehouses" / "empty"})
    with open_writer(aside):
        assert Known(home).holds(call_of(KNOWN)[-3])


def test_one_by_one_the_same_facts_are_of_an_erased_person_as_in_a_batch() -> None:
    key = b"k" * 32
    told = [
        *call_of(KNOWN),
        *call_of(UNKNOWN, recorded_at=AFTER),
        *call_of(OTHERS, phone=OTHER),
        *message_events(KNOWN),
        *message_events(UNKNOWN),
        *other_events(1),
    ]
    known = Erased(
        digests={digest(key, one): ERASED_AT for one in (f"phone:{PHONE}", "whatsapp_user:KZ.1")},
        entities=dict.fromkeys((told[0].data.call_id, message_events(KNOWN)[0].data.message_id), ERASED_AT),
    )
    made = warehouse([])
    admit(made.connection, Batch(records_of(told)), now=AFTER)
    dropped, _ = dropping.drop_known(made.connection, known, key=key)
    left = {id_ for (id_,) in made.connection.rows("select id from batch")}

    assert left == {fact.id for fact in told if not known.holds(fact, key=key)}
    # All of the known call and message, what was said in the other call, and what names him by his other identity.
    assert dropped == len(told) - len(left) == 7 + 3 + 3 + 3
