"""Search in all transcripts: an index beside the warehouse, derived from its facts and made anew at will.

The index is one SQLite file: stems under FTS5, and each call's turns packed, for to find two hundred calls of a year in
the warehouse's own files takes a second. It follows the facts: whoever searches first after a change brings it up to
date. Deleting the file loses nothing, and a damaged one, which a checksum in each of its pages tells, is made anew.
"""

import re
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from itertools import groupby
from pathlib import Path

import structlog
from msgspec import DecodeError, Struct, msgpack, structs

from analytics.connection import Reader
from analytics.engine.checked_file import CheckedFile, Damage, Refusal, is_damage
from analytics.engine.keeping import INDEX
from analytics.search.word_forms import STEMS, words_of

FILE = INDEX
VERSION = 5  # of the index's form; another one is made anew
BATCH_CALLS = 2_000
MAX_HITS = 200
MAX_QUERY_WORDS = 16
MAX_TURNS_SHOWN = 3
PACKING = 1  # zlib's level: turns are read far more often than the file is copied

# What reading a damaged file raises beside its own refusals: turns that cannot be unpacked, a day that is no day. A
# mistake of ours raises the like, and raises it again from the file made anew.
_DAMAGES = (Refusal, zlib.error, DecodeError, ValueError, TypeError)

_TALKS = """
    select call_id, transcripts, company, cast(day as varchar) as day, coalesce(operator_id, '') as operator_id
    from reports.talks where grade <> 'turns' and day is not null
"""
# What changes whenever a call of the day does, so that only the days which changed are read.
_MARKS_OF_DAYS = f"""
    select day, concat(count(*), '-', bit_xor(hash(call_id, transcripts, company, operator_id))) as mark
    from ({_TALKS}) group by day
"""  # noqa: S608  # of our own

# Of two who begin with an empty file, the second finds it made.
_FORM = f"""
    begin immediate;
    create table if not exists calls (
        id integer primary key, call_id text unique, transcripts text, company text, day text, operator_id text
    );
    create index if not exists calls_of_day on calls (day);
    create table if not exists told (id integer primary key, turns blob);
    create table if not exists days (day text primary key, mark text);
    create table if not exists state (name text primary key, value text);
    create virtual table if not exists stems using fts5(words, tokenize = "unicode61 remove_diacritics 0");
    pragma user_version = {VERSION};
    commit;
"""

log = structlog.get_logger()


class SearchQuery(Struct, frozen=True, kw_only=True):
    """What is looked for: words in any form, in one company's calls, in a period of local days, of some operators."""

    text: str
    company: str
    first: date | None = None
    last: date | None = None
    operators: tuple[str, ...] = ()
    limit: int = 20


class Mark(Struct, frozen=True):
    """Where in a text a found word stands."""

    start: int
    end: int


class FoundTurn(Struct, frozen=True, kw_only=True):
    """A turn that holds words of the query, and where."""

    recording_id: str
    turn: int
    role: str
    start_seconds: float
    text: str
    marks: tuple[Mark, ...]


def marked(text: str, marks: Sequence[Mark], *, quotes: tuple[str, str]) -> str:
    """Give a text with what was found in it in quotes: the sign before it and the one after it."""
    opening, closing = quotes
    for mark in reversed(marks):
        text = f"{text[: mark.start]}{opening}{text[mark.start : mark.end]}{closing}{text[mark.end :]}"
    return text


class _Told(Struct, frozen=True, array_like=True):
    """A turn as the index keeps it; the text is composed (NFC)."""

    recording_id: str
    turn: int
    role: str
    start_seconds: float
    text: str


class FoundCall(Struct, frozen=True, kw_only=True):
    """A call whose transcript answers the query; a higher `score` fits better."""

    call_id: str
    day: date
    operator_id: str | None
    score: float
    turns: tuple[FoundTurn, ...]


