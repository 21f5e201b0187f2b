"""Whom an erasure finds in the log, and what stays as it was; that no byte is left, see tests/angime/test_erase."""

from collections.abc import Sequence
from hashlib import blake2b
from pathlib import Path

import msgspec
import pytest

from analytics.folding.refresh import Refresher
from analytics.folding.scratch import Scratch
from analytics.landing.admission import Refusal, append_dead
from analytics.landing.batches import Lander
from analytics.landing.dropping import Dropper
from analytics.privacy import erasure, persons
from analytics.privacy.keys import installation_key
from analytics.views import read_views
from analytics.warehouse import Batch
from angime.erasing import phones_of
from schemas.envelope import Event
from schemas.ids import conversation_id, identify
from schemas.instants import Instant
from schemas.records import DeadLetter, dead_to_kafka
from tests.analytics.drawn import call, deal, drawn_events, warehouse
from tests.analytics.landing_cases import KafkaRecord, records_of

UNTIL: Instant = "2026-03-10T12:00:00.000Z"


def _identities(made: Scratch, *asked: str) -> list[tuple[str, ...]]:
    return [one.identities for one in persons.find(made.connection, asked, phones_of=phones_of)]


def _erase(made: Scratch, asked: Sequence[str], *, key: bytes = b"k" * 32) -> Sequence[persons.Found]:
    tokens = iter("abc")
    found = persons.find(made.connection, asked, phones_of=phones_of)
    decisions = [erasure.decide(one, key=key, until=UNTIL) for one in found]
    erasure.apply(made.connection, found, decisions=decisions, make_token=lambda: next(tokens))
    return found


@pytest.mark.parametrize(
    ("stored", "asked"),
    [
        ("other_number:5215512345678", "phone:+525512345678"),
        ("other_number:+52 1 55 1234-5678", "phone:+525512345678"),
        ("phone:+525512345678", "other_number:5215512345678"),
        ("phone:+5491123456789", "phone:+541123456789"),
        ("phone:+553188887777", "phone:+5531988887777"),
        ("other_number:8 701 123-45-67 внутр. 12", "phone:+77011234567"),
        ("other_number:0077011234567", "phone:+77011234567"),
    ],
)
def test_a_person_is_found_however_an_earlier_version_wrote_the_number(stored: str, asked: str) -> None:
    made = warehouse(
        drawn_events(f"""
        call | fact    | at       | says
        a    | offered | 05:00:00 | contact={stored},telegram:5
        a    | ended   | 05:01:00 |
        b    | ended   | 06:00:00 | contact=phone:+77011234568
        """)
    )
    assert _identities(made, asked) == [tuple(sorted({stored, "telegram:5", asked}))]
    assert made.connection.rows("select count(*) from erased_events") == [(2,)]


def test_two_ways_to_write_one_number_are_one_person() -> None:
    made = warehouse(
        drawn_events("""
        call | fact  | at       | says
        a    | ended | 05:00:00 | contact=other_number:5215512345678
        b    | ended | 06:00:00 | contact=phone:+525512345678,telegram:5
        """)
    )
    both = ("other_number:5215512345678", "phone:+525512345678", "telegram:5")
    assert _identities(made, "telegram:5") == [both]
    assert _identities(made, "phone:+525512345678", "other_number:5215512345678") == [both]


def test_the_company_s_own_numbers_make_no_one_of_two_persons() -> None:
    told = drawn_events("""
    call | fact    | at       | says
    a    | offered | 05:00:00 | contact=phone:+77010000001
    a    | ended   | 05:01:00 | contact=phone:+77271111111
    b    | offered | 06:00:00 | contact=phone:+77010000002
    b    | ended   | 06:01:00 | contact=phone:+77271111111
    """)
    made = warehouse(told)

    assert _identities(made, "phone:+77010000001") == [("phone:+77010000001",)]
    assert made.connection.rows("select count(*) from erased_events") == [(2,)]
    assert _identities(made, "phone:+77271111111") == [("phone:+77271111111",)]


