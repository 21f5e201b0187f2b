"""Dropping at landing what comes again of persons who were erased: facts, dead letters, and recordings that they name.

Who was erased is read from the log; nobody reads it back, for identities are known by digests alone.
"""

import uuid
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import polars as pl
import structlog

from analytics.connection import Connection, Planned, handed_in
from analytics.landing.admission import Refusal
from analytics.privacy import erasure, persons
from analytics.privacy.erased import CONVERSATION, Erased, digest, tell
from analytics.privacy.erasure import ForgetRecordings
from analytics.privacy.keys import installation_key
from analytics.privacy.mentions import IS_WRITTEN, without_mentions
from analytics.privacy.persons import IDENTITIES, IS_OF_RECORDING, RECORDING, TOLD_AT, recording_paths
from schemas.errors import NotYet
from schemas.instants import Instant, instant, moment

# A worker that was at work at the time of an erasure has ended, or told of its work, within this time.
SWEPT_FOR = timedelta(days=2)
SWEEP_EVERY = timedelta(hours=1)
SWEPT_AT_ONCE = 20  # of recordings: the lander waits for it

_log = structlog.get_logger()


class Dropper:
    """Drops at landing what comes again of erased persons; knows them from the log, and the key from its file.

    Recordings that it names are deleted before any of it is written: whoever is killed between drops it again. Of so
    many as are `owed` the log told, and what it holds of them is still there: `erase`.
    """

    def __init__(self, connection: Connection, *, home: Path, forget_recordings: ForgetRecordings) -> None:
        self._connection = connection
        self._home = home
        self._forget_recordings = forget_recordings
        self._erased = Erased()
        self.owed = 0
        self._swept_at: datetime | None = None
        self._to_sweep = deque[str]()
        self.load()

    def load(self) -> None:
        """Read anew who was erased, and tell it to stages that do not read the log."""
        self._erased = Erased.of(persons.read_decisions(self._connection))
        self.owed = erasure.owed(self._connection)
        tell(self._erased, home=self._home)

    def erase(self, now: Instant) -> None:
        """Take those who were erased elsewhere out of the log, and their recordings out of the store; once.

        What is in memory of the log is of before. Raises NotYet while the store is away.
        """
        found = persons.find_told(self._connection, key=installation_key(self._home))
        self._forget_recordings([path for one in found for path in one.recordings])
        erasure.apply_told(self._connection, found, persons=self.owed, now=now, make_token=lambda: uuid.uuid4().hex)
        _log.info("erased", persons=self.owed, events=sum(one.events for one in found))

    def drop(self) -> int:
        """Leave events of erased persons out of the temporary table `batch`, and mask what others wrote of them then.

        Gives how many were left out.
        """
        if not self._erased.digests:
            return 0
        key = installation_key(self._home)
        dropped, recordings = drop_known(self._connection, self._erased, key=key)
        self._forget_recordings(recordings)
        mask_mentions(self._connection, self._erased, key=key)
        return dropped

    def sweep(self, now: Instant) -> None:
        """Delete once more, some at a time, the recordings of those who were erased lately; each hour anew.

        A worker that lost its partition may have written one after the erasure, and was killed before it told of it.
        While the store is away they wait for the next hour.
        """
        # A clock that was set back is not waited for.
        if self._swept_at is None or not timedelta() <= moment(now) - self._swept_at < SWEEP_EVERY:
            self._swept_at = moment(now)
            self._to_sweep = deque(self._lately_erased(now))
        some = [self._to_sweep.popleft() for _ in range(min(SWEPT_AT_ONCE, len(self._to_sweep)))]
        if not some:
            return
        try:
            self._forget_recordings(some)
        except NotYet as refusal:
            self._to_sweep.clear()
            _log.warning("sweep_waits", reason=refusal.reason)

    def _lately_erased(self, now: Instant) -> list[str]:
        """Give where recordings may lie of those who were erased so lately that a worker may still be at work."""
        since = instant(moment(now) - SWEPT_FOR)
        lately = [(entity,) for entity, until in self._erased.entities.items() if until >= since]
        if not lately:
            return []
        with handed_in(self._connection, "lately", pl.DataFrame(lately, schema={"entity": pl.String}, orient="row")):
            told = self._connection.rows(
                f"select distinct {RECORDING} from log.events semi join lately using (entity) where {IS_OF_RECORDING}"  # noqa: S608
            )
        return sorted({path for one in told for path in recording_paths(*one)})

    def spare(self, refusals: Sequence[Refusal]) -> list[Refusal]:
        """Leave out dead letters of erased persons: facts, such as of a recording that is not there, and raw bytes."""
        if not self._erased.digests:
            return list(refusals)
        key = installation_key(self._home)
        return [one for one in refusals if not self._erased.holds_letter(one.letter, key=key)]

    def is_told(self) -> bool:
        """Whether `batch` tells of somebody who was erased: `load` when it was landed."""
        return bool(self._connection.rows(Planned("select 1 from batch where type = 'person.erased' limit 1")))


