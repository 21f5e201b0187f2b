"""The codec reads what it wrote, refuses the rest with a reason, and never tells what was sent."""

import json
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from msgspec.structs import replace

from schemas.calls import CallEnded, CallOffered
from schemas.codec import MAX_DEPTH, MAX_EVENT_BYTES, decode, encode, parse_json, prove, reread
from schemas.envelope import Event, event, topic_of
from schemas.errors import InvalidEvent
from schemas.ids import call_id, fact_id
from schemas.people import Identity
from schemas.transcripts import CallTranscribed, Turn
from schemas.withdrawals import EventWithdrawn

CALL = call_id("twilio", "main", "CA1")


def _event(data: Struct | None = None, **attributes: str) -> Event:
    fields = {
        "id": fact_id("twilio", "main", "call.offered", "CA1"),
        "source": "twilio",
        "account": "main",
        "company": "demo",
        "time": "2026-03-01T08:00:00.000Z",
        "recordedat": "2026-03-01T08:00:01.000Z",
        "key": CALL,
    }
    return event(data or CallOffered(call_id=CALL, provider_call_id="CA1"), **{**fields, **attributes})


def test_an_event_is_read_as_it_was_written() -> None:
    written = _event(
        CallOffered(
            call_id=CALL,
            provider_call_id="CA1",
            contact=(Identity(kind="phone", value="+77010000001"),),
            contact_name="Әсел 😀 <b>",
        )
    )

    assert decode(encode(written)) == written
    assert topic_of(written) == "calls"


def test_unknown_fields_are_ignored() -> None:
    fields = json.loads(encode(_event()))
    fields["traceparent"] = "00-1"
    fields["data"]["mood"] = "good"

    assert decode(json.dumps(fields).encode()) == _event()


