"""What people's own SQL may do: hostile statements against each wall by itself, and against the process as a whole."""

import shutil
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from analytics.folding.scratch import Scratch
from analytics.folding.scratch import scratch as open_scratch
from analytics.reading import sandbox
from analytics.reading.confining import Refused, check
from analytics.reading.rights import OWNER, Rights
from analytics.settings import AnalyticsSettings
from analytics.warehouse import Batch, Confined, open_confined, open_writer

ANALYST = Rights(role="analyst", companies=("nomad",))
PATIENCE_SECONDS = 90

# Refused before they run, because of what they name or do.
REFUSED = """
    select * from read_text('/etc/passwd')
    select * from read_blob('/etc/shadow')
    select * from read_csv('/etc/passwd')
    select * from read_csv_auto('/etc/passwd')
    select * from read_parquet('/tmp/x.parquet')
    select * from read_json('/tmp/x.json')
    select * from read_json_auto('http://127.0.0.1:1/x.json')
    select * from read_ndjson('/tmp/x')
    select * from '/etc/passwd'
    select * from 'data.parquet'
    select * from "x.csv"
    from 'https://example.com/x.parquet'
    select * from glob('/*')
    select * from sniff_csv('/etc/passwd')
    select * from parquet_metadata('/tmp/x.parquet')
    select * from parquet_scan('/tmp/x.parquet')
    select * from sqlite_scan('/tmp/x.sqlite', 't')
    select * from query('select 1')
    select * from query_table('facts.calls')
    select * from json_execute_serialized_sql('{}')
    select * from duckdb_settings()
    select * from duckdb_views()
    select * from duckdb_secrets()
    select * from duckdb_databases()
    select * from pragma_table_info('facts.calls')
    select * from pragma_database_list()
    select * from information_schema.tables
    select * from pg_catalog.pg_class
    select * from main.sqlite_master
    select * from lake.facts.calls
    select * from lake.log.events
    select * from __ducklake_metadata_lake.ducklake_data_file
    select * from facts.calls at (version => 1)
    select * from facts.calls at (timestamp => now())
    select * from ducklake_snapshots('lake')
    select * from ducklake_table_changes('lake', 'facts', 'calls', 0, 9)
    select * from (from lake.facts.calls)
    select (select max(contact_name) from lake.facts.calls)
    select 1 where exists (from lake.facts.calls)
    with calls as (from lake.facts.calls) from calls
    from facts.calls union all by name from lake.facts.calls
    select getenv('HOME')
    select current_setting('temp_directory')
    select getvariable('x')
    select nextval('s')
    attach '/tmp/x.db' as other
    attach ':memory:' as other
    detach lake
    use lake
    copy facts.calls to '/tmp/x.csv'
    copy (select 1) to '/tmp/x.parquet'
    copy facts.calls from '/tmp/x.csv'
    export database '/tmp/x'
    import database '/tmp/x'
    set memory_limit = '100GB'
    set enable_external_access = true
    reset lock_configuration
    pragma database_list
    pragma enable_profiling
    install httpfs
    load httpfs
    create table x as select 1
    create temp view x as select 1
    create macro f(a) as a
    create secret s (type s3)
    insert into facts.calls select * from facts.calls
    update facts.calls set outcome = 'answered'
    delete from facts.calls
    truncate facts.calls
    drop table facts.calls
    alter table facts.calls add column x integer
    call ducklake_expire_snapshots('lake')
    checkpoint
    vacuum
    begin transaction
    explain analyze select 1
    prepare p as select 1
    execute p
    show tables
    show all tables
    describe
    select 1; select 2
    select 1; drop table facts.calls
    ;
    selekt 1
    python_map()
""".strip().splitlines()

# What the session itself does not let through, were it ever run.
LOCKED = """
    select * from read_text('/etc/passwd')
    select * from read_csv('/etc/passwd')
    select * from '/etc/passwd'
    select * from read_json_auto('http://127.0.0.1:1/x.json')
    attach '/tmp/angime-test.db' as other
    copy (select 1) to '/tmp/angime-test.csv'
    export database '/tmp/angime-test'
    set memory_limit = '100GB'
    set threads = 64
    set enable_external_access = true
    set lock_configuration = false
    set temp_directory = '/tmp'
    reset memory_limit
    install httpfs
    load httpfs
    create table lake.facts.more as select 1 as x
    insert into lake.reference.companies select * from lake.reference.companies
    delete from lake.log.events
    drop table lake.facts.calls
""".strip().splitlines()

