"""A catalog in PostgreSQL: the rows of one in a file, one writer among all machines, and words for what it refuses."""

import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from msgspec.structs import replace

from analytics.copies.snapshots import Snapshot, take
from analytics.engine.away import WarehouseAway
from analytics.engine.catalogs import Looked, catalog_of
from analytics.engine.keeping import IsRead
from analytics.engine.maintenance import Maintainer
from analytics.reading import sandbox
from analytics.reading.rights import OWNER
from analytics.settings import AnalyticsSettings
from analytics.warehouse import CATALOG, Batch, Writer, open_reader, open_side_by_side, open_writer
from schemas.errors import Misconfigured, NotYet
from schemas.instants import Instant, instant
from tests.analytics.landing_cases import (
    NOW,
    call_events,
    message_events,
    missed_events,
    other_events,
    records_of,
    settings_at,
)
from tests.postgres import PASSWORD, Postgres

ROOT = Path(__file__).parents[2]
FILE_SECONDS, READER_SECONDS = 1.5, 3.0
TRANSACTIONS = 40
READER = "reader"

_WRITE = """
import sys
from analytics.warehouse import open_writer
from tests.analytics.landing_cases import settings_at

with open_writer(settings_at(sys.argv[1])):
    print("writes", flush=True)
    sys.stdin.read()
"""
# Transactions of two statements each, through which the writer lands and maintains.
_READ = """
import sys, time
from pathlib import Path
from analytics.warehouse import open_reader
from tests.analytics.landing_cases import settings_at

QUESTION = "select count(*), sum(events), (select count(*) from log.events) from facts.calls"
done, wrong = 0, 0
with open_reader(settings_at(sys.argv[1])) as reader:
    while done < int(sys.argv[2]) or not Path(sys.argv[1], "maintained").exists():
        with reader.transaction():
            [before] = reader.sql(QUESTION).rows()
            time.sleep(0.004 * (done % 25))
            [after] = reader.sql(QUESTION).rows()
        done += 1
        wrong += before != after or before[1] != before[2]
print(wrong)
"""


