"""What the CRMs mean: one fact sent twice has one id, cards are kept apart, money and time are exact."""

import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlencode

import pytest

from pipelines.sources.brackets import nested_fields
from pipelines.sources.contract import Translation
from schemas.errors import InvalidEvent
from tests.pipelines.sources.payloads import only

TranslateAs = Callable[[str, bytes], Translation]

LEAD = {"id": "7", "status_id": "142", "old_status_id": "1", "price": "10", "last_modified": "1772445600"}


def kommo(action: str = "status", **fields: str) -> bytes:
    return urlencode({f"leads[{action}][0][{name}]": value for name, value in {**LEAD, **fields}.items()}).encode()


def bitrix24(event: str, **fields: Any) -> bytes:
    return json.dumps({"event": event, "ts": "1772445600", "data": {"FIELDS": {"ID": "7", **fields}}}).encode()


def hubspot(**fields: Any) -> bytes:
    event = {"subscriptionType": "deal.propertyChange", "objectId": 7, "occurredAt": 1772445600000, **fields}
    return json.dumps([event]).encode()


def test_a_name_may_hold_a_value_and_names_below_it_in_either_order() -> None:
    expected = {"a": {"": "x", "b": {"c": "y"}}}

    assert nested_fields(b"a=x&a[b][c]=y") == nested_fields(b"a[b][c]=y&a=x") == expected


def test_names_with_empty_brackets_are_numbered_and_lists_of_json_too() -> None:
    expected = {"tags": {"0": "new", "1": "old"}}

    assert nested_fields(b"tags[]=new&tags[]=old") == nested_fields(b'{"tags": ["new", "old"]}') == expected


def test_a_file_of_decoded_fields_is_read_as_the_form_it_stands_for() -> None:
    assert nested_fields(b'{"a[b][0]": "x", "a[b][1]": "y"}') == nested_fields(b"a[b][0]=x&a[b][1]=y")


@pytest.mark.parametrize("body", [b"", b"   ", b"{}", b"a" + b"[b]" * 40 + b"=1"])
def test_a_form_that_is_empty_or_too_deep_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        nested_fields(body)


def test_a_deal_of_kommos_is_one_in_all_its_hooks(translate_as: TranslateAs) -> None:
    bodies = [kommo("add", status_id="1"), kommo(status_id="2"), kommo(), kommo(status_id="143", old_status_id="2")]
    events = [only(translate_as("kommo", body)) for body in bodies]

    assert [event.type for event in events] == ["deal.created", "deal.moved", "deal.won", "deal.lost"]
    assert len({event.data.deal_id for event in events}) == 1
    assert {event.partitionkey for event in events} == {events[0].data.deal_id}
    assert len({event.id for event in events}) == 4


def test_a_deal_that_is_won_again_is_won_twice(translate_as: TranslateAs) -> None:
    first, again = (only(translate_as("kommo", kommo(last_modified=at))) for at in ("1772445600", "1772445700"))

    assert first.id != again.id
    assert only(translate_as("kommo", kommo())).id == first.id


@pytest.mark.parametrize(
    ("price", "amount"),
    [("125000", "125000"), ("0", "0"), ("12500.50", "12500.50"), ("0.1234567", "0.123457"), ("", None)],
)
def test_money_is_decimal_text(translate_as: TranslateAs, price: str, amount: str | None) -> None:
    deal = only(translate_as("kommo", kommo(price=price))).data

    assert (deal.amount, deal.currency) == (amount, "KZT" if amount else None)


@pytest.mark.parametrize("price", ["1e5", "много", "9" * 16, "1 000", "٣"])
def test_what_is_no_amount_refuses_the_deal(translate_as: TranslateAs, price: str) -> None:
    translation = translate_as("kommo", kommo(price=price))

    assert [refusal.reason for refusal in translation.refused] == ["price is not an amount of money"]


def test_a_contact_of_kommos_tells_whose_deals_are(translate_as: TranslateAs) -> None:
    deal = only(translate_as("kommo", kommo())).data
    told = {"id": "5", "type": "contact", "linked_leads_id][7][ID": "7", "last_modified": "1772445600"}
    body = urlencode({f"contacts[update][0][{name}]": value for name, value in told.items()}).encode()
    identified, linked = translate_as("kommo", body).events

    assert (identified.type, linked.type) == ("contact.identified", "deal.linked")
    assert linked.data.deal_id == deal.deal_id
    assert [one.value for one in linked.data.contact] == ["5"]


