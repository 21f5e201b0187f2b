"""What the writer remembers of the log: ids it may hold, when each entity was heard of, and the newest events.

Everything here is derived from `log.events` when the writer starts, and only makes it faster to find there what is
needed: whatever is not surely in memory is read from the log.
"""

from collections import Counter
from itertools import pairwise

import numpy as np
import polars as pl

from analytics.connection import Connection, Planned
from analytics.landing.admission import LONG_RECORD_BYTES, SLOT_SECONDS, Place
from analytics.landing.runs import Runs
from analytics.landing.seen import Hashes, IdFilter
from analytics.log import BEGINNING, ID, IS_TOO_SHORT, STORED, TOLD, TOLD_TYPES, beginning, told_where
from analytics.settings import LEAST_MEMORY_MIB, MIB
from schemas.ids import OUR_VERSION, VERSION_PLACE

DAYS_A_READ = 32
# Slots further apart than this, an hour, are read as two stretches of time.
GAP_SLOTS = 30
MAX_STRETCHES = 40
FIRST_SLOT, LAST_SLOT = -(2**31), 2**31 - 2
# Long events that are hot take at most this part of the memory there is. Assumption: whoever looks for one row of a
# table in memory holds the long texts of two thousand around it.
HOT_PART = 8


class Memory:
    """The writer's memory of one warehouse.

    `heard` says in which slots of time events of an entity were recorded. The temporary table `hot` holds all events
    recorded in `hot_floor` and later slots. What it knows of the events of `batch` one by one is what `look` read.
    """

    def __init__(self, connection: Connection, *, hot_events: int, memory_mib: int = LEAST_MEMORY_MIB) -> None:
        self._connection = connection
        self._hot_events = hot_events
        self._hot_bytes = memory_mib * MIB // HOT_PART
        self.ids = IdFilter(capacity=0)
        self.heard = Runs()
        self.hot_floor = 0
        self._batch = pl.DataFrame()
        self.load()

    def load(self) -> None:
        """Read everything anew from the log."""
        self.heard = Runs()
        self._hear(f"select distinct hash(entity) as entity_hash, {_SLOT} as slot from log.events")  # noqa: S608
        self._load_ids()
        self.warm()

    def look(self) -> None:
        """Read of the events of `batch` what is asked of each; again whenever some of them were left out."""
        self._batch = self._connection.frame(
            Planned('select topic, "partition", entity, entity_hash, id_hash, revision from batch order by position')
        )

    def locate(self) -> list[int]:
        """Put the entities of `batch` that the log has heard of into the temporary table `known`; gives the slots."""
        entities = dict(zip(self._batch["entity"].to_list(), self._batch["entity_hash"].to_list(), strict=True))
        places, slots = self.heard.find(np.array(list(entities.values()), dtype=np.uint64))
        known = pl.DataFrame({"entity": pl.Series(list(entities), dtype=pl.String)[places], "slot": slots})
        self._connection.pour("known", known)
        return np.unique(slots).tolist()

    def recall(self, slots: list[int], *, folds: bool = True) -> None:
        """Put the events that the log holds of the `known` entities, in these slots, into the temporary `earlier`.

        Where nothing `folds` them, only those are read that are in `batch` too. The slots ascend. Of hot events the
        engine passes over those that are older than the first by their bounds.
        """
        cold = [slot for slot in slots if slot < self.hot_floor]
        parts = [
            told_where(
                f"recorded_at >= to_timestamp({first * SLOT_SECONDS}) "  # noqa: S608  # our own texts
                f"and recorded_at < to_timestamp({(last + 1) * SLOT_SECONDS}) and entity in (select entity from known)"
            )
            for first, last in stretches(cold)
        ]
        if hot := slots[len(cold) :]:
            parts.append(
                f"select {TOLD} from hot where slot >= {hot[0]} and entity in (select entity from known)"  # noqa: S608
            )
        if not parts:
            parts.append(f"select {TOLD} from hot where false")  # noqa: S608
        earlier = " union all ".join(parts)
        if not folds:
            earlier = f"from ({earlier}) where id in (select id from batch)"  # noqa: S608  # our own text
        self._connection.fill("earlier", earlier)

    def hashes(self) -> Hashes:
        """Hashes of the ids of `batch`, in the order of `position`."""
        return self._batch["id_hash"].to_numpy()

    def may_hold_strangers(self) -> bool:
        """Whether an entity of `batch` goes by an id that is none of our making: others may give theirs the same."""
        made_elsewhere = pl.col("entity").str.slice(VERSION_PLACE, 1) != OUR_VERSION
        return not self._batch.filter(made_elsewhere & (pl.col("entity") != "")).is_empty()

    def tells_anew(self) -> bool:
        """Whether an event of `batch` is a revision: it may take the place of another."""
        return self._batch["revision"].null_count() < self._batch.height

    def counts(self) -> dict[Place, int]:
        """Count the events of `batch` on each partition."""
        return Counter(zip(self._batch["topic"].to_list(), self._batch["partition"].to_list(), strict=True))

    def keep(self) -> None:
        """Remember the events of `batch`, inside the transaction that puts them into the log.

        Where that fails, slots are searched in vain.
        """
        self._hear(
            Planned("""
                select distinct entity_hash, slot from batch
                where not exists (select 1 from known where known.entity = batch.entity and known.slot = batch.slot)
            """)
        )
        if self.hot_floor <= LAST_SLOT:
            self._heat()

    def replace(self) -> None:
        """Hold the events of `batch` as they are now, where the log's own rows of them were written anew."""
        self._connection.execute("delete from hot where id in (select id from batch)")
        self._heat()

    def cool(self) -> None:
        """Keep no hot events until `warm`: while nothing is folded, none are needed."""
        self._connection.execute(f"create or replace temp table hot ({TOLD_TYPES}, slot integer, long_bytes integer)")
        self.hot_floor = LAST_SLOT + 1

    def warm(self) -> None:
        """Read the newest events from the log."""
        self.cool()
        floor = self._floor(f"(select {_SLOT} as slot, 0 as long_bytes from {STORED})")  # noqa: S608
        slots = f"select {_SLOT} as slot, {_LONG_STORED} as long_bytes from {STORED}"  # noqa: S608
        newest = f"({slots} where recorded_at >= to_timestamp({floor * SLOT_SECONDS}))"
        self.hot_floor = max(floor, self._floor(newest))
        self._connection.execute(
            f"insert into hot select {TOLD}, {_SLOT}, {_LONG_BYTES} from log.events "  # noqa: S608
            "where recorded_at >= to_timestamp(?)",
            [self.hot_floor * SLOT_SECONDS],
        )

    def trim(self) -> bool:
        """Forget the oldest hot events when there is much more of them than wanted; says whether it did.

        Where more ids were added than can be told apart, they are read anew: also while nothing is hot, for each batch
        of a backlog would search the whole log for ids that only seem known.
        """
        if self.ids.is_overfull:
            self._load_ids()
        [(count, long_bytes)] = self._connection.rows(Planned("select count(*), coalesce(sum(long_bytes), 0) from hot"))
        if count <= self._hot_events * 5 // 4 and long_bytes <= self._hot_bytes * 5 // 4:
            return False
        self.hot_floor = self._floor("hot")
        self._connection.execute(f"delete from hot where slot < {self.hot_floor}")  # noqa: S608  # our own number
        return True

    def _heat(self) -> None:
        self._connection.execute(
            Planned(f"insert into hot select {TOLD}, slot, {_LONG_BYTES} from batch where slot >= {self.hot_floor}")  # noqa: S608
        )

    def _hear(self, text: str) -> None:
        """Take in the pairs of `entity_hash` and `slot` that a text gives."""
        pairs = self._connection.frame(text)
        self.heard.add(pairs["entity_hash"].to_numpy(), pairs["slot"].to_numpy())

    def _load_ids(self) -> None:
        [(count,)] = self._connection.rows("select count(*) from log.events")
        self.ids = IdFilter(capacity=2 * count)
        size = DAYS_A_READ * 86_400 // SLOT_SECONDS
        for number in np.unique(self.heard.numbers() // size).tolist():
            first, end = (f"to_timestamp({place * size * SLOT_SECONDS})" for place in (number, number + 1))
            among = f"from {STORED} where recorded_at >= {first} and recorded_at < {end}"
            for text in (
                f"select hash({BEGINNING}) as id_hash {among}",
                f"select hash({beginning(ID)}) as id_hash {among} and {IS_TOO_SHORT}",
            ):
                self.ids.add(self._connection.frame(text)["id_hash"].to_numpy())

    def _floor(self, relation: str) -> int:
        """First slot from which on at most the wanted number of events were recorded, and bytes of long ones."""
        [(floor,)] = self._connection.rows(
            f"""
            select coalesce(
                min(slot) filter (where newest_first <= $wanted and bytes_first <= $long_bytes),
                max(slot) + 1,
                {FIRST_SLOT}
            )
            from (
                select
                    slot,
                    sum(count(*)) over newest as newest_first,
                    sum(sum(long_bytes)) over newest as bytes_first
                from {relation} group by slot
                window newest as (order by slot desc)
            )
            """,  # noqa: S608  # our own text
            {"wanted": self._hot_events, "long_bytes": self._hot_bytes},
        )
        return floor


_SLOT = f"cast(floor(epoch(recorded_at) / {SLOT_SECONDS}) as integer)"
_LONG_BYTES, _LONG_STORED = (
    f"if(strlen({text}) > {LONG_RECORD_BYTES}, strlen({text}), 0)"
    for text in ("data", "coalesce(cast(data as varchar), short_data)")
)


def stretches(slots: list[int]) -> list[tuple[int, int]]:
    """Join ascending `slots` into stretches (first, last) that leave out long gaps; few enough to ask for at once."""
    if not slots:
        return []
    gaps = sorted((later - earlier for earlier, later in pairwise(slots)), reverse=True)
    least = max(GAP_SLOTS, gaps[MAX_STRETCHES] if len(gaps) > MAX_STRETCHES else 0)
    found: list[tuple[int, int]] = []
    first = slots[0]
    for earlier, later in pairwise([*slots, slots[-1]]):
        if later - earlier > least:
            found.append((first, earlier))
            first = later
    return [*found, (first, slots[-1])]
