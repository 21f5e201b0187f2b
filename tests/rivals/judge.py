"""What a program lost, doubled and had wrong, by comparing its rows with the story."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct

from tests.rivals.story import Row


class Judged(Struct, frozen=True, kw_only=True):
    """Events that are missing and that are there too often, and calls of which it says what was not so."""

    events: int
    lost: int
    doubled: int
    wrong: int


class Call(Struct, frozen=True):
    """What a page says of a call: the state that it was in at last, and for how long people talked."""

    state: str
    talk_seconds: float


def judge(
    story: Sequence[Row], *, ids: Iterable[str], calls: Mapping[str, Call], expected: Mapping[str, Call]
) -> Judged:
    """Compare the ids that a program keeps, and what it says of calls, with the story."""
    told, kept = {row.id for row in story}, Counter(ids)
    return Judged(
        events=len(told),
        lost=len(told - kept.keys()),
        doubled=sum(count - 1 for name, count in kept.items() if name in told),
        wrong=sum(calls.get(name) != call for name, call in expected.items()),
    )


def calls_of(rows: Iterable[Row]) -> dict[str, Call]:
    """Say of each call what people ask a table of events: the type that came last, and the sum of talk."""
    states: dict[str, str] = {}
    talked: defaultdict[str, float] = defaultdict(float)
    for row in rows:
        states[row.call_id] = row.type
        talked[row.call_id] += row.talk_seconds
    return {name: Call(state, talked[name]) for name, state in states.items()}
