"""Months: rows of however many months are written a bounded number of them at a time, each row once."""

from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.engine.months import PARTS_AT_ONCE, shares
from analytics.engine.sessions import DuckConnection, open_in_memory
from analytics.warehouse import Batch, open_writer
from schemas.calls import CallOffered
from schemas.envelope import Event, event
from schemas.ids import call_id, fact_id
from schemas.instants import instant
from schemas.people import Identity
from tests.analytics.landing_cases import ACCOUNT, COMPANY, NOW, SOURCE, records_of, settings_at

MONTHS, FEW = 140, 35
# Enough for those months of which rows are written at once; all of them took more.
ROOM, ROOM_WHILE_MORE_COME = "130MB", "200MB"


@pytest.fixture(scope="module")
def connection() -> DuckConnection:
    """Give a session of the engine, with nothing in it."""
    return DuckConnection(open_in_memory())


@given(months=st.lists(st.one_of(st.none(), st.integers(0, 1_000)), max_size=400))
def test_each_row_is_of_one_share_and_none_is_of_too_many_months(
    connection: DuckConnection, months: list[int | None]
) -> None:
    times = [None if month is None else datetime(1970 + month // 12, 1 + month % 12, 9, tzinfo=UTC) for month in months]
    rows = pl.DataFrame(
        {"told_at": times, "row": range(len(times))}, schema_overrides={"told_at": pl.Datetime("us", "UTC")}
    )
    connection.pour("told", rows)

    found = [
        connection.rows(f"select told_at, row from told where {share}")  # noqa: S608  # our own text
        for share in shares(connection, "told", time="told_at")
    ]

    assert sorted(range(len(times))) == sorted(row for share in found for _, row in share)
    assert all(len({at for at, _ in share if at}) <= PARTS_AT_ONCE for share in found)


def test_calls_of_a_hundred_months_at_once_take_no_more_memory_than_those_of_few(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.catch_up(NOW)
        writer.connection.execute(f"set memory_limit = '{ROOM}'")

        writer.land(Batch(records_of([_call_of_month(month) for month in range(MONTHS)])), now=NOW)
        writer.rebuild()

        assert [(MONTHS,)] == writer.connection.rows("select count(distinct started_at) from facts.calls")


def test_nor_do_those_that_come_a_few_at_a_time_and_wait_for_maintenance(home: Path) -> None:
    with open_writer(settings_at(home)) as writer:
        writer.catch_up(NOW)
        writer.connection.execute(f"set memory_limit = '{ROOM_WHILE_MORE_COME}'")

        for first in range(0, MONTHS, FEW):
            events = [_call_of_month(month) for month in range(first, first + FEW)]
            writer.land(Batch(records_of(events, first_offset=first)), now=NOW)
        for minute in (10, 20):
            writer.maintain(f"2026-03-09T12:{minute}:00.000Z")

        assert [(MONTHS,)] == writer.connection.rows("select count(distinct started_at) from facts.calls")


def _call_of_month(month: int) -> Event:
    began = instant(datetime(1970 + month // 12, 1 + month % 12, 15, tzinfo=UTC))
    known = call_id(SOURCE, ACCOUNT, f"CA{month}")
    offered = CallOffered(
        call_id=known,
        provider_call_id=f"CA{month}",
        direction="incoming",
        channel="phone",
        contact=(Identity("telegram", str(month)),),
    )
    return event(
        offered,
        id=fact_id(SOURCE, ACCOUNT, "CallOffered", f"CA{month}"),
        source=SOURCE,
        account=ACCOUNT,
        company=COMPANY,
        time=began,
        recordedat=began,
        key=known,
    )
