"""What is kept for a time: afterwards its words are in no file, sums are as before, and nothing brings them back."""

import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import pytest

from analytics.folding.scratch import scratch
from analytics.privacy.anonymous import masked, without_words
from analytics.privacy.forgetting import Forgetter, KeptForATime, Share
from analytics.search.index import SearchIndex, SearchQuery
from analytics.warehouse import Batch, Landed, Writer, open_reader, open_writer
from angime import forgetting
from schemas import messages, transcripts
from schemas.company import Retention
from schemas.envelope import Event
from schemas.instants import Instant, instant
from schemas.records import DeadLetter, dead_to_kafka
from schemas.retention import kept_since
from tests.analytics.drawn import COMPANY as DRAWN
from tests.analytics.landing_cases import (
    BEGIN,
    COMPANY,
    MAIN,
    KafkaRecord,
    Origin,
    call_events,
    message_events,
    reading_the_catalog,
    records_of,
    settings_at,
)

COMPANY_FILE = f'id = "{COMPANY}"\nname = "Acme"\ntime_zone = "Asia/Almaty"\ndefault_region = "KZ"\n'
RETENTION = "[retention]\nmessages_days = 30\ntranscripts_days = 60\ndead_letters_days = 30\nrecordings_days = 90\n"
SOON = instant(BEGIN + timedelta(days=1))
# Later than any state that the engine writes down by its own clock, so that all of them are old.
LAST_WEEK, AT = datetime(2099, 12, 28, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
LATER = instant(AT)
# Each is planted in one place of what is old; what is new is written with other words.
WRITTEN, SAID, BURIED, DISPUTED = "Qyzyljar", "Baisheshek", "Sarysu", "Kokpektiqa"
# In what is new, and in what is as old but of a company that keeps it for ever.
KEPT = {"Balqash", "Jusan", "Alakol", "Zhetisu", "Tobylgy"}
LEAST_STEM = 5
SUMS = """
    select
        (select count(*) from facts.messages), (select count(text) from facts.messages), (select sum(events) from
        facts.calls), (select count(*) from facts.turns), (select sum(speech_seconds) from facts.call_talk),
        (select sum(operator_words) from facts.call_talk), (select count(*) from log.events),
        (select count(distinct id) from log.events)
"""


def told(number: int, *, begin: datetime, written: str, said: str, origin: Origin = MAIN) -> list[Event]:
    """Give the facts of a call and a message with these words in them."""
    made: list[Event] = []
    for fact in call_events(number, begin=begin, origin=origin) + message_events(number, begin=begin, origin=origin):
        content = fact.data
        if isinstance(content, transcripts.CallTranscribed):
            word = transcripts.Word(text=said, start_seconds=0.1, end_seconds=0.4)
            turns = tuple(
                msgspec.structs.replace(turn, text=f"{said} {turn.text}?", words=(word,)) for turn in content.turns
            )
            content = msgspec.structs.replace(content, turns=turns, grade="words")
        if isinstance(content, messages.MessageSent):
            content = msgspec.structs.replace(content, text=f"{written}, {content.text}!")
        made.append(msgspec.structs.replace(fact, data=content))
    return made


OLD = [fact for number in range(3) for fact in told(number, begin=BEGIN, written=WRITTEN, said=SAID)]
NEW = told(9, begin=LAST_WEEK, written="Balqash", said="Jusan")
OTHERS = told(1, begin=BEGIN, written="Zhetisu", said="Tobylgy", origin=Origin(company="bolt", account="bolt"))


def dead_letter(number: int, *, died_at: Instant, body: str, company: str) -> DeadLetter:
    """Give what is kept of what was refused."""
    return DeadLetter(
        reason="broken",
        stage="normalise",
        topic="raw",
        partition=0,
        offset=number,
        died_at=died_at,
        version="1",
        company=company,
        body=body.encode(),
    )


def letter(number: int, *, died_at: Instant, body: str, company: str = COMPANY) -> KafkaRecord:
    """Give a dead letter that holds this body."""
    dead = dead_letter(number, died_at=died_at, company=company, body=body)
    key, value, headers = dead_to_kafka(dead)
    return KafkaRecord("dead", 0, number, value, key, tuple(headers))


def make_home(home: Path) -> None:
    """Land what is old and what is new, a conflict and dead letters, under a company that keeps all of it for ever."""
    (home / "company.toml").write_text(COMPANY_FILE)
    disputed = told(0, begin=BEGIN, written=DISPUTED, said=DISPUTED)
    letters = [
        letter(0, died_at=SOON, body=BURIED),
        letter(1, died_at=SOON, body=BURIED, company="nobody knows"),
        letter(2, died_at=instant(LAST_WEEK), body="Alakol"),
    ]
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch([*records_of([*OLD, *NEW, *OTHERS, *disputed]), *letters]), now=SOON)
        writer.maintain(SOON)
    with open_reader(settings_at(home)) as reader:
        index = SearchIndex(home / "warehouse" / "search.sqlite")
        assert index.follow(reader) == 5
        index.close()


