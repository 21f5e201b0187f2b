"""Search in all transcripts: an index of stems beside the warehouse, derived from its facts and made anew at will.

The index is one SQLite file with FTS5. It holds no text as it was said, only stems, and follows the facts: whoever
searches first after a change brings it up to date. Deleting the file loses nothing.
"""

import re
import sqlite3
import unicodedata
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Protocol

import polars as pl
from msgspec import Struct

from schemas.errors import InvalidEvent

FILE = "search.sqlite"
VERSION = 2  # of the index's form; another one is made anew
BATCH_CALLS = 2_000
MAX_HITS = 200
MAX_QUERY_WORDS = 16
MAX_TURNS_SHOWN = 3
MAX_WORDS_KNOWN = 500_000
BUSY_SECONDS = 30.0

_WORD = re.compile(r"[^\W_]+")
# Russian and Kazakh are mixed in one sentence, and so are English and Portuguese words: each word has a stem in both.
_STEMS_OF = """list_distinct(if(
    regexp_matches(one, '[\\x{0400}-\\x{04FF}]'),
    [stem_word(one, 'ru'), stem_word(one, 'kk'), kazakh_root(stem_word(one, 'kk'))],
    [stem_word(one, 'en'), stem_word(one, 'pt')]
))"""


class Reader(Protocol):
    """A door to the warehouse that only reads; texts name tables as `layer.table`, parameters as `$name`."""

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:
        """Give the rows of one statement."""
        ...

    def snapshot_id(self) -> int:
        """Give what changes whenever the warehouse does."""
        ...


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
        self._stems = Stems()
        self._file = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
        self._file.execute("pragma journal_mode = wal")
        self._file.execute("pragma secure_delete = on")
        if self._file.execute("pragma user_version").fetchone()[0] != VERSION:
            self._make()

    def follow(self, reader: Reader) -> int:
        """Bring the index up to the facts; how many calls were read anew. Nothing to do costs one look."""
        snapshot = str(reader.snapshot_id())
        if self._file.execute("select value from state where name = 'snapshot'").fetchone() == (snapshot,):
            return 0
        facts = reader.sql(
            """
            select call_id, transcripts, company, cast(day as varchar) as day, coalesce(operator_id, '') as operator_id
            from reports.talks where grade <> 'turns'
            """,
            {},
        )
        now: dict[str, tuple[str, ...]] = {row[0]: row[1:] for row in facts.iter_rows()}
        held = self._file.execute("select call_id, transcripts, company, day, operator_id from calls")
        known: dict[str, tuple[str, ...]] = {row[0]: row[1:] for row in held}
        changed = [call for call, fact in now.items() if call not in known or known[call][0] != fact[0]]
        self._file.execute("begin immediate")
        try:
            self._forget(call for call in changed if call in known)
            self._move(now, known=known)
            for begin in range(0, len(changed), BATCH_CALLS):
                self._add(changed[begin : begin + BATCH_CALLS], facts=now, reader=reader)
            self._erase(call for call in known if call not in now)
            self._file.execute("insert or replace into state values ('snapshot', ?)", (snapshot,))
            self._file.execute("commit")
        except BaseException:
            self._file.execute("rollback")
            raise
        return len(changed)

    def search(self, query: SearchQuery, *, reader: Reader) -> list[FoundCall]:
        """Give the calls that hold all words of the query in any form, else any of them; the best first.

        Raises InvalidEvent for a query without a word.
        """
        words = _words(query.text)[:MAX_QUERY_WORDS]
        if not words:
            raise InvalidEvent("the query holds no word")
        known = self._stems.of(words, reader=reader)
        groups = ["(" + " OR ".join(f'"{stem}"' for stem in known[word]) + ")" for word in words]
        found = self._ranked(" AND ".join(groups), query) or self._ranked(" OR ".join(groups), query)
        wanted = {stem for word in words for stem in known[word]}
        turns = self._turns(
            [call for call, *_ in found], days={day for _, day, *_ in found}, wanted=wanted, reader=reader
        )
        return [
            FoundCall(
                call_id=call,
                day=date.fromisoformat(day),
                operator_id=operator or None,
                score=round(-rank, 4),
                turns=tuple(turns.get(call, ())),
            )
            for call, day, operator, rank in found
        ]

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def _make(self) -> None:
        self._file.executescript(
            f"""
            begin immediate;
            drop table if exists calls;
            drop table if exists stems;
            drop table if exists state;
            create table calls (
                id integer primary key, call_id text unique, transcripts text, company text, day text, operator_id text
            );
            create table state (name text primary key, value text);
            create virtual table stems using fts5(words, tokenize = "unicode61 remove_diacritics 0");
            pragma user_version = {VERSION};
            commit;
            """
        )

    def _move(self, now: dict[str, tuple[str, ...]], *, known: dict[str, tuple[str, ...]]) -> None:
        """Write down what changed of calls whose words did not."""
        moved = [
            (*fact[1:], call)
            for call, fact in now.items()
            if call in known and known[call] != fact and known[call][0] == fact[0]
        ]
        self._file.executemany("update calls set company = ?, day = ?, operator_id = ? where call_id = ?", moved)

    def _erase(self, calls: Iterable[str]) -> None:
        """Forget calls that are gone, and their words in every page of the file: somebody may have asked for it."""
        gone = list(calls)
        self._forget(gone)
        if gone:
            self._file.execute("insert into stems (stems) values ('optimize')")

    def _forget(self, calls: Iterable[str]) -> None:
        for call in calls:
            self._file.execute("delete from stems where rowid = (select id from calls where call_id = ?)", (call,))
            self._file.execute("delete from calls where call_id = ?", (call,))

    def _add(self, calls: Sequence[str], *, facts: dict[str, tuple[str, ...]], reader: Reader) -> None:
        texts = reader.sql(
            """
            select call_id, string_agg(text, ' ') as text from facts.turns
            where call_id in (select unnest($calls)) group by call_id
            """,
            {"calls": list(calls)},
        )
        words = {call: _words(text or "") for call, text in texts.iter_rows()}
        known = self._stems.of({word for listed in words.values() for word in listed}, reader=reader)
        for call, listed in words.items():
            added = self._file.execute(
                "insert into calls (call_id, transcripts, company, day, operator_id) values (?, ?, ?, ?, ?)",
                (call, *facts[call]),
            )
            stems = " ".join(stem for word in listed for stem in known[word])
            self._file.execute("insert into stems (rowid, words) values (?, ?)", (added.lastrowid, stems))

    def _turns(
        self, calls: Sequence[str], *, days: set[str], wanted: set[str], reader: Reader
    ) -> dict[str, list[FoundTurn]]:
        """Give of each call the turns that hold most of the wanted stems, in their order."""
        rows = reader.sql(
            """
            select call_id, recording_id, turn, role, start_seconds, nfc_normalize(text) as text from facts.turns
            where call_id in (select unnest($calls)) and day in (select unnest($days)::date)
            order by call_id, recording_id, turn
            """,
            {"calls": list(calls), "days": sorted(days)},
        )
        words = {word for text in rows.get_column("text").to_list() for word in _words(text)}
        known = self._stems.of(words, reader=reader)
        held: dict[str, list[tuple[int, FoundTurn]]] = {}
        for row in rows.iter_rows(named=True):
            hits = [
                (place, wanted.intersection(known[place[0].lower()]))
                for place in _WORD.finditer(row["text"])
                if not wanted.isdisjoint(known[place[0].lower()])
            ]
            if hits:
                kinds = len({stem for _, stems in hits for stem in stems})
                marks = tuple(Mark(place.start(), place.end()) for place, _ in hits)
                fields = {name: row[name] for name in ("recording_id", "turn", "role", "start_seconds", "text")}
                held.setdefault(row["call_id"], []).append((kinds, FoundTurn(**fields, marks=marks)))
        return {call: _best(turns) for call, turns in held.items()}

    def _ranked(self, match: str, query: SearchQuery) -> list[tuple[str, str, str, float]]:
        operators = ", ".join("?" for _ in query.operators)
        of_operators = f"and calls.operator_id in ({operators})" if query.operators else ""
        return self._file.execute(
            f"""
            select calls.call_id, calls.day, calls.operator_id, stems.rank
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
        ).fetchall()


class Stems:
    """The stems of the words met so far, each asked of the warehouse once."""

    def __init__(self) -> None:
        self._known: dict[str, list[str]] = {}

    def of(self, words: Iterable[str], *, reader: Reader) -> dict[str, list[str]]:
        """Give every stem under which each of these words may stand; words are in lower case."""
        wanted = set(words)
        if len(self._known) > MAX_WORDS_KNOWN:
            self._known.clear()
        new = sorted(wanted - self._known.keys())
        if new:
            text = f"select one, {_STEMS_OF} as stems from (select unnest($words) as one)"  # noqa: S608  # of our own
            self._known.update(reader.sql(text, {"words": new}).iter_rows())
        return {word: self._known[word] for word in wanted}


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(unicodedata.normalize("NFC", text))]


def _best(turns: Sequence[tuple[int, FoundTurn]]) -> list[FoundTurn]:
    best = sorted(range(len(turns)), key=lambda place: (-turns[place][0], place))[:MAX_TURNS_SHOWN]
    return [turns[place][1] for place in sorted(best)]
