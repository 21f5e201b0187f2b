"""Revisions: what is told anew takes the place of what was told, in whatever order both come."""

from itertools import pairwise

from hypothesis import given
from hypothesis import settings as drawing
from hypothesis import strategies as st
from msgspec import structs

from analytics.landing.batches import STRANGE
from analytics.log import append_events
from analytics.warehouse import Batch, Landed
from schemas.envelope import Event, topic_of
from schemas.people import Identity
from tests.analytics.landing_cases import NOW, call_events, message_events, other_events, records_of
from tests.analytics.retold import Log, anew, last_of, retold, withdrawn

ORIGINAL = [*call_events(1), *call_events(2), *message_events(1), *other_events(1)]
[GOOD, *_] = ORIGINAL
CASES = max(10, drawing.default.max_examples // 5) if drawing.default else 10


@drawing(max_examples=CASES)
@given(
    history=st.lists(st.sampled_from(ORIGINAL), min_size=1, max_size=12).flatmap(lambda told: retold(told, most=4)),
    hot_events=st.sampled_from((0, 3, 1_000)),
    draws=st.data(),
)
def test_in_any_order_batch_and_repetition_the_last_revision_of_each_fact_stands(
    whole_log: Log, history: list[Event], hot_events: int, draws: st.DataObject
) -> None:
    whole_log.empty()
    append_events(whole_log.connection, last_of(history).values(), landed_at=NOW)
    expected = whole_log.content()
    whole_log.empty()
    lander = whole_log.lander(hot_events=hot_events)
    records = records_of(history)
    cuts = sorted(draws.draw(st.sets(st.integers(1, len(records)), max_size=4)))
    for first, last in pairwise([0, *cuts, len(records)]):
        if draws.draw(st.booleans()):
            lander = whole_log.lander(hot_events=hot_events)
        lander.land(Batch(records[first:last]), now=NOW, folds=False)
    assert whole_log.content() == expected
    assert whole_log.connection.rows("select count(*) from log.conflicts") == [(0,)]


def test_what_was_in_conflict_is_settled_by_what_is_told_anew(log: Log) -> None:
    lander = log.lander()
    other = structs.replace(GOOD, time=NOW)
    first = lander.land(Batch(records_of([GOOD, other])), now=NOW)
    later = records_of([anew(GOOD, nth=1), anew(GOOD, nth=2), other], first_offset=2)
    landed = [lander.land(Batch(some), now=NOW, folds=False) for some in (later[:2], later[2:])]
    assert first == Landed(events=1, duplicates=1, conflicts=1)
    assert landed == [Landed(events=1, revised=1, duplicates=1), Landed(duplicates=1)]
    assert log.connection.rows("select revision::date::varchar from log.events") == [("2026-03-12",)]
    assert log.connection.rows("select count(*) from log.conflicts") == [(0,)]


def test_nobody_withdraws_or_tells_anew_what_is_another_companys_or_of_another_type(log: Log) -> None:
    lander = log.lander()
    lander.land(Batch(records_of([GOOD])), now=NOW)
    before = log.content()
    strange = [
        structs.replace(withdrawn(GOOD, nth=1), company="bolt"),
        structs.replace(anew(GOOD, nth=1), company="bolt"),
        withdrawn(structs.replace(GOOD, type="message.sent"), nth=2),
    ]
    for offset, one in enumerate(strange, start=1):
        [record] = records_of([one], first_offset=offset)
        landed = lander.land(Batch([structs.replace(record, topic=topic_of(one))]), now=NOW)
        assert (landed.events, landed.dead) == (0, 1)
    assert log.connection.rows("select distinct reason from log.dead") == [(STRANGE,)]
    assert (log.content(), lander.is_behind) == (before, False)


def test_what_is_anonymous_is_never_told_anew(log: Log) -> None:
    hidden = structs.replace(GOOD, data=structs.replace(GOOD.data, contact=(Identity("erased", "KZ.1"),)))
    append_events(log.connection, [hidden], landed_at=NOW)
    before = log.content()
    landed = log.lander().land(Batch(records_of([anew(GOOD, nth=3)])), now=NOW)
    assert (landed, log.content()) == (Landed(duplicates=1), before)
