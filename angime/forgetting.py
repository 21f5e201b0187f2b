"""Says what companies keep for a time only and what of it is due, and forgets that at once if asked to."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime

from msgspec import Struct

from analytics.company.file import read_companies
from analytics.engine.sessions import NameErrors
from analytics.privacy.forgetting import Forgetter, KeptForATime
from analytics.settings import AnalyticsSettings
from analytics.warehouse import CATALOG, open_side_by_side, open_writer, prove_there
from angime.clearing import CATALOG_SECONDS, clear
from angime.recordings import STRAY_DAYS, forget_recordings, strays
from angime.settings import load
from schemas.counts import so_many
from schemas.errors import NotYet
from schemas.instants import Instant, instant
from schemas.retention import kept_since
from schemas.topics import TOPICS
from streams.settings import StreamsSettings
from streams.store import forget_old, old_paths, open_store

# From which topics Kafka could tell again what was forgotten, by kind.
TOLD_BY = {
    "messages": ("raw", "messages"),
    "transcripts": ("raw", "transcripts"),
    "dead_letters": ("raw", "dead"),
}

Say = Callable[[str], None]


class Forgotten(Struct, frozen=True, kw_only=True):
    """How much was forgotten. `unfinished` says what keeps the rest from it, and is empty where nothing does."""

    events_and_dead_letters: int
    recordings: int
    unfinished: str = ""


def look(*, now: datetime, in_buckets: bool = False) -> list[KeptForATime]:
    """Say how it stands, beside a running lander. Raises NotThere where there is no warehouse, NotYet for an older one.

    Recordings of which no event tells are looked for in a store on this machine, in others only if asked to.
    """
    settings, moment = load(AnalyticsSettings), instant(now)
    try:
        with open_side_by_side({CATALOG: settings}) as connection:
            connection.execute(f"use {CATALOG}")
            found = Forgetter(connection, read_companies(settings)).standing(moment)
    except NameErrors:
        raise NotYet(
            "another version of Angime built this warehouse: start `angime land` with this one first"
        ) from None
    return found + _recordings(moment) + _strays(now, in_buckets=in_buckets)


def forget(*, now: datetime, say: Say, catalog_seconds: float = CATALOG_SECONDS) -> Forgotten:
    """Forget what is due, in every file; says what is left. The lander and the pages must not run.

    Raises Misconfigured while another process writes, NotThere where there is no warehouse.
    """
    settings, moment = load(AnalyticsSettings), instant(now)
    prove_there(settings)
    with open_writer(settings) as writer:
        say("words are taken out of the log and the facts, and old files rewritten")
        taken = writer.forget_all(moment)
    unfinished = [clear(settings, wait_seconds=catalog_seconds)]
    say("recordings")
    recordings = 0
    try:
        store = open_store(load(StreamsSettings).recordings_url)
        recordings = forget_old(store, read_companies(settings), now=moment, believes=True)
        recordings += forget_recordings(strays(now=now))
    except NotYet as refusal:
        unfinished.append(refusal.reason)
    return Forgotten(
        events_and_dead_letters=taken, recordings=recordings, unfinished="; ".join(filter(None, unfinished))
    )


def told_again() -> list[str]:
    """Name the kinds that Kafka may hold for longer than a company keeps them."""
    found: list[str] = []
    for company in read_companies(load(AnalyticsSettings)):
        for kind, topics in TOLD_BY.items():
            days = getattr(company.retention, f"{kind}_days")
            least = max(TOPICS[name].retention_days for name in topics)
            if days is not None and days < least:
                found.append(f"{kind} of {company.id} ({so_many(days, 'day')}, Kafka {least})")
    return found


def _recordings(moment: Instant) -> list[KeptForATime]:
    """Say how it stands with recordings; nobody writes down until when they were forgotten."""
    companies = [one for one in read_companies(load(AnalyticsSettings)) if one.retention.recordings_days]
    store = open_store(load(StreamsSettings).recordings_url) if companies else None
    return [
        KeptForATime(
            company=company.id,
            kind="recordings",
            days=days,
            until=None,
            due=kept_since(days, now=moment),
            waiting=sum(1 for _ in old_paths(store, company, now=moment)),
        )
        for company in companies
        if store is not None and (days := company.retention.recordings_days) is not None
    ]


def _strays(now: datetime, *, in_buckets: bool) -> list[KeptForATime]:
    """Say how many recordings lie there of which no event tells, if any do."""
    found = Counter(path.partition("/")[0] for path in strays(now=now, in_buckets=in_buckets))
    due = kept_since(STRAY_DAYS, now=instant(now))
    return [
        KeptForATime(company=company, kind="untold_recordings", days=STRAY_DAYS, until=None, due=due, waiting=waiting)
        for company, waiting in sorted(found.items())
    ]
