"""Days that were summed stay in memory: they are read from the lake once, and are right whatever happens between."""

from typing import Any

import pytest

from analytics.connection import Connection, Parameters
from analytics.landing import Lander
from analytics.rebuild import table_hash
from analytics.refresh import Refresher
from analytics.scratch import Scratch, scratch
from analytics.summing import Sums
from analytics.views import read_views
from analytics.warehouse import Batch
from tests.analytics.drawn import COMPANY
from tests.analytics.landing_cases import NOW, call_events, records_of

ENOUGH_MIB = 256
CALLS = "select sum(calls)::integer from reports.calls_daily"


class Refused(Exception):
    """A commit that came to nothing."""


class FullDisk:
    """A connection whose next commits come to nothing, as long as the disk is full."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.is_full = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, text: str, parameters: Parameters = ()) -> None:
        """Run statements, but for a commit while the disk is full."""
        if self.is_full and text == "commit":
            self._connection.execute("rollback")
            raise Refused
        self._connection.execute(text, parameters)


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


def test_rows_that_are_there_stay_when_those_that_are_gone_give_their_room_back(warehouse: Scratch) -> None:
    connection = warehouse.connection
    _land(_lander(connection), 1)
    sums = Sums(connection, read_views(), memory_mib=ENOUGH_MIB, least_gone=0)
    connection.execute("create or replace temp table stale_calls as from facts.calls")
    calls = [view for view in read_views() if view.relation == "facts.calls"]
    for _ in range(3):
        sums.refresh(calls)
        assert connection.rows(CALLS) == [(1,)]
        assert connection.rows("select count(*) from summed_calls_daily_calls") == [(1,)]


def _lander(connection: Connection, *, memory_mib: int = ENOUGH_MIB) -> Lander:
    refresher = Refresher(connection, read_views(), companies=[COMPANY], memory_mib=memory_mib)
    return Lander(connection, refresher=refresher, hot_events=200_000)


def _land(lander: Lander, number: int) -> None:
    lander.land(Batch(records_of(call_events(number), first_offset=5 * number)), now=NOW)


def _hashes(warehouse: Scratch) -> list[object]:
    return [table_hash(warehouse.connection, view.relation) for view in read_views() if view.is_table]
