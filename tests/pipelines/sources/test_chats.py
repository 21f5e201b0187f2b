"""Chats: one message in many reports, one person in many inboxes, messengers' names, times as inboxes write them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene
from pipelines.sources.messengers import messenger_of, named, person_in
from pipelines.sources.times import from_written
from schemas.company import Account, Company
from schemas.envelope import Event
from schemas.errors import InvalidEvent
from schemas.people import Identity
from schemas.records import RawRecord

TranslateAs = Callable[[str, bytes], Translation]
AccountOf = Callable[[str], Account]
RawOf = Callable[[str, bytes], RawRecord]

GOLDEN = Path(__file__).parent / "golden"
CHATS = ("messenger", "instagram", "telegram", "vk", "viber", "pact", "wazzup", "umnico", "radist", "chatapp")
TEXTS = {
    "messenger": "message_text",
    "instagram": "message_text",
    "telegram": "message_text",
    "vk": "message_new",
    "viber": "message_text",
    "pact": "message_received",
    "wazzup": "message_text",
    "umnico": "message_incoming",
    "radist": "message_inbound",
    "chatapp": "message_in",
}
PAYLOADS = [
    pytest.param(source, path, id=f"{source}-{path.stem}")
    for source in CHATS
    for path in sorted((GOLDEN / source).glob("*.json"))
    if ".events." not in path.name
]
TEN_O_CLOCK = "2026-03-02T10:00:00.000Z"


def golden(source: str, name: str) -> bytes:
    return (GOLDEN / source / f"{name}.json").read_bytes()


def ids(events: tuple[Event, ...], field: str = "message_id") -> set[str]:
    return {getattr(event.data, field) for event in events if getattr(event.data, field, None)}


def replaced(value: Any, old: str, new: str) -> Any:
    """Give the payload with `new` wherever exactly `old` stood."""
    if isinstance(value, dict):
        return {name: replaced(inner, old, new) for name, inner in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [replaced(inner, old, new) for inner in cast("list[Any]", value)]
    return new if value == old else value


@pytest.fixture
def scene(company: Company, account_of: AccountOf, raw_of: RawOf) -> Scene:
    return Scene(raw_of("wazzup", b"{}"), company, account_of("wazzup"))


@pytest.mark.parametrize(
    ("source", "message", "report"),
    [
        ("messenger", "message_echo", "delivery"),
        ("messenger", "message_echo", "reaction"),
        ("instagram", "message_echo", "seen"),
        ("instagram", "message_echo", "reaction"),
        ("telegram", "reaction", "reaction_taken_away"),
        ("vk", "message_read", "message_reaction"),
        ("viber", "delivered", "seen"),
        ("pact", "message_sent", "ack_read"),
        ("umnico", "message_outgoing", "message_status_delivered"),
        ("chatapp", "message_statuses", "message_status_failed"),
        ("chatapp", "messages_numbered_in_each_chat", "message_status_of_a_numbered_one"),
        ("umnico", "message_numbered_in_its_chat", "message_status_of_a_numbered_one"),
        ("radist", "delivered", "read"),
    ],
)
def test_a_report_is_of_the_message_and_of_the_conversation_it_names(
    translate_as: TranslateAs, source: str, message: str, report: str
) -> None:
    first, then = (translate_as(source, golden(source, name)).events for name in (message, report))

    assert ids(first) & ids(then)
    assert ids(first, "conversation_id") & ids(then, "conversation_id")


@pytest.mark.parametrize(
    ("source", "message", "report"),
    [("pact", "message_sent", "job_delivered"), ("wazzup", "public_message_sent", "public_statuses")],
)
def test_a_report_that_names_no_chat_is_of_the_message_it_names(
    translate_as: TranslateAs, source: str, message: str, report: str
) -> None:
    first, then = (translate_as(source, golden(source, name)).events for name in (message, report))

    assert ids(first) & ids(then)


def test_a_number_that_counts_anew_in_each_chat_names_a_message_of_each(translate_as: TranslateAs) -> None:
    bodies = ("message_numbered_in_its_chat", "message_with_the_same_number_in_another_chat")
    of_umnico = [event for name in bodies for event in translate_as("umnico", golden("umnico", name)).events]
    of_chatapp = translate_as("chatapp", golden("chatapp", "messages_numbered_in_each_chat")).events

    assert len(ids(tuple(of_umnico))) == 2
    assert len(ids(of_chatapp)) == 3


def test_a_number_is_one_person_in_every_inbox(translate_as: TranslateAs) -> None:
    bodies = [("wazzup", "message_text"), ("chatapp", "message_in")]
    told = [translate_as(source, golden(source, name)).events[0].data for source, name in bodies]
    ours = [fact.contact[0] for fact in told]

    assert set(ours) == {Identity(kind="phone", value="+77011234567")}
    assert len({fact.conversation_id for fact in told}) == 1


@pytest.mark.parametrize(("source", "path"), PAYLOADS)
def test_a_message_written_with_other_spaces_and_escapes_is_the_same_fact(
    translate_as: TranslateAs, source: str, path: Path
) -> None:
    body = path.read_bytes()
    again = json.dumps(json.loads(body), indent=3, ensure_ascii=True).encode()

    def messages(payload: bytes) -> list[str]:
        try:
            told = translate_as(source, payload).events
        except InvalidEvent as error:
            return [error.reason]
        return [event.id for event in told if event.type.startswith("message.")]

    assert messages(again) == messages(body)


@pytest.mark.parametrize("source", CHATS)
@given(words=st.text(min_size=1, max_size=60).filter(lambda words: words.strip() and "\x00" not in words))
def test_a_text_is_kept_as_it_was_written(translate_as: TranslateAs, source: str, words: str) -> None:
    body = golden(source, TEXTS[source])
    before = translate_as(source, body).events[0].data.text
    changed = json.dumps(replaced(json.loads(body), before, words)).encode()

    assert [event.data.text for event in translate_as(source, changed).events] == [words]


@pytest.mark.parametrize(
    ("name", "channel", "kind"),
    [
        ("whatsapp", "whatsapp", "whatsapp_user"),
        ("grWhatsApp", "whatsapp", "whatsapp_user"),
        ("whatsapp_business", "waba", "whatsapp_user"),
        ("caWhatsApp", "waba", "whatsapp_user"),
        ("wapi", "waba", "whatsapp_user"),
        ("waba", "waba", "whatsapp_user"),
        ("dialog360", "waba", "whatsapp_user"),
        ("instAPI", "instagram", "instagram"),
        ("instagramV3", "instagram", "instagram"),
        ("tgapi", "telegram", "telegram"),
        ("telegram_personal", "telegram", "telegram"),
        ("tg", "telegram", "telegram"),
        ("viber", "viber", "viber"),
        ("vkontakte", "vk", "vk"),
        ("vk_group", "vk", "vk"),
        ("fb", "messenger", "messenger"),
        ("facebook", "messenger", "messenger"),
        ("avito", "other", "avito"),
        ("max", "other", "max"),
        ("something new", "other", "chat_user"),
        ("", "other", "chat_user"),
        (None, "other", "chat_user"),
    ],
)
def test_a_messenger_is_known_by_its_name(name: str | None, channel: str, kind: str) -> None:
    known = messenger_of(name)

    assert (known.channel, known.identity) == (channel, kind)


@pytest.mark.parametrize(
    ("name", "written", "person"),
    [
        ("whatsapp", "77011234567", ("phone", "+77011234567")),
        ("whatsapp", "8 (701) 123-45-67", ("phone", "+77011234567")),
        ("whatsapp", "77011234567@c.us", ("phone", "+77011234567")),
        ("telegram", "77011234567", ("telegram", "77011234567")),
        ("instagram", "assel.k", ("instagram_name", "assel.k")),
        ("instagram", "17841400000000", ("instagram", "17841400000000")),
        ("vk", "-12", ("vk", "-12")),
        ("viber", "tkyiOkAcUS4q0Ex0e8Xtqw==", ("viber", "tkyiOkAcUS4q0Ex0e8Xtqw==")),
        ("whatsapp", " ", None),
        ("vk", None, None),
    ],
)
def test_an_id_in_a_messenger_stands_for_somebody(
    scene: Scene, name: str, written: str | None, person: tuple[str, str] | None
) -> None:
    found = person_in(scene, named(messenger_of(name), written), written)

    assert (found and (found.kind, found.value)) == person


@pytest.mark.parametrize(
    "written",
    [
        1772445600,
        1772445600000,
        "1772445600",
        "2026-03-02T10:00:00Z",
        "2026-03-02T10:00:00.000Z",
        "2026-03-02 10:00:00",
        "2026-03-02 10:00:00 UTC",
        "2026-3-2 10:00:00 UTC",
        "2026-03-02T15:00:00+05:00",
        "2026-03-02T15:00:00+0500",
        "2026-03-02 10:00",
    ],
)
def test_a_time_is_read_as_inboxes_write_it(written: Any) -> None:
    assert from_written(written, what="time") == TEN_O_CLOCK


@pytest.mark.parametrize("written", [None, "", "soon", "2026-02-30 10:00:00", "2026-03-02", "10:00", True, [], {}])
def test_what_is_no_time_is_refused(written: Any) -> None:
    with pytest.raises(InvalidEvent, match="time"):
        from_written(written, what="time")


@pytest.mark.parametrize("written", ["жоқ", "-", "000000"])
@pytest.mark.parametrize(
    ("source", "body", "number"),
    [
        ("vk", "lead_form", "8 701 123 45 67"),
        ("vk", "order", "77011234567"),
        ("umnico", "lead_created", "77011234567"),
    ],
)
def test_a_word_where_a_customer_types_his_phone_is_nobodys_number(
    translate_as: TranslateAs, source: str, body: str, number: str, written: str
) -> None:
    told = (GOLDEN / source / f"{body}.json").read_text().replace(number, written)
    assert written in told

    events = translate_as(source, told.encode()).events

    assert events
    assert {"phone", "other_number"}.isdisjoint(one.kind for event in events for one in event.data.contact)
