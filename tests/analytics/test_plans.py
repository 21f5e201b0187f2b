"""Plans that are kept find what was not there when they were made; a batch makes no table that the one before made."""

import polars as pl
import pytest

from analytics.connection import Planned, counted, transaction
from analytics.engine import plans
from analytics.engine.sessions import DuckConnection, open_in_memory
from analytics.folding.refresh import Refresher
from analytics.folding.scratch import Scratch, scratch
from analytics.landing.batches import Lander
from analytics.views import read_views
from analytics.warehouse import Batch
from tests.analytics.drawn import COMPANY
from tests.analytics.landing_cases import NOW, call_events, records_of

TEMPORARY = "select table_name, table_oid from duckdb_tables() where temporary order by all"


@pytest.fixture
def connection() -> DuckConnection:
    return DuckConnection(open_in_memory())


@pytest.mark.parametrize(
    "text",
    [
        "select count(*) from asked where number = 500",
        "select count(*) from asked where number is null",
        "select word, count(*) from asked group by word order by word",
        "select number % 7 as rest, sum(number) from asked group by rest order by rest",
        "select count(*) from asked join asked as other using (number)",
        "select number, word from asked order by number desc nulls last, word limit 3",
        "select max(number), min(word) from asked",
    ],
)
def test_a_plan_finds_what_came_after_it_was_made(connection: DuckConnection, text: str) -> None:
    connection.fill("asked", "select range as number, 'a' || range % 3 as word from range(100)")
    connection.rows(Planned(text))
    connection.execute("""
        insert into asked select 400 + range, repeat('z', 40) || range from range(300);
        insert into asked values (null, null), (-40000000000, '')
    """)
    assert connection.rows(Planned(text)) == connection.rows(text)


def test_a_plan_holds_where_its_tables_were_made_anew_with_other_rows(connection: DuckConnection) -> None:
    text = Planned("select count(*) from asked where number = 500")
    for rows in (100, 1_000, 10):
        connection.execute(f"create or replace temp table asked as select range as number from range({rows})")  # noqa: S608
        assert connection.rows(text) == [(int(rows > 500),)]


def test_a_plan_that_was_made_beside_a_table_is_made_once_more_and_then_kept(
    connection: DuckConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "BLIND", "")  # so that a plan that is kept is known by what it does not find
    connection.execute("create temp table asked as select range as number from range(100)")
    text = Planned("select count(*) from asked where number = 500")
    for _ in range(2):
        with transaction(connection):
            connection.fill("filled", Planned("select 1 as number"))
            connection.rows(text)
            connection.empty()
    connection.execute("insert into asked values (500)")
    assert connection.rows(text) == [(0,)]


def test_a_table_that_was_made_otherwise_is_filled_as_its_next_text_says(connection: DuckConnection) -> None:
    connection.fill("filled", Planned("select 1 as number"))
    connection.execute("create or replace temp table filled as select 'a' as word, 2 as number")
    assert connection.fill("filled", Planned("select 3 as number")) == 1
    assert connection.rows("from filled") == [(3,)]


def test_a_table_that_was_made_beside_takes_no_other_its_place(connection: DuckConnection) -> None:
    connection.fill("filled", Planned("select 1 as number"))
    before = connection.rows(TEMPORARY)
    connection.execute("create or replace temp table other as select 2 as number")
    connection.fill("filled", Planned("select 3 as number"))
    assert before[0] in connection.rows(TEMPORARY)


def test_what_is_filled_again_holds_nothing_of_before(connection: DuckConnection) -> None:
    for rows in (3, 2, 0, 5):
        assert connection.fill("filled", Planned(f"select range as number from range({rows})")) == rows  # noqa: S608
        assert connection.pour("poured", pl.DataFrame({"number": [*range(rows)]}), "number + 1 as number") == rows
        assert counted(connection, "select count(*) from filled") == rows
        assert connection.rows("select coalesce(max(number), 0) from poured") == [(rows,)]


def test_a_table_that_a_failed_transaction_made_is_made_again(connection: DuckConnection) -> None:
    def fail() -> None:
        with transaction(connection):
            connection.fill("filled", Planned("select 1 as number"))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail()
    assert connection.fill("filled", Planned("select 1 as number")) == 1


def test_what_is_emptied_in_the_transaction_that_filled_it_takes_no_room(connection: DuckConnection) -> None:
    for _ in range(3):
        with transaction(connection):
            connection.fill("filled", Planned("select range as number from range(5000)"))
            connection.empty()
    room = "select estimated_size from duckdb_tables() where table_name = 'filled'"
    assert connection.rows(room) == [(0,)]
    assert counted(connection, "select count(*) from filled") == 0


def test_what_a_later_transaction_deleted_takes_no_room_once_it_was_given_back_and_plans_stay(
    connection: DuckConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plans, "BLIND", "")  # so that a plan that is kept is known by what it does not find
    connection.execute("create temp table held as select range as number, repeat('x', 100) as word from range(200_000)")
    text = Planned("select count(*) from held where number = 500_000")
    connection.rows(text)
    room = "select sum(memory_usage_bytes) from duckdb_memory() where tag = 'IN_MEMORY_TABLE'"
    full = counted(connection, room)
    connection.execute("delete from held where number < 190_000")
    connection.give_back()
    assert counted(connection, room) < full / 2
    assert connection.rows("select count(*), min(number), max(length(word)) from held") == [(10_000, 190_000, 100)]
    connection.execute("insert into held values (500_000, '')")
    assert connection.rows(text) == [(0,)]


def test_what_was_added_to_a_table_that_was_filled_with_nothing_is_emptied_too(connection: DuckConnection) -> None:
    for _ in range(2):
        assert connection.fill("filled", Planned("select range as number from range(0)")) == 0
        connection.execute("insert into filled values (1)")
        connection.empty()
        assert counted(connection, "select count(*) from filled") == 0


def test_what_was_filled_is_emptied_though_another_table_was_made_meanwhile(connection: DuckConnection) -> None:
    for _ in range(2):
        with transaction(connection):
            connection.fill("filled", Planned("select 1 as number"))
            connection.execute("create or replace temp table other as select 2 as number")
            connection.empty()
        assert counted(connection, "select count(*) from filled") == 0


def test_a_batch_takes_away_nothing_that_only_the_one_before_replaced() -> None:
    lander, warehouse = _lander(hot_events=20)
    calls = [call_events(number) for number in range(30)]
    # When the newest events are cut, rows that are known to exist are forgotten: the next batch seeks its own.
    for number, told in enumerate(([events[0] for events in calls], [calls[0][1]], [calls[1][1]])):
        lander.land(Batch(records_of(told, first_offset=100 * number)), now=NOW)
    assert counted(warehouse.connection, "select count(*) from facts.calls") == len(calls)


def test_a_batch_makes_no_table_that_one_like_it_made_before() -> None:
    lander, warehouse = _lander(hot_events=1_000)
    made: list[list[tuple[str, int]]] = []
    for number in range(6):
        records = records_of(call_events(number), first_offset=5 * number)
        assert lander.land(Batch(records), now=NOW).events == len(records)
        made.append(warehouse.connection.rows(TEMPORARY))
    assert made[-1] == made[-2]


def _lander(*, hot_events: int) -> tuple[Lander, Scratch]:
    warehouse = scratch([COMPANY])
    warehouse.build()
    refresher = Refresher(warehouse.connection, read_views(), companies=[COMPANY])
    return Lander(warehouse.connection, refresher=refresher, hot_events=hot_events), warehouse
