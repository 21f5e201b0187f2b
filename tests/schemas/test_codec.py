"""The codec reads what it wrote, refuses the rest with a reason, and never tells what was sent."""

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from schemas.calls import CallEnded, CallOffered
from schemas.codec import MAX_DEPTH, MAX_EVENT_BYTES, decode, encode, parse_json, prove
from schemas.envelope import Event, event, topic_of
from schemas.errors import InvalidEvent
from schemas.ids import call_id, fact_id
from schemas.people import Identity

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
