"""What the sources understand: one fact in two forms, who is who, settings of an account, odd clocks."""

import json
import re
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import msgspec
import pytest

import pipelines
from pipelines.sources import GUIDES, SOURCES
from pipelines.sources.contract import Answer, Request, Translation
from schemas.company import Account, Company
from schemas.envelope import Event
from schemas.ids import call_id, conversation_id, fact_id
from schemas.records import RawRecord
from tests.pipelines.sources.payloads import GOLDEN, only

PIPELINES = Path(pipelines.__file__).parent
TranslateAs = Callable[[str, bytes], Translation]
AccountOf = Callable[[str], Account]
RawOf = Callable[[str, bytes], RawRecord]

METADATA = {"display_phone_number": "77272000000", "phone_number_id": "1"}
CALL = {"id": "wacid.1", "from": "77011234567", "to": "77272000000", "timestamp": "1772445600"}
FORM = {"CallSid": "CA1", "From": "+77011234567", "To": "+77272000001", "Direction": "inbound"}
ROW = {
    "src": "87011234567",
    "dst": "101",
    "channel": "PJSIP/kcell-0000001a",
    "dstchannel": "PJSIP/101-0000001b",
    "lastapp": "Dial",
    "start": "2026-03-02 14:15:30",
    "end": "2026-03-02 14:16:42",
    "duration": 72,
    "billsec": 60,
    "disposition": "ANSWERED",
    "uniqueid": "1772442930.26",
}


@pytest.fixture
def translate_with(company: Company, account_of: AccountOf, raw_of: RawOf) -> Callable[..., tuple[Event, ...]]:
    def translate(source: str, body: bytes, /, **changed: Any) -> tuple[Event, ...]:
        fields = {name: getattr(account_of(source), name) for name in Account.__struct_fields__}
        account = Account(**(fields | changed))
        return SOURCES[source].translate(raw_of(source, body), company=company, account=account).events

    return translate


def whatsapp(**value: Any) -> bytes:
    change = {"field": "calls", "value": {"messaging_product": "whatsapp", "metadata": METADATA, **value}}
    return json.dumps({"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": [change]}]}).encode()


def form(**fields: str) -> bytes:
    return urlencode(FORM | fields).encode()


def row(**columns: Any) -> bytes:
    return json.dumps(ROW | columns).encode()


def test_a_whatsapp_call_has_one_id_in_calls_and_in_statuses(translate_as: TranslateAs) -> None:
    connected = only(translate_as("whatsapp_cloud", whatsapp(calls=[CALL | {"event": "connect"}])))
    status = CALL | {"type": "call", "status": "ACCEPTED", "recipient_id": "77011234567"}
    accepted = only(translate_as("whatsapp_cloud", whatsapp(statuses=[status])))

    assert connected.data.call_id == accepted.data.call_id == connected.partitionkey


def test_an_accepted_call_is_one_fact_as_a_status_and_as_an_event(translate_as: TranslateAs) -> None:
    status = CALL | {"type": "call", "status": "ACCEPTED", "recipient_id": "77011234567"}
    told = [
        only(translate_as("whatsapp_cloud", whatsapp(statuses=[status]))),
        only(translate_as("whatsapp_cloud", whatsapp(calls=[CALL | {"event": "accepted"}]))),
    ]

    assert told[0].id == told[1].id


def test_the_same_item_in_another_body_is_the_same_fact(translate_as: TranslateAs) -> None:
    alone = only(translate_as("whatsapp_cloud", whatsapp(calls=[CALL | {"event": "connect"}])))
    doubled = translate_as("whatsapp_cloud", whatsapp(calls=[CALL | {"event": "connect"}] * 2)).events

    assert [event.id for event in doubled] == [alone.id, alone.id]
    assert doubled[0].data == alone.data


