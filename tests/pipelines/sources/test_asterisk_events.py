"""Channel events of Asterisk beside its call detail records: whichever are sent, they fold to the same call."""

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
