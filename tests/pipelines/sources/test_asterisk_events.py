"""Channel events of Asterisk beside its call detail records: whichever are sent, they fold to the same call."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.sources import SOURCES
from schemas.company import Account, Company
from schemas.envelope import Event
from schemas.records import RawRecord
from tests.analytics.drawn import warehouse

AccountOf = Callable[[str], Account]
RawOf = Callable[[str, bytes], RawRecord]
Read = Callable[..., tuple[Event, ...]]

GOLDEN = Path(__file__).parent / "golden" / "asterisk"
# One line of Master.csv for the call of `cel_incoming_answered.csv`, in the columns of a newer Asterisk.
RECORD = (
    b'"","87011234567","101","from-trunk","","PJSIP/kcell-0000001a","PJSIP/101-0000001b","Dial","",'
    b'"2026-03-02 15:00:00","2026-03-02 15:00:10","2026-03-02 15:01:10",70,60,"ANSWERED","DOCUMENTATION",'
    b'"1772442930.26","","","1772442930.26",26\n'
)
FIELDS = ["call_id", "direction", "contact_key", "operator_endpoint", "outcome", "talk_seconds"]


@pytest.fixture
def read(company: Company, account_of: AccountOf, raw_of: RawOf) -> Read:
    def translate(body: bytes, **settings: str | bool) -> tuple[Event, ...]:
        fields = {name: getattr(account_of("asterisk"), name) for name in Account.__struct_fields__}
        account = Account(**fields | {"settings": {**fields["settings"], **settings}})
        told = SOURCES["asterisk"].translate(raw_of("asterisk", body), company=company, account=account)
        assert told.refused == ()
        return told.events

    return translate


def folded(events: tuple[Event, ...], company: Company, *fields: str) -> list[dict[str, Any]]:
    calls = warehouse(events, (company,)).sql("from facts.calls order by provider_call_id")
    return calls.select(fields or FIELDS).to_dicts()


def events_of(name: str) -> bytes:
    return (GOLDEN / f"{name}.csv").read_bytes()


def test_events_records_and_both_fold_to_the_same_call(company: Company, read: Read) -> None:
    events, record = read(events_of("cel_incoming_answered")), read(RECORD)
    alone = read(events_of("cel_incoming_answered"), channel_events="alone")

    told = [folded(one, company) for one in (record, events, alone, events + record)]
    (expected,) = told[0]

    assert [expected[name] for name in FIELDS[3:]] == ["PJSIP/101", "answered", 60]
    assert told == [[expected]] * 4


def _channel(name: str, own: str, state: str) -> dict[str, Any]:
    return {
        "id": own,
        "name": name,
        "state": state,
        "caller": {"name": "", "number": "101" if "101" in name else "87011234567"},
        "dialplan": {"context": "from-trunk", "exten": "101"},
        "channelvars": {"CHANNEL(linkedid)": "1772442930.26"},
    }


def _of_interface() -> bytes:
    """What ARI hands out of the call of `cel_incoming_answered.csv`."""
    begin, end = ("PJSIP/kcell-0000001a", "1772442930.26"), ("PJSIP/101-0000001b", "1772442931.27")
    both = {"id": "b", "channels": [begin[1], end[1]]}
    told: list[tuple[str, str, dict[str, Any]]] = [
        ("00:00", "ChannelCreated", {"channel": _channel(*begin, "Ring")}),
        ("00:02", "ChannelCreated", {"channel": _channel(*end, "Down")}),
        ("00:10", "ChannelStateChange", {"channel": _channel(*end, "Up")}),
        ("00:10", "ChannelStateChange", {"channel": _channel(*begin, "Up")}),
        ("00:10", "ChannelEnteredBridge", {"channel": _channel(*begin, "Up"), "bridge": both}),
        ("01:10", "ChannelDestroyed", {"channel": _channel(*end, "Up"), "cause": 16}),
        ("01:10", "ChannelDestroyed", {"channel": _channel(*begin, "Up"), "cause": 16}),
    ]
    common = {"application": "angime", "asterisk_id": "pbx"}
    events = [{"type": kind, "timestamp": f"2026-03-02T15:{at}.123+0500"} | body | common for at, kind, body in told]
    return json.dumps(events).encode()


@pytest.mark.parametrize("settings", [{}, {"answered_by_instructions": True}], ids=["rings first", "menus first"])
def test_whichever_of_records_events_and_ari_a_company_sends_it_is_one_call(
    company: Company, read: Read, settings: dict[str, str | bool]
) -> None:
    record, events, interface = (
        read(body, **settings) for body in (RECORD, events_of("cel_incoming_answered"), _of_interface())
    )
    sent = [interface, record + interface, record + events + interface]
    fields = ["direction", "contact_key", "operator_endpoint", "outcome", "talk_seconds"]

    told = [folded(tuple({event.id: event for event in one}.values()), company, *fields) for one in sent]

    expected = {"direction": "incoming", "contact_key": "phone:+77011234567", "operator_endpoint": "PJSIP/101"}
    assert told == [[expected | {"outcome": "answered", "talk_seconds": 60}]] * len(sent)


def test_who_picked_up_by_channel_events_alone_answered(company: Company, read: Read) -> None:
    told = warehouse(read(events_of("cel_incoming_answered")), (company,))

    (taken,) = told.sql("from facts.legs where leg_id != ''").select("outcome", "ring_seconds").to_dicts()

    assert taken == {"outcome": "answered", "ring_seconds": 8}
    assert not told.sql("from checks.legs_do_not_add_up").height


def test_where_the_dial_plan_answers_first_its_answer_is_no_pickup(company: Company, read: Read) -> None:
    behind_a_menu = events_of("cel_behind_a_menu")
    record = RECORD.replace(b'15:00:10",', b'15:00:01",').replace(b",70,60,", b",70,69,")
    another = record.replace(b"1772442930.26", b"1772442930.28")

    facts = read(behind_a_menu + record + another, answered_by_instructions=True)
    both, alone = folded(facts, company, "outcome", "talk_seconds", "ring_seconds")

    assert list(both.values()) == ["answered", 40, 20]
    assert list(alone.values()) == ["answered", None, None]


@pytest.mark.parametrize(
    ("name", "outcome", "talk_seconds", "operator"),
    [
        ("cel_incoming_not_answered", "missed", None, "PJSIP/101"),
        ("cel_menu_only", "missed", None, None),
        ("cel_queue_of_two_members", "answered", 60, "PJSIP/102"),
        ("cel_outgoing", "busy", None, "PJSIP/101"),
    ],
)
@pytest.mark.parametrize("settings", [{}, {"channel_events": "alone"}], ids=["beside records", "alone"])
def test_channel_events_tell_how_a_call_ended(  # noqa: PLR0917  # what is drawn, and what makes it
    company: Company,
    read: Read,
    name: str,
    outcome: str,
    talk_seconds: float | None,
    operator: str | None,
    settings: dict[str, str],
) -> None:
    (call,) = folded(read(events_of(name), **settings), company)

    assert (call["outcome"], call["talk_seconds"], call["operator_endpoint"]) == (outcome, talk_seconds, operator)