def test_the_address_of_a_twilio_callback_names_the_call_where_its_form_does_not(translate_as: TranslateAs) -> None:
    def told(query: str, **fields: str) -> list[Event]:
        address = f"https://a.kz/hooks/twilio/main{query}"
        request = Request(
            method="POST", url=address, body=urlencode(fields).encode(), received_at="2026-03-02T12:00:00.000Z"
        )
        return list(translate_as("twilio", SOURCES["twilio"].kept(request)).events)

    recorded = {"ConferenceSid": "CF1", "RecordingSid": "RE1", "RecordingUrl": "https://a.kz/RE1"}
    machine = {"CallSid": "CAleg", "AnsweredBy": "machine_start"}
    unnamed, [recording] = (told(query, **recorded) for query in ("?a=1", "?CallSid=CA1&a=1"))
    [alone], [leg] = (told(query, **machine) for query in ("", "?ParentCallSid=CA1&CallSid=CAother"))

    assert ([], "CA1", None) == (unnamed, recording.data.provider_call_id, recording.data.leg_id)
    assert ("CAleg", None) == (alone.data.provider_call_id, alone.data.leg_id)
    assert ("CA1", "CAleg", "machine") == (leg.data.provider_call_id, leg.data.leg_id, leg.data.answered_by)


def test_callback_data_names_the_operator_where_the_account_says_so(
    translate_with: Callable[..., tuple[Event, ...]],
) -> None:
    body = whatsapp(calls=[CALL | {"event": "connect", "biz_opaque_callback_data": "aigerim"}])

    operators = [
        translate_with("whatsapp_cloud", body, settings=settings)[0].data.operator
        for settings in ({}, {"callback_data": "operator"})
    ]

    assert operators == [None, "aigerim"]


def test_a_card_of_another_number_is_not_the_contacts(translate_as: TranslateAs) -> None:
    stranger = {"profile": {"name": "Other"}, "wa_id": "77059998877", "user_id": "KZ.9"}
    event = only(translate_as("whatsapp_cloud", whatsapp(contacts=[stranger], calls=[CALL | {"event": "connect"}])))

    assert [one.value for one in event.data.contact] == ["+77011234567"]
    assert event.data.contact_name is None


def test_a_sender_of_long_numbers_does_not_fill_the_memory(translate_as: TranslateAs) -> None:
    bodies = [whatsapp(calls=[{**CALL, "event": "connect", "from": f"{number}" * 50_000}]) for number in range(10, 42)]
    tracemalloc.start()
    try:
        found = [bool(translate_as("whatsapp_cloud", body).events) for body in bodies]
        kept_bytes, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert found == [True] * len(bodies)
    assert kept_bytes < sum(map(len, bodies)) / 4


def test_whatsapps_challenge_is_answered_to_who_knows_the_token() -> None:
    url = "https://h.example/hooks/whatsapp_cloud/waba?hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token="
    shake = SOURCES["whatsapp_cloud"].handshake
    answers = [shake(get(url + token), verify_secret=secret) for token, secret in (("t", "t"), ("x", "t"), ("", None))]

    assert answers == [Answer(body="1158201444"), None, None]


def test_no_handshake_falls_over_an_odd_address() -> None:
    urls = ["", "?", "http://[::1?hub.mode", "https://h/?hub.mode=subscribe&hub.verify_token=t&hub.challenge=%00%ff"]

    assert [source.handshake(get(url), verify_secret="t") for source in SOURCES.values() for url in urls] == (
        [None] * len(urls) * len(SOURCES)
    )


def get(url: str) -> Request:
    return Request(method="GET", url=url, received_at="2026-03-02T12:00:00.000Z")


def test_a_repeated_callback_of_twilio_is_the_same_fact(translate_as: TranslateAs) -> None:
    body = form(
        CallStatus="completed", CallDuration="5", SequenceNumber="3", Timestamp="Mon, 02 Mar 2026 10:00:54 +0000"
    )

    assert translate_as("twilio", body) == translate_as("twilio", body)


@pytest.mark.parametrize(
    ("written", "direction", "contact"),
    [
        ("inbound", "incoming", "+77011234567"),
        ("trunking-originating", "incoming", "+77011234567"),
        ("outbound-api", "outgoing", "+77272000001"),
        ("trunking-terminating", "outgoing", "+77272000001"),
        ("", "incoming", "+77011234567"),
    ],
)
def test_a_direction_of_twilio_is_read_from_the_companys_side(
    translate_as: TranslateAs, written: str, direction: str, contact: str
) -> None:
    ended = only(translate_as("twilio", form(CallStatus="busy", Direction=written)))

    assert (ended.data.direction, ended.data.contact[0].value) == (direction, contact)


def test_legs_share_their_parents_call(translate_as: TranslateAs) -> None:
    parent = only(translate_as("twilio", form(CallStatus="completed", CallDuration="75")))
    leg = only(translate_as("twilio", form(CallSid="CA2", ParentCallSid="CA1", To="client:aigerim", CallStatus="busy")))

    assert (leg.data.call_id, leg.data.leg_id, parent.data.leg_id) == (parent.data.call_id, "CA2", None)


