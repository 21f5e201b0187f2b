"""What the providers of telephone calls tell: whose leg it is, one call in many legs, and how long was talked."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from pipelines.sources import SOURCES, asterisk_people, freeswitch_people, twilio_people
from pipelines.sources.contract import Translation
from pipelines.sources.facts import Scene
from pipelines.sources.freeswitch_people import Ends
from pipelines.sources.telephone_causes import of_q850, of_sip, of_word
from pipelines.sources.telephone_legs import leg
from schemas.company import Account, Company, Operator, Seat
from schemas.records import RawRecord
from tests.pipelines.sources.payloads import GOLDEN, body, only

TranslateAs = Callable[[str, bytes], Translation]
AccountOf = Callable[[str], Account]
RawOf = Callable[[str, bytes], RawRecord]


@pytest.fixture
def told_by(translate_as: TranslateAs) -> Callable[[str], Any]:
    return lambda name: only(translate_as(name.partition("/")[0], body(name))).data


@pytest.fixture
def scene_of(company: Company, account_of: AccountOf, raw_of: RawOf) -> Callable[[str], Scene]:
    return lambda source: Scene(raw_of(source, b""), company, account_of(source))


@pytest.mark.parametrize(
    ("source", "of_call", "of_operator"),
    [
        ("telnyx", "call_initiated", "call_to_an_operator_initiated"),
        ("telnyx", "call_answered", "call_answered_by_an_operator"),
        ("vonage", "completed", "completed_by_an_operator"),
    ],
)
def test_a_leg_to_an_operator_is_a_part_of_the_contacts_call(
    told_by: Callable[[str], Any], source: str, of_call: str, of_operator: str
) -> None:
    call, part = told_by(f"{source}/{of_call}"), told_by(f"{source}/{of_operator}")

    assert call.call_id == part.call_id
    assert (call.leg_id, part.leg_id is not None) == (None, True)
    assert (call.operator, part.operator is not None) == (None, True)
    assert call.contact == part.contact


# A call from an operator's own number, which the company's data alone tells from a contact's.
_MOBILE, _CALLED = "+77017770002", "+77011234567"
_FROM_A_MOBILE: dict[str, Callable[[Scene], Any]] = {
    "twilio": lambda scene: twilio_people.parties(scene, {"Direction": "inbound", "From": _MOBILE, "To": _CALLED}),
    "telnyx": lambda scene: leg(scene, begin=_MOBILE, end=_CALLED, comes_in=True),
    "freeswitch": lambda scene: freeswitch_people.parties(
        scene, {}, ends=Ends(profile={"caller_id_number": _MOBILE, "destination_number": _CALLED})
    ),
    "asterisk": lambda scene: asterisk_people.route(scene, {"channel": "PJSIP/bolat-0000000a", "dst": _CALLED}),
}


@pytest.mark.parametrize("source", _FROM_A_MOBILE)
def test_an_endpoint_is_the_companys_own_also_where_it_is_an_operators_for_a_time_only(
    company: Company, account_of: AccountOf, raw_of: RawOf, source: str
) -> None:
    seated = replace(company, operators=tuple(_with_seats_alone(operator) for operator in company.operators))
    always, for_a_time, nobodys = (
        _FROM_A_MOBILE[source](Scene(raw_of(source, b""), known, account_of(source)))
        for known in (company, seated, replace(company, operators=()))
    )

    assert always == for_a_time
    assert (always.direction, nobodys.direction) == ("outgoing", "incoming")


# begin, end, the provider's word -> direction, contact, company's number, operator, whether it is the call
@pytest.mark.parametrize(
    ("begin", "end", "comes_in", "expected"),
    [
        ("+77011234567", "+77272000004", True, ("incoming", "+77011234567", "+77272000004", None, True)),
        ("+77011234567", "+77272000004", None, ("incoming", "+77011234567", "+77272000004", None, True)),
        ("+77272000004", "+77011234567", False, ("outgoing", "+77011234567", "+77272000004", None, True)),
        ("+77272000004", "+77011234567", None, ("outgoing", "+77011234567", "+77272000004", None, True)),
        ("+77011234567", "+77025556677", None, ("unknown", None, None, None, True)),
        ("+77011234567", "sip:aigerim@x", False, ("internal", "+77011234567", None, "sip:aigerim@x", False)),
        ("+77272000004", "sip:aigerim@x", False, ("internal", None, "+77272000004", "sip:aigerim@x", False)),
        ("+77011234567", "+77017770002", False, ("internal", "+77011234567", None, "+77017770002", False)),
        ("sip:aigerim@x", "+77011234567", True, ("outgoing", "+77011234567", None, "sip:aigerim@x", False)),
        ("sip:aigerim@x", "+77011234567", None, ("outgoing", "+77011234567", None, "sip:aigerim@x", False)),
        ("sip:aigerim@x", "sip:bolat@x", True, ("internal", None, None, "sip:aigerim@x", False)),
        ("+77011234567", "sip:+77272000004@gw", None, ("incoming", "+77011234567", "+77272000004", None, True)),
        ("anonymous", "+77272000004", True, ("incoming", None, "+77272000004", None, True)),
        ("sip:anonymous@anonymous.invalid", "+77272000004", True, ("incoming", None, "+77272000004", None, True)),
        ("sip:87011234567@gw", "+77272000004", True, ("incoming", "+77011234567", "+77272000004", None, True)),
    ],
)
def test_a_leg_tells_who_called_whom(
    *,
    company: Company,
    account_of: AccountOf,
    raw_of: RawOf,
    begin: str,
    end: str,
    comes_in: bool | None,
    expected: tuple[Any, ...],
) -> None:
    told = leg(Scene(raw_of("telnyx", b""), company, account_of("telnyx")), begin=begin, end=end, comes_in=comes_in)
    contact = told.contact[0].value if told.contact else None

    assert (told.direction, contact, told.company_number, told.operator, told.is_call) == expected


@pytest.mark.parametrize("written", ["sip:anonymous@anonymous.invalid", "sip:Restricted@203.0.113.7:5060"])
def test_a_hidden_caller_of_a_sip_line_is_no_operator(scene_of: Callable[[str], Scene], written: str) -> None:
    called = {"From": written, "To": "+77272000001", "Direction": "inbound"}

    told = twilio_people.parties(scene_of("twilio"), called)

    assert (told.direction, told.contact, told.operator) == ("incoming", (), None)


def test_a_trunk_writes_our_number_and_an_operators_as_sip_addresses(scene_of: Callable[[str], Scene]) -> None:
    ours, theirs, operators = "sip:+77272000001@trunk", "+77011234567", "sip:+77017770002@pbx"

    called, part = (
        twilio_people.parties(scene_of("twilio"), told)
        for told in (
            {"Direction": "trunking-originating", "From": theirs, "To": ours},
            {"Direction": "outbound-dial", "From": ours, "To": operators},
        )
    )

    assert called.company_number == "+77272000001"
    assert (part.direction, part.contact, part.operator) == ("unknown", (), operators)


@pytest.mark.parametrize(
    ("source", "name"), [("telnyx", "call_answered"), ("vonage", "answered"), ("vonage", "completed")]
)
def test_what_instructions_pick_up_is_nobody(
    company: Company, account_of: AccountOf, raw_of: RawOf, source: str, name: str
) -> None:
    told = json.loads(body(f"{source}/{name}"))
    if source == "vonage":
        told |= {"direction": "inbound", "from": "77011234567", "to": "77272000004"}
    fields = {field: getattr(account_of(source), field) for field in Account.__struct_fields__}
    account = Account(**fields | {"settings": {"answered_by_instructions": True}})

    written = json.dumps(told).encode()
    event = only(SOURCES[source].translate(raw_of(source, written), company=company, account=account))

    assert event.data.answered_by == "ivr"
    assert getattr(event.data, "talk_seconds", None) is None


def test_causes_are_read_alike_in_every_code() -> None:
    assert [of_sip(486), of_sip(603), of_sip(487), of_sip(480), of_sip(500), of_sip(200), of_sip(None)] == [
        *("busy", "rejected", "cancelled", "no_answer", "failed"),
        *(None, None),
    ]
    assert [of_q850(17), of_q850(21), of_q850(19), of_q850(16), of_q850(None)] == [
        *("busy", "rejected", "no_answer"),
        *(None, None),
    ]
    assert [of_word("user_busy"), of_word("CALL_REJECTED"), of_word("NORMAL_CLEARING"), of_word(None)] == [
        *("busy", "rejected"),
        *(None, None),
    ]


def test_freeswitch_joins_the_legs_that_a_call_dialled(
    told_by: Callable[[str], Any], translate_as: TranslateAs
) -> None:
    call = translate_as("freeswitch", body("freeswitch/incoming_answered")).events[0].data
    part, lost = (told_by(f"freeswitch/incoming_answered_{name}_leg") for name in ("operators", "second_members"))

    assert (call.call_id, call.leg_id) == (part.call_id, None) == (lost.call_id, None)
    assert [(one.operator, one.talk_seconds) for one in (part, lost)] == [("101", 48.0), ("102", 0.0)]


@pytest.mark.parametrize(
    ("written", "told"), [("486", ("busy", "SIP 486")), ("²²²", ("no_answer", None)), ("٤٨٦", ("no_answer", None))]
)
def test_codes_of_freeswitch_are_written_in_three_digits_and_all_else_is_none(
    translate_as: TranslateAs, written: str, told: tuple[str, str | None]
) -> None:
    record = json.loads(body("freeswitch/incoming_busy"))
    codes = {"hangup_cause": "", "hangup_cause_q850": "17" if written.isascii() else written}
    record["variables"] |= codes | {"sip_term_status": written}
    ended = translate_as("freeswitch", json.dumps(record).encode()).events[0].data

    assert (ended.disposition, ended.error_code) == told


def test_a_record_of_freeswitch_is_the_same_however_it_is_posted(translate_as: TranslateAs) -> None:
    told = [
        only(translate_as("freeswitch", (GOLDEN / "freeswitch" / name).read_bytes()))
        for name in ("posted_as_a_form.txt", "posted_in_base64.txt")
    ]

    assert (told[0].id, told[0].data) == (told[1].id, told[1].data)


def test_a_call_of_justcall_has_one_id_before_and_after_it_is_logged(told_by: Callable[[str], Any]) -> None:
    begun, answered, over = (told_by(f"justcall/call_{name}") for name in ("incoming", "answered", "missed"))

    assert begun.call_id == answered.call_id == over.call_id


def _with_seats_alone(operator: Operator) -> Operator:
    return replace(operator, endpoints=(), seats=tuple(Seat(endpoint=endpoint) for endpoint in operator.endpoints))
