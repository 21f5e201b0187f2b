"""The door: who may open the warehouse, what readers see of it, and what its columns say of themselves."""

import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import pytest

from analytics import ALLOCATOR
from analytics.engine.attaching import attach, make_catalog
from analytics.engine.sessions import SOUGHT_ROWS, open_session
from analytics.folding.scratch import scratch
from analytics.views import parse_view, read_views, with_inputs
from analytics.warehouse import CATALOG, ROWS_OF_FACTS, Batch, connect, open_reader, open_writer
from schemas.errors import Misconfigured, NotYet
from tests.analytics.drawn import COMPANY_TEXT, drawn_events
from tests.analytics.landing_cases import NOW, call_events, records_of, settings_at


def test_a_reader_in_another_process_sees_what_was_landed(home: Path) -> None:
    program = (
        "import importlib, sys, time\n"
        "from concurrent.futures import ThreadPoolExecutor\n"
        "from analytics.warehouse import open_reader\n"
        "from tests.analytics.landing_cases import settings_at\n"
        "with open_reader(settings_at(sys.argv[1])) as reader:\n"
        "    print(reader.sql('select outcome from facts.calls where events = $n', {'n': 5}).rows())\n"
        "    print('pandas' in sys.modules)\n"  # which alone would take a third of a second of each start
        "    with ThreadPoolExecutor(1) as aside:\n"  # and who wants it while the engine is asked has it
        "        asked = aside.submit(reader.sql, 'select count(*) from range($n)', {'n': 300_000_000})\n"
        "        time.sleep(0.02)\n"
        "        importlib.import_module('pandas')\n"
        "        print(len(asked.result()))\n"
    )
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(call_events(1))), now=NOW)
        read = subprocess.run(
            [sys.executable, "-c", program, str(home)],
            capture_output=True,
            cwd=Path(__file__).parents[2],
            check=True,
            text=True,
        )
    assert read.stdout == "[('answered',)]\nFalse\n1\n"


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the engine has another allocator")
def test_the_engine_keeps_the_memory_of_a_statement_for_the_next() -> None:
    told = subprocess.run(
        [sys.executable, "-c", "import analytics.engine.sessions"],
        capture_output=True,
        cwd=Path(__file__).parents[2],
        env=os.environ | {"DUCKDB_JE_MALLOC_CONF": "confirm_conf:true"},
        check=True,
        text=True,
    ).stderr
    assert [one for one in ALLOCATOR if f"Set conf value: {one}\n" not in told] == []


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the engine has another allocator")
def test_a_reader_gives_back_the_memory_of_past_statements(home: Path) -> None:
    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1])

    open_writer(settings_at(home)).close()
    with open_reader(settings_at(home)) as reader, reader.beside() as other:
        limit = reader.sql("select current_setting('memory_limit')").item()
        before = resident()
        other.sql("select count(*) from (select i, 2 * i from range(1000000) as numbers (i) group by all)")
        kept = resident() - before
        reader.give_back()
        assert resident() - before < kept / 2
        assert limit == other.sql("select current_setting('memory_limit')").item()


def test_a_reader_sees_each_new_state_under_a_greater_snapshot_and_every_table_has_statistics(home: Path) -> None:
    with open_writer(settings_at(home)) as writer, open_reader(settings_at(home)) as reader:
        before = reader.snapshot_id()
        # Without statistics each statement that reads an empty table would search for them, column by column.
        assert (
            writer.connection.rows("""
            select table_name from __ducklake_metadata_lake.ducklake_table
            where table_id not in (select table_id from __ducklake_metadata_lake.ducklake_table_stats)
        """)
            == []
        )
        writer.land(Batch(records_of(call_events(1))), now=NOW)
        assert reader.snapshot_id() > before
        assert reader.sql("select count(*) from facts.calls").item() == 1