def test_instructions_that_pick_up_are_nobody(translate_with: Callable[..., tuple[Event, ...]]) -> None:
    body = form(CallStatus="completed", CallDuration="75")
    (ended,) = translate_with("twilio", body, settings={"answered_by_instructions": True})

    assert (ended.data.answered_by, ended.data.talk_seconds, ended.data.total_seconds) == ("ivr", None, 75.0)


def test_instructions_that_pick_up_hide_the_talk_of_answered_incoming_calls_alone(
    translate_with: Callable[..., tuple[Event, ...]],
) -> None:
    ours = {"src": "101", "dst": "87051112233", "channel": "PJSIP/101-0000002a", "dstchannel": "PJSIP/kcell-0000002b"}
    rows = [row(), row(disposition="BUSY", billsec=0), row(**ours)]
    told = [translate_with("asterisk", one, settings={"answered_by_instructions": True})[0].data for one in rows]

    assert [(one.direction, one.answered_by, one.talk_seconds) for one in told] == [
        ("incoming", "human", None),
        ("incoming", "unknown", 0.0),
        ("outgoing", "unknown", 60.0),
    ]


def test_a_leg_to_an_operator_proves_an_answer_all_the_same(translate_with: Callable[..., tuple[Event, ...]]) -> None:
    body = form(CallSid="CA2", ParentCallSid="CA1", To="client:aigerim", CallStatus="completed", CallDuration="55")
    (ended,) = translate_with("twilio", body, settings={"answered_by_instructions": True})

    assert (ended.data.answered_by, ended.data.talk_seconds) == ("unknown", 55.0)


def test_minutes_are_never_taken_for_seconds(translate_as: TranslateAs) -> None:
    ended = only(translate_as("twilio", form(CallStatus="completed", Duration="2")))

    assert ended.data.talk_seconds is None


def test_local_times_are_read_in_the_accounts_zone(translate_with: Callable[..., tuple[Event, ...]]) -> None:
    starts = [
        translate_with("asterisk", row(), time_zone=zone)[0].data.started_at
        for zone in ("", "UTC", "America/Sao_Paulo")
    ]

    assert starts == ["2026-03-02T09:15:30.000Z", "2026-03-02T14:15:30.000Z", "2026-03-02T17:15:30.000Z"]


@pytest.mark.parametrize(("born", "start"), [("1793510130.1", "05:15:30"), ("1793513730.2", "06:15:30")])
def test_an_hour_that_comes_twice_is_told_by_the_channels_birth(
    translate_with: Callable[..., tuple[Event, ...]], born: str, start: str
) -> None:
    body = row(start="2026-11-01 01:15:30", end="2026-11-01 01:16:42", uniqueid=born)
    (ended, *_) = translate_with("asterisk", body, time_zone="America/New_York")

    assert ended.data.started_at == f"2026-11-01T{start}.000Z"
    assert ended.time == f"2026-11-01T{start[:3]}16:42.000Z"


def test_a_recording_may_lie_in_a_folder_of_its_day(translate_with: Callable[..., tuple[Event, ...]]) -> None:
    body = row(start="2026-03-02 23:59:30", end="2026-03-03 00:00:42", recordingfile="in-101-1772474370.26.wav")
    settings = {"recordings_url": "https://pbx.example/monitor/{day}/"}
    (_, ready) = translate_with("asterisk", body, settings=settings)

    assert ready.data.url == "https://pbx.example/monitor/2026/03/02/in-101-1772474370.26.wav"
    assert [event.type for event in translate_with("asterisk", body, settings={})] == ["call.ended"]


def test_a_row_read_twice_is_the_same_fact(translate_as: TranslateAs) -> None:
    once, doubled = translate_as("asterisk", row()), translate_as("asterisk", b"[" + row() + b"," + row() + b"]")

    assert [event.id for event in doubled.events] == [once.events[0].id] * 2


