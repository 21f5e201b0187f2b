"""Landing: a batch of Kafka records becomes rows of the log, with its offsets and folded facts, in one transaction."""

from collections.abc import Collection, Generator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import polars as pl
from msgspec import Struct

from analytics.connection import Connection, Planned, transaction
from analytics.folding.rebuild import mark_behind
from analytics.folding.refresh import Refresher
from analytics.landing.admission import Batch, Place, Refusal, admit, append_dead, place_of
from analytics.landing.dropping import Dropper
from analytics.landing.memory import Memory
from analytics.landing.pace import Pacer
from analytics.log import EVENTS, ID, STORED, THOSE_OF_IDS, TOLD, renew_emptied, store_events
from analytics.privacy.anonymous import is_anonymous
from analytics.privacy.forgetting import LETTERS, Forgetter
from analytics.settings import LEAST_MEMORY_MIB
from schemas.errors import OTHER_LOG, Misconfigured, OtherLog
from schemas.instants import Instant
from schemas.topics import PREFIX
from schemas.withdrawals import WITHDRAWN

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
            conflicts = self._collapse(recalls=folds or may_hold_strangers or tells_anew)
            strangers = self._leave_out(_STRANGERS) if may_hold_strangers else []
            revised = 0
            if tells_anew:
                strangers += self._leave_out(_STRANGE_REVISIONS)
                revised = self._take_away()
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

    def _collapse(self, *, recalls: bool) -> int:
        """Leave in `batch` only events that the log lacks, each once; gives how many were in conflict.

        With `recalls`, what the log holds of their entities is there afterwards; else only where that tells something.
        """
        hashes = self._memory.hashes()
        slots = self._memory.locate()
        conflicts = 0
        if len(np.unique(hashes)) < len(hashes):
            self._connection.fill("doubled", _DOUBLED_HERE)
            conflicts += self._leave_out_doubled()
        are_suspects = self._memory.ids.may_hold(hashes).any()
        if recalls or are_suspects:
            self._memory.recall(slots, folds=recalls)
        if are_suspects:
            self._find_in_log()
            self._connection.fill("doubled", _DOUBLED_IN_LOG)
            conflicts += self._leave_out_doubled()
        return conflicts

    def _find_in_log(self) -> None:
        """Put what the log holds of ids of `batch` into `earlier`, also where it is another entity's.

        The same id nearly always means the same entity; the whole log is searched for ids that only seem known.
        """
        rest = self._connection.frame(Planned("select id, id_hash from batch where id not in (select id from earlier)"))
        suspects = rest.filter(pl.Series(self._memory.ids.may_hold(rest["id_hash"].to_numpy())))
        if suspects.height == 0:
            return
        self._connection.execute(
            f"""
            insert into earlier select {TOLD} from ({THOSE_OF_IDS}) where id in (select unnest($ids::varchar[]))
            """,  # noqa: S608  # our own texts
            {"ids": suspects["id"].to_list()},
        )

    def _take_away(self) -> int:
        """Take out of the log, and of what is in memory of it, the events in whose place `batch` tells others.

        Gives how many. What was told in conflict with them is settled. Nothing is folded of it: that who was one
        contact are two, and that a call has no transcript, only a rebuild finds out.
        """
        revised = self._connection.fill("taken", Planned("select id from batch semi join earlier using (id)"))
        if not revised:
            return 0
        [(first, last)] = self._connection.rows(
            "select min(recorded_at), max(recorded_at) from batch semi join taken using (id)"
        )
        are_taken = "id in (select id from taken)"
        stored = f"delete from {STORED} where {ID} in (select id from taken)"  # noqa: S608  # our own names
        # A fact that is told anew is nearly always made of what was received when it was told first.
        [(found,)] = self._connection.rows(f"{stored} and recorded_at between ? and ?", [first, last])
        if found < revised:
            self._connection.execute(stored)
        self._connection.execute(f"delete from hot where {are_taken}")  # noqa: S608
        if self._connection.rows(f"select 1 from log.conflicts where {are_taken} limit 1"):  # noqa: S608
            self._connection.execute(f"delete from log.conflicts where {are_taken}")  # noqa: S608
            renew_emptied(self._connection, "log.conflicts")
        return revised

    def _leave_out(self, strangers: Planned) -> list[int]:
        """Leave out events of what another company was the first to tell of; gives their positions.

        Facts are folded by the entity: such an event could take a call with all that was said in it to its own company.
        """
        positions = [position for (position,) in self._connection.rows(strangers)]
        if positions:
            self._connection.execute("delete from batch where position in (select unnest(?))", [positions])
            self._memory.look()
        return positions

    def _leave_out_doubled(self) -> int:
        [(conflicts,)] = self._connection.rows(Planned("select count(*) filter (where is_conflict) from doubled"))
        if conflicts:
            self._connection.execute(f"""
                insert into log.conflicts ({EVENTS})
                select {EVENTS} from batch join doubled using (position) where is_conflict
            """)  # noqa: S608  # our own column names
        self._connection.execute(Planned("delete from batch where position in (select position from doubled)"))
        self._memory.look()
        return conflicts

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


def _content(table: str) -> str:
    """What must be the same in two events of one id: when we heard of it, and from what, may differ."""
    return f"({', '.join(f'{table}.{name}' for name in ('type', 'dataschema', 'subject', 'time', 'data'))})"


def _differs(table: str, kept: str) -> str:
    """Whether an event that comes again says something else; what an erased person's said is kept nowhere."""
    return f"({_content(table)} <> {_content(kept)} and not {is_anonymous(kept)})"


def _said(table: str) -> str:
    """Write the type of an event, or of what it withdraws."""
    return f"case when {table}.type = '{WITHDRAWN}' then {table}.data ->> '$.event_type' else {table}.type end"


def _is_later(table: str, kept: str) -> str:
    """Whether an event takes the place of one that is kept; what an erased person's said never comes back."""
    revisions = " > ".join(f"coalesce({one}.revision, '-infinity')" for one in (table, kept))
    return f"({revisions} and not {is_anonymous(kept)})"


STRANGE = "the call, message or deal is another company's: give it an id of your own"
_STRANGERS = Planned("""
    select position
    from (
        select position, company, entity, first(company) over (partition by entity order by position) as teller
        from batch
        where starts_with(type, 'call.') or starts_with(type, 'message.') or starts_with(type, 'deal.')
    ) as told
    left join (select entity, list(distinct company) as tellers from earlier group by entity) as known using (entity)
    where not list_contains(coalesce(tellers, [teller]), company)
    order by position
""")
_STRANGE_REVISIONS = Planned(f"""
    select position from batch join earlier using (id)
    where (batch.company, {_said("batch")}) <> (earlier.company, {_said("earlier")})
    order by position
""")  # noqa: S608  # our own column names
_DOUBLED_HERE = Planned(f"""
    select position,
        revision is not distinct from first(revision) over by_id
        and {_content("batch")} <> first({_content("batch")}) over by_id as is_conflict
    from batch
    window by_id as (partition by id order by revision desc nulls last, position)
    qualify row_number() over by_id > 1
""")  # noqa: S608  # our own column names
_DOUBLED_IN_LOG = Planned(f"""
    select batch.position,
        batch.revision is not distinct from earlier.revision and {_differs("batch", "earlier")} as is_conflict
    from batch join earlier using (id)
    where not {_is_later("batch", "earlier")}
""")  # noqa: S608  # our own column names
