"""What the bridges to a linked WhatsApp tell: one fact in two forms, whose chat it is, and clocks that mislead."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from pipelines.sources import SOURCES
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene
from pipelines.sources.linked_chats import chat, people
from schemas.company import Account, Company
from schemas.errors import InvalidEvent
from schemas.records import RawRecord
from tests.pipelines.sources.payloads import body, only

TranslateAs = Callable[[str, bytes], Translation]
AccountOf = Callable[[str], Account]
RawOf = Callable[[str, bytes], RawRecord]


@pytest.mark.parametrize(
    ("source", "one", "other"),
    [
        ("green_api", "incoming_call_offer", "polled_with_its_receipt"),
        ("waha", "message", "message_any_of_the_same"),
        ("waha", "message", "message_with_its_id_as_an_object"),
    ],
)
def test_a_fact_in_two_forms_is_one(translate_as: TranslateAs, source: str, one: str, other: str) -> None:
    told = [only(translate_as(source, body(f"{source}/{name}"))) for name in (one, other)]

    assert (told[0].id, told[0].data) == (told[1].id, told[1].data)


@pytest.mark.parametrize(
    ("source", "message", "receipt"),
    [("waha", "message_of_ours", "ack_read"), ("evolution", "text_of_ours", "status_read")],
)
def test_a_receipt_is_of_the_message_it_names(
    translate_as: TranslateAs, source: str, message: str, receipt: str
) -> None:
    sent, read = (only(translate_as(source, body(f"{source}/{name}"))).data for name in (message, receipt))

    assert (sent.message_id, sent.conversation_id) == (read.message_id, read.conversation_id)


def test_a_reply_names_the_message_it_answers(translate_as: TranslateAs) -> None:
    reply = only(translate_as("waha", body("waha/message_that_replies"))).data
    answered = only(translate_as("waha", body("waha/message_of_ours"))).data

    assert reply.reply_to_message_id == answered.message_id


def test_one_person_has_one_conversation_on_every_bridge(translate_as: TranslateAs) -> None:
    told = [
        only(translate_as(source, body(f"{source}/{name}"))).data.conversation_id
        for source, name in (("green_api", "text"), ("waha", "message"), ("evolution", "text"))
    ]

    assert len(set(told)) == 1


def test_evolutions_clock_is_its_containers_whatever_stands_behind_it(
    company: Company, account_of: AccountOf, raw_of: RawOf
) -> None:
    told = body("evolution/connection_open")
    fields = {name: getattr(account_of("evolution"), name) for name in Account.__struct_fields__}

    times = [
        only(
            SOURCES["evolution"].translate(
                raw_of("evolution", told), company=company, account=Account(**fields | {"time_zone": zone})
            )
        ).time
        for zone in ("", "America/Sao_Paulo")
    ]

    assert times == ["2026-03-02T10:00:01.234Z", "2026-03-02T13:00:01.234Z"]


@pytest.mark.parametrize(
    ("written", "known"),
    [
        ("77011234567@c.us", [("phone", "+77011234567")]),
        ("77011234567:12@s.whatsapp.net", [("phone", "+77011234567")]),
        ("77011234567_1:12@s.whatsapp.net", [("phone", "+77011234567")]),
        ("112233445566778@lid", [("whatsapp_lid", "112233445566778")]),
        ("120363043968066561@g.us", []),
        ("status@broadcast", []),
        ("77011234567", [("phone", "+77011234567")]),
        ("", []),
    ],
)
def test_a_chat_id_stands_for_somebody(
    company: Company, account_of: AccountOf, raw_of: RawOf, written: str, known: list[tuple[str, str]]
) -> None:
    scene = Scene(raw_of("waha", b""), company, account_of("waha"))

    assert [(one.kind, one.value) for one in people(scene, written)] == known


def test_a_chat_without_an_id_is_refused(company: Company, account_of: AccountOf, raw_of: RawOf) -> None:
    scene = Scene(raw_of("waha", b""), company, account_of("waha"))

    with pytest.raises(InvalidEvent, match="the chat has no id"):
        chat(scene, None, " ")


@pytest.mark.parametrize("status", ["pickUp", "hangUp", "missed", "declined", "offer"])
@pytest.mark.parametrize("kind", ["incomingCall", "outgoingCall"])
def test_all_facts_of_a_call_of_green_api_are_of_one_call(translate_as: TranslateAs, kind: str, status: str) -> None:
    offer: dict[str, Any] = json.loads(body("green_api/incoming_call_offer"))
    told = only(translate_as("green_api", json.dumps(offer | {"typeWebhook": kind, "status": status}).encode()))

    assert told.data.call_id == only(translate_as("green_api", json.dumps(offer).encode())).data.call_id
    assert told.data.direction == kind.removesuffix("Call")