@pytest.mark.parametrize(
    ("columns", "direction", "operator"),
    [
        ({}, "incoming", "PJSIP/101"),
        ({"src": "101", "dst": "87051112233", "channel": "PJSIP/102-1a", "dstchannel": ""}, "outgoing", "PJSIP/102"),
        ({"src": "+77272000002", "dst": "87051112233", "channel": "Local/1@x-1a;2"}, "outgoing", "PJSIP/101"),
        ({"src": "101", "dst": "600", "channel": "SIP/101-1a", "dstchannel": ""}, "internal", "SIP/101"),
        ({"src": "anonymous", "dcontext": "from-trunk"}, "incoming", "PJSIP/101"),
        ({"src": "1414", "dcontext": "from-trunk"}, "incoming", "PJSIP/101"),
        ({"src": "87011234567", "dstchannel": "PJSIP/kcell-0000001b"}, "incoming", "PJSIP/kcell"),
    ],
)
def test_a_row_tells_who_called_whom(
    translate_as: TranslateAs, columns: dict[str, Any], direction: str, operator: str | None
) -> None:
    ended = only(translate_as("asterisk", row(**columns)))

    assert (ended.data.direction, ended.data.operator) == (direction, operator)


@pytest.mark.parametrize(
    ("application", "channel", "answered_by", "talk"),
    [
        ("Dial", "PJSIP/101-1b", "unknown", 60.0),
        ("BackGround", "", "ivr", 0.0),
        ("WaitExten", "PJSIP/101-1b", "ivr", 0.0),
        ("VoiceMail", "PJSIP/101-1b", "voicemail", 0.0),
        ("Queue", "", "ivr", 0.0),
        ("Queue", "PJSIP/101-1b", "unknown", 60.0),
        ("ConfBridge", "", "unknown", 60.0),
        ("Stasis", "", "ivr", 0.0),
    ],
)
def test_an_answered_row_is_a_talk_only_with_somebody(
    translate_as: TranslateAs, application: str, channel: str, answered_by: str, talk: float
) -> None:
    ended = only(translate_as("asterisk", row(lastapp=application, dstchannel=channel)))

    assert (ended.data.answered_by, ended.data.talk_seconds) == (answered_by, talk)


def test_columns_of_a_custom_file_are_named_by_the_account(translate_with: Callable[..., tuple[Event, ...]]) -> None:
    columns = ["start", "src", "dst", "channel", "dstchannel", "duration", "billsec", "disposition", "uniqueid"]
    line = "2026-03-02 14:15:30,87011234567,101,PJSIP/kcell-1a,PJSIP/101-1b,72,60,ANSWERED,1772442930.26\n"
    (ended,) = translate_with("asterisk", line.encode(), settings={"columns": columns})

    assert (ended.data.talk_seconds, ended.data.operator) == (60.0, "PJSIP/101")


def test_ids_of_a_module_are_the_same_on_every_day(translate_as: TranslateAs) -> None:
    event = {"specversion": "1.0", "id": "evt-1", "source": "/m", "type": "call.rang", "time": "2026-03-02T10:00:00Z"}
    body = json.dumps(event | {"data": {"call_id": "C-1"}}).encode()
    again = json.dumps(event | {"data": {"call_id": "C-1"}, "extension": 1}).encode()
    told = [only(translate_as("ingest", one)) for one in (body, again)]

    assert told[0].id == told[1].id
    assert told[0].data == told[1].data


@pytest.mark.parametrize(
    ("of_whatsapp", "of_telephony"),
    [
        ("553188887777", "+5531988887777"),
        ("5215512345678", "+525512345678"),
        ("5491123456789", "+541123456789"),
    ],
)
def test_who_calls_by_whatsapp_is_who_calls_by_telephone(
    translate_as: TranslateAs, of_whatsapp: str, of_telephony: str
) -> None:
    incoming = {**CALL, "event": "connect", "direction": "USER_INITIATED", "from": of_whatsapp}
    event = {"specversion": "1.0", "id": "evt-1", "source": "/m", "type": "call.rang", "time": "2026-03-02T10:00:00Z"}
    said = {"call_id": "C-1", "contact": [{"kind": "phone", "value": of_whatsapp}]}
    by_whatsapp = only(translate_as("whatsapp_cloud", whatsapp(calls=[incoming])))
    by_a_module = only(translate_as("ingest", json.dumps(event | {"data": said}).encode()))
    by_telephone = only(translate_as("twilio", form(From=of_telephony, CallStatus="ringing")))

    assert set(by_telephone.data.contact) <= set(by_whatsapp.data.contact) & set(by_a_module.data.contact)