@pytest.fixture(scope="module")
def filled(postgres: Postgres, tmp_path_factory: pytest.TempPathFactory) -> AnalyticsSettings:
    """Make a warehouse that holds a call."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PGPASSWORD", PASSWORD)
        settings = _at(tmp_path_factory.mktemp("filled"), postgres.new_database())
        with open_writer(settings) as writer:
            _land(writer, 0)
    return settings


@pytest.fixture
def settings(
    filled: AnalyticsSettings, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AnalyticsSettings:
    """Give a copy of it."""
    address = postgres.new_database(like=_database(filled.catalog))
    monkeypatch.setenv("PGPASSWORD", PASSWORD)
    monkeypatch.setenv("ANGIME_CATALOG", address)
    return _at(shutil.copytree(filled.home, tmp_path / "home"), address)


def test_rows_and_snapshots_are_those_of_a_catalog_in_a_file(catalog: str, tmp_path: Path) -> None:
    in_file, in_database = (
        _made(_at(tmp_path / place, address)) for place, address in (("file", ""), ("database", catalog))
    )

    assert in_file == in_database
    assert in_file.tables["facts.calls"].rows == 24


def test_one_process_of_all_machines_writes(settings: AnalyticsSettings, tmp_path: Path) -> None:
    one, other = settings, _at(tmp_path / "other", settings.catalog)
    with open_writer(one), pytest.raises(Misconfigured, match="another process writes the warehouse whose catalog is"):
        open_writer(other)
    words = [sys.executable, "-c", _WRITE, str(tmp_path / "other")]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "writes\n"
        process.send_signal(signal.SIGKILL)
    open_writer(one).close()


def test_a_writer_whose_right_was_taken_writes_no_more(settings: AnalyticsSettings, postgres: Postgres) -> None:
    with open_writer(settings) as writer:
        postgres.ask("select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory'")
        with pytest.raises(WarehouseAway, match="PostgreSQL ended the session that held the right to write"):
            _land(writer, 1)
    with open_writer(settings) as writer:
        _land(writer, 1)
        assert writer.connection.rows("select count(*) from facts.calls") == [(2,)]


def test_readers_with_a_role_of_their_own_never_notice_what_is_written_and_maintained(
    settings: AnalyticsSettings, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    with _a_role_that_reads(settings.catalog, postgres) as address, open_writer(settings) as writer:
        maintainer = Maintainer(
            writer.connection, catalog=CATALOG, file_seconds=FILE_SECONDS, reader_seconds=READER_SECONDS
        )
        monkeypatch.setenv("ANGIME_CATALOG", address)
        words = [sys.executable, "-c", _READ, str(settings.home), str(TRANSACTIONS)]
        readers = [subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        number = 1
        while any(reader.poll() is None for reader in readers):
            _land(writer, number)
            if maintainer.maintain(instant(datetime.now(UTC))).is_merged:
                (settings.home / "maintained").touch()
            with suppress(IsRead):
                catalog_of(settings).vacuum(wait_seconds=0.1)
            number += 1
        assert [(reader.communicate()[0], reader.returncode) for reader in readers] == [("0\n", 0)] * 2
        assert writer.connection.rows("select count(*) from facts.calls") == [(number,)]


def test_a_state_that_is_held_stays_with_its_files(settings: AnalyticsSettings) -> None:
    with open_writer(settings) as writer:
        with open_side_by_side({"held": settings}, is_held=True) as reader:
            _land(writer, 1)
            assert [writer.maintain(_later(hours)).is_merged for hours in (1, 2, 3)] == [False, False, False]
            assert reader.rows("select count(*) from held.facts.calls") == [(1,)]
        assert [writer.maintain(_later(hours)).is_merged for hours in (4, 5)] == [True, True]


def test_a_catalog_is_not_cleaned_of_what_somebody_reads(settings: AnalyticsSettings) -> None:
    with open_writer(settings) as writer, open_reader(settings) as reader:
        with reader.transaction():
            assert reader.sql("select count(*) from facts.calls").item() == 1
            writer.purge()
            with pytest.raises(IsRead):
                catalog_of(settings).vacuum(wait_seconds=0.1)
        catalog_of(settings).vacuum(wait_seconds=0.1)


def test_readers_go_on_when_the_server_was_away(settings: AnalyticsSettings, postgres: Postgres) -> None:
    with open_reader(settings) as reader:
        state = reader.snapshot_id()
        postgres.stop()
        try:
            for ask in (reader.snapshot_id, _calls(reader.sql), _calls(reader.ask), lambda: open_reader(settings)):
                with pytest.raises(WarehouseAway, match="the catalog is away: PostgreSQL does not answer for angime_"):
                    ask()
        finally:
            postgres.start()
        assert (reader.snapshot_id(), reader.sql("select count(*) from facts.calls").item()) == (state, 1)


def test_a_statement_of_a_person_s_own_is_answered(settings: AnalyticsSettings) -> None:
    answer = sandbox.ask(settings, text="select count(*) as calls from facts.calls", rights=OWNER)

    assert (answer.outcome.problem, answer.outcome.words, answer.rows.rows()) == ("", "", [(1,)])


def test_what_is_wrong_with_a_database_is_said_in_one_line_without_its_password(
    catalog: str, postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refusal(address: str) -> str:
        with pytest.raises((Misconfigured, NotYet)) as refused:
            open_reader(_at(tmp_path, address))
        assert "\n" not in refused.value.reason
        assert "hunter2" not in refused.value.reason
        return refused.value.reason

    assert refusal(catalog) == (
        f"there is no warehouse yet at {_database(catalog)} at 127.0.0.1: start `angime up` or `angime land`, or name "
        "yours in ANGIME_CATALOG"
    )
    assert refusal("angime.sqlite") == (
        "ANGIME_CATALOG is no address of PostgreSQL, such as postgresql://angime@db.example/angime"
    )
    assert refusal("postgresql://angime:hunter2@127.0.0.1/angime").startswith("ANGIME_CATALOG holds a password")
    assert refusal("postgresql://angime@127.0.0.1/angime?password=hunter2").startswith(
        "ANGIME_CATALOG holds a password"
    )
    assert 'database "nowhere" does not exist' in refusal(postgres.address("nowhere"))
    assert refusal("postgresql://angime@127.0.0.1:1/angime") == (
        "the catalog is away: PostgreSQL does not answer for angime at 127.0.0.1"
    )
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    assert "password authentication failed" in refusal(catalog)


def test_a_doctor_sees_what_a_role_may_not(catalog: str, postgres: Postgres, tmp_path: Path) -> None:
    now, database = datetime.now(UTC), _database(catalog)

    def look(now: datetime, address: str = catalog) -> list[Looked]:
        return catalog_of(_at(tmp_path, address)).look(now=now)

    [good] = look(now)
    [clock] = look(now + timedelta(hours=1))
    with _a_role_that_reads(catalog, postgres) as address:
        [reads] = look(now, address)
    postgres.ask(f"alter database {database} owner to current_user")
    postgres.ask("grant create on schema public to angime", database=database)
    [owned] = look(now)

    assert (good.state, good.found.startswith("PostgreSQL "), good.mending) == ("good", True, "")
    assert (clock.state, clock.mending) == ("wrong", "set both clocks (NTP)")
    assert reads == Looked("note", f"{READER} may only read {database} at 127.0.0.1", "enough for pages")
    assert owned == Looked(
        "wrong",
        "what is erased would stay in PostgreSQL",
        f"let its role own the database: alter database {database} owner to angime",
    )


def _at(home: Path, address: str) -> AnalyticsSettings:
    return settings_at(home).model_copy(update={"catalog": address})


def _land(writer: Writer, number: int) -> None:
    writer.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)


def _later(hours: float) -> Instant:
    return instant(datetime(2026, 3, 9, 12, tzinfo=UTC) + timedelta(hours=hours))


def _calls(ask: Callable[[str], object]) -> Callable[[], object]:
    return lambda: ask("select count(*) from facts.calls")


def _database(address: str) -> str:
    return address.rpartition("/")[2]


def _made(settings: AnalyticsSettings) -> Snapshot:
    """Land something of everything in two batches, with maintenance between; gives what a snapshot says of it."""
    first = [fact for number in range(12) for fact in (*call_events(number), *other_events(number))]
    second = [fact for number in range(12) for fact in (*message_events(number), *missed_events(number))]
    with open_writer(settings) as writer:
        writer.land(Batch(records_of(first)), now=NOW)
        writer.maintain(_later(1))
        writer.land(Batch(records_of(second, first_offset=len(first))), now=NOW)
        writer.maintain(_later(2))
        if settings.catalog:
            assert [table for table in writer.rebuild(verify=True) if not table["same"]] == []
    return replace(take(settings, settings.home / "snapshot"), lake_snapshot=0)


@contextmanager
def _a_role_that_reads(address: str, postgres: Postgres) -> Generator[str]:
    """Let a role read what the owner of a database makes there, as docs/deploy says; gives the address for it."""
    database = _database(address)
    postgres.ask(f"create role {READER} login password '{PASSWORD}'")
    postgres.ask(f"grant select on all tables in schema public to {READER}", database=database)
    grants = f"alter default privileges for role angime in schema public grant select on tables to {READER}"
    postgres.ask(grants, database=database)
    yield postgres.address(database, role=READER)
    postgres.ask(f"drop owned by {READER}", database=database)
    postgres.ask(f"drop role {READER}")
