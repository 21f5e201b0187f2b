"""Rows that are packed into memory are found as the fact has them, as long as there is room."""

from collections.abc import Iterator, Sequence
from uuid import UUID

import pyarrow as pa
import pytest

from analytics.folding.packing import BYTES_A_ROW, SHARE, Packed, Room
from analytics.folding.scratch import Scratch, scratch
from analytics.settings import MIB
from analytics.views import read_views

CALLS = next(view for view in read_views() if view.relation == "facts.calls")
COLUMNS = ("call_id", "company", "contact_key", "contact_name", "outcome", "is_test", "day", "hour", "talk_seconds")
ROOM_MIB = 1
MOST_BYTES_OF_NAMES = 50_000  # of some hundred
ROWS_IN_ROOM = int(ROOM_MIB * MIB * SHARE / BYTES_A_ROW)


@pytest.fixture(scope="module")
def made() -> Iterator[Scratch]:
    """Open a warehouse in memory with a table of calls."""
    opened = scratch()
    opened.sql("from facts.calls")
    yield opened
    opened.close()


@pytest.fixture
def warehouse(made: Scratch) -> Scratch:
    """Give it with empty tables, and nothing folded."""
    made.connection.execute("""
        delete from facts.calls;
        create or replace temp table stale_calls as select call_id, contact_key, started_at from facts.calls;
        create or replace temp table fresh_calls as from facts.calls;
        create or replace temp table gathered_identities (company varchar, identity varchar)
    """)
    return made


def test_rows_are_found_as_they_lie_in_the_fact_whatever_they_lack(warehouse: Scratch) -> None:
    _put(warehouse, "facts.calls", numbers=range(1, 20))
    packed = _packed(warehouse, room=Room(memory_mib=ROOM_MIB))
    packed.load()
    assert _searched(warehouse) == _gathered(warehouse, packed)


def test_what_is_folded_anew_takes_the_place_of_what_it_was(warehouse: Scratch) -> None:
    _put(warehouse, "facts.calls", numbers=range(1, 20))
    packed = _packed(warehouse, room=Room(memory_mib=ROOM_MIB))
    packed.load()
    _replace(warehouse, numbers=range(3, 25), told_again=1)
    packed.replace()
    assert _searched(warehouse) == _gathered(warehouse, packed)


def test_the_room_of_rows_that_are_gone_is_given_back_in_time(warehouse: Scratch) -> None:
    room = Room(memory_mib=ROOM_MIB)
    _put(warehouse, "facts.calls", numbers=range(1, 20))
    packed = _packed(warehouse, room=room, least_gone=50)
    packed.load()
    left: list[int] = []
    for time in range(1, 12):
        _replace(warehouse, numbers=range(1, 20), told_again=time)
        packed.replace()
        left.append(ROWS_IN_ROOM - room.rows)
    assert max(left) < 2 * 19 + 50 + 19  # as many names as rows
    assert _searched(warehouse) == _gathered(warehouse, packed)


def test_more_rows_than_there_is_room_for_are_left_in_the_lake(warehouse: Scratch) -> None:
    fitting = ROWS_IN_ROOM // 2  # each with a name of its own
    _put(warehouse, "facts.calls", numbers=range(1, fitting))
    room = Room(memory_mib=ROOM_MIB)
    packed = _packed(warehouse, room=room)
    packed.load()
    was_held = packed.is_held
    _replace(warehouse, numbers=range(fitting, fitting + 3), told_again=0)
    packed.replace()
    assert (was_held, packed.is_held, room.rows) == (True, False, ROWS_IN_ROOM)


def test_names_for_which_there_is_no_room_are_left_in_the_lake_with_their_rows(warehouse: Scratch) -> None:
    _put(warehouse, "facts.calls", numbers=range(1, ROWS_IN_ROOM))
    room = Room(memory_mib=ROOM_MIB)
    packed = _packed(warehouse, room=room)
    packed.load()
    assert (packed.is_held, room.rows) == (False, ROWS_IN_ROOM)
    assert warehouse.connection.rows("select count(*) from names_calls") == [(0,)]


