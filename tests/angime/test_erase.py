"""Erasure: of the person no byte is left in any file, every sum is as before, and nothing of it comes back."""

import json
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from analytics import anonymous, aside, erasure
from analytics.warehouse import Batch, open_reader, open_writer
from angime import erasing
from pipelines.replay import PUBLISHED
from schemas import calls, codec, messages, transcripts
from schemas.envelope import Event
from schemas.errors import Misconfigured
from schemas.instants import Instant, moment
from schemas.people import Identity
from schemas.records import DeadLetter, dead_to_kafka
from tests.analytics.landing_cases import KafkaRecord, call_events, message_events, records_of, settings_at
from tests.angime.front_door import angime

NOW: Instant = "2026-03-09T12:00:00.000Z"
LATER: Instant = "2026-03-10T12:00:00.000Z"
PHONE, BSUID = "+77015550123", "BSUID.5550123"
IDENTITIES = (Identity("phone", PHONE), Identity("whatsapp_user", BSUID))
PLANTED = (
    *("Zhanbolat Quandyqov", "Zhanbolat leg", "the parcel of Quandyqov", "Quandyqov speaks", "Quandyqovword"),
    *("CAQUANDYQOV", "SMQUANDYQOV", "https://cdn.example/quandyqov.wav", "media-quandyqov", "status of Quandyqov"),
    *("the other name of Quandyqov", "deadbody Quandyqov", "conflicted Quandyqov", "sound of Quandyqov"),
    *(PHONE, PHONE.lstrip("+"), BSUID, "acme/2026/03/01/quandyqov.wav", "a5" * 32, "select 'Quandyqov'"),
)
WORD = PLANTED[4]


def of_the_person() -> list[Event]:
    """Give the facts of a call with a recording and a transcript, and of a message, with something planted in each."""
    call, message = call_events(8), message_events(8)
    made: list[Event] = []
    for fact in call:
        said = msgspec.structs.replace(
            fact.data, contact=IDENTITIES, contact_name=PLANTED[0], leg_id=PLANTED[1], provider_call_id=PLANTED[5]
        )
        if isinstance(said, transcripts.CallTranscribed):
            spoken = transcripts.Word(text=WORD, start_seconds=0.0, end_seconds=1.0)
            turns = [msgspec.structs.replace(turn, text=f"{PLANTED[3]}?", words=(spoken,)) for turn in said.turns]
            said = msgspec.structs.replace(said, turns=tuple(turns))
        made.append(msgspec.structs.replace(fact, data=said))
    known = {name: getattr(made[0].data, name) for name in calls.CallFact.__struct_fields__}
    recording = made[4].data.recording_id
    available = calls.CallRecordingMadeAvailable(**known, recording_id=recording, url=PLANTED[7])
    stored = calls.CallRecordingStored(
        **known, recording_id=recording, path=PLANTED[17], sha256=PLANTED[18], size_bytes=9
    )
    for number, (kind, extra) in enumerate((("made_available", available), ("stored", stored))):
        name = f"call.recording_{kind}"
        made.append(
            msgspec.structs.replace(
                made[0], id=made[0].id[:-1] + "ab"[number], type=name, dataschema=f"{name}/1", data=extra
            )
        )
    for fact in message:
        said = msgspec.structs.replace(fact.data, contact=IDENTITIES[1:], provider_message_id=PLANTED[6])
        if isinstance(said, messages.MessageSent):
            said = msgspec.structs.replace(said, text=PLANTED[2], media_id=PLANTED[8])
        elif isinstance(said, messages.MessageRead):
            said = msgspec.structs.replace(said, contact=(), provider_status=f"{PLANTED[9]} {BSUID}")
        made.append(msgspec.structs.replace(fact, data=said))
    return made


