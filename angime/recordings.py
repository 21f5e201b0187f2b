"""Deletes recordings from the store: those of erased persons, and those of which no event tells."""

import re
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime, timedelta

from msgspec import Struct

from analytics.company.file import read_companies
from analytics.privacy.anonymous import ERASED, is_anonymous
from analytics.settings import AnalyticsSettings
from analytics.warehouse import EngineError, open_reader
from angime.settings import load
from pipelines.kafka.topics import SEGMENT_DAYS
from schemas.errors import NotYet
from schemas.instants import LATEST
from schemas.topics import STREAMED, TOPICS
from streams.settings import StreamsSettings
from streams.store import all_paths, forget, is_draft, is_on_this_machine, open_store

# After this time Kafka holds no event any longer that could tell of a file which nobody has told of.
STRAY_DAYS = max(TOPICS[name].retention_days for name in STREAMED) + SEGMENT_DAYS
# No writer is at work on a draft for so long.
DRAFT_DAYS = 1
_PLACE = re.compile(r"^[^/]+/\d{4}/\d{2}/\d{2}/([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.\w+(?:#\d+)?$")


def forget_recordings(paths: Sequence[str]) -> int:
    """Delete what lies at these paths; gives how many there were. Raises NotYet while the store is away.

    Facts that are anonymous already name no place of the store.
    """
    meant = [path for path in paths if not path.startswith(f"{ERASED}/")]
    if not meant:
        return 0
    store = open_store(load(StreamsSettings).recordings_url)
    return sum(forget(store, path) for path in meant)


class Told(Struct, frozen=True):
    """Which recordings the log tells of: by id and path, those of erased persons by id, and since when it tells."""

    ids: frozenset[str]
    paths: frozenset[str]
    erased: frozenset[str]
    since: datetime

    def is_stray(self, path: str, *, written_at: datetime, now: datetime) -> bool:
        """Whether a file is no recording of which an event tells, nor may come to be one.

        Of files that are older than the log nothing is known, nor of those that did not get their names here.
        """
        place = _PLACE.match(path)
        if place is None or path in self.paths:
            return False
        if is_draft(path):
            return written_at < now - timedelta(days=DRAFT_DAYS)
        if place[1] in self.ids:
            return False
        return place[1] in self.erased or self.since < written_at < now - timedelta(days=STRAY_DAYS)


def strays(*, now: datetime, in_buckets: bool = True) -> list[str]:
    """Give where files lie in the store of which no event tells; see `Told.is_stray`.

    Raises NotYet where there is no warehouse, its log is damaged, or while the store is away.
    """
    store = open_store(load(StreamsSettings).recordings_url)
    settings = load(AnalyticsSettings)
    if not (in_buckets or is_on_this_machine(store)):
        return []
    lying = [found for company in read_companies(settings) for found in all_paths(store, company)]
    # Asked after the files were listed: what is told of meanwhile is known.
    told = _told(settings)
    return [path for path, written_at in lying if told.is_stray(path, written_at=written_at, now=now)]


def _told(settings: AnalyticsSettings) -> Told:
    with closing(open_reader(settings)) as reader:
        try:
            [since] = reader.sql("select min(landed_at) as since from log.events")["since"]
            rows = reader.sql(f"""
                select data ->> '$.recording_id' as id, data ->> '$.path' as path, {is_anonymous("events")} as is_erased
                from log.events where type in ('call.recording_made_available', 'call.recording_stored')
            """).rows()  # noqa: S608  # our own text
        except EngineError:
            raise NotYet("the log cannot be read: put back copies of the files that `angime doctor` names") from None
    return Told(
        ids=frozenset(id_ for id_, _, is_erased in rows if not is_erased),
        paths=frozenset(path for _, path, _ in rows if path),
        erased=frozenset(id_ for id_, _, is_erased in rows if is_erased),
        since=since or LATEST,
    )