def test_a_deal_that_passed_to_another_keeps_the_crm_s_id_when_who_had_it_is_erased() -> None:
    made = warehouse(
        drawn_events("""
        deal | fact    | at       | says
        d    | created | 05:00:00 | contact=phone:+77010000001
        d    | linked  | 06:00:00 | contact=phone:+77010000002
        e    | created | 05:00:00 | contact=phone:+77010000001
        """)
    )
    _erase(made, ["phone:+77010000001"])
    told = made.sql("select contact_key, provider_deal_id = deal_id as is_ours, provider_deal_id from facts.deals")

    assert sorted(told.rows()) == [
        ("erased:KZ.a", True, deal("e")),
        ("phone:+77010000002", False, "d"),
    ]


def test_two_who_had_one_deal_stay_two_when_both_are_erased_at_once() -> None:
    made = warehouse(
        drawn_events("""
        deal | fact    | at       | says
        d    | created | 05:00:00 | contact=phone:+77010000001
        d    | moved   | 06:00:00 | stage=talks
        d    | linked  | 07:00:00 | contact=phone:+77010000002
        """)
    )
    _erase(made, ["phone:+77010000001", "phone:+77010000002"])

    assert made.sql("select contact_key from facts.deal_contacts order by all").rows() == [
        ("erased:KZ.a",),
        ("erased:KZ.b",),
    ]
    assert made.sql("select contact_key from facts.deals").rows() == [("erased:KZ.b",)]


def test_what_comes_again_of_an_erased_person_is_no_conflict_that_keeps_him() -> None:
    told = drawn_events("""
    deal | fact    | at       | says
    d    | created | 05:00:00 | contact=phone:+77010000001; amount=5
    e    | created | 05:00:00 | contact=phone:+77010000002; amount=5
    """)
    made = warehouse(told)
    made.build()
    _erase(made, ["phone:+77010000001"])
    again = drawn_events("""
    deal | fact    | at       | says
    d    | created | 05:00:00 | contact=phone:+77010000001; amount=7
    e    | created | 05:00:00 | contact=phone:+77010000002; amount=7
    """)
    refresher = Refresher(made.connection, read_views(), companies=())
    landed = Lander(made.connection, refresher=refresher, hot_events=10).land(Batch(records_of(again)), now=UNTIL)

    assert (landed.events, landed.duplicates, landed.conflicts) == (0, 2, 1)
    assert "+77010000001" not in str(made.sql("from log.conflicts").rows())


def _at(hour: int) -> Instant:
    return f"2026-03-02T{hour:02}:00:00.000Z"


def test_who_was_erased_twice_elsewhere_is_taken_out_up_to_the_later_moment() -> None:
    told = drawn_events("""
    deal | fact    | at       | says
    d    | created | 05:00:00 | contact=phone:+77010000001
    d    | lost    | 07:00:00 | reason=Quandyq
    d    | lost    | 09:00:00 | reason=Later
    """)
    said = drawn_events("""
    call | fact        | at       | says
    a    | transcribed | 07:00:00 | contact=phone:+77010000001; recording_id=r; origin=whisperx; model=m; language=en; grade=turns; duration_seconds=3; channels=1
    b    | transcribed | 09:00:00 | contact=phone:+77010000001; recording_id=r; origin=whisperx; model=m; language=en; grade=turns; duration_seconds=3; channels=1
    """)  # noqa: E501
    made = warehouse([*told, *(msgspec.structs.replace(one, recordedat=_at(10)) for one in said)])
    key = b"k" * 32
    [found] = persons.find(made.connection, ["phone:+77010000001"])
    decided = [(8, ()), (6, (deal("d"),))]
    made.load_events(
        erasure.decide(msgspec.structs.replace(found, entities=entities), key=key, until=_at(hour))
        for hour, entities in decided
    )
    taken = persons.find_told(made.connection, key=key)
    erasure.apply_told(made.connection, taken, persons=2, now=_at(11), make_token=lambda: "a")

    kept = "select data ->> '$.reason' as reason from log.events where type = 'deal.lost' order by time"
    assert [None, "Later"] == made.sql(kept)["reason"].to_list()
    named = "select entity, contains(data, '+7701') from log.events where type = 'call.transcribed'"
    assert {call("a"): False, call("b"): True} == dict(made.sql(named).rows())