def test_a_link_is_the_same_whichever_end_tells_it(translate_as: TranslateAs) -> None:
    told = {"fromObjectId": 7, "toObjectId": 5, "associationType": "DEAL_TO_CONTACT"}
    turned = {"fromObjectId": 5, "toObjectId": 7, "associationType": "CONTACT_TO_DEAL"}
    deal, contact = (
        only(translate_as("hubspot", hubspot(**ends, subscriptionType=f"{kind}.associationChange")))
        for kind, ends in (("deal", told), ("contact", turned))
    )

    assert (deal.type, deal.id, deal.data) == ("deal.linked", contact.id, contact.data)


FIELD_OF_5 = "contacts[update][0][custom_fields][0]"
CARDS: dict[str, Callable[..., bytes]] = {
    "kommo": lambda written, field="PHONE": urlencode(
        {
            "contacts[update][0][id]": "5",
            "contacts[update][0][last_modified]": "1772445600",
            f"{FIELD_OF_5}[code]": field,
            f"{FIELD_OF_5}[values][0][value]": written,
        }
    ).encode(),
    "bitrix24": lambda written, field="PHONE": bitrix24("ONCRMCONTACTADD", ID="5", **{field: [{"VALUE": written}]}),
    "hubspot": lambda written, field="PHONE": hubspot(
        subscriptionType="contact.propertyChange", objectId=5, propertyName=field.lower(), propertyValue=written
    ),
}


@pytest.mark.parametrize(
    ("source", "number", "id_"),
    [
        ("kommo", "5215512345678", "f8a27bf4-c61a-5a5c-93be-fbf6305fc588"),
        ("kommo", "5491123456789", "132221e6-1d08-52f0-903e-529f911b6269"),
        ("kommo", "+77011234567", "0d1428c2-2ab0-50b6-a201-2e7a8b66af50"),
        ("bitrix24", "5215512345678", "9cecab95-68eb-55a4-a2cd-6f85ea4b3c79"),
        ("bitrix24", "553188887777", "56146bd4-45b2-549a-bd0b-0f1f5827ae80"),
        ("hubspot", "0077011234567", "d955a3fb-1f2a-5700-a6bb-c1e36106170e"),
        ("hubspot", "5491123456789", "d00da28d-9a9a-570d-bf09-1b9576844691"),
    ],
)
def test_a_card_has_the_id_that_it_had_before_more_was_known_of_its_number(
    translate_as: TranslateAs, source: str, number: str, id_: str
) -> None:
    told = only(translate_as(source, CARDS[source](number)))

    assert told.id == id_
    assert len(told.data.contact) == (2 if number.startswith("+7") else 3)


@pytest.mark.parametrize("source", [*CARDS])
@pytest.mark.parametrize("written", ["нет", "-", "n/a", "000000", "+7 000 000 00 00"])
def test_words_and_zeros_on_a_card_are_nobodys_number(translate_as: TranslateAs, source: str, written: str) -> None:
    events = translate_as(source, CARDS[source](written)).events

    assert {one.value for event in events for one in event.data.contact} <= {"5"}


@pytest.mark.parametrize("source", [*CARDS])
def test_what_stands_in_place_of_an_address_is_nobodys(translate_as: TranslateAs, source: str) -> None:
    def known(written: str) -> list[str]:
        events = translate_as(source, CARDS[source](written, field="EMAIL")).events
        return [one.value for event in events for one in event.data.contact if one.kind == "email"]

    filled_in = (
        "no@email.com",
        "Test@Test.com",
        "test123@gmail.com",
        "-@-",
        "mail@mail.ru",
        "a@example.com",
        "нет@почты.нет",
    )
    broken = ("@", "a@b", "a@1.2", "no mail@mail.kz", "a@@b.kz")
    assert [] == [one for written in (*filled_in, *broken) for one in known(written)]
    real = ("asel@mail.ru", "nonna@list.ru", "test.pilot@ex.kz", "a.b+c@d-e.co.uk", "әсел@пошта.қаз", "1@2.kz")
    assert list(real) == [one for written in real for one in known(f" {written.upper()} ")]


@pytest.mark.parametrize("source", [*CARDS])
def test_two_numbers_in_one_field_of_a_card_are_both_his(translate_as: TranslateAs, source: str) -> None:
    card = only(translate_as(source, CARDS[source]("+7 701 123 45 67; 8 (727) 300-00-00"))).data

    assert [one.value for one in card.contact] == ["+77011234567", "+77273000000", "5"]


