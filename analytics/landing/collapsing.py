"""Collapsing: of a batch only what the log lacks is left, each event once, and of no other company's entity."""

import numpy as np
import polars as pl

from analytics.connection import Connection, Planned
from analytics.landing.memory import Memory
from analytics.log import EVENTS, ID, STORED, THOSE_OF_IDS, TOLD, renew_emptied
from analytics.privacy.anonymous import is_anonymous
from schemas.withdrawals import WITHDRAWN


def collapse(connection: Connection, *, memory: Memory, recalls: bool) -> int:
    """Leave in `batch` only events that the log lacks, each once; gives how many were in conflict.

    With `recalls`, what the log holds of their entities is there afterwards; else only where that tells something.
    """
    hashes = memory.hashes()
    slots = memory.locate()
    conflicts = 0
    if len(np.unique(hashes)) < len(hashes):
        connection.fill("doubled", _DOUBLED_HERE)
        conflicts += _leave_out_doubled(connection, memory=memory)
    are_suspects = memory.ids.may_hold(hashes).any()
    if recalls or are_suspects:
        memory.recall(slots, folds=recalls)
    if are_suspects:
        _find_in_log(connection, memory=memory)
        connection.fill("doubled", _DOUBLED_IN_LOG)
        conflicts += _leave_out_doubled(connection, memory=memory)
    return conflicts


def leave_out_strangers(connection: Connection, *, memory: Memory) -> list[int]:
    """Leave out events of entities of which another company was the first to tell; gives their positions.

    Facts are folded by the entity: such an event could take a call with all that was said in it to its own company.
    """
    return _leave_out(connection, _STRANGERS, memory=memory)


def leave_out_strange_revisions(connection: Connection, *, memory: Memory) -> list[int]:
    """Leave out events that would take the place of another company's, or of one of another type; their positions."""
    return _leave_out(connection, _STRANGE_REVISIONS, memory=memory)


def take_away_revised(connection: Connection) -> int:
    """Take out of the log, and of what is in memory of it, the events in whose place `batch` tells others.

    Gives how many. What was told in conflict with them is settled. Nothing is folded of it: that who was one
    contact are two, and that a call has no transcript, only a rebuild finds out.
    """
    revised = connection.fill("taken", Planned("select id from batch semi join earlier using (id)"))
    if not revised:
        return 0
    [(first, last)] = connection.rows("select min(recorded_at), max(recorded_at) from batch semi join taken using (id)")
    are_taken = "id in (select id from taken)"
    stored = f"delete from {STORED} where {ID} in (select id from taken)"  # noqa: S608  # our own names
    # A fact that is told anew is nearly always made of what was received when it was told first.
    [(found,)] = connection.rows(f"{stored} and recorded_at between ? and ?", [first, last])
    if found < revised:
        connection.execute(stored)
    connection.execute(f"delete from hot where {are_taken}")  # noqa: S608
    if connection.rows(f"select 1 from log.conflicts where {are_taken} limit 1"):  # noqa: S608
        connection.execute(f"delete from log.conflicts where {are_taken}")  # noqa: S608
        renew_emptied(connection, "log.conflicts")
    return revised


def _find_in_log(connection: Connection, *, memory: Memory) -> None:
    """Put what the log holds of ids of `batch` into `earlier`, also where it is another entity's.

    The same id nearly always means the same entity; the whole log is searched for ids that only seem known.
    """
    rest = connection.frame(Planned("select id, id_hash from batch where id not in (select id from earlier)"))
    suspects = rest.filter(pl.Series(memory.ids.may_hold(rest["id_hash"].to_numpy())))
    if suspects.height == 0:
        return
    connection.execute(
        f"""
        insert into earlier select {TOLD} from ({THOSE_OF_IDS}) where id in (select unnest($ids::varchar[]))
        """,  # noqa: S608  # our own texts
        {"ids": suspects["id"].to_list()},
    )


def _leave_out(connection: Connection, strangers: Planned, *, memory: Memory) -> list[int]:
    positions = [position for (position,) in connection.rows(strangers)]
    if positions:
        connection.execute("delete from batch where position in (select unnest(?))", [positions])
        memory.look()
    return positions


def _leave_out_doubled(connection: Connection, *, memory: Memory) -> int:
    [(conflicts,)] = connection.rows(Planned("select count(*) filter (where is_conflict) from doubled"))
    if conflicts:
        connection.execute(f"""
            insert into log.conflicts ({EVENTS})
            select {EVENTS} from batch join doubled using (position) where is_conflict
        """)  # noqa: S608  # our own column names
    connection.execute(Planned("delete from batch where position in (select position from doubled)"))
    memory.look()
    return conflicts


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
