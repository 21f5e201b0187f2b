"""Facts that come again, in another order, with other bytes, and from days that calendars are bad at."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import msgspec
from msgspec.structs import replace

from analytics.settings import AnalyticsSettings
from analytics.warehouse import Batch, open_reader, open_writer
from pipelines.origins import load_companies
from pipelines.settings import PipelinesSettings
from schemas.instants import OUTSIDE, instant
from tests.torture.faults import Case, fault
from tests.torture.manifest import manifest
from tests.torture.peace import Fact, as_records, calls_of, facts_of, land
from tests.torture.stacks import look, rebuilt
from tests.torture.tales import telling

DAYS = 21
COPIES = 5
CHANGED = 0.1
STANDS_AT = datetime(2026, 10, 1, tzinfo=UTC)
LEAST_BATCH, LARGEST_BATCH = 1, 700
# The hour that a clock skips or repeats, a leap day, a second that some clocks write, and the ends of what we know.
ODD_INSTANTS = (
    "1970-01-01T00:00:00.000Z",
    "2024-02-29T23:59:59.999Z",
    "2024-03-31T00:59:59.999Z",
    "2024-03-31T01:00:00.000Z",
    "2024-10-27T00:30:00.000Z",
    "2024-10-27T01:30:00.000Z",
    "2024-02-29T19:00:00.000Z",  # Almaty went from +06 to +05 on the first of March
    "2016-12-31T23:59:59.999Z",
    "2038-01-19T03:14:08.000Z",
    "9998-12-31T23:59:59.999Z",
)
BEYOND = "9999-12-31T23:59:59.999Z"  # of this moment the local day would be none


@fault(
    "Every event comes one to five times, some once more with other content, in an order mixed over three weeks and in "
    "batches of any size: each is there once as it first came, and every table is as if all had come in order.",
    quick_seconds=10,
    full_seconds=550,
)
def doubling(case: Case) -> None:
    """Land a story in order, and again mixed up."""
    with telling(seed=case.seed, days=DAYS, calls=case.size(quick=150, full=1_500), recordings=0) as tale:
        ordered, mixed = (tale.furnish(case.folder / name) for name in ("ordered", "mixed"))
        facts = facts_of(tale.deliveries, home=ordered)
    land(ordered, as_records(facts))
    copies = [fact for fact in facts for _ in range(case.chance.randint(1, COPIES))]
    case.chance.shuffle(copies)
    changed = [_changed(fact) for fact in case.chance.sample(facts, round(len(facts) * CHANGED))]
    # Which of two contents is right nobody knows; the first that lands is kept, so here the others come afterwards.
    landed = land(mixed, as_records([*copies, *changed]), sizes=_sizes(case))
    before, after = look(ordered), look(mixed)
    case.holds("each event is there once", expected=manifest(fact.id for fact in facts), actual=after.events)
    case.holds("each call is there once", expected=calls_of(facts), actual=after.calls)
    case.holds("other content is counted", expected=len(changed), actual=sum(batch.conflicts for batch in landed))
    case.holds("the tables know no order", expected=before.hashes, actual=after.hashes)
    case.holds("the tables are those of a rebuild", expected=after.hashes, actual=rebuilt(mixed))
    case.note(events=len(facts), copies=len(copies), with_other_content=len(changed), batches=len(landed))


@fault(
    "Calls happen in 1970, in 9998, in hours that a change of the clock skips or repeats and on a leap day: each is "
    "there once on its local day, and the tables can be built again to the same rows. Those of 9999 are dead letters.",
    quick_seconds=8,
    full_seconds=20,
)
def odd_times(case: Case) -> None:
    """Move the calls of a story to odd instants."""
    with telling(seed=case.seed, days=2, calls=120, recordings=0) as tale:
        home = tale.furnish(case.folder / "home")
        told = facts_of(tale.deliveries, home=home)
        number = {call: place for place, call in enumerate(dict.fromkeys(fact.call_id for fact in told))}
        instants = {call: (*ODD_INSTANTS, BEYOND)[place % (len(ODD_INSTANTS) + 1)] for call, place in number.items()}
        facts = [replace(fact, value=_at(fact.value, instant=instants[fact.call_id])) for fact in told]
    kept = [fact for fact in facts if instants[fact.call_id] != BEYOND]
    beyond = [fact for fact in facts if instants[fact.call_id] == BEYOND]
    land(home, as_records(facts))
    after = look(home)
    case.holds("each event is there once", expected=manifest(fact.id for fact in kept), actual=after.events)
    case.holds("each call is there once", expected=calls_of(kept), actual=after.calls)
    case.holds("the tables are those of a rebuild", expected=after.hashes, actual=rebuilt(home))
    with open_reader(AnalyticsSettings(home=home)) as reader:
        days = reader.sql("select epoch(started_at)::bigint as seconds, day from facts.calls").rows()
        letters = reader.sql("select body, reason from log.dead").rows()
    zone = ZoneInfo(load_companies(PipelinesSettings(home=home).company_path)[0].time_zone)
    known = [datetime.fromtimestamp(seconds, zone).date() for seconds, _ in days]
    case.holds("a call's day is the local day", expected=known, actual=[day for _, day in days])
    case.holds("the last day is one", expected="9999-01-01", actual=str(max(known)))
    case.holds(
        "what lies beyond is a dead letter",
        expected=sorted((fact.value, f"time {OUTSIDE}") for fact in beyond),
        actual=sorted(letters),
    )
    case.note(events=len(kept), days=len(set(known)), dead_letters=len(letters))


@fault(
    "Our own clock jumps by seconds, days and decades, forwards and back, while events land and the warehouse is "
    "maintained: each event is there once, and every table is as with a clock that stands.",
    quick_seconds=None,
    full_seconds=100,
)
def clock_jumps(case: Case) -> None:
    """Land a story batch by batch, each at another time, with a round of maintenance after it."""
    with telling(seed=case.seed, days=DAYS, calls=case.size(quick=150, full=600), recordings=0) as tale:
        steady, jumping = (tale.furnish(case.folder / name) for name in ("steady", "jumping"))
        facts = facts_of(tale.deliveries, home=steady)
    records = as_records(facts)
    land(steady, records)
    size = -(-len(records) // case.size(quick=6, full=30))
    with open_writer(AnalyticsSettings(home=jumping)) as writer:
        for start in range(0, len(records), size):
            now = instant(STANDS_AT + timedelta(seconds=case.chance.uniform(-1, 1) * 10 ** case.chance.randint(0, 9)))
            writer.land(Batch(records[start : start + size]), now=now)
            writer.maintain(now)
    before, after = look(steady), look(jumping)
    case.holds("each event is there once", expected=manifest(fact.id for fact in facts), actual=after.events)
    case.holds("each call is there once", expected=calls_of(facts), actual=after.calls)
    case.holds("the tables know no clock of ours", expected=before.hashes, actual=after.hashes)
    case.holds("the tables are those of a rebuild", expected=after.hashes, actual=rebuilt(jumping))
    case.note(events=len(facts), jumps=-(-len(records) // size))


def _sizes(case: Case) -> Iterator[int]:
    while True:
        yield case.chance.randint(LEAST_BATCH, LARGEST_BATCH)


def _changed(fact: Fact) -> Fact:
    """Give the event with another moment: the same fact cannot have happened twice."""
    return replace(fact, value=_at(fact.value, instant="2026-09-01T12:00:00.000Z"))


def _at(value: bytes, *, instant: str) -> bytes:
    return msgspec.json.encode({**msgspec.json.decode(value), "time": instant})