CARDS = """
call | fact    | at       | says
a    | offered | 05:00:00 | contact=phone:+77010000001,crm_bitrix24:7; company_number=+77277777777
a    | rang    | 05:07:00 | operator=PJSIP/107; contact=crm_kommo:10245
a    | ended   | 05:17:00 | started_at=05:00:07; talk_seconds=77; total_seconds=777; provider_status=completed

deal | fact    | at       | says
d    | created | 05:00:00 | contact=crm_bitrix24:7; amount=10245; currency=KZT; stage=C7:NEW; pipeline=7

contact | fact       | at       | says
told    | identified | 05:00:00 | contact=crm_bitrix24:7,phone:+77010000001
"""
BESIDE_WHO_IT_WAS = (
    "select call_id, started_at, company_number, operator_endpoint, talk_seconds, outcome, contact_country "
    "from facts.calls",
    "select country, channels, first_at, first_deal_at from facts.contacts",
    "select deal_id, amount, stage, pipeline, created_at from facts.deals",
)


def test_a_short_identity_takes_nothing_with_it_of_which_it_is_a_part() -> None:
    """CRMs count their cards from 1: the 7 of a card stands in instants, ids and numbers of everybody."""
    told = [_as_crms_tell(event) for table in CARDS.strip().split("\n\n") for event in drawn_events(table)]
    before, made = warehouse(told), warehouse(told)
    bodies = ("1772410245", "id=10245")
    for offset, body in enumerate(bodies):
        letter = DeadLetter(
            reason="broken", stage="normalise", topic="raw", partition=0, offset=offset, died_at=UNTIL, version="1",
            body=body.encode(),
        )  # fmt: skip
        key, value, headers = dead_to_kafka(letter)
        record = KafkaRecord("dead", 0, offset, value, key, tuple(headers))
        append_dead(made.connection, [Refusal(record=record, letter=letter)], now=UNTIL)
    [found] = _erase(made, ["phone:+77010000001"])

    assert (found.events, found.dead) == (5, 1)
    assert [before.sql(text).rows() for text in BESIDE_WHO_IT_WAS] == [
        made.sql(text).rows() for text in BESIDE_WHO_IT_WAS
    ]
    assert made.connection.rows("select decode(body) from log.dead") == [(bodies[0],)]
    left = "select subject from log.events where contains(subject || partition_key || data, 'crm_')"
    assert made.connection.rows(left) == []


LABELLED = """
call | fact    | at       | says
a    | offered | 05:00:00 | contact=phone:+77010000001
a    | tagged  | 05:01:00 | tags=["Quandyq, good"]

message | fact       | at       | says
m       | received   | 05:00:00 | contact=phone:+77010000001; kind=document; media_type=text/plain
m       | reacted_to | 05:01:00 | contact=phone:+77010000001; emoji=Quandyq!
"""


def test_labels_reactions_and_names_of_files_are_of_the_person_too() -> None:
    told = [event for table in LABELLED.strip().split("\n\n") for event in drawn_events(table)]
    named = "text/plain; name=Quandyq.txt"
    told[2] = msgspec.structs.replace(told[2], data=msgspec.structs.replace(told[2].data, media_type=named))
    made = warehouse(told)
    _erase(made, ["phone:+77010000001"])
    kept = "select data ->> '$.tags', data ->> '$.media_type', data ->> '$.emoji' from log.events where type <> $type"

    assert "Quandyq" not in str(made.sql("from log.events").rows())
    assert {value for row in made.sql(kept, {"type": "person.erased"}).rows() for value in row if value} == {
        '["xxxxxxx, xxxx"]',
        "text/plain",
        "xxxxxxx!",
    }


def test_nobody_finds_an_erased_person_by_ids_that_are_made_of_his_number() -> None:
    """Ids of a contact's card follow from his identities without a key: whoever tries all numbers has them."""
    told = [_as_crms_tell(event) for table in CARDS.strip().split("\n\n") for event in drawn_events(table)]
    card = next(event.id for event in told if event.type == "contact.identified")
    made = warehouse(told)
    [found] = _erase(made, ["phone:+77010000001"])

    assert card not in str(made.sql("from log.events").rows())
    assert sorted(found.entities) == sorted({told[0].data.call_id, deal("d")})


