"""Landing: a batch of Kafka records becomes rows of the log, with its offsets and folded facts, in one transaction."""

from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import polars as pl
from msgspec import Struct

from analytics.connection import Connection, transaction
from analytics.folding.rebuild import mark_behind
from analytics.folding.refresh import Refresher
from analytics.landing.admission import Batch, Place, Refusal, admit, append_dead, place_of
from analytics.landing.collapsing import collapse, leave_out_strange_revisions, leave_out_strangers, take_away_revised
from analytics.landing.dropping import Dropper
from analytics.landing.memory import Memory
from analytics.landing.pace import Pacer
from analytics.log import store_events
from analytics.privacy.forgetting import LETTERS, Forgetter
from analytics.settings import LEAST_MEMORY_MIB
from schemas.errors import OTHER_LOG, Misconfigured, OtherLog
from schemas.instants import Instant
from schemas.topics import PREFIX

Offsets = dict[Place, int]
_READ: dict[str, Any] = {
    "topic": pl.String,
    "partition": pl.Int32,
    **dict.fromkeys(("first_offset", "next_offset", "records", "events", "dead", "last_ms"), pl.Int64),
}


class Landed(Struct, frozen=True, kw_only=True):
    """What one transaction wrote.

    `events` were new, `revised` of them in place of others; `duplicates` were in the log already, or in a later
    revision, `conflicts` of them with other content; `dead` are no event, or were dead letters before; `known` records
    had been landed by an earlier transaction; `erased` came again of persons who were erased, and were dropped.
    """

    events: int = 0
    revised: int = 0
    duplicates: int = 0
    conflicts: int = 0
    dead: int = 0
    known: int = 0
    erased: int = 0

    def __add__(self, other: "Landed") -> "Landed":
        return Landed(**{name: getattr(self, name) + getattr(other, name) for name in self.__struct_fields__})


