"""Numbers are found again, in whatever pieces they came."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from analytics.landing.runs import Runs

PAIRS = st.lists(st.tuples(st.integers(0, 20), st.integers(-5, 5)), max_size=40)


@given(pieces=st.lists(PAIRS, max_size=8), asked=st.lists(st.integers(0, 25), unique=True))
def test_all_numbers_of_the_hashes_asked_for_are_found_and_no_others(
    pieces: list[list[tuple[int, int]]], asked: list[int]
) -> None:
    runs = Runs()
    for pairs in pieces:
        runs.add(
            np.array([one for one, _ in pairs], dtype=np.uint64),
            np.array([told for _, told in pairs], dtype=np.int32),
        )
    places, numbers = runs.find(np.array(asked, dtype=np.uint64))
    told = [pair for pairs in pieces for pair in pairs]
    assert sorted(zip(places.tolist(), numbers.tolist(), strict=True)) == sorted(
        (asked.index(one), number) for one, number in told if one in asked
    )
    assert runs.numbers().tolist() == sorted({number for _, number in told})