HELD = """
call | leg         | fact    | at       | says
a    | 77010000001 | rang    | 05:00:00 | contact=phone:+77010000001

message | fact     | at       | says
m       | received | 05:00:00 | contact=phone:+77010000001

contact | fact       | at       | says
told    | identified | 05:00:00 | contact=phone:+77010000001
"""


def test_what_is_made_in_place_of_such_ids_follows_from_nothing_that_the_log_holds() -> None:
    told = [event for table in HELD.strip().split("\n\n") for event in drawn_events(table)]
    made = warehouse(told)
    _erase(made, ["phone:+77010000001"])
    tokens = {"a", "KZ.a"}
    conversation, card = conversation_id("acme", "phone", "+77010000001"), told[2].id
    guessed = {identify("erased", token, old) for token in tokens for old in (conversation, card)}
    guessed |= {blake2b(f"{token}77010000001".encode(), digest_size=8).hexdigest() for token in tokens}
    held = str(made.sql("from log.events").rows())

    assert "KZ.a" in held
    assert [one for one in (*guessed, conversation, card) if one in held] == []


CHOSEN, GROUP, OTHERS = (identify("conversation", name) for name in ("chosen", "group", "others"))
NAMELESS = f"""
message | fact     | at       | says
m       | received | 05:00:00 | contact=phone:+77010000001; conversation_id={CHOSEN}
own     | sent     | 05:01:00 | text=Quandyq
chosen  | sent     | 05:02:00 | text=Quandyq; conversation_id={CHOSEN}
chosen  | read     | 05:02:30 | conversation_id={CHOSEN}
g       | received | 05:03:00 | contact=phone:+77010000001; conversation_id={GROUP}
h       | received | 05:04:00 | contact=phone:+77010000002; conversation_id={GROUP}
group   | sent     | 05:05:00 | text=all; conversation_id={GROUP}
others  | sent     | 05:06:00 | text=nobody; conversation_id={OTHERS}
"""


def test_a_request_that_failed_costs_nothing_after_an_erasure_either() -> None:
    asked = drawn_events("""
    permission | fact      | at       | says
    a          | requested | 05:00:00 | contact=phone:+77010000001; request_message_id=wamid.1
    b          | requested | 06:00:00 | contact=phone:+77010000001; request_message_id=wamid.2
    """)
    failed = drawn_events("message | fact | at | says\nwamid.1 | failed | 05:00:01 | contact=phone:+77010000001")
    made = warehouse([*asked, *failed])
    _erase(made, ["phone:+77010000001"])

    assert [6] == made.sql("select hour(timezone('UTC', requested_at)) as hour from reports.request_costs")[
        "hour"
    ].to_list()


def test_a_message_that_names_nobody_is_found_by_its_conversation() -> None:
    made = warehouse(drawn_events(NAMELESS))
    [found] = _erase(made, ["phone:+77010000001"])
    texts = "select data ->> '$.text' as text from log.events where type = 'message.sent' order by text"

    assert found.events == 5
    assert made.sql(texts)["text"].to_list() == ["all", "nobody", "xxxxxxx", "xxxxxxx"]
    assert CHOSEN not in str(made.sql("from log.events").rows())


MENTIONING = (
    "call my brother +7 (7010) 00-00-01, please",
    "87010000001 and 8/701/0000001",
    "7\u00a0701\u00a0000\u00a000\u00a001",
    "٨٧٠١٠٠٠٠٠٠١",
    'write "Zhan.K@Example.kz", or @zhan_k',
)
MASKED = (
    "call my brother +x (xxxx) xx-xx-xx, please",
    "8xxxxxxxxxx and 8/701/0000001",
    "x\u00a0xxx\u00a0xxx\u00a0xx\u00a0xx",
    "٨xxxxxxxxxx",
    'write "xxxx.x@xxxxxxx.xx", or @xxxx_x',
)
UNTOUCHED = ("call +7 701 000 00 02", "order 10000001 of 7010000", "write jan.k@example.kz")
HIS = "phone:+77010000001,email:zhan.k@example.kz,telegram_name:zhan_k,crm_kommo:10000001"


def _of_others(texts: Sequence[str]) -> list[Event]:
    lines = [f"m{number} | received | 05:00:00 | contact=phone:+77010000002" for number in range(len(texts))]
    told = drawn_events("\n".join(["message | fact | at | says", *lines]))
    return [
        msgspec.structs.replace(event, data=msgspec.structs.replace(event.data, text=text))
        for event, text in zip(told, texts, strict=True)
    ]


