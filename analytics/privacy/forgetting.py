"""Forgetting what a company keeps for a time only: words of messages and transcripts, and the bytes of dead letters.

Words are taken out of the log itself, so that no rebuild and no replay brings them back; that something was written or
said, when, how long and how many words, stays. Before which moment this was done the log says (`log.forgotten`), and
what comes again of the time before it loses its words before it is compared, so that it is the same fact.
See docs/adr/0036-words-are-taken-out-of-the-log.md.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import polars as pl
import structlog
from msgspec import Struct

from analytics.connection import Connection, handed_in
from analytics.landing.admission import HASHED
from analytics.log import EVENTS, ID, STORED, renew_emptied, store_events
from analytics.privacy.anonymous import without_words
from schemas.company import Company
from schemas.instants import Instant, instant, moment
from schemas.records import DeadLetter
from schemas.retention import DOUBTED, LEAP, kept_since

WORDS = {"messages": ("message.received", "message.sent"), "transcripts": ("call.transcribed",)}
LETTERS, FILES, PERSONS = "dead_letters", "files", "persons"
# The writer forgets so many events at a time, in a transaction; what is landed waits for it.
STEP_EVENTS = 5_000
DOUBTING = timedelta(minutes=1)
# How a bound instant is written.
_AT = "cast(? as timestamptz)"

_log = structlog.get_logger()


class Share(Struct, frozen=True, kw_only=True):
    """What is forgotten in one step: a kind of one company's, received from `since` to before `until`."""

    kind: str
    company: str
    since: Instant | None
    until: Instant


class KeptForATime(Struct, frozen=True, kw_only=True):
    """How it stands with one kind of a company's: kept for `days`, forgotten `until`, and `due` to be forgotten."""

    company: str
    kind: str
    days: int
    until: Instant | None
    due: Instant
    waiting: int