# Whom an event names, or by which conversation its person is known where it names nobody.
_NAMED = f"""case
    when starts_with(type, 'message.') and coalesce(json_array_length(data, '$.contact'), 0) = 0
        then ['{CONVERSATION}:' || (data ->> '$.conversation_id')]
    else {IDENTITIES}
end"""


def drop_known(connection: Connection, erased: Erased, *, key: bytes) -> tuple[int, list[str]]:
    """Leave out of the temporary table `batch` what comes again of persons who were erased.

    Of their calls and messages all goes, whenever it is told, and so does what was said before of calls that the log
    did not know. Of a deal that was theirs, what is told later, or names somebody else, stays: it passed to him. Gives
    how many events went, and where the recordings lie that they tell of, or will lie when a worker has kept them.
    """
    last = max(erased.digests.values())
    named = connection.rows(
        f"select distinct identity from (select unnest({_NAMED}) as identity from batch "  # noqa: S608
        f"where {TOLD_AT} <= cast(? as timestamptz))",
        [last],
    )
    meant = [
        (identity, erased.digests[told]) for (identity,) in named if (told := digest(key, identity)) in erased.digests
    ]
    met = connection.rows(Planned("select distinct entity from batch"))
    own = [(entity, erased.entities[entity]) for (entity,) in met if entity in erased.entities]
    if not (meant or own):
        return 0, []
    for table, name, rows in (("erased_identities", "identity", meant), ("erased_entities_met", "entity", own)):
        connection.pour(table, pl.DataFrame(rows, schema={name: pl.String, "until": pl.String}, orient="row"))
    connection.fill(
        "dropped",
        f"""
        select position
        from (select position, {TOLD_AT} as told_at, unnest({_NAMED}) as identity from batch)
        join erased_identities using (identity)
        where told_at <= cast(until as timestamptz)
        union
        select position from batch join erased_entities_met using (entity)
        where not starts_with(type, 'deal.')
        or (recorded_at <= cast(until as timestamptz) and coalesce(json_array_length(data, '$.contact'), 0) = 0)
        """,  # noqa: S608  # our own text
    )
    told = connection.rows(f"select {RECORDING} from batch semi join dropped using (position) where {IS_OF_RECORDING}")  # noqa: S608
    [(dropped,)] = connection.rows("select count(*) from dropped")
    connection.execute("delete from batch where position in (select position from dropped)")
    return dropped, sorted({path for one in told for path in recording_paths(*one)})


def mask_mentions(connection: Connection, erased: Erased, *, key: bytes) -> None:
    """Mask in `batch` what others wrote of persons before they were erased, as it was masked in the log."""
    last = max(erased.digests.values())
    told = connection.rows(
        f"select position, data, recorded_at from batch where ({IS_WRITTEN}) and recorded_at <= cast(? as timestamptz)",  # noqa: S608
        [last],
    )
    kept: list[tuple[int, str]] = []
    for position, data, at in told:
        without, named = without_mentions(data, is_mention=partial(erased.is_mention, told_at=instant(at), key=key))
        if named:
            kept.append((position, without))
    if not kept:
        return
    with handed_in(connection, "unmentioned", pl.DataFrame(kept, schema=["position", "kept"], orient="row")):
        connection.execute("update batch set data = kept from unmentioned where batch.position = unmentioned.position")