def test_the_table_by_which_a_call_is_found_is_sorted_finely_and_stays_through_a_rebuild(home: Path) -> None:
    options = """
        select value from __ducklake_metadata_lake.ducklake_metadata
        join __ducklake_metadata_lake.ducklake_table on table_id = scope_id
        where "key" = 'parquet_row_group_size' and table_name = 'call_starts' and end_snapshot is null
    """
    of_facts = """
        select value from __ducklake_metadata_lake.ducklake_metadata
        join __ducklake_metadata_lake.ducklake_schema on schema_id = scope_id
        where "key" = 'parquet_row_group_size' and scope = 'schema' and schema_name = 'facts'
    """
    starts = "select call_number, company, started_at from facts.call_starts order by all"
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of([event for call in range(60) for event in call_events(call)])), now=NOW)
        landed = writer.connection.rows(starts)
        writer.rebuild()
        assert writer.connection.rows(options) == [(str(SOUGHT_ROWS),)]
        assert writer.connection.rows(of_facts) == [(str(ROWS_OF_FACTS),)]
        assert writer.connection.rows(starts) == landed
        assert landed == writer.connection.rows(
            "select md5_number_lower(call_id), company, started_at from facts.calls order by all"
        )
        assert len(landed) == 60


def test_a_reader_can_change_nothing(home: Path) -> None:
    with (
        open_writer(settings_at(home)),
        open_reader(settings_at(home)) as reader,
        pytest.raises(Exception, match="read-only"),
    ):
        reader.sql("delete from log.stored_events")


def test_readers_without_a_warehouse_are_told_to_wait(tmp_path: Path) -> None:
    with pytest.raises(NotYet, match="no warehouse yet"):
        open_reader(settings_at(tmp_path))


def test_a_reader_of_a_warehouse_that_is_just_being_made_is_told_to_wait(tmp_path: Path) -> None:
    for number in range(10):
        settings = settings_at(tmp_path / str(number))
        settings.warehouse.mkdir(parents=True)
        with closing(open_session(settings)) as session:
            making = threading.Thread(target=make_catalog, args=(session, settings))
            making.start()
            while making.is_alive():
                with pytest.raises(NotYet):
                    open_reader(settings)
            making.join()
        with pytest.raises(NotYet, match="being made"):
            open_reader(settings)
        with closing(open_session(settings)) as session:
            attach(session, settings, reads_only=False)
            layers = (f"{CATALOG}.facts", f"{CATALOG}.reports")
            session.execute(
                ";".join(f"create schema if not exists {one}; create table {one}.first (day date)" for one in layers)
            )
        with pytest.raises(NotYet, match="being made"):
            open_reader(settings)