def dead_record(offset: int) -> KafkaRecord:
    """Give a dead letter whose body names the person."""
    letter = DeadLetter(
        reason="broken",
        stage="normalise",
        topic="raw",
        partition=0,
        offset=5,
        died_at=NOW,
        version="1",
        body=f"{PLANTED[11]} %2B{PHONE[1:]}".encode(),
    )
    key, value, headers = dead_to_kafka(letter)
    return KafkaRecord(topic="dead", partition=0, offset=offset, value=value, key=key, headers=tuple(headers))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a home in which the person is known everywhere, among five others."""
    monkeypatch.setenv("ANGIME_HOME", str(tmp_path))
    others = [fact for number in range(1, 6) for fact in (*call_events(number), *message_events(number))]
    person = of_the_person()
    conflict = msgspec.structs.replace(
        person[0], data=msgspec.structs.replace(person[0].data, contact_name=PLANTED[12])
    )
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch([*records_of([*others, *person, conflict]), dead_record(0)]), now=NOW)
        writer.maintain(NOW)
    aside.build(settings_at(tmp_path), name="trial", since=None, until=None, on_step=lambda _: None)
    recording = tmp_path / "recordings" / PLANTED[17]
    recording.parent.mkdir(parents=True)
    recording.write_text(PLANTED[13])
    (tmp_path / "sql_history").write_text(PLANTED[19])
    return tmp_path


def sums(home: Path) -> dict[str, object]:
    """Give what managers see: every roll-up and every metric of every day."""
    with closing(open_reader(settings_at(home))) as reader:
        return {
            "daily": reader.sql("from reports.calls_daily order by all").rows(),
            "metrics": reader.sql("from metrics.daily order by all").rows(),
            "calls": reader.sql("select outcome, talk_seconds, day from facts.calls order by all").rows(),
            "contacts": reader.sql("select count(distinct contact_key) from facts.calls").rows(),
        }


def everything_in(home: Path) -> str:
    """Read all bytes of all files, and all rows of all tables, as one text."""
    held = [path.read_bytes().decode("latin-1") for path in home.rglob("*") if path.is_file()]
    with closing(open_reader(settings_at(home))) as reader:
        names = reader.sql("select schema_name || '.' || table_name from duckdb_tables() where schema_name in "
                           "('log', 'facts', 'reports')").to_series().to_list()  # fmt: skip
        held += [str(reader.sql(f"from {name}").rows()) for name in names]
    return "\n".join(held)


def test_no_byte_of_the_person_is_left_and_every_sum_is_as_before(home: Path) -> None:
    before = sums(home)
    planted = everything_in(home)
    assert [word for word in (PHONE, *PLANTED[:4], PLANTED[13], PLANTED[19]) if word not in planted] == []

    receipt = erasing.erase([f"whatsapp_user:{BSUID}"], now=moment(LATER), say=lambda _: None)

    left = everything_in(home)
    assert [word for word in (*PLANTED, "Quandyqov", "Zhanbolat") if word in left] == []
    assert sums(home) == before
    assert (receipt.identities, receipt.events, receipt.recordings) == (2, 10, 1)
    assert (receipt.conflicts, receipt.dead_letters, receipt.left) == (1, 1, ())
    assert set(receipt.copies) >= {"warehouses", "sql_history"}
    assert list((home / "erasures").iterdir())


def test_what_comes_again_is_dropped_and_a_new_acquaintance_is_not(home: Path) -> None:
    erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None)
    new = msgspec.structs.replace(of_the_person()[0], id=of_the_person()[0].id[:-2] + "ff")
    late = msgspec.structs.replace(new, id=new.id[:-2] + "fe", recordedat="2026-03-11T00:00:00.000Z")
    late = msgspec.structs.replace(late, data=msgspec.structs.replace(late.data, call_id=late.id))

    with open_writer(settings_at(home)) as writer:
        landed = writer.land(Batch(records_of([*of_the_person(), new, late], first_offset=500)), now=LATER)
        assert (landed.erased, landed.events, landed.duplicates, landed.conflicts) == (11, 1, 0, 0)
        rebuilt = writer.rebuild(verify=True)
        assert [table["table"] for table in rebuilt if not table["same"]] == []
    with closing(open_reader(settings_at(home))) as reader:
        named = reader.sql("select call_id from facts.calls where contact_key = $key", {"key": f"phone:{PHONE}"})
    assert named["call_id"].to_list() == [late.id]


def test_every_event_that_stays_is_still_an_event(home: Path) -> None:
    erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None)

    with closing(open_reader(settings_at(home))) as reader:
        rows = reader.sql(f"select '{{' || {PUBLISHED} || '}}' as published from log.events")  # noqa: S608
    events = [codec.decode(published.encode()) for published in rows["published"]]
    assert len(events) == 51
    [said] = [event.data for event in events if event.type == "person.erased"]
    assert PHONE not in str(said)


def test_without_yes_it_is_only_said_and_a_stranger_leaves_nothing_to_do(home: Path) -> None:
    said = angime("erase", "--identity", f"phone:{PHONE}", "--json", home=home)

    assert (said.code, json.loads(said.out)["events"]) == (0, 10)
    assert erasing.look(["phone:+77019999999"]).events == 0


def test_webhooks_that_wait_for_kafka_must_go_first(home: Path) -> None:
    (home / "outbox").mkdir()
    (home / "outbox" / "segment").write_bytes(b"x" * (1024 * 1024 - 4) + PHONE.encode())

    with pytest.raises(Misconfigured, match="wait in the outbox"):
        erasing.erase([f"phone:{PHONE}"], now=moment(LATER), say=lambda _: None)


def test_masking_keeps_words_and_questions_countable() -> None:
    assert anonymous.masked("Сәлем, Zhan! 5 ok?") == "xxxxx, xxxx! x xx?"


def test_a_digest_tells_nothing_without_the_key() -> None:
    one, other = erasure.digest(b"a" * 32, f"phone:{PHONE}"), erasure.digest(b"b" * 32, f"phone:{PHONE}")

    assert one != other
    assert len(one) == 64