# Stopped while they run: each by the time, the memory or the size that a question gets.
STOPPED = [
    "select repeat('x', 2000000000)",
    "with recursive t as (select 1 as n union all select n + 1 from t) select count(*) from t",
    "select list_reduce(list_transform(range(100000000), x -> x * 2.0), (a, b) -> a + b)",
    "select regexp_replace(repeat('ab', 20000000), '(a?b?){1,500}', 'x', 'g')",
    "select count(*) from range(100000000) a, range(100000000) b where a.range % 7 = b.range % 11",
    "select string_agg(repeat(range::varchar, 1000), ',') from range(10000000)",
    "select repeat('x', 200000) from range(1000)",
    "select 1" + " + 1" * 4_500,
]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse of two companies without a call."""
    made = tmp_path_factory.mktemp("confined")
    folder = made / "companies"
    folder.mkdir()
    for company in ("nomad", "other"):
        (folder / f"{company}.toml").write_text(
            f'id = "{company}"\nname = "{company.upper()}"\ntime_zone = "UTC"\ndefault_region = "KZ"\n',
            encoding="utf-8",
        )
    writer = open_writer(AnalyticsSettings(home=made, company=folder))
    writer.land(Batch([]), now=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%S.000Z}")
    writer.close()
    return made


@pytest.fixture(scope="module")
def session(home: Path) -> Generator[Confined]:
    opened = open_confined(AnalyticsSettings(home=home))
    opened.allow("select count(*) from facts.calls", rights=OWNER, salt="salt")
    yield opened
    opened.close()


@pytest.fixture(scope="module")
def scratch() -> Generator[Scratch]:
    opened = open_scratch()
    yield opened
    opened.close()


@pytest.mark.parametrize("text", [line.strip() for line in REFUSED])
def test_a_statement_that_names_or_does_more_than_reading_is_refused(scratch: Scratch, text: str) -> None:
    with pytest.raises(Refused):
        check(scratch.connection, text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("select outcome, count(*) from facts.calls group by all", {"facts.calls"}),
        (
            "with c as (from facts.calls) select * from c join reference.teams using (company)",
            {"facts.calls", "reference.teams"},
        ),
        ("describe facts.turns", {"facts.turns"}),
        ("summarize FACTS.Calls", {"facts.calls"}),
        ("select x from unnest([1, 2]) as t(x)", set()),
        ("values (1), (2)", set()),
        ("with recursive t as (select 1 as n union all select n + 1 from t where n < 9) from t", set()),
    ],
)
def test_a_statement_that_reads_names_what_it_reads(scratch: Scratch, text: str, expected: set[str]) -> None:
    assert expected == check(scratch.connection, text)


@pytest.mark.parametrize("text", [line.strip() for line in LOCKED])
def test_the_session_lets_nothing_through_that_was_not_checked(session: Confined, text: str) -> None:
    with pytest.raises(session.errors):
        session.rows(text)
    assert [(1,)] == session.rows("select 1")


def test_an_extension_is_not_loaded_even_from_where_a_statement_may_read(session: Confined, home: Path) -> None:
    file = AnalyticsSettings(home=home).warehouse / "other.duckdb_extension"
    file.write_bytes(b"whatever")
    with pytest.raises(session.errors, match="disabled through configuration"):
        session.execute(f"load '{file.resolve()}'")


@pytest.mark.parametrize("text", STOPPED)
def test_a_bomb_is_stopped_and_the_next_question_is_answered(home: Path, text: str) -> None:
    settings = AnalyticsSettings(home=home)
    began = time.monotonic()
    stopped = sandbox.ask(settings, text=text, rights=ANALYST).outcome
    assert (True, True) == (
        stopped.problem in {"time", "memory", "size", "error", "refused"},
        time.monotonic() - began < PATIENCE_SECONDS,
    )


def test_a_question_is_answered_with_the_rights_of_who_asks(home: Path) -> None:
    text = "select company from reference.companies"
    answer = sandbox.ask(AnalyticsSettings(home=home), text=text, rights=ANALYST, seconds=PATIENCE_SECONDS)
    assert ("", ["nomad"]) == (answer.outcome.problem, answer.rows["company"].to_list())


def test_a_question_is_asked_of_the_warehouse_that_the_settings_name(home: Path, tmp_path: Path) -> None:
    shutil.copytree(home / "warehouse", tmp_path / "trial")
    settings = AnalyticsSettings(home=tmp_path, warehouse_folder=tmp_path / "trial")
    answer = sandbox.ask(settings, text="select 1 as n", rights=ANALYST, seconds=PATIENCE_SECONDS)
    assert ("", [1]) == (answer.outcome.problem, answer.rows["n"].to_list())


def test_columns_of_one_name_are_told_apart(home: Path) -> None:
    text = "select 1 as n, 2 as n, 3 as n, 4 as n_1"
    answer = sandbox.ask(AnalyticsSettings(home=home), text=text, rights=ANALYST, seconds=PATIENCE_SECONDS)
    assert ("", [{"n": 1, "n_2": 2, "n_3": 3, "n_1": 4}]) == (answer.outcome.problem, answer.rows.to_dicts())


def test_a_time_between_two_moments_is_written_as_the_engine_writes_it(home: Path) -> None:
    text = "select 7 as n, timestamptz '2026-03-02' - timestamptz '2026-03-01 23:54:30' as 'it \"took\"'"
    answer = sandbox.ask(AnalyticsSettings(home=home), text=text, rights=ANALYST, seconds=PATIENCE_SECONDS)
    assert ("", [{"n": 7, 'it "took"': "00:05:30"}]) == (answer.outcome.problem, answer.rows.to_dicts())


def test_rows_beyond_the_limit_are_cut_and_said_so(home: Path) -> None:
    answer = sandbox.ask(
        AnalyticsSettings(home=home), text="select * from range(10001)", rights=ANALYST, seconds=PATIENCE_SECONDS
    )
    assert (True, sandbox.MAX_ROWS) == (answer.outcome.is_cut, answer.rows.height)


def test_who_sees_some_teams_only_asks_no_sql(home: Path) -> None:
    rights = Rights(role="manager", teams=("north",))
    assert "refused" == sandbox.ask(AnalyticsSettings(home=home), text="select 1", rights=rights).outcome.problem