def test_what_batches_brought_lies_in_one_piece_without_the_room_that_each_had(warehouse: Scratch) -> None:
    _put(warehouse, "facts.calls", numbers=range(1, 20))
    packed = _packed(warehouse, room=Room(memory_mib=ROOM_MIB))
    packed.load()
    before = pa.total_allocated_bytes()
    for time in range(1, 12):
        _replace(warehouse, numbers=range(20 * time, 20 * time + 19), told_again=time)
        packed.replace()
    assert 0 < pa.total_allocated_bytes() - before < MOST_BYTES_OF_NAMES
    assert _searched(warehouse) == _gathered(warehouse, packed)


def test_what_no_longer_fits_is_searched_for_into_the_table_that_rows_in_memory_filled(warehouse: Scratch) -> None:
    _put(warehouse, "facts.calls", numbers=range(1, 20))
    packed = _packed(warehouse, room=Room(memory_mib=ROOM_MIB))
    packed.load()
    found = _gathered(warehouse, packed)
    columns = ", ".join(COLUMNS)
    theirs = "contact_key in (select identity from gathered_identities)"
    warehouse.connection.fill("gathered_calls", f"select {columns} from facts.calls where {theirs}")  # noqa: S608
    assert found == warehouse.connection.rows(f"select {columns} from gathered_calls order by all")  # noqa: S608


def _packed(warehouse: Scratch, *, room: Room, least_gone: int = 1_000) -> Packed:
    return Packed(warehouse.connection, CALLS, columns=COLUMNS, room=room, least_gone=least_gone)


def _put(warehouse: Scratch, relation: str, *, numbers: Sequence[int], told_again: int = 0) -> None:
    """Put calls of a few contacts into a table, every seventh without what it need not have."""
    warehouse.connection.execute(
        f"""
        insert into {relation} (call_id, company, contact_key, contact_name, outcome, is_test, day, hour, talk_seconds,
            started_at)
        select uuid_of, 'acme', 'phone:+770100000' || number % 4, nullif('Dana ' || number, 'Dana 7'),
            nullif(['missed', 'answered', 'busy'][1 + (number + $again) % 3], 'busy'),
            nullif(number % 3, 0) = 1, date '2026-03-01' + number % 5, number % 24, nullif(number, 7) / 3,
            timestamptz '2026-03-01 00:00:00+00' + to_minutes(number)
        from (select unnest($numbers) as number, unnest($ids) as uuid_of)
        """,  # noqa: S608  # our own names
        {"again": told_again, "numbers": list(numbers), "ids": [str(UUID(int=number)) for number in numbers]},
    )


def _replace(warehouse: Scratch, *, numbers: Sequence[int], told_again: int) -> None:
    """Fold calls anew, as a refresh does before it says so."""
    warehouse.connection.execute("delete from fresh_calls")
    _put(warehouse, "fresh_calls", numbers=numbers, told_again=told_again)
    warehouse.connection.execute("""
        create or replace temp table stale_calls as
        select call_id, contact_key, started_at from facts.calls where call_id in (select call_id from fresh_calls);
        delete from facts.calls where call_id in (select call_id from stale_calls);
        insert into facts.calls from fresh_calls
    """)


def _gathered(warehouse: Scratch, packed: Packed) -> list[tuple[object, ...]]:
    _ask_for_two(warehouse)
    columns = ", ".join(COLUMNS)
    packed.gather()
    return warehouse.connection.rows(f"select {columns} from gathered_calls order by all")  # noqa: S608


def _searched(warehouse: Scratch) -> list[tuple[object, ...]]:
    _ask_for_two(warehouse)
    columns = ", ".join(COLUMNS)
    return warehouse.connection.rows(f"""
        select {columns} from facts.calls
        where contact_key in (select identity from gathered_identities) order by all
    """)  # noqa: S608


def _ask_for_two(warehouse: Scratch) -> None:
    """Ask for two contacts, one of whom two companies know."""
    warehouse.connection.execute("""
        delete from gathered_identities;
        insert into gathered_identities values
            ('acme', 'phone:+7701000001'), ('other', 'phone:+7701000001'), ('acme', 'phone:+7701000003')
    """)
