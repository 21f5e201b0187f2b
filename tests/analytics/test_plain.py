"""The patterns of plain events: never wider than the codec, and wide enough for the events of everyday."""

import msgspec
import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st

from analytics.folding.scratch import scratch
from analytics.landing.plain import FEW, MAX_PLAIN_BYTES, are_plain, cut_data, pattern_of
from schemas import codec
from schemas.catalogue import EVENT_TYPES
from schemas.envelope import topic_of
from tests.analytics.landing_cases import call_events, message_events

EVERYDAY = [*call_events(1)[:4], *message_events(1)]
BODIES = [codec.encode(fact).decode() for fact in EVERYDAY]
TOPICS = pl.Series([topic_of(fact) for fact in EVERYDAY])
# What breaks an event when it is put somewhere into it: words of JSON, of our types, and characters that mean much.
PIECES = [
    "",
    '"',
    "\\",
    "\\\\u0000",
    "\\u0000",
    "\x7f",
    "null",
    "-1",
    "1e9",
    "604801",
    "0.5",
    "{}",
    "[]",
    ",",
    ":",
    "2",
    "2026-02-30T00:00:00.000Z",
    "\n",
    "é",
    "\u2028",
    "call.ended/1",
    "true",
    "x" * 300,
    " ",
    "00",
    "9999999",
    "\\/",
    "0.50",
]
ENGINE = scratch().connection


def test_events_of_everyday_are_plain() -> None:
    assert are_plain(pl.Series(BODIES), topics=TOPICS).to_list() == [True] * len(BODIES)


def test_of_many_records_the_same_are_plain_as_of_few() -> None:
    bodies, times = [*BODIES, "hello"], FEW // len(BODIES)
    are = are_plain(pl.Series(bodies * times), topics=pl.Series([*TOPICS, "calls"] * times)).to_list()
    assert are == [*[True] * len(BODIES), False] * times


def test_events_of_every_type_without_fractions_have_a_pattern() -> None:
    assert [name for name in EVENT_TYPES if not pattern_of(name)] == [
        "call.rated",
        "call.transcribed",
        "alert.raised",
        "event.withdrawn",
    ]


def test_of_what_is_plain_the_data_is_cut_out_as_it_stands() -> None:
    texts = pl.Series([*BODIES, "hello", None, '{"id":1,"data":{"é"é'])
    topics = pl.Series([*TOPICS, "calls", "calls", "calls"])
    cut = cut_data(texts, is_plain=are_plain(texts, topics=topics)).to_list()
    assert [msgspec.json.encode(fact.data).decode() for fact in EVERYDAY] + [None] * 3 == cut


@pytest.mark.parametrize("prefix", ["call", "message", "deal"])
def test_the_data_of_what_is_plain_begins_with_the_id_of_its_entity(prefix: str) -> None:
    of_entity = [one for name, one in EVENT_TYPES.items() if name.startswith(f"{prefix}.") and pattern_of(name)]
    assert {f"{prefix}_id"} == {one.struct.__struct_fields__[0] for one in of_entity}


TOO_EARLY = BODIES[0].replace(EVERYDAY[0].time, "1969-12-31T23:59:59.999Z")
# One of both has a letter of two bytes wherever something may end.
IN_LETTERS = [
    BODIES[0].replace(f'"subject":"{EVERYDAY[0].subject}"', f'"subject":"{pad}{"ы" * 20}"') for pad in ("", "x")
]


@pytest.mark.parametrize(
    "text",
    [None, "", "hello", "[]", BODIES[0] + "\n", " " + BODIES[0], BODIES[0] * 2, TOO_EARLY, *IN_LETTERS],
)
def test_what_is_no_event_is_not_plain(text: str | None) -> None:
    assert are_plain(pl.Series([text], dtype=pl.String), topics=TOPICS[:1]).to_list() == [False]


def test_no_event_is_plain_on_a_topic_of_others() -> None:
    elsewhere = pl.Series([{"calls": "messages", "messages": "transcripts"}[topic] for topic in TOPICS])
    assert are_plain(pl.Series(BODIES), topics=elsewhere).to_list() == [False] * len(BODIES)


def test_the_envelope_alone_is_as_long_as_the_limit_of_texts_assumes() -> None:
    shortest = msgspec.structs.replace(
        EVERYDAY[0], source="a", account="a", company="a", subject="a", partitionkey="a", data={}
    )
    assert len(codec.encode(shortest)) > MAX_PLAIN_BYTES - 1024


@drawing(max_examples=20 * (drawing.default.max_examples if drawing.default else 100))
@given(
    told=st.sampled_from(list(zip(BODIES, TOPICS, strict=True))),
    cuts=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(PIECES)), min_size=1, max_size=3),
)
def test_whatever_is_plain_is_an_event_to_the_codec(told: tuple[str, str], cuts: list[tuple[float, int, str]]) -> None:
    body, topic = told
    for share, length, piece in cuts:
        place = int(share * len(body))
        body = body[:place] + piece + body[place + length :]
    if are_plain(texts := pl.Series([body]), topics=pl.Series([topic])).item():
        assert codec.decode(body.encode(), topic=topic).id in body
        assert _as_the_engine_writes_it(body) == cut_data(texts, is_plain=pl.Series([True])).item()


@drawing(max_examples=5 * (drawing.default.max_examples if drawing.default else 100))
@given(told=st.sampled_from(list(zip(BODIES, TOPICS, strict=True))), draws=st.data())
def test_a_value_of_another_kind_is_plain_only_where_the_codec_takes_it(
    told: tuple[str, str], draws: st.DataObject
) -> None:
    body, topic = told
    fields = msgspec.json.decode(body)
    owner = draws.draw(st.sampled_from([fields, fields["data"]]))
    name = draws.draw(st.sampled_from(sorted(owner)))
    owner[name] = draws.draw(
        st.none()
        | st.booleans()
        | st.integers(-5, 10**16)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(max_size=300)
        | st.lists(st.sampled_from(["operator", 5, {"kind": "phone", "value": ""}]), max_size=20)
    )
    changed = msgspec.json.encode(fields)
    if are_plain(texts := pl.Series([changed.decode()]), topics=pl.Series([topic])).item():
        assert codec.decode(changed, topic=topic).id in changed.decode()
        assert _as_the_engine_writes_it(changed.decode()) == cut_data(texts, is_plain=pl.Series([True])).item()


def _as_the_engine_writes_it(body: str) -> str:
    [(written,)] = ENGINE.rows("""select from_json(?, '{"data":"JSON"}').data""", [body])
    return written