@pytest.mark.parametrize(
    ("number", "cards", "known"),
    [
        ("+77011234567", ["5"], ["+77011234567", "5"]),
        ("+77011234567", ["5", "6"], ["+77011234567"]),
        ("", ["5", "6"], ["5"]),
    ],
)
def test_a_call_that_hangs_on_several_cards_makes_no_one_of_their_people(
    translate_as: TranslateAs, number: str, cards: list[str], known: list[str]
) -> None:
    told = {
        "id": "777",
        "properties": {
            "hs_call_direction": "OUTBOUND",
            "hs_call_to_number": number,
            "hs_call_status": "COMPLETED",
            "hs_call_duration": "3800",
            "hs_timestamp": "2026-03-02T09:58:50Z",
        },
        "associations": {"contacts": {"results": [{"id": card, "type": "call_to_contact"} for card in cards]}},
    }
    ended = translate_as("hubspot", json.dumps(told).encode()).events[-1]

    assert [one.value for one in ended.data.contact] == known


def test_an_incoming_lead_with_two_people_is_the_first_one_s(translate_as: TranslateAs) -> None:
    told = {
        "lead_id": "7",
        "date_create": "1772442000",
        "data][contacts][0][id": "5",
        "data][contacts][1][id": "6",
    }
    body = urlencode({f"unsorted[add][0][{name}]": value for name, value in told.items()}).encode()

    assert [one.value for one in only(translate_as("kommo", body)).data.contact] == ["5"]


def test_a_note_written_flat_and_one_written_below_are_the_same_call(translate_as: TranslateAs) -> None:
    said = json.dumps({"UNIQ": "1", "PHONE": "87011234567", "DURATION": 5})
    told = {"id": "9", "note_type": "10", "text": said, "created_at": "1772445600"}
    flat = urlencode({f"leads[note][0][{name}]": value for name, value in told.items()})
    below = urlencode({f"leads[note][0][note][{name}]": value for name, value in told.items()})
    events = [only(translate_as("kommo", body.encode())) for body in (flat, below)]

    assert events[0].id == events[1].id
    assert events[0].data == events[1].data


def test_a_lead_and_a_deal_of_bitrix24_with_one_number_are_two(translate_as: TranslateAs) -> None:
    deal, lead = (only(translate_as("bitrix24", bitrix24(event))) for event in ("ONCRMDEALADD", "ONCRMLEADADD"))

    assert deal.data.deal_id != lead.data.deal_id


def test_a_card_that_follows_its_bare_id_adds_to_it(translate_as: TranslateAs) -> None:
    bare, card = (
        only(translate_as("bitrix24", bitrix24("ONCRMDEALADD", **fields))) for fields in ({}, {"CONTACT_ID": "5"})
    )

    assert bare.data.deal_id == card.data.deal_id
    assert bare.id != card.id


def test_an_unanswered_call_of_bitrix24_has_no_talk_whatever_its_duration(translate_as: TranslateAs) -> None:
    told = {"CALL_ID": "1", "CALL_TYPE": "2", "PHONE_NUMBER": "87011234567", "CALL_DURATION": "18"}
    body = json.dumps({"event": "OnVoximplantCallEnd", "data": {**told, "CALL_FAILED_CODE": "304"}}).encode()
    call = only(translate_as("bitrix24", body)).data

    assert (call.talk_seconds, call.total_seconds, call.disposition) == (0.0, 18.0, "no_answer")


def test_the_milliseconds_of_hubspot_are_seconds_here(translate_as: TranslateAs) -> None:
    event = {"subscriptionType": "call.propertyChange", "propertyName": "hs_call_duration", "propertyValue": "3800"}
    call = only(translate_as("hubspot", hubspot(**event))).data

    assert call.talk_seconds == 3.8


def test_an_attempt_to_deliver_again_is_the_same_fact(translate_as: TranslateAs) -> None:
    stage = {"propertyName": "dealstage", "propertyValue": "closedwon"}
    first, again = (
        only(translate_as("hubspot", hubspot(**stage, attemptNumber=attempt, eventId=attempt))) for attempt in (0, 3)
    )

    assert first.id == again.id


def test_both_names_of_a_subscription_are_the_same_fact(translate_as: TranslateAs) -> None:
    stage = {"propertyName": "dealstage", "propertyValue": "closedwon"}
    old = only(translate_as("hubspot", hubspot(**stage)))
    new = only(translate_as("hubspot", hubspot(**stage, subscriptionType="object.propertyChange", objectTypeId="0-3")))

    assert old.id == new.id