class SearchIndex:
    """The index file held open. Several processes may read it; one brings it up to date at a time."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._whole: Reader | None = None
        self._stems = STEMS
        self._has_traces = False
        try:
            self._file = self._opened()
        except _DAMAGES as error:
            self._file = self._made_anew(error)

    def follow(self, reader: Reader) -> int:
        """Bring the index up to the facts; how many calls were read anew. Nothing to do costs one look."""
        self._whole = reader
        try:
            return self._follow(reader)
        except _DAMAGES as error:
            self._make_anew(error)
            return self._follow(reader)

    def search(self, query: SearchQuery, *, reader: Reader) -> list[FoundCall]:
        """Give the calls that hold all words of the query in any form, else any of them; the best first.

        None where the query has no word. `reader` may see less than the one that was followed.
        """
        try:
            return self._search(query, reader=reader)
        except _DAMAGES as error:
            if self._whole is None:
                raise
            self._make_anew(error)
            self._follow(self._whole)
            return self._search(query, reader=reader)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _opened(self) -> CheckedFile:
        file = CheckedFile(self._path)
        version = file.execute("pragma user_version")[0][0]
        if version == 0:
            file.execute(_FORM)
        elif version != VERSION:
            file.close()
            raise Damage("the index has another form")
        return file

    def _made_anew(self, error: Exception) -> CheckedFile:
        """Begin with an empty file where the old one is damaged; raises `error` again where that is not the matter."""
        if not is_damage(error):
            raise error
        log.warning("search_index_made_anew", error=type(error).__name__)
        for ending in ("", "-wal", "-shm"):
            self._path.with_name(self._path.name + ending).unlink(missing_ok=True)
        return self._opened()

    def _make_anew(self, error: Exception) -> None:
        self._file.close()
        self._file = self._made_anew(error)

    def _follow(self, reader: Reader) -> int:
        snapshot = str(reader.snapshot_id())
        if self._file.execute("select value from state where name = 'snapshot'") == [(snapshot,)]:
            return 0
        marks = {day: str(mark) for day, mark in reader.sql(_MARKS_OF_DAYS, {}).iter_rows()}
        held = dict(self._file.execute("select day, mark from days"))
        days = sorted(day for day in marks.keys() | held.keys() if marks.get(day) != held.get(day))
        now: dict[str, tuple[str, ...]] = {}
        if days:
            facts = reader.sql(f"select * from ({_TALKS}) where day in (select unnest($days))", {"days": days})  # noqa: S608  # of our own
            now = {row[0]: row[1:] for row in facts.iter_rows()}
        self._file.execute("begin immediate")
        try:
            count = self._follow_days(days, now=now, reader=reader)
            self._file.execute_each("delete from days where day = ?", [(day,) for day in days])
            self._file.execute_each(
                "insert into days values (?, ?)", [(day, marks[day]) for day in days if day in marks]
            )
            self._file.execute("insert or replace into state values ('snapshot', ?)", (snapshot,))
            self._file.execute("commit")
            if self._has_traces:
                # The write-ahead log holds pages as they were; where somebody reads just now, it is written over later.
                self._file.execute("pragma wal_checkpoint(truncate)")
                self._has_traces = False
        except BaseException:
            if self._file.is_writing:
                self._file.execute("rollback")
            raise
        return count

    def _follow_days(self, days: Sequence[str], *, now: dict[str, tuple[str, ...]], reader: Reader) -> int:
        """Bring calls of these days up to the facts `now`; a call that moved to another day changed both."""
        known: dict[str, tuple[str, ...]] = {
            row[0]: row[1:]
            for day in days
            for row in self._file.execute(
                "select call_id, transcripts, company, day, operator_id from calls where day = ?", (day,)
            )
        }
        changed = [call for call, fact in now.items() if call not in known or known[call][0] != fact[0]]
        changed.sort(key=lambda call: now[call][2])  # by day: so many days are read at a time, and no more
        self._forget(call for call in changed if call in known)
        self._move(now, known=known)
        added = {call for call in changed if call not in known}
        are_masked = False
        for begin in range(0, len(changed), BATCH_CALLS):
            masked = self._add(changed[begin : begin + BATCH_CALLS], facts=now, reader=reader)
            are_masked = are_masked or not masked <= added
        gone = [call for call in known if call not in now]
        self._forget(gone)
        if gone or are_masked:
            self._leave_no_trace()
        return len(changed)

    def _search(self, query: SearchQuery, *, reader: Reader) -> list[FoundCall]:
        words = words_of(query.text)[:MAX_QUERY_WORDS]
        if not words:
            return []
        known = self._stems.of(words, reader=reader)
        groups = ["(" + " OR ".join(f'"{stem}"' for stem in known[word]) + ")" for word in words]
        found = self._ranked(" AND ".join(groups), query) or self._ranked(" OR ".join(groups), query)
        turns = self._turns(
            [row for row, *_ in found], stems={stem for word in words for stem in known[word]}, reader=reader
        )
        return [
            FoundCall(
                call_id=call,
                day=date.fromisoformat(day),
                operator_id=operator or None,
                score=round(-rank, 4),
                turns=tuple(turns[row]),
            )
            for row, call, day, operator, rank in found
        ]

    def _move(self, now: dict[str, tuple[str, ...]], *, known: dict[str, tuple[str, ...]]) -> None:
        """Write down what changed of calls whose words did not."""
        moved = [
            (*fact[1:], call)
            for call, fact in now.items()
            if call in known and known[call] != fact and known[call][0] == fact[0]
        ]
        self._file.execute_each("update calls set company = ?, day = ?, operator_id = ? where call_id = ?", moved)

    def _leave_no_trace(self) -> None:
        """Take what was forgotten out of every page of the index: somebody may have asked for it."""
        self._file.execute("insert into stems (stems) values ('optimize')")
        self._has_traces = True

    def _forget(self, calls: Iterable[str]) -> None:
        for call in calls:
            self._file.execute("delete from stems where rowid = (select id from calls where call_id = ?)", (call,))
            self._file.execute("delete from told where id = (select id from calls where call_id = ?)", (call,))
            self._file.execute("delete from calls where call_id = ?", (call,))

    def _add(self, calls: Sequence[str], *, facts: dict[str, tuple[str, ...]], reader: Reader) -> set[str]:
        """Take in calls that stand in the order of their days; gives those whose words were masked."""
        rows = reader.sql(
            """
            select call_id, recording_id, turn, role, start_seconds, nfc_normalize(coalesce(text, '')) as text
            from facts.turns where call_id in (select unnest($calls)) and day between $first::date and $last::date
            order by call_id, recording_id, turn
            """,
            {"calls": list(calls), "first": facts[calls[0]][2], "last": facts[calls[-1]][2]},
        )
        told = {
            call: [_Told(*row[1:]) for row in own] for call, own in groupby(rows.iter_rows(), key=lambda row: row[0])
        }
        words = {call: [word for turn in turns for word in words_of(turn.text)] for call, turns in told.items()}
        known = self._stems.of({word for listed in words.values() for word in listed}, reader=reader)
        for call, listed in words.items():
            self._file.execute(
                "insert into calls (call_id, transcripts, company, day, operator_id) values (?, ?, ?, ?, ?)",
                (call, *facts[call]),
            )
            added = self._file.inserted()
            stems = " ".join(stem for word in listed for stem in known[word])
            self._file.execute("insert into stems (rowid, words) values (?, ?)", (added, stems))
            packed = zlib.compress(msgpack.encode(told[call]), PACKING)
            self._file.execute("insert into told (id, turns) values (?, ?)", (added, packed))
        return {call for call, listed in words.items() if listed and not set("".join(listed)) - {"x"}}

    def _turns(self, rows: Sequence[int], *, stems: set[str], reader: Reader) -> dict[int, list[FoundTurn]]:
        """Give of each row's call the turns that hold most of the stems, in their order."""
        places = ", ".join("?" for _ in rows)
        packed = self._file.execute(f"select id, turns from told where id in ({places})", rows)  # noqa: S608
        if len(packed) < len(rows):
            raise Damage("the turns of a call are gone")
        told = {row: msgpack.decode(zlib.decompress(turns), type=list[_Told]) for row, turns in packed}
        maybe = self._stems.beginning_like(stems, reader=reader)
        words = {word for turns in told.values() for turn in turns for word in maybe.findall(turn.text)}
        known = self._stems.of({word.lower() for word in words}, reader=reader)
        forms = {word: hit for word in words if (hit := stems.intersection(known[word.lower()]))}
        return {row: _best(turns, forms=forms, words=maybe) for row, turns in told.items()}

    def _ranked(self, match: str, query: SearchQuery) -> list[tuple[int, str, str, str, float]]:
        operators = ", ".join("?" for _ in query.operators)
        of_operators = f"and calls.operator_id in ({operators})" if query.operators else ""
        return self._file.execute(
            f"""
            select calls.id, calls.call_id, calls.day, calls.operator_id, stems.rank
            from stems join calls on calls.id = stems.rowid
            where stems match ? and calls.company = ? and calls.day between ? and ? {of_operators}
            order by stems.rank, calls.day desc, calls.call_id limit ?
            """,  # noqa: S608  # question marks
            (
                match,
                query.company,
                (query.first or date.min).isoformat(),
                (query.last or date.max).isoformat(),
                *query.operators,
                min(query.limit, MAX_HITS),
            ),
        )


def _best(turns: Sequence[_Told], *, forms: Mapping[str, set[str]], words: re.Pattern[str]) -> list[FoundTurn]:
    """Give the turns with most of the looked-for stems, by the forms in which they were said."""
    hits = [[place for place in words.finditer(turn.text) if place[0] in forms] for turn in turns]
    kinds = [len({stem for place in own for stem in forms[place[0]]}) for own in hits]
    best = sorted((place for place, own in enumerate(hits) if own), key=lambda place: (-kinds[place], place))
    return [
        FoundTurn(
            **structs.asdict(turns[place]), marks=tuple(Mark(found.start(), found.end()) for found in hits[place])
        )
        for place in sorted(best[:MAX_TURNS_SHOWN])
    ]