@given(st.binary(max_size=400))
def test_any_bytes_are_an_event_or_are_refused(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode(body)


@given(st.integers(min_value=0), st.binary(min_size=1, max_size=3))
def test_a_damaged_event_is_read_or_refused_but_never_crashes(position: int, damage: bytes) -> None:
    body = bytearray(encode(_event()))
    at = position % len(body)
    body[at : at + len(damage)] = damage

    read = None
    with suppress(InvalidEvent):
        read = decode(bytes(body))

    assert read is None or decode(encode(read)) == read


@pytest.mark.parametrize("version", ["9" * 5_000, "02", "0", "²", "٣", "+2", "2 ", ""], ids=lambda text: text[:4])
def test_a_version_is_written_in_one_way_and_nothing_else_is_one(version: str) -> None:
    fields = json.loads(encode(_event())) | {"dataschema": f"call.offered/{version}"}

    with pytest.raises(InvalidEvent, match="dataschema does not name the event's type and a version"):
        decode(json.dumps(fields).encode())


def test_deep_nesting_is_refused_with_its_limit() -> None:
    for depth in (MAX_DEPTH + 1, 100, 100_000):
        with pytest.raises(InvalidEvent, match=f"deeper than {MAX_DEPTH}"):
            parse_json(b"[" * depth + b"]" * depth)
    assert parse_json(b"[" * MAX_DEPTH + b"]" * MAX_DEPTH)
    assert parse_json(b"[" + b"{}," * MAX_DEPTH + b"{}]")


def test_an_event_larger_than_its_limit_is_refused() -> None:
    with pytest.raises(InvalidEvent, match=f"larger than {MAX_EVENT_BYTES} bytes"):
        prove(encode(_event()) + b" " * MAX_EVENT_BYTES)


def test_a_lone_surrogate_is_refused() -> None:
    with pytest.raises(InvalidEvent, match="no valid JSON"):
        parse_json(b'"\\ud800"')


def test_nul_in_text_is_refused_before_and_after_kafka() -> None:
    with_nul = _event(CallOffered(call_id=CALL, provider_call_id="CA1", contact_name="a\0b"))

    with pytest.raises(InvalidEvent, match="NUL"):
        prove(encode(with_nul))
    with pytest.raises(InvalidEvent, match="NUL"):
        decode(encode(with_nul))


CLOCKS = [
    *("2026-02-28", "2026-02-29", "2028-02-29", "2026-04-30", "2026-04-31", "2026-12-31", "2026-13-01", "2026-00-00"),
    *("1969-12-31", "1970-01-01", "0001-01-01", "8999-12-31", "9998-12-31", "9999-01-01", "٢٠٢٦-01-01"),
]
ODD = st.one_of(
    st.text(max_size=20),
    st.sampled_from([f"{day}T08:00:00.000Z" for day in CLOCKS]),
    st.sampled_from(["", "a\0b", CALL, f"{CALL}\n", CALL.upper(), "demo", "demo\n", "Demo", "k" * 256, "k" * 257, "ә"]),
    st.sampled_from(["2026-03-01T24:00:00.000Z", "2026-03-01T08:00:00Z", "2026-03-01T08:00:00.000Z\n"]),
)
ATTRIBUTES = ("id", "source", "account", "company", "time", "recordedat", "subject", "partitionkey", "causationid")
WORDS = ("call_id", "provider_call_id", "contact_name", "answered_at", "direction")


@settings(max_examples=500)
@given(st.dictionaries(st.sampled_from(ATTRIBUTES), ODD, max_size=2), st.dictionaries(st.sampled_from(WORDS), ODD))
def test_an_event_is_reread_as_its_bytes_are_read(attributes: dict[str, str], words: dict[str, str]) -> None:
    known = {"call_id": CALL, "provider_call_id": "CA1", "talk_seconds": 3}
    told = replace(_event(CallEnded(**(known | words))), **attributes)

    assert _read(lambda: decode(encode(told))) == _read(lambda: reread(told))


@pytest.mark.parametrize("key", ["", "k" * 256, "k" * 257, "a\0b", "\ud800", "ә" * 256])
def test_an_event_is_reread_by_any_key_as_its_bytes_are_read(key: str) -> None:
    told = _event(key=key)

    assert _read(lambda: decode(encode(told))) == _read(lambda: reread(told))


WITHDRAWN = _event(EventWithdrawn(event_type="call.offered", entity=CALL))
LONG = CallTranscribed(
    call_id=CALL,
    provider_call_id="CA1",
    recording_id=CALL,
    origin="provider",
    model="m",
    language="kk",
    grade="turns",
    duration_seconds=70.0,
    channels=1,
    turns=(Turn(channel=0, role="customer", start_seconds=0.0, end_seconds=1.0, text="x" * 65_536),) * 70,
)


@pytest.mark.parametrize(
    "told",
    [
        WITHDRAWN,
        replace(WITHDRAWN, revision="2026-03-01T08:00:00.000Z"),
        replace(_event(), revision="2026-03-01T08:00:00.000Z"),
        replace(_event(), revision="soon"),
        replace(_event(CallEnded(call_id=CALL, provider_call_id="CA1")), dataschema="call.ended/1"),
        replace(_event(), dataschema="call.offered/2"),
        replace(_event(), type="call.sung"),
        _event(CallOffered(call_id=CALL, provider_call_id="CA1", contact_name="a\0b")),
        _event(LONG),
    ],
)
def test_an_event_out_of_the_ordinary_is_reread_as_its_bytes_are_read(told: Event) -> None:
    assert _read(lambda: decode(encode(told))) == _read(lambda: reread(told))


def _read(read: Callable[[], Event]) -> Event | str:
    try:
        return read()
    except InvalidEvent as refusal:
        return refusal.reason
    except UnicodeEncodeError as refusal:
        return refusal.reason


def test_a_backslash_before_u0000_is_no_nul() -> None:
    harmless = _event(CallOffered(call_id=CALL, provider_call_id="CA1", contact_name="C:\\u0000"))

    assert decode(encode(harmless)) == harmless


def test_a_day_that_does_not_exist_is_refused_in_the_data_too() -> None:
    ended = CallEnded(call_id=CALL, provider_call_id="CA1", answered_at="2026-02-30T00:00:00.000Z")

    with pytest.raises(InvalidEvent, match="answered_at is a day that does not exist"):
        prove(encode(_event(ended)))


def test_a_refusal_never_tells_what_was_sent() -> None:
    fields = json.loads(encode(_event()))
    fields["data"]["direction"] = "+77011234567"

    with pytest.raises(InvalidEvent) as refusal:
        decode(json.dumps(fields).encode())

    assert "+7701" not in refusal.value.reason
    assert "data.direction" in refusal.value.reason