def test_what_is_left_of_a_catalog_that_was_not_made_whole_is_no_hindrance(tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    settings.warehouse.mkdir(parents=True)
    for name in ("catalog.new", "catalog.new-wal", "catalog.new-shm"):
        (settings.warehouse / name).write_bytes(b"half" * 2_000)
    with open_writer(settings), open_reader(settings) as reader:
        assert reader.sql("select count(*) from log.events").item() == 0
    assert list(settings.warehouse.glob("catalog.new*")) == []


def test_a_catalog_cut_off_to_nothing_is_refused_by_reader_and_writer_instead_of_made_anew(home: Path) -> None:
    settings = settings_at(home)
    with open_writer(settings):
        pass
    whole = settings.catalog_file.read_bytes()
    settings.catalog_file.write_bytes(b"")
    for opened in (open_reader, open_writer, connect, open_writer):
        with pytest.raises(Misconfigured, match=r"catalog\.sqlite of the warehouse cannot be read"):
            opened(settings)
    settings.catalog_file.write_bytes(whole)
    with open_writer(settings), open_reader(settings) as reader:
        assert reader.sql("select count(*) from log.events").item() == 0


def test_an_engine_that_lacks_an_extension_does_not_call_the_catalog_broken(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with open_writer(settings_at(home)):
        pass
    package = tmp_path / "duckdb_extension_sqlite_scanner"  # of another version: it has no file for this one
    package.mkdir()
    (package / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)

    for opened in (open_reader, open_writer):
        with pytest.raises(Misconfigured, match=r"cannot load its extension sqlite_scanner .*`make setup`"):
            opened(settings_at(home))


def test_a_warehouse_moved_with_its_folder_opens_again(tmp_path: Path) -> None:
    with open_writer(settings_at(tmp_path / "here")) as writer:
        writer.land(Batch(records_of([fact for number in range(40) for fact in call_events(number)])), now=NOW)
    (tmp_path / "here").rename(tmp_path / "there")
    with open_reader(settings_at(tmp_path / "there")) as reader:
        assert reader.sql("select count(*) from log.events").item() == 200


def test_a_company_file_that_was_named_and_is_missing_is_a_misconfiguration(tmp_path: Path) -> None:
    settings = settings_at(tmp_path).model_copy(update={"company": tmp_path / "none.toml"})
    with pytest.raises(Misconfigured, match=r"none\.toml"):
        open_writer(settings)


def test_every_table_view_and_column_says_what_it_means(home: Path) -> None:
    with open_writer(settings_at(home)), open_reader(settings_at(home)) as reader:
        silent = reader.sql("select relation, \"column\" from reference.dictionary where meaning = ''").rows()
        listed = set(reader.sql("select distinct relation from reference.dictionary").to_series())
        comments = reader.comments().drop_nulls("comment")
        commented = set(comments["relation"])
    assert silent == []
    assert {view.relation for view in read_views()} | {"log.events", "reference.operators"} <= listed & commented
    # Tables are named there as everywhere, whatever the engine needs.
    assert [said for said in comments["comment"] if "lake." in said] == []


def test_a_header_is_read_into_grain_key_and_columns() -> None:
    view = parse_view(
        "-- One row a call.\n-- key: call_id\n-- entity: $.call_id\n-- columns:\n"
        "--   call_id varchar: its id\n--   talk_seconds double, seconds: talk of it,\n--     without ringing\n"
        "select 1\n",
        layer="facts",
        name="calls",
    )
    assert (view.grain, view.key, view.entity, view.select) == ("One row a call.", ("call_id",), "call_id", "select 1")
    assert [(column.name, column.unit, column.meaning) for column in view.columns] == [
        ("call_id", "", "its id"),
        ("talk_seconds", "seconds", "talk of it, without ringing"),
    ]


def test_a_header_without_a_sentence_is_refused() -> None:
    with pytest.raises(ValueError, match=r"facts\.calls: the header must begin with a sentence"):
        parse_view("select 1", layer="facts", name="calls")


def test_a_text_reads_what_it_is_given_instead_of_its_tables() -> None:
    warehouse = scratch()
    text = with_inputs(
        "with events as (select id from log.events) select events.id, e.id from events, log.events as e, staging.one",
        inputs=[("log.events", "select 7 as id"), ("staging.one", "select * from log.events")],
    )
    assert warehouse.sql(text).rows() == [(7, 7)]


def test_what_a_call_is_found_by_is_written_once_though_its_team_is_known_later(tmp_path: Path) -> None:
    (tmp_path / "company.toml").write_text(COMPANY_TEXT)
    told = drawn_events("""
    call | fact     | at       | says
    c    | offered  | 05:00:00 | direction=incoming; contact=phone:+77010000001
    c    | accepted | 05:00:10 | operator=PJSIP/101; answered_by=human
    """)
    found: list[tuple[int, str | None]] = []
    with open_writer(settings_at(tmp_path)) as writer:
        for offset, event in enumerate(told):
            writer.land(Batch(records_of([event], first_offset=offset)), now=NOW)
            found += writer.connection.rows("select s.rowid, team_id from facts.call_starts as s, facts.calls")
    (row, before), (same_row, after) = found
    assert (before, after) == (None, "sales")
    assert row == same_row
