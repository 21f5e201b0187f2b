"""Whatever a body holds, it becomes facts, a named refusal or a reason to ignore, soon and in little memory."""

import json
import time
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.sources import SOURCES
from pipelines.sources.contract import Refusal, Translation
from schemas import codec
from schemas.errors import InvalidEvent

TranslateAs = Callable[[str, bytes], Translation]

# `make test-all` draws 10 000 bodies a source: a thousand each of any bytes and any JSON, the rest golden ones changed.
CASES = settings().max_examples
BYTES_CHANGED = settings(max_examples=CASES if CASES < 1_000 else 3 * CASES)
VALUES_CHANGED = settings(max_examples=CASES if CASES < 1_000 else 5 * CASES)

LONGEST_SECONDS = 0.1
MOST_BYTES = 64 * 1024 * 1024
LARGE_BYTES = 100_000

GOLDEN = Path(__file__).parent / "golden"
BODIES = {
    source: [path.read_bytes() for path in sorted((GOLDEN / source).iterdir()) if ".events." not in path.name]
    for source in SOURCES
}
FORMS = ("twilio", "kommo", "bitrix24")
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.5, 10**30, 1e300, "", " ", "x" * 2000, "\x00", "🙏", "٣", "1e5", "NaN", "-0", "²²²"),
    *([], {}, [[]], [{}], [None], {"": None}, [1, "2"], {"id": {}}, "9" * 400, "2026-02-30 10:00:00", "+", "sip:@"),
]
OF_OTHER_TYPES: list[Any] = [[], {"id": []}, 10**400]
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
values = st.sampled_from(ODD) | st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4)
)


def answer(translate_as: TranslateAs, source: str, body: bytes) -> Translation:
    """Translate; a body refused whole is a refusal like any other."""
    try:
        return translate_as(source, body)
    except InvalidEvent as error:
        return Translation(refused=(Refusal(reason=error.reason),))


def holds_its_word(translate_as: TranslateAs, source: str, body: bytes) -> None:
    began = time.thread_time()
    told = answer(translate_as, source, body)
    between = time.thread_time()
    again = answer(translate_as, source, body)
    ended = time.thread_time()
    assert told.events or told.refused or told.ignored
    assert all(refusal.reason for refusal in told.refused)
    assert [codec.decode(codec.encode(event)) for event in told.events] == list(told.events)
    assert again == told
    # Of processor time, and the shorter of two: in the other, garbage of the whole test run may have been collected.
    assert min(between - began, ended - between) < LONGEST_SECONDS


@pytest.mark.parametrize("source", sorted(SOURCES))
@given(body=st.binary(max_size=400))
def test_any_bytes(translate_as: TranslateAs, source: str, body: bytes) -> None:
    holds_its_word(translate_as, source, body)


@pytest.mark.parametrize("source", sorted(SOURCES))
@given(value=values)
def test_any_json(translate_as: TranslateAs, source: str, value: Any) -> None:
    holds_its_word(translate_as, source, json.dumps(value).encode())


@pytest.mark.parametrize("source", sorted(SOURCES))
@BYTES_CHANGED
@given(drawn=st.data())
def test_a_golden_body_with_bytes_changed(translate_as: TranslateAs, source: str, drawn: st.DataObject) -> None:
    body = bytearray(drawn.draw(st.sampled_from(BODIES[source])))
    for _ in range(drawn.draw(st.integers(1, 4))):
        position = drawn.draw(st.integers(0, len(body)))
        removed = drawn.draw(st.integers(0, 3))
        body[position : position + removed] = drawn.draw(st.binary(max_size=3) | st.sampled_from([b"\x00", b'"', b","]))
    holds_its_word(translate_as, source, bytes(body))


@pytest.mark.parametrize("source", sorted(SOURCES))
@VALUES_CHANGED
@given(drawn=st.data())
def test_a_golden_body_with_values_changed(translate_as: TranslateAs, source: str, drawn: st.DataObject) -> None:
    value = as_json(source, drawn.draw(st.sampled_from(BODIES[source])))
    for _ in range(drawn.draw(st.integers(1, 3))):
        value = with_one_changed(value, drawn)
    holds_its_word(translate_as, source, json.dumps(value).encode())


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_whatever_stands_in_a_golden_body_may_be_of_another_type(translate_as: TranslateAs, source: str) -> None:
    for value in (as_json(source, body) for body in BODIES[source]):
        for place in places(value):
            for other in OF_OTHER_TYPES:
                told = answer(translate_as, source, json.dumps(put(value, place, other)).encode())
                assert told.events or told.refused or told.ignored