class Lander:
    """Lands batch after batch: what one writing process holds between two transactions."""

    def __init__(  # noqa: PLR0913  # each is one thing that landing asks
        self,
        connection: Connection,
        *,
        refresher: Refresher,
        hot_events: int,
        memory_mib: int = LEAST_MEMORY_MIB,
        dropper: Dropper | None = None,
        forgetter: Forgetter | None = None,
        pacer: Pacer | None = None,
    ) -> None:
        self._connection = connection
        self._dropper = dropper
        self._forgetter = forgetter
        self._pacer = pacer or Pacer(None)
        self._refresher = refresher
        self._memory = Memory(connection, hot_events=hot_events, memory_mib=memory_mib)
        self._offsets: Offsets
        self._last: dict[Place, int | None]
        self._offsets, self._last = read_offsets(connection)
        self._state: int | None = None
        self.is_behind = False

    def next_offsets(self) -> Offsets:
        """Give the offset at which reading goes on, by topic and partition."""
        return dict(self._offsets)

    def land(self, batch: Batch, *, now: Instant, folds: bool = True) -> Landed:
        """Write a batch: all of it, or, when anything is raised, nothing.

        Records before the stored offset of their partition were landed before and are left out. Without `folds`, or
        where an event takes the place of another, the facts fall behind the log, which the log says (`log.builds`),
        until they are rebuilt. Raises Misconfigured when somebody else wrote offsets meanwhile; OtherLog when the last
        record that was landed of a partition is another now.
        """
        self._prove_same_log(batch)
        records = len(batch.records)
        batch = batch.from_offsets(self._offsets)
        known = records - len(batch.records)
        if not batch.records:
            return Landed(known=known)
        if folds:
            self.make_ready()
        elif not self.is_behind:
            self._memory.cool()
        with self._all_or_nothing():
            refusals = admit(self._connection, batch, now=now)
            erased = 0
            if self._dropper is not None:
                spared = self._dropper.spare(refusals)
                erased = len(refusals) - len(spared) + self._dropper.drop()
                refusals = spared
            if self._forgetter is not None:
                self._forgetter.drop_words()
            self._check_offsets()
            self._memory.look()
            may_hold_strangers = self._memory.may_hold_strangers()
            tells_anew = self._memory.tells_anew()
            recalls = folds or may_hold_strangers or tells_anew
            conflicts = collapse(self._connection, memory=self._memory, recalls=recalls)
            strangers = leave_out_strangers(self._connection, memory=self._memory) if may_hold_strangers else []
            revised = 0
            if tells_anew:
                strangers += leave_out_strange_revisions(self._connection, memory=self._memory)
                revised = take_away_revised(self._connection)
                folds = folds and not revised
            refusals = [*refusals, *batch.refuse(strangers, reason=STRANGE, now=now)]
            events = self._append(batch, refusals, now=now)
            self._refresh(events, folds=folds)
            is_told = self._dropper is not None and self._dropper.is_told()
        self._state = self._connection.written_state()
        self.is_behind = self.is_behind or not folds
        self._memory.ids.add(self._memory.hashes())
        if self._dropper is not None and is_told:
            self._dropper.load()
        self._offsets |= {place: offsets[-1] + 1 for place, offsets in batch.offsets.items()}
        self._last |= batch.last_ms
        if self._memory.trim():
            self._refresher.forget_cold()
            self._connection.give_back()
        dead = len(refusals)
        return Landed(
            events=events,
            revised=revised,
            duplicates=len(batch.records) - dead - events - erased,
            conflicts=conflicts,
            dead=dead,
            known=known,
            erased=erased,
        )

    def begin_anew(self, places: Collection[Place]) -> None:
        """Forget how far these partitions were landed: they are read from where they begin; known events collapse."""
        with self._all_or_nothing():
            self._check_offsets()
            for topic, partition in places:
                self._connection.execute(
                    'delete from log.offsets where topic = $topic and "partition" = $partition',
                    {"topic": topic, "partition": partition},
                )
        self._state = None
        self._offsets, self._last = read_offsets(self._connection)

    def forget(self, now: Instant, *, believes: bool = False) -> int:
        """Take the next share of what is kept for a time only out of the log and the facts; gives what was taken.

        One transaction, as large as a batch. Nothing is done while the facts are behind the log.
        """
        if self._forgetter is None or self.is_behind:
            return 0
        share = self._forgetter.next_share(now, believes=believes)
        if share is None:
            return 0
        self.make_ready()
        with self._all_or_nothing():
            if share.kind == LETTERS:
                taken = self._forgetter.drop_letters(share)
            elif taken := self._forgetter.take_words(share):
                self._memory.look()
                self._memory.recall(self._memory.locate())
                self._connection.execute("delete from earlier where id in (select id from batch)")
                self._memory.replace()
                self._refresher.refresh()
            self._forgetter.note(share, taken=taken, now=now)
        self._forgetter.heed(share)
        return taken

    def overdue(self) -> list[str]:
        """Give the tables of facts of which rows of too many months wait for the maintenance."""
        return self._refresher.waiting.overdue()

    def make_ready(self) -> None:
        """Read what folding needs in memory, unless it is there."""
        self._refresher.make_ready()

    def let_go(self) -> None:
        """Give back what memory a rebuild may want; `catch_up` after it."""
        self._refresher.let_go()

    def catch_up(self) -> None:
        """Go on folding, after the facts were rebuilt."""
        self._refresher.catch_up()
        if self.is_behind:
            self._memory.warm()
        self.is_behind = False

    @contextmanager
    def _all_or_nothing(self) -> Generator[None]:
        """Make the statements inside one transaction; what is held beside the engine does not outlive its failure.

        What they filled holds rows until its end.
        """
        try:
            with transaction(self._connection):
                yield
                self._connection.empty()
        except BaseException:
            self._refresher.let_go()
            raise

    def _refresh(self, events: int, *, folds: bool) -> None:
        if events and folds:
            with self._pacer.counting():
                self._refresher.refresh()
        elif not self.is_behind and not folds:
            mark_behind(self._connection)
        if events:
            self._memory.keep()

    def _check_offsets(self) -> None:
        """Raise where somebody else wrote offsets: never while the warehouse is as the last batch left it."""
        is_as_left = self._state is not None and self._connection.read_state() == self._state
        if not is_as_left and read_offsets(self._connection)[0] != self._offsets:
            raise Misconfigured("another process lands into this warehouse: stop one of the two")

    def _prove_same_log(self, batch: Batch) -> None:
        """Raise where offsets count in another log: what stands there before ours would be passed over in silence."""
        before = {place: (self._offsets[place] - 1, last) for place, last in self._last.items() if last is not None}
        if others := batch.of_another_log(before):
            topic, partition = min(others)
            raise OtherLog(
                f"{PREFIX}{topic}, partition {partition}, holds another record at {before[topic, partition][0]} than "
                f"was landed: {OTHER_LOG}",
                places=others,
            )

    def _append(self, batch: Batch, refusals: Sequence[Refusal], *, now: Instant) -> int:
        """Write events, dead letters and offsets; gives the number of events."""
        kept = [one for one in refusals if self._forgetter is None or not self._forgetter.is_past(one.letter)]
        append_dead(self._connection, kept, now=now)
        new = self._memory.counts()
        events = sum(new.values())
        if events:
            store_events(self._connection, "batch")
        dead: Offsets = {}
        for refusal in refusals:
            place = place_of(refusal.record)
            dead[place] = dead.get(place, 0) + 1
        self._append_offsets(batch, events=new, dead=dead, now=now)
        return events

    def _append_offsets(self, batch: Batch, *, events: Offsets, dead: Offsets, now: Instant) -> None:
        rows = [
            (
                *(*place, offsets[0], offsets[-1] + 1, len(offsets), events.get(place, 0), dead.get(place, 0)),
                batch.last_ms[place],
            )
            for place, offsets in batch.offsets.items()
        ]
        self._connection.pour("read_offsets", pl.DataFrame(rows, schema=_READ, orient="row"))
        self._connection.execute(
            "insert into log.offsets by name select * exclude (last_ms), cast($landed_at as timestamptz) as landed_at, "
            "make_timestamptz(last_ms * 1000) as last_at from read_offsets",
            {"landed_at": now},
        )


def read_offsets(connection: Connection) -> tuple[Offsets, dict[Place, int | None]]:
    """Read from the log how far each partition was landed, and Kafka's time of the last record, in milliseconds."""
    rows = connection.rows("""
        select topic, "partition", max(next_offset), epoch_ms(arg_max_null(last_at, next_offset))
        from log.offsets group by all
    """)
    places = {(topic, partition): (offset, last) for topic, partition, offset, last in rows}
    return {place: offset for place, (offset, _) in places.items()}, {
        place: last for place, (_, last) in places.items()
    }


STRANGE = "the call, message or deal is another company's: give it an id of your own"