def test_where_others_wrote_a_number_or_an_address_of_his_it_is_masked(tmp_path: Path) -> None:
    others = _of_others([*MENTIONING, *UNTOUCHED])
    own = drawn_events(f"""
    call | fact  | at       | says
    a    | ended | 05:00:00 | contact={HIS}
    b    | ended | 05:00:00 | contact=phone:+77010000003; contact_name=Brother of 87010000001
    """)
    made = warehouse([*others, *own])
    made.build()
    disputed = _of_others(MENTIONING[:1] * 2)[1:]
    assert _lander(made, home=tmp_path).land(Batch(records_of(disputed)), now=UNTIL).conflicts == 1
    [found] = _erase(made, ["phone:+77010000001"], key=installation_key(tmp_path))
    assert made.connection.rows("from log.conflicts") == []
    kept = made.sql("select data ->> '$.text' as text from log.events where type = 'message.received'")

    assert found.mentions == len(MENTIONING) + 1
    assert sorted(kept["text"].to_list()) == sorted([*MASKED, *UNTOUCHED])
    assert "Brother of 8xxxxxxxxxx" in str(made.sql("from log.events").rows())

    landed = _lander(made, home=tmp_path).land(Batch(records_of([*others, *own[1:]], first_offset=1)), now=UNTIL)
    assert (landed.duplicates, landed.conflicts, landed.events) == (len(others) + 1, 0, 0)


def test_what_others_wrote_before_the_erasure_is_masked_when_it_lands_later(tmp_path: Path) -> None:
    made = warehouse(drawn_events(f"call | fact | at | says\na | ended | 05:00:00 | contact={HIS}"))
    made.build()
    _erase(made, ["phone:+77010000001"], key=installation_key(tmp_path))
    late = _of_others([*MENTIONING, *UNTOUCHED])
    new = [
        msgspec.structs.replace(event, id=identify(event.id), recordedat="2026-03-11T00:00:00.000Z") for event in late
    ]
    _lander(made, home=tmp_path).land(Batch(records_of([*late, *new])), now=UNTIL)
    texts = "select data ->> '$.text' as text from log.events where type = 'message.received' and recorded_at {} $until"
    before, after = (sorted(made.sql(texts.format(sign), {"until": UNTIL})["text"].to_list()) for sign in "<>")

    assert before == sorted([*MASKED, *UNTOUCHED])
    assert after == sorted([*MENTIONING, *UNTOUCHED])


def test_a_message_that_names_nobody_is_dropped_when_it_lands_after_the_erasure(tmp_path: Path) -> None:
    told = drawn_events(NAMELESS)
    late = [event for event in told if event.data.provider_message_id in {"own", "chosen", "group"}]
    made = warehouse(event for event in told if event not in late)
    made.build()
    _erase(made, ["phone:+77010000001"], key=installation_key(tmp_path))
    new = msgspec.structs.replace(late[0], id=identify("new"), recordedat="2026-03-11T00:00:00.000Z")
    new = msgspec.structs.replace(new, data=msgspec.structs.replace(new.data, message_id=new.id, text="later"))
    landed = _lander(made, home=tmp_path).land(Batch(records_of([*late, new])), now=UNTIL)
    texts = "select data ->> '$.text' as text from log.events where type = 'message.sent' order by text"

    assert (landed.erased, landed.events) == (3, 2)
    assert made.sql(texts)["text"].to_list() == ["all", "later", "nobody"]


def _lander(made: Scratch, *, home: Path) -> Lander:
    return Lander(
        made.connection,
        refresher=Refresher(made.connection, read_views(), companies=()),
        hot_events=10,
        dropper=Dropper(made.connection, home=home, forget_recordings=lambda _: None),
    )


def _as_crms_tell(event: Event) -> Event:
    """Keep a fact of a contact in order by his first identity."""
    if event.type != "contact.identified":
        return event
    key = f"{event.data.contact[0].kind}:{event.data.contact[0].value}"
    return msgspec.structs.replace(event, subject=key, partitionkey=key)