def words_in(home: Path, writer: Writer) -> set[str]:
    """Find which of the planted words stand, whole or as a stem, in any file, read or as its bytes, or in any table."""
    files = [path for path in home.rglob("*") if path.is_file()]
    held = b"".join(path.read_bytes() for path in files).lower()
    tables = writer.connection.rows(
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where database_name = 'lake' and schema_name in ('log', 'facts', 'reports')"
    )
    sources = [table for (table,) in tables] + [
        f"read_parquet('{path}')" for path in files if path.suffix == ".parquet"
    ]
    rows = "".join(str(writer.connection.rows(f"from {source}")) for source in sources).lower()
    planted = (WRITTEN, SAID, BURIED, DISPUTED, *KEPT)
    stems = {word: word.lower()[:LEAST_STEM] for word in planted}
    return {word for word, stem in stems.items() if stem in rows or stem.encode() in held}


def sums(writer: Writer) -> Sequence[object]:
    """Count what managers count."""
    return writer.connection.rows(SUMS)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a home with all of it, whose company now keeps words for a time."""
    folder: Path = tmp_path_factory.mktemp("made")
    make_home(folder)
    (folder / "company.toml").write_text(COMPANY_FILE + RETENTION)
    (folder / "warehouse" / "slices").mkdir()
    (folder / "warehouse" / "slices" / "left").write_text(SAID)
    return folder


@pytest.fixture
def home(made: Path, tmp_path: Path) -> Path:
    """Give that home to one test alone."""
    return shutil.copytree(made, tmp_path / "home")


def test_maintenance_takes_the_words_out_of_every_file_and_leaves_every_sum(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        before = sums(writer)
        assert writer.forgetting(LATER) == [
            KeptForATime(
                company=COMPANY, kind="messages", days=30, until=None, due=kept_since(30, now=LATER), waiting=3
            ),
            KeptForATime(
                company=COMPANY, kind="transcripts", days=60, until=None, due=kept_since(60, now=LATER), waiting=3
            ),
            KeptForATime(
                company=COMPANY, kind="dead_letters", days=30, until=None, due=kept_since(30, now=LATER), waiting=2
            ),
        ]
        assert WRITTEN in words_in(home, writer)
        for seconds in (0, 1, 2, 900, 1_800):  # a kind each, then a round that rewrites, and one that deletes
            writer.maintain(instant(AT + timedelta(seconds=seconds)))
        with open_reader(settings_at(home)) as reader:
            index = SearchIndex(home / "warehouse" / "search.sqlite")
            assert index.follow(reader) == 3
            found = [index.search(SearchQuery(text=word, company=COMPANY), reader=reader) for word in (SAID, "Jusan")]
            index.close()
        assert words_in(home, writer) == KEPT
        assert [len(calls) for calls in found] == [0, 1]
        assert sums(writer) == before
        assert [(one.waiting, one.until) for one in writer.forgetting(LATER)] == [
            (0, kept_since(days, now=LATER)) for days in (30, 60, 30)
        ]
        assert writer.connection.rows(
            "select until >= cast(? as timestamptz) from log.forgotten where kind = 'files'", [LATER]
        ) == [(True,)]


def test_what_comes_again_is_the_same_fact_and_leaves_no_word(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        while any(one.waiting for one in writer.forgetting(LATER)):
            writer.maintain(LATER)
        disputed = told(1, begin=BEGIN, written=DISPUTED + " again", said=DISPUTED)
        again = [*records_of([*OLD, *NEW, *OTHERS, *disputed], first_offset=500), letter(9, died_at=SOON, body=BURIED)]
        assert writer.land(Batch(again), now=LATER) == Landed(duplicates=48, conflicts=1, dead=1)
        assert writer.connection.rows("select count(*) from log.dead") == [(1,)]
        kept = str(writer.connection.rows("from log.events")) + str(writer.connection.rows("from log.conflicts"))
        assert [word for word in (WRITTEN, SAID, DISPUTED) if word in kept] == []
        assert [table for table in writer.rebuild(verify=True) if not table["same"]] == []
    with open_writer(settings_at(home)) as writer:
        assert writer.land(Batch(records_of(OLD, first_offset=900)), now=LATER) == Landed(duplicates=24)


def test_nothing_is_forgotten_by_the_word_of_a_clock_alone(home: Path) -> None:
    wrong = AT.replace(year=2110)
    timeless = [
        msgspec.structs.replace(fact, recordedat=fact.time) for fact in told(21, begin=wrong, written="", said="")
    ]
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(timeless, first_offset=4_000)), now=instant(wrong))
        for minutes in range(4):
            writer.maintain(instant(wrong + timedelta(minutes=minutes)))
        assert [one.until for one in writer.forgetting(LATER)] == [None] * 3
        for seconds in range(3):
            writer.maintain(instant(AT + timedelta(seconds=seconds)))
        forgotten = [kept_since(days, now=LATER) for days in (30, 60, 30)]
        assert [one.until for one in writer.forgetting(LATER)] == forgotten

        # A week in which nobody told of anything; then the clock goes astray, and somebody tells of something.
        for week, until in ((1, "2099-12-09"), (60, "2099-12-09"), (60, "2101-01-26")):
            now = AT + timedelta(weeks=week)
            for minutes in range(6):
                writer.maintain(instant(now + timedelta(minutes=minutes)))
            assert writer.forgetting(LATER)[0].until == f"{until}T00:00:00.000Z"
            if week > 1:
                later = told(20, begin=now - timedelta(days=1), written="Balqash", said="Jusan")
                writer.land(Batch(records_of(later, first_offset=5_000)), now=instant(now))


def test_a_clock_that_is_doubted_of_a_new_company_is_not_of_one_whose_days_go_on(
    capsys: pytest.CaptureFixture[str],
) -> None:
    new, old = (
        msgspec.structs.replace(DRAWN, id=name, retention=Retention(messages_days=30)) for name in ("new", "old")
    )
    empty, tomorrow = scratch().connection, AT + timedelta(days=1)
    forgotten = Share(kind="messages", company="old", since=None, until=kept_since(30, now=LATER))
    Forgetter(empty, [old]).note(forgotten, taken=0, now=LATER)

    due = Share(kind="messages", company="old", since=forgotten.until, until=kept_since(30, now=instant(tomorrow)))
    assert due == Forgetter(empty, [new, old]).next_share(instant(tomorrow))
    assert not capsys.readouterr().out  # where nothing was told yet nothing waits


def test_it_is_forgotten_at_once_when_asked_for(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ANGIME_HOME", str(home))
    recording = home / "recordings" / COMPANY / "2026" / "03" / "01" / "x.wav"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(b"sound")

    assert [(due.kind, due.waiting) for due in forgetting.look(now=AT)] == [
        ("messages", 3),
        ("transcripts", 3),
        ("dead_letters", 2),
        ("recordings", 1),
    ]
    assert forgetting.told_again() == [f"dead_letters of {COMPANY} (30 days, Kafka 90)"]
    forgotten = forgetting.forget(now=AT, say=lambda _: None)
    assert forgotten == forgetting.Forgotten(events_and_dead_letters=8, recordings=1)
    with open_writer(settings_at(home)) as writer:
        assert words_in(home, writer) == KEPT


def test_while_somebody_reads_all_else_is_forgotten_and_the_rest_left_to_maintenance(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANGIME_HOME", str(home))
    recording = home / "recordings" / COMPANY / "2026" / "03" / "01" / "x.wav"
    recording.parent.mkdir(parents=True)
    recording.write_bytes(b"sound")
    (home / "warehouse" / "search.sqlite").write_text(SAID)

    with reading_the_catalog(home):
        forgotten = forgetting.forget(now=AT, say=lambda _: None, catalog_seconds=0.1)
    assert (forgotten.events_and_dead_letters, forgotten.recordings) == (8, 1)
    assert "being read" in forgotten.unfinished
    assert not (home / "warehouse" / "search.sqlite").exists()
    with open_writer(settings_at(home)) as writer:
        for minutes in (5, 10, 15):
            writer.maintain(instant(AT + timedelta(minutes=minutes)))
        assert words_in(home, writer) == KEPT


def test_words_are_masked_once_and_what_says_nothing_stays_as_it_is() -> None:
    [said] = [msgspec.json.encode(fact.data).decode()
              for fact in OLD[:5] if fact.type == "call.transcribed"]  # fmt: skip
    without = without_words(said)

    assert SAID not in without
    assert masked(f"{SAID} Good day?") in without
    assert without_words(without) == without
    assert without_words('{"message_id":"1", "text":null}') == '{"message_id":"1", "text":null}'
    assert without_words('{"turns":[{"text":"","words":[]}]}') == '{"turns":[{"text":"","words":[]}]}'


def test_a_letter_of_nobody_who_is_known_is_past_by_the_shortest_of_times() -> None:
    kept = {"acme": 30, "bolt": 90, "ever": None}
    companies = [
        msgspec.structs.replace(DRAWN, id=name, retention=Retention(dead_letters_days=days))
        for name, days in kept.items()
    ]
    forgetter = Forgetter(scratch().connection, companies)
    while share := forgetter.next_share(LATER, believes=True):
        forgetter.heed(share)
    days = (29, 30, 31, 89, 91)

    def past(company: str) -> list[bool]:
        died = [kept_since(day, now=LATER) for day in days]
        return [forgetter.is_past(dead_letter(0, died_at=at, body=BURIED, company=company)) for at in died]

    assert {
        "acme": [False, False, True, True, True],
        "bolt": [False, False, False, False, True],
        "ever": [False, False, False, False, False],
        "nobody knows": [False, False, True, True, True],
    } == {company: past(company) for company in (*kept, "nobody knows")}


def test_a_whole_day_goes_at_a_time() -> None:
    assert kept_since(30, now="2026-03-31T23:59:59.999Z") == "2026-03-01T00:00:00.000Z"
    assert kept_since(30, now="2026-04-01T00:00:00.000Z") == "2026-03-02T00:00:00.000Z"
