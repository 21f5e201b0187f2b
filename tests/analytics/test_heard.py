"""What was heard is found again, in whatever pieces it came."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.heard import Heard

PAIRS = st.lists(st.tuples(st.integers(0, 20), st.integers(-5, 5)), max_size=40)


@given(pieces=st.lists(PAIRS, max_size=8), asked=st.lists(st.integers(0, 25), unique=True))
def test_all_slots_of_the_entities_asked_for_are_found_and_no_others(
    pieces: list[list[tuple[int, int]]], asked: list[int]
) -> None:
    heard = Heard()
    for pairs in pieces:
        heard.add(
            np.array([one for one, _ in pairs], dtype=np.uint64), np.array([slot for _, slot in pairs], dtype=np.int32)
        )
    places, slots = heard.find(np.array(asked, dtype=np.uint64))
    told = [pair for pairs in pieces for pair in pairs]
    assert sorted(zip(places.tolist(), slots.tolist(), strict=True)) == sorted(
        (asked.index(one), slot) for one, slot in told if one in asked
    )
    assert heard.slots().tolist() == sorted({slot for _, slot in told})