class Forgetter:
    """Knows for one warehouse what was forgotten, and takes the next share; moments before which it was are held.

    `is_on_disk` says whether, when it was opened, old files could still hold some of it.
    """

    def __init__(self, connection: Connection, companies: Iterable[Company]) -> None:
        listed = tuple(companies)
        self._connection = connection
        self._kept = _kept(listed)
        self._known = [company.id for company in listed]
        rows = connection.rows(
            "select company, kind, max(until), max(forgotten_at) filter (where taken > 0) "
            "from log.forgotten group by all"
        )
        self._until = {(company, kind): instant(until) for company, kind, until, _ in rows}
        last = max((at for *_, at in rows if at is not None), default=None)
        self._doubted_at: datetime | None = None
        self.is_on_disk = last is not None and self._until.get(("", FILES), "") < instant(last)

    def next_share(self, now: Instant, *, believes: bool = False) -> Share | None:
        """Give what is to be forgotten first, but nothing of which only a clock says so that may be wrong.

        Words do not come back. So the clock is believed where it goes on as before, where a person `believes` it, and
        where something was told that has happened lately.
        """
        for (company, kind), days in self._kept.items():
            since, due = self._until.get((company, kind)), kept_since(days, now=now)
            if since is not None and since >= due:
                continue
            is_near = since is not None and moment(due) - moment(since) <= LEAP
            if believes or is_near or self._is_told_of(now):
                share = Share(kind=kind, company=company, since=since, until=due)
                return share if kind == LETTERS else self._step_of(share)
        return None

    def _is_told_of(self, now: Instant) -> bool:
        """Whether the log holds anything that happened lately, by the clock of whoever told it; asked once a minute.

        What happened when it was received has its time of our clock: its source tells none.
        """
        today = moment(now)
        if self._doubted_at is not None and abs(today - self._doubted_at) < DOUBTING:
            return False
        lately = [instant(at) for at in (today - LEAP, today - LEAP, today + timedelta(days=1))]
        is_told = bool(
            self._connection.rows(
                f"select 1 from log.events where recorded_at >= {_AT} and time between {_AT} and {_AT} "  # noqa: S608
                "and time <> recorded_at limit 1",
                lately,
            )
        )
        is_new = self._doubted_at is None or self._doubted_at.date() != today.date()
        # Where nothing was told yet nothing waits, and nobody is to look at the clock.
        if not is_told and is_new and self._connection.rows("select 1 from log.events limit 1"):
            _log.warning("forgetting_waits", reason=DOUBTED, clock=now)
        self._doubted_at = None if is_told else today
        return is_told

    def take_words(self, share: Share) -> int:
        """Take the words of a share out of the log, inside a transaction; gives how many events they stood in.

        These are then in the temporary table `batch` as they are now, to be folded again.
        """
        place, bounds = _received(share)
        frame = self._connection.frame(f"select id, data from log.events where {place}", bounds)  # noqa: S608
        without = _without_words(frame)
        changed = without.filter(pl.col("kept") != pl.col("data")).select("id", "kept")
        if changed.height:
            with handed_in(self._connection, "wordless", changed):
                self._connection.execute(f"create or replace temp table batch as {_batch(place)}", bounds)
            self._connection.execute(f"delete from {STORED} where {place} and {ID} in (select id from batch)", bounds)  # noqa: S608
            store_events(self._connection, "batch")
        self._empty("log.conflicts", place, bounds)
        return changed.height

    def drop_letters(self, share: Share) -> int:
        """Delete the dead letters of a share, inside a transaction; gives how many."""
        return self._empty("log.dead", *self._letters(share))

    def note(self, share: Share, *, taken: int, now: Instant) -> None:
        """Write down, inside the transaction, that a share was forgotten."""
        self._connection.execute(
            "insert into log.forgotten values (?, ?, ?, ?, ?)", [share.kind, share.company, share.until, taken, now]
        )

    def heed(self, share: Share) -> None:
        """Hold from now on, when all was written, that a share was forgotten."""
        self._until[share.company, share.kind] = share.until

    def drop_words(self) -> None:
        """Take the words out of what `batch` holds of times that were forgotten."""
        told = [(key, until) for key, until in self._until.items() if key[1] in WORDS]
        if not told:
            return
        past = " or ".join(
            f"(company = ? and recorded_at < {_AT} and type in ({_listed(WORDS[kind])}))" for (_, kind), _ in told
        )
        bounds = [bound for (company, _), until in told for bound in (company, until)]
        frame = self._connection.frame(f"select position, data from batch where {past}", bounds)  # noqa: S608
        if frame.height == 0:
            return
        without = _without_words(frame)
        with handed_in(self._connection, "wordless", without.select("position", "kept")):
            self._connection.execute(
                "update batch set data = kept from wordless where batch.position = wordless.position"
            )

    def is_past(self, letter: DeadLetter) -> bool:
        """Whether a dead letter comes again of a time whose letters were forgotten."""
        until = {company: at for (company, kind), at in self._until.items() if kind == LETTERS}
        own = until.get(letter.company, "") if letter.company in self._known else max(until.values(), default="")
        return letter.died_at < own

    def note_files(self, now: Instant) -> None:
        """Write down that what was forgotten before now is on no disk."""
        self._connection.execute("insert into log.forgotten values (?, '', ?, 0, ?)", [FILES, now, now])

    def standing(self, now: Instant) -> list[KeptForATime]:
        """Say of every kind that is kept for a time how far it was forgotten, and what is to go next."""
        found: list[KeptForATime] = []
        for (company, kind), days in self._kept.items():
            share = Share(
                kind=kind, company=company, since=self._until.get((company, kind)), until=kept_since(days, now=now)
            )
            found.append(
                KeptForATime(
                    company=company,
                    kind=kind,
                    days=days,
                    until=share.since,
                    due=share.until,
                    waiting=self._count(share),
                )
            )
        return found

    def _empty(self, relation: str, place: str, bounds: Sequence[str]) -> int:
        """Delete what is meant of a table; gives how many rows."""
        [(rows,)] = self._connection.rows(f"select count(*) from {relation} where {place}", bounds)  # noqa: S608
        if rows:
            self._connection.execute(f"delete from {relation} where {place}", bounds)  # noqa: S608
            renew_emptied(self._connection, relation)
        return rows

    def _count(self, share: Share) -> int:
        if share.kind == LETTERS:
            place, bounds = self._letters(share)
            [(letters,)] = self._connection.rows(f"select count(*) from log.dead where {place}", bounds)  # noqa: S608
            return letters
        place, bounds = _received(share)
        said = "(json_extract_string(data, '$.text') <> '' or json_array_length(data, '$.turns') > 0)"
        [(events,)] = self._connection.rows(f"select count(*) from log.events where {place} and {said}", bounds)  # noqa: S608
        return events

    def _step_of(self, share: Share) -> Share:
        """Give the first STEP_EVENTS of a share, and those of the same moment as the last of them."""
        place, bounds = _received(share)
        last = self._connection.rows(
            f"select recorded_at from log.events where {place} order by recorded_at limit 1 offset {STEP_EVENTS - 1}",  # noqa: S608
            bounds,
        )
        if not last:
            return share
        step: datetime = last[0][0] + timedelta(milliseconds=1)
        return Share(kind=share.kind, company=share.company, since=share.since, until=min(instant(step), share.until))

    def _letters(self, share: Share) -> tuple[str, list[str]]:
        """Compose which letters go: a company's own, and by the shortest of times those of nobody that is known."""
        strangers = f"company not in ({', '.join('?' for _ in self._known)})"
        return f"died_at < {_AT} and (company = ? or {strangers})", [share.until, share.company, *self._known]


def _kept(companies: Iterable[Company]) -> dict[tuple[str, str], int]:
    """Give the days for which each company keeps each kind, for those that it keeps for a time."""
    return {
        (company.id, kind): days
        for company in companies
        for kind, days in (
            ("messages", company.retention.messages_days),
            ("transcripts", company.retention.transcripts_days),
            (LETTERS, company.retention.dead_letters_days),
        )
        if days is not None
    }


def _received(share: Share) -> tuple[str, list[str]]:
    """Compose which events a share is, with what is bound."""
    since = f"and recorded_at >= {_AT}" if share.since else ""
    place = f"company = ? and type in ({_listed(WORDS[share.kind])}) and recorded_at < {_AT} {since}"
    return place, [share.company, share.until, *([share.since] if share.since else [])]


def _without_words(frame: pl.DataFrame) -> pl.DataFrame:
    """Add to `data` of events the same without its words, as `kept`."""
    return frame.with_columns(kept=pl.Series([without_words(data) for data in frame["data"]], dtype=pl.String))


def _batch(place: str) -> str:
    """Compose `batch` as analytics.landing.admission has it, of the events of a share whose words are taken."""
    return f"""
        select row_number() over () - 1 as position, told.* replace (kept as data), {HASHED}
        from (select {EVENTS} from log.events where {place}) as told join wordless using (id)
    """  # noqa: S608  # our own text


def _listed(types: Sequence[str]) -> str:
    return ", ".join(f"'{one}'" for one in types)
