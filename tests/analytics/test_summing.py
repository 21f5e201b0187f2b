"""Days that were summed stay in memory: they are read from the lake once, and are right whatever happens between."""

from datetime import timedelta

import pytest

from analytics.connection import Connection
from analytics.landing import Lander
from analytics.rebuild import table_hash
from analytics.refresh import Refresher
from analytics.scratch import Scratch, scratch
from analytics.views import read_views
from analytics.warehouse import Batch
from tests.analytics.drawn import COMPANY
from tests.analytics.landing_cases import BEGIN, NOW, FullDisk, Refused, call_events, records_of

ENOUGH_MIB = 256
CALLS = "select sum(calls)::integer from reports.calls_daily"


@pytest.fixture
def warehouse() -> Scratch:
    made = scratch()
    made.load_reference([COMPANY])
    made.build()
    return made


def test_a_day_is_read_once_and_then_kept_up_to_what_is_folded(warehouse: Scratch) -> None:
    lander = _lander(warehouse.connection)
    _land(lander, 1)
    warehouse.connection.execute("delete from facts.calls")  # behind the writer's back
    _land(lander, 2)
    assert warehouse.connection.rows(CALLS) == [(2,)]


def test_a_day_is_read_again_where_there_is_no_room_for_it(warehouse: Scratch) -> None:
    lander = _lander(warehouse.connection, memory_mib=0)
    _land(lander, 1)
    warehouse.connection.execute("delete from facts.calls")
    _land(lander, 2)
    assert warehouse.connection.rows(CALLS) == [(1,)]


def test_what_was_forgotten_is_read_again(warehouse: Scratch) -> None:
    lander = _lander(warehouse.connection)
    _land(lander, 1)
    lander.let_go()
    lander.catch_up()
    warehouse.connection.execute("delete from facts.calls")
    _land(lander, 2)
    assert warehouse.connection.rows(CALLS) == [(1,)]


def test_a_batch_that_was_not_kept_leaves_nothing_in_memory(warehouse: Scratch) -> None:
    disk = FullDisk(warehouse.connection)
    lander = _lander(disk)
    _land(lander, 1)
    disk.is_full = True
    with pytest.raises(Refused):
        _land(lander, 2)
    disk.is_full = False
    _land(lander, 3)
    landed = _hashes(warehouse)
    assert warehouse.connection.rows(CALLS) == [(2,)]
    warehouse.build()
    assert _hashes(warehouse) == landed


def test_rows_that_are_gone_take_no_room_when_older_events_are_forgotten(warehouse: Scratch) -> None:
    lander = _lander(warehouse.connection, hot_events=3)
    held = ("hot", "known_contacts", "summed_calls_daily_calls")
    for number in range(8):
        told = call_events(7 * number, begin=BEGIN + timedelta(hours=number))  # all one contact's
        lander.land(Batch(records_of(told, first_offset=5 * number)), now=NOW)
    rows = [warehouse.connection.rows(f"select count(*) from {name}") for name in held]  # noqa: S608
    assert rows == [[(_written(warehouse.connection, name),)] for name in held]
    assert warehouse.connection.rows(CALLS) == [(8,)]


def _lander(connection: Connection, *, memory_mib: int = ENOUGH_MIB, hot_events: int = 200_000) -> Lander:
    refresher = Refresher(connection, read_views(), companies=[COMPANY], memory_mib=memory_mib)
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


def _hashes(warehouse: Scratch) -> list[object]:
    return [table_hash(warehouse.connection, view.relation) for view in read_views() if view.is_table]