def test_a_module_s_deals_and_contacts_are_kept_in_order_one_by_one(translate_as: TranslateAs) -> None:
    event = {"specversion": "1.0", "source": "/crm", "time": "2026-03-02T10:00:00Z"}
    contact = [{"kind": "crm", "value": "5"}, {"kind": "phone", "value": "87011234567"}]
    told = [
        event | {"id": "1", "type": "deal.won", "data": {"provider_deal_id": "L1"}},
        event | {"id": "2", "type": "contact.identified", "data": {"contact": contact}},
    ]
    won, identified = translate_as("ingest", json.dumps(told).encode()).events

    assert (won.partitionkey, identified.partitionkey) == (won.data.deal_id, "phone:+77011234567")


@pytest.mark.parametrize(("account", "is_of_the_company"), [("twilio", True), ("line-of-another", False)])
def test_a_module_speaks_only_of_calls_that_accounts_of_its_company_tell_of(
    translate_as: TranslateAs, account: str, is_of_the_company: bool
) -> None:
    call = call_id("twilio", account, "CA1")
    event = {"specversion": "1.0", "id": fact_id("twilio", account, "call.ended", "CA1"), "source": "/m"}
    of_call = {
        "type": "call.rang",
        "time": "2026-03-02T10:00:00Z",
        "data": {"call_id": call, "provider_call_id": "CA1"},
    }
    told = only(translate_as("ingest", json.dumps(event | of_call).encode()))

    assert (told.data.call_id == call) is is_of_the_company
    assert told.id != event["id"]


@pytest.mark.parametrize(("whose", "is_of_the_company"), [("demo", True), ("another", False)])
def test_a_module_writes_only_into_conversations_of_its_company(
    translate_as: TranslateAs, whose: str, is_of_the_company: bool
) -> None:
    conversation = conversation_id(whose, "phone", "+77011234567")
    fields = {
        "conversation_id": conversation,
        "contact": [{"kind": "phone", "value": "87011234567"}],
        "provider_message_id": "m",
        "text": "hi",
    }
    event = {"specversion": "1.0", "id": "e", "source": "/m", "type": "message.sent", "time": "2026-03-02T10:00:00Z"}
    told = only(translate_as("ingest", json.dumps(event | {"data": fields}).encode()))

    assert (told.data.conversation_id == conversation) is is_of_the_company


@pytest.mark.parametrize(
    "written",
    ["2026-03-02T15:00:00+05:00", "2026-03-02T10:00:00Z", "2026-03-02T10:00:00.000000+00:00", "20260302T100000Z"],
)
def test_any_form_of_a_time_is_one_instant(translate_as: TranslateAs, written: str) -> None:
    event = {"specversion": "1.0", "id": "e", "source": "/m", "type": "call.rang", "time": written}

    assert only(translate_as("ingest", json.dumps(event | {"data": {"call_id": "C"}}).encode())).time == (
        "2026-03-02T10:00:00.000Z"
    )


READ = re.compile(r"""(?:setting|listed|names|is_on|settings\.get)\(["']([a-z_]+)["']""")


def test_settings_of_accounts_are_told_where_they_are_read_and_read_where_they_are_told() -> None:
    told = {name: set(guide.settings) for name, guide in GUIDES.items()}
    read = {file: set(READ.findall(file.read_text())) for file in PIPELINES.rglob("*.py")}
    untold = [
        (file.name, sorted(names - told[source]))
        for file, names in read.items()
        for source in told
        if file.parent.name == "sources" and file.stem.startswith(source) and names - told[source]
    ]

    assert ([], set().union(*told.values())) == (untold, set().union(*read.values()))


def test_every_source_has_a_guide_and_is_called_by_its_name() -> None:
    assert set(SOURCES) == set(GUIDES) == {path.name for path in GOLDEN.iterdir()}
    assert [name for name, source in SOURCES.items() if source.name != name or not source.title] == []
    assert [name for name, guide in GUIDES.items() if not guide.connect_steps or not guide.origin_check] == []


def test_every_fact_of_a_body_names_the_record_it_was_made_from(translate_as: TranslateAs, raw_of: RawOf) -> None:
    body = whatsapp(calls=[CALL | {"event": "connect"}])
    event = only(translate_as("whatsapp_cloud", body))

    assert (event.causationid, event.company, event.account) == (raw_of("whatsapp_cloud", body).raw_id, "demo", "waba")
    assert msgspec.json.decode(msgspec.json.encode(event))["specversion"] == "1.0"
