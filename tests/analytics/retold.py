"""Facts told anew and withdrawn, and a log to land them in, for tests of what counts in the end."""

from collections.abc import Iterable, Sequence
from typing import Any

import polars as pl
from hypothesis import strategies as st
from msgspec import UNSET, structs

from analytics.folding.refresh import Refresher
from analytics.folding.scratch import scratch
from analytics.landing.batches import Lander
from analytics.log import TABLES
from analytics.views import read_views
from schemas.envelope import Event, event
from schemas.ids import call_id
from schemas.instants import Instant
from schemas.people import Identity
from schemas.withdrawals import EventWithdrawn

REVISIONS: tuple[Instant, ...] = tuple(f"2026-03-1{day}T00:00:00.000Z" for day in range(4))


def anew(fact: Event, *, nth: int) -> Event:
    """Tell a fact in its nth revision: of somebody else, and every other time of a call to which others belong."""
    fields: dict[str, Any] = {}
    if getattr(fact.data, "contact", ()):
        fields["contact"] = (Identity("phone", f"+7702000000{nth}"),)
    if fact.type.startswith("call.") and nth % 2:
        fields["call_id"] = call_id(fact.source, fact.account, "joined")
    said = structs.replace(fact.data, **fields)
    return structs.replace(fact, data=said, subject=getattr(said, "call_id", fact.subject), revision=REVISIONS[nth])


def withdrawn(fact: Event, *, nth: int) -> Event:
    """Withdraw a fact in its nth revision."""
    named = (getattr(fact.data, name, "") for name in ("call_id", "message_id", "deal_id"))
    entity = next(filter(None, named), fact.account if fact.type.startswith("account.") else fact.id)
    return event(
        EventWithdrawn(event_type=fact.type, entity=entity),
        id=fact.id,
        source=fact.source,
        account=fact.account,
        company=fact.company,
        time=fact.time,
        recordedat=fact.recordedat,
        key=entity,
        causationid=fact.causationid,
        revision=REVISIONS[nth],
    )


@st.composite
def retold(draw: st.DrawFn, history: Sequence[Event], *, most: int) -> list[Event]:
    """Draw revisions of some facts of a history, and put all in any order."""
    told = list(history)
    for fact in draw(st.lists(st.sampled_from(history), unique_by=lambda one: one.id, max_size=most)):
        for nth in draw(st.sets(st.integers(1, len(REVISIONS) - 1), min_size=1)):
            one = withdrawn(fact, nth=nth) if draw(st.booleans()) else anew(fact, nth=nth)
            told += [one] * draw(st.integers(1, 2))
    return draw(st.permutations(told))


def last_of(history: Iterable[Event]) -> dict[str, Event]:
    """Give of each id what counts in the end."""
    last: dict[str, Event] = {}
    for fact in history:
        if fact.id not in last or _revision(fact) > _revision(last[fact.id]):
            last[fact.id] = fact
    return last


def _revision(fact: Event) -> Instant:
    return "" if fact.revision is UNSET else fact.revision


class Log:
    """A warehouse of which the log alone is looked at: how facts are folded after a revision is tested with the lake.

    One for all of these tests, for it takes a second to build.
    """

    def __init__(self) -> None:
        warehouse = scratch()
        warehouse.build()
        self.connection = warehouse.connection
        self._refresher = Refresher(self.connection, read_views(), companies=())

    def empty(self) -> None:
        """Forget all events."""
        for relation in ("log.stored_events", *sorted(TABLES.keys() - {"log.events"})):
            self.connection.execute(f"delete from {relation}")  # noqa: S608  # our own names

    def lander(self, *, hot_events: int = 1_000) -> Lander:
        """Open a lander, as after a restart."""
        return Lander(self.connection, refresher=self._refresher, hot_events=hot_events)

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement, as a reader does."""
        return self.connection.frame(text, parameters)

    def content(self) -> list[tuple[Any, ...]]:
        """Give what it holds, without what depends on when and where it came."""
        columns = "id, type, subject, time, company, revision, dataschema, data, entity, topic"
        return self.connection.rows(f"select {columns} from log.events order by id")  # noqa: S608  # our own names