@pytest.mark.parametrize("source", FORMS)
@given(drawn=st.data())
def test_a_form_with_fields_changed(translate_as: TranslateAs, source: str, drawn: st.DataObject) -> None:
    form = dict(parse_qsl(drawn.draw(st.sampled_from(BODIES[source])).decode(), keep_blank_values=True))
    for name in drawn.draw(st.lists(st.sampled_from(sorted(form) or ["CallSid"]), max_size=4)):
        form[name] = drawn.draw(st.text(max_size=12) | st.sampled_from([str(odd) for odd in ODD]))
    holds_its_word(translate_as, source, urlencode(form).encode(errors="replace"))


@pytest.mark.parametrize("source", sorted(SOURCES))
def test_a_large_body_takes_little_memory(translate_as: TranslateAs, source: str) -> None:
    largest = max(BODIES[source], key=len)
    as_list = b"[" + b",".join([b'{"id":"\xf0\x9f\x99\x8f"}'] * (LARGE_BYTES // 16)) + b"]"
    tracemalloc.start()
    try:
        for body in (largest + b" " * LARGE_BYTES, b'"' * LARGE_BYTES, as_list):
            tracemalloc.reset_peak()
            answer(translate_as, source, body)
            _, peak = tracemalloc.get_traced_memory()
            assert peak < MOST_BYTES
    finally:
        tracemalloc.stop()


@given(
    path=st.lists(st.sampled_from(["leads", "status", "note", "0", "[", "]", "", "id", "custom_fields"]), max_size=20),
    more=st.lists(st.tuples(st.text(max_size=12), st.text(max_size=4)), max_size=6),
)
def test_names_in_brackets_of_any_shape(
    translate_as: TranslateAs, path: list[str], more: list[tuple[str, str]]
) -> None:
    name = "leads" + "".join(f"[{step}]" for step in path)
    body = urlencode([("leads[status][0][id]", "7"), (name, "1"), *more], errors="replace").encode()
    holds_its_word(translate_as, "kommo", body)
    holds_its_word(translate_as, "bitrix24", body)


@given(cells=st.lists(st.text(max_size=12) | st.sampled_from([str(odd) for odd in ODD]), min_size=16, max_size=21))
def test_a_row_of_any_cells(translate_as: TranslateAs, cells: list[str]) -> None:
    line = ",".join('"' + cell.replace('"', '""') + '"' for cell in cells)
    holds_its_word(translate_as, "asterisk", line.encode(errors="replace"))


def as_json(source: str, body: bytes) -> Any:
    """Give a golden body as JSON values: a form as its fields, lines of a file as one row."""
    try:
        return json.loads(body)
    except ValueError:
        if source != "asterisk":
            return dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        return {"src": "87011234567", "start": "2026-03-02 14:15:30", "duration": 5, "disposition": "BUSY", "dst": "1"}


def places(value: Any) -> Iterator[tuple[str | int, ...]]:
    """Give the paths of all that stands somewhere inside."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, below in inner:
        yield (step,)
        yield from ((step, *path) for path in places(below))


def put(value: Any, place: tuple[str | int, ...], other: Any) -> Any:
    """Give `value` with `other` at a path."""
    if not place:
        return other
    step, *rest = place
    changed = value.copy()
    changed[step] = put(value[step], tuple(rest), other)
    return changed


def with_one_changed(value: Any, drawn: st.DataObject) -> Any:
    """Replace, remove or double one thing somewhere inside."""
    if not value or not isinstance(value, dict | list) or drawn.draw(st.integers(0, 7)) == 0:
        return drawn.draw(st.sampled_from(ODD) | values)
    if isinstance(value, list):
        position = drawn.draw(st.integers(0, len(value) - 1))
        changed = with_one_changed(value[position], drawn)
        return [*value[:position], changed, *value[position + drawn.draw(st.integers(0, 1)) :]]
    name = drawn.draw(st.sampled_from(sorted(value)))
    if drawn.draw(st.integers(0, 5)) == 0:
        return {key: kept for key, kept in value.items() if key != name}
    return value | {name: with_one_changed(value[name], drawn)}
