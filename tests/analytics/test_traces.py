"""Who is named in a text is found alike by whoever knows him, and by whoever knows digests of his traces alone."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.privacy.traces import legible, possible_traces, stands_in, traces_of

IDENTITIES = (
    "phone:+77015550550",
    "phone:+5531988887777",
    "telegram:123456789",
    "crm_kommo:10245",
    "email:a.b@post.kz",
)


@given(
    st.sampled_from(IDENTITIES),
    st.text(alphabet=" +-().,;:=&\"'<>[]{}/|01x\n", max_size=12),
    st.text(alphabet=" +-().,;:=&\"'<>[]{}/|01x\n", max_size=12),
    st.integers(min_value=0, max_value=6),
)
def test_what_stands_in_a_text_is_among_what_may_be_a_trace(identity: str, before: str, after: str, at: int) -> None:
    traces = traces_of([identity])
    held = legible(f"{before}{traces[at % len(traces)]}{after}".encode())
    standing = {trace for trace in traces if trace.isdecimal() and stands_in(held, trace=trace)}
    assert standing - possible_traces(held) == set()


@pytest.mark.parametrize("identity", IDENTITIES)
@pytest.mark.parametrize(
    "written", ['{{"from": "{0}"}}', "from={0}&to=1", "mailto:{0}", "{0}", "'{0}';", "<{0}>", "call {0}, please"]
)
def test_an_identity_is_a_trace_in_whatever_way_bodies_hold_it_apart(identity: str, written: str) -> None:
    body = written.format(identity.partition(":")[2]).encode()
    for held in (body, gzip.compress(body)):
        assert not possible_traces(legible(held)).isdisjoint(traces_of([identity]))


@pytest.mark.parametrize(
    "written",
    [
        "+55 31 98888-7777",
        "(31) 98888-7777",
        "5531988887777",
        "55 31 8888-7777",
        "+55\u00a031\u00a098888\u20117777",
        "0055 31988887777",
    ],
)
def test_a_number_is_found_in_all_its_spellings(written: str) -> None:
    assert not possible_traces(legible(written.encode())).isdisjoint(traces_of(["phone:+5531988887777"]))


def test_nobody_is_named_by_a_part_of_another_number() -> None:
    assert possible_traces(legible(b"1772410245 77015550551")).isdisjoint(traces_of(IDENTITIES))
