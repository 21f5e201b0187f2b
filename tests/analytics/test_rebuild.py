"""Rebuild: facts come out of the log the same as before, and a change of text or company data makes them anew."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from analytics import progress, views
from analytics.folding import rebuild, slices
from analytics.folding.rebuild import TableHash
from analytics.views import View, read_views
from analytics.warehouse import CATALOG, Batch, open_reader, open_writer
from tests.analytics.landing_cases import (
    COMPANY,
    NOW,
    call_events,
    message_events,
    missed_events,
    other_events,
    records_of,
    settings_at,
)

HISTORY = [fact for number in range(6) for fact in (*call_events(number), *message_events(number))]
COMPANY_FILE = f"""
id = "{COMPANY}"
name = "Acme"
time_zone = "{{zone}}"
default_region = "KZ"
"""


BUILDS = "select count(*), max(built_at) from log.builds"
MADE = f"""
    with tables as (from ducklake_table_info('{CATALOG}'))
    select table_name, table_id from tables
    where schema_id = (select schema_id from tables where table_name = 'messages') order by all
"""  # noqa: S608  # our own name


def test_a_rebuild_gives_the_rows_that_landing_gave(home: Path) -> None:
    steps: list[str] = []
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(HISTORY)), now=NOW)
        before = writer.connection.written_state()
        rebuilt = writer.rebuild(verify=True, on_step=steps.append)
        after = writer.connection.written_state()
    assert before is not None
    assert after == before + 1  # how files are written stays as it is, and no reader reads the catalog anew for that
    assert [table["table"] for table in rebuilt if not table["same"]] == []
    assert {"facts.calls": 6, "facts.messages": 6, "facts.turns": 12, "reports.calls_grouped": 3}.items() <= {
        table["table"]: table["rows"] for table in rebuilt
    }.items()
    assert {table["table"] for table in rebuilt} == {view.relation for view in read_views() if view.is_table}
    assert {table["table"] for table in rebuilt if table["rows"]} <= set(steps)


def test_a_rebuild_has_the_memory_to_itself_until_something_is_to_be_folded(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(HISTORY)), now=NOW)
        writer.rebuild()
        after = writer.connection.rows("select count(*) > 0 from words_calls")
        writer.catch_up(NOW)
        assert (after, writer.connection.rows("select count(*) > 0 from words_calls")) == ([(False,)], [(True,)])


def test_a_log_that_is_folded_in_slices_gives_the_same_rows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = HISTORY + [fact for number in range(4) for fact in (*missed_events(number), *other_events(number))]
    steps: list[str] = []
    left = settings_at(home).warehouse / slices.FOLDER / "slice=99" / "left.parquet"
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(facts)), now=NOW)
        left.parent.mkdir(parents=True)
        left.write_text("by a process that was killed")
        monkeypatch.setattr(slices, "SLICE_EVENTS", 30)
        monkeypatch.setattr(progress, "SAY_SECONDS", 0.0)
        rebuilt = writer.rebuild(verify=True, on_step=steps.append)
        assert not left.parent.parent.exists()
    assert [table["table"] for table in rebuilt if not table["same"]] == []
    paces = [one for one in steps if one.endswith(" s left")]
    folded, filled, hashed = ([one for one in paces if f" {what}, " in one] for what in ("events", "MB", "rows"))
    assert (len(folded), len(filled)) == (4, len([view for view in read_views() if slices.is_folded(view)]))
    assert [one[-10:] for one in (folded[-1], filled[-1], hashed[-1])] == [", 0 s left"] * 3
    steps = [one for one in steps if one not in paces]
    assert steps[:2] == ["the rows of before are hashed", "the log in 4 slices"]
    assert steps[2:6] == [f"slice {number} of 4" for number in range(1, 5)]
    assert steps[-1] == "the new rows are hashed"
    assert {table["table"] for table in rebuilt if table["rows"]} <= set(steps)


def test_facts_of_contacts_folded_for_some_at_a_time_are_the_same(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = HISTORY + [fact for number in range(4) for fact in (*missed_events(number), *other_events(number))]
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(facts)), now=NOW)
        monkeypatch.setattr(rebuild, "ROWS_AT_ONCE", 2)
        rebuilt = writer.rebuild(verify=True)
    assert [table["table"] for table in rebuilt if not table["same"]] == []
    counted = {table["table"]: table["rows"] for table in rebuilt}
    assert min(counted[name] for name in ("facts.contacts", "facts.missed_episodes")) > 1


def test_a_verified_rebuild_says_which_table_was_wrong(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(HISTORY)), now=NOW)
        writer.connection.execute("update facts.calls set talk_seconds = 1 where provider_call_id = 'CA3'")
        rebuilt = writer.rebuild(verify=True)
        assert [table["table"] for table in rebuilt if not table["same"]] == ["facts.calls"]
        assert all(table["same"] for table in writer.rebuild(verify=True))


def test_landing_goes_on_after_a_rebuild(home: Path) -> None:
    records = records_of(HISTORY)
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records[:20]), now=NOW)
        writer.rebuild()
        writer.land(Batch(records[20:]), now=NOW)
        assert all(table["same"] for table in writer.rebuild(verify=True))


def test_a_table_has_the_same_hash_in_any_order_and_another_when_a_row_stands_twice(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.connection.execute("""
            create temp table up as from range(100) order by 1;
            create temp table down as from range(100) order by 1 desc;
            create temp table twice as select 7 as range union all select 7;
            create temp table none as from up limit 0
        """)
        assert writer.table_hash("up") == writer.table_hash("down")
        assert writer.table_hash("twice").rows == 2
        assert writer.table_hash("twice").total != 0
        assert writer.table_hash("none") == TableHash(rows=0, total=0)


def test_facts_follow_a_changed_company_file_at_the_next_start(tmp_path: Path) -> None:
    file = tmp_path / "company.toml"
    file.write_text(COMPANY_FILE.format(zone="UTC"), encoding="utf-8")
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of(call_events(1))), now=NOW)
        assert writer.connection.rows("select day::varchar, hour from facts.calls") == [("2026-03-01", 23)]
    file.write_text(COMPANY_FILE.format(zone="Asia/Almaty"), encoding="utf-8")
    with open_writer(settings_at(tmp_path)) as writer:
        assert writer.connection.rows("select day::varchar, hour from facts.calls") == [("2026-03-02", 4)]
        assert writer.connection.rows("select day::varchar from reports.calls_daily") == [("2026-03-02",)]


def test_what_an_earlier_version_made_otherwise_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "company.toml"
    file.write_text(COMPANY_FILE.format(zone="UTC"), encoding="utf-8")
    with open_writer(settings_at(tmp_path)) as writer:
        writer.land(Batch(records_of([*call_events(1), *message_events(1)])), now=NOW)
        relations = ("reports.calls_hourly", "reports.calls_daily", "facts.messages")
        made = [writer.table_hash(relation) for relation in relations]
        # A column that was not there yet, a table that is a view now, a view that is a table now.
        writer.connection.execute("""
            alter table reference.thresholds drop column attribution;
            drop view reports.calls_hourly;
            create table reports.calls_hourly (company varchar);
            drop view reports.calls_daily;
            create table reports.calls_daily (company varchar);
            drop table facts.messages;
            delete from log.builds
        """)
        writer.connection.create_view("facts.messages", "select 1 as company")
    with open_writer(settings_at(tmp_path)) as writer:
        assert writer.connection.rows("select attribution from reference.thresholds") == [("last_call",)]
        assert [writer.table_hash(relation) for relation in relations] == made


def test_a_warehouse_is_built_again_when_it_is_opened_only_if_words_got_other_stems(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builds = "select count(*) from log.builds"
    with open_writer(settings_at(tmp_path)):
        pass
    with open_reader(settings_at(tmp_path)) as reader:
        first = reader.snapshot_id()
    with open_writer(settings_at(tmp_path)):
        pass
    with open_reader(settings_at(tmp_path)) as reader:
        assert (reader.snapshot_id(), reader.sql(builds).item()) == (first, 1)
    monkeypatch.setattr(rebuild, "MACROS", "another ending")
    with open_writer(settings_at(tmp_path)) as writer:
        assert writer.connection.rows(builds) == [(2,)]


@pytest.mark.parametrize(
    ("changed", "is_built_anew"),
    [
        ({"metrics.daily": {"select": "select 1 as company"}}, False),
        ({"checks.sources_silent": {"select": "select 2 as company"}}, False),
        ({"facts.calls": {"grain": "One row a call, said otherwise."}}, False),
        ({"facts.calls": {"needs": ("call.offered",)}}, True),
        ({"staging.call_facts": {"grain": "", "select": "changed"}}, True),
    ],
)
def test_facts_are_built_anew_only_where_that_changed_by_which_they_are_folded(
    changed: dict[str, dict[str, Any]], *, is_built_anew: bool
) -> None:
    before, after = (rebuild.fingerprint(some, companies=()) for some in (read_views(), _otherwise(changed)))
    assert before != after
    assert (before.facts != after.facts) is is_built_anew


def test_what_only_shows_facts_is_made_anew_over_facts_that_stay(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(call_events(1))), now=NOW)
        made = [writer.connection.rows(text) for text in (BUILDS, MADE)]
    own = _otherwise({"metrics.daily": {"select": "select 1 as mine"}, "facts.calls": {"grain": "One row, as I say."}})
    monkeypatch.setattr(views, "read_views", lambda: own)
    states: list[int] = []
    for _ in range(2):
        with open_writer(settings_at(home)) as writer:
            assert writer.connection.rows("select mine from metrics.daily") == [(1,)]
            assert [writer.connection.rows(text) for text in (BUILDS, MADE)] == made
        with open_reader(settings_at(home)) as reader:
            said = reader.comments().filter(relation="facts.calls", column="")["comment"].item()
            assert said == "One row, as I say."
            states.append(reader.snapshot_id())
    assert states[0] == states[1]


def _otherwise(changed: dict[str, dict[str, Any]]) -> tuple[View, ...]:
    return tuple(structs.replace(view, **changed.get(view.relation, {})) for view in read_views())


def test_groups_of_calls_are_written_into_files_for_their_lists_are_long(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.land(Batch(records_of(call_events(0))), now=NOW)
        assert writer.connection.rows(
            "select file_count from ducklake_table_info(?) where table_name = 'calls_grouped'", [CATALOG]
        ) == [(1,)]
