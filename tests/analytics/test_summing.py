"""Groups of calls are brought up to date by what came and what went: as if they were summed anew, calls unread."""

from collections.abc import Sequence
from datetime import timedelta

import pytest

from analytics.connection import Connection
from analytics.folding.rebuild import table_hash
from analytics.folding.refresh import Refresher
from analytics.folding.scratch import Scratch, scratch
from analytics.landing.batches import Lander
from analytics.views import read_views
from analytics.warehouse import Batch
from tests.analytics.drawn import COMPANY, drawn_events
from tests.analytics.landing_cases import BEGIN, NOW, FullDisk, Refused, call_events, records_of

CALLS = "select sum(calls)::integer from reports.calls_daily"


@pytest.fixture
def warehouse() -> Scratch:
    made = scratch([COMPANY])
    made.build()
    return made


def test_no_call_of_a_day_is_read_to_add_another(warehouse: Scratch) -> None:
    lander = _lander(warehouse.connection)
    _land(lander, 1)
    warehouse.connection.execute("delete from facts.calls")  # behind the writer's back
    _land(lander, 2)
    assert warehouse.connection.rows(CALLS) == [(2,)]


def test_a_day_is_not_written_anew_for_what_changes_none_of_its_groups(warehouse: Scratch) -> None:
    lander = _lander(warehouse.connection)
    told = """
    call | fact  | at       | says
    a    | ended | 05:01:00 | direction=incoming; talk_seconds=30
    a    | ended | 05:01:00 | direction=incoming; talk_seconds=30
    """
    first, again = drawn_events(told)
    lander.land(Batch(records_of([first])), now=NOW)
    warehouse.connection.execute("update reports.calls_grouped set calls = 7")  # behind the writer's back
    lander.land(Batch(records_of([again], first_offset=1)), now=NOW)
    assert warehouse.connection.rows("select events from facts.calls") == [(2,)]
    assert warehouse.connection.rows(CALLS) == [(7,)]


@pytest.mark.parametrize(
    "told",
    [
        pytest.param(
            """
            a | offered | 05:00:00 | direction=incoming; channel=phone
            a | ended   | 05:01:00 | talk_seconds=30
            b | offered | 05:00:00 | direction=incoming; channel=phone
            b | ended   | 05:01:00 | talk_seconds=30
            c | offered | 05:00:00 | direction=incoming; channel=phone
            c | ended   | 05:01:00 | talk_seconds=30
            a | ended   | 05:01:00 | talk_seconds=10; total_seconds=60; answered_by=human
            b | ended   | 05:01:00 | talk_seconds=40; total_seconds=60; answered_by=human
            """,
            id="of-equal-talk-as-much-goes-as-is-told-otherwise",
        ),
        pytest.param(
            """
            a | ended   | 05:01:00            | direction=incoming; talk_seconds=30
            b | offered | 05:02:00            | direction=incoming
            a | offered | 2026-03-01 05:00:00 | direction=incoming
            """,
            id="a-call-that-began-on-another-day-goes-there",
        ),
        pytest.param(
            """
            a | offered | 05:00:00 | direction=incoming; channel=phone
            a | ended   | 05:01:00 | talk_seconds=30; is_test=yes
            """,
            id="a-group-of-no-call-is-gone",
        ),
    ],
)
def test_groups_are_those_of_a_rebuild_after_each_event(warehouse: Scratch, told: str) -> None:
    lander = _lander(warehouse.connection)
    for offset, event in enumerate(drawn_events(f"call | fact | at | says{told}")):
        lander.land(Batch(records_of([event], first_offset=offset)), now=NOW)
        landed = _hashes(warehouse, ["reports.calls_grouped"])
        warehouse.build()
        assert _hashes(warehouse, ["reports.calls_grouped"]) == landed


def test_a_batch_that_was_not_kept_leaves_nothing_in_memory(warehouse: Scratch) -> None:
    disk = FullDisk(warehouse.connection)
    lander = _lander(disk)
    _land(lander, 1)
    disk.is_full = True
    with pytest.raises(Refused):
        _land(lander, 2)
    disk.is_full = False
    _land(lander, 3)
    tables = [view.relation for view in read_views() if view.is_table]
    landed = _hashes(warehouse, tables)
    assert warehouse.connection.rows(CALLS) == [(2,)]
    warehouse.build()
    assert _hashes(warehouse, tables) == landed


def test_rows_that_are_gone_take_no_room_when_older_events_are_forgotten(warehouse: Scratch) -> None:
    lander = _lander(warehouse.connection, hot_events=3)
    held = ("hot", "known_contacts")
    for number in range(8):
        told = call_events(7 * number, begin=BEGIN + timedelta(hours=number))  # all one contact's
        lander.land(Batch(records_of(told, first_offset=5 * number)), now=NOW)
    rows = [warehouse.connection.rows(f"select count(*) from {name}") for name in held]  # noqa: S608
    assert rows == [[(_written(warehouse.connection, name),)] for name in held]
    assert warehouse.connection.rows(CALLS) == [(8,)]


def _lander(connection: Connection, *, hot_events: int = 200_000) -> Lander:
    refresher = Refresher(connection, read_views(), companies=[COMPANY])
    return Lander(connection, refresher=refresher, hot_events=hot_events)


def _land(lander: Lander, number: int) -> None:
    lander.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)


def _written(connection: Connection, name: str) -> int:
    """Count the rows for which a temporary table takes room, gone or not."""
    [(rows,)] = connection.rows(
        "select coalesce(sum(count), 0)::integer from pragma_storage_info(?) "
        "where column_id = 0 and segment_type <> 'VALIDITY'",
        [f"temp.{name}"],
    )
    return rows


def _hashes(warehouse: Scratch, tables: Sequence[str]) -> list[object]:
    return [table_hash(warehouse.connection, relation) for relation in tables]
