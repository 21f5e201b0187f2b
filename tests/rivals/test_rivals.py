"""The judge of the rivals sees what is lost, doubled and wrong, and the story is what every program can get right."""

import random
from collections import Counter

import msgspec
import pytest

from tests.rivals.judge import Call, Judged, calls_of, judge
from tests.rivals.story import Row, mixed, poisoned, row_of, tell

STORY = (
    Row("1", "a", "call.offered", 0.0),
    Row("2", "a", "call.ended", 7.0),
    Row("3", "b", "call.offered", 0.0),
    Row("4", "b", "call.ended", 0.0),
)


@pytest.mark.parametrize(
    ("places", "lost", "doubled", "wrong"),
    [
        ((0, 1, 2, 3), 0, 0, 0),
        ((2, 3, 0, 1), 0, 0, 0),
        ((0, 2, 3), 1, 0, 1),
        ((0, 1, 1, 2, 3), 0, 1, 1),
        ((0, 0, 1, 2, 3, 3), 0, 2, 0),
        ((1, 0, 2, 3), 0, 0, 1),
        ((), 4, 0, 2),
    ],
    ids=["right", "another order of calls", "lost", "an end doubled", "doubled, but no sum", "out of order", "nothing"],
)
def test_what_is_kept_is_judged_by_the_story(places: tuple[int, ...], lost: int, doubled: int, wrong: int) -> None:
    rows = [STORY[place] for place in places]

    judged = judge(STORY, ids=(row.id for row in rows), calls=calls_of(rows), expected=calls_of(STORY))

    assert Judged(events=4, lost=lost, doubled=doubled, wrong=wrong) == judged


def test_a_call_is_in_the_state_that_came_last_with_all_that_was_talked() -> None:
    assert {"a": Call("call.ended", 7.0), "b": Call("call.ended", 0.0)} == calls_of(STORY)


def test_a_mixed_story_holds_each_event_and_others_only_with_other_content() -> None:
    told = tell(400)

    sent = mixed(told, chance=random.Random(1))

    copies = Counter(one.value for one in sent)
    assert {one.value for one in told} <= copies.keys()
    assert 5 == max(copies.values())
    assert {row_of(one).id for one in told} == {row_of(one).id for one in sent}
    assert {"call.ended"} == {row_of(one).type for one in sent if one not in told}


def test_a_poisoned_story_holds_each_event_once_and_bodies_that_nobody_can_read() -> None:
    told = tell(400)

    sent = poisoned(told, chance=random.Random(1))

    torn = [one for one in sent if one not in told]
    assert told == [one for one in sent if one in told]
    assert torn != []
    for one in torn:
        with pytest.raises(msgspec.DecodeError):
            row_of(one)
