"""A figure explained: what is above and below the line, what was left out and why, what came late, its rows."""

from datetime import date

import polars as pl
import pytest

from analytics.metrics.catalogue import catalogue, fact_of, reasons_of
from analytics.questions import Misconfigured, Period, Scope, figures
from analytics.questions.explain import LeftOut, explain, rows_of
from tests.analytics.drawn import drawn_events
from tests.analytics.drawn import warehouse as landed
from tests.analytics.drawn_rows import ACME, MARCH
from tests.analytics.test_metrics import ORDINARY, kept


def test_what_is_left_out_is_counted_once_by_its_first_reason() -> None:
    found = explain(kept(ORDINARY), "service_level", period=MARCH, scope=ACME)

    assert (1 / 5, 1.0, 5.0, 5, True) == (
        found.value,
        found.numerator,
        found.denominator,
        found.sample,
        found.is_small,
    )
    assert found.left_out == (
        LeftOut("internal", 1),
        LeftOut("test", 1),
        LeftOut("in_progress", 1),
        LeftOut("closed_hours", 1),
        LeftOut("abandoned", 1),
        LeftOut("unknown_wait", 0),
    )


@pytest.mark.parametrize("metric", list(catalogue()))
def test_the_sql_that_is_printed_gives_the_figure_and_its_rows(metric: str) -> None:
    warehouse = kept(ORDINARY)
    scope = Scope(company="acme", channels=("phone", "it's"))
    if "channel" not in fact_of(catalogue()[metric]).dimensions:
        scope = ACME

    found = explain(warehouse, metric, period=MARCH, scope=scope)

    [shown] = figures(warehouse, period=MARCH, scope=scope, metrics=(metric,)).to_dicts()
    assert [shown] == found.figure.ask(warehouse).to_dicts()
    assert found.figure.ask(warehouse).rows() == warehouse.sql(found.figure.written_out).rows()
    assert {1} >= {found.figure.sql.count(when) for _, when in reasons_of(catalogue()[metric]) if "=" in when}
    assert found.rows.ask(warehouse).rows() == warehouse.sql(found.rows.written_out).rows()


def test_no_row_behind_a_figure_is_held_back() -> None:
    warehouse = kept(ORDINARY)
    warehouse.connection.execute("begin")
    warehouse.connection.execute("""
        insert into facts.calls
        select calls.* replace ('more ' || range as call_id) from facts.calls cross join range(100_000)
        where call_id = 'a'
    """)

    found = explain(warehouse, "answer_rate", period=MARCH, scope=ACME)
    listed = f"select count(*), sum(numerator), sum(denominator) from ({found.rows.written_out})"  # noqa: S608
    rows = warehouse.sql(listed).rows()
    warehouse.connection.execute("rollback")

    assert [(found.sample, found.numerator, found.denominator)] == rows
    assert found.sample > 100_000


def test_facts_that_came_after_their_day_are_told() -> None:
    events = drawn_events("""
        call | fact    | at                  | says
        a    | offered | 2026-03-02 18:58:00 | direction=incoming
        a    | ended   | 2026-03-02 19:00:30 | talk_seconds=30; answered_by=human
        b    | offered | 2026-03-02 05:00:00 | direction=incoming
        b    | ended   | 2026-03-02 05:01:00 | talk_seconds=30; answered_by=human
    """)

    found = explain(landed(events), "answer_rate", period=Period(date(2026, 3, 2), date(2026, 3, 2)), scope=ACME)

    assert found.late is not None
    assert (1, 1) == (found.late.events, found.late.rows)
    assert str(found.late.last_recorded_at).startswith("2026-03-02 19:00:30")


def test_a_metric_that_does_not_exist_is_refused_with_what_to_do() -> None:
    with pytest.raises(Misconfigured, match="`angime metrics` lists all"):
        explain(kept(ORDINARY), "answer_rat", period=MARCH, scope=ACME)


def test_a_percentile_is_that_of_its_rows() -> None:
    warehouse = kept(ORDINARY)
    listed = rows_of(catalogue()["talk_seconds_median"], period=MARCH, scope=ACME).ask(warehouse)

    assert [60, 120, 300.5] == sorted(listed.select(pl.col("numerator")).to_series())
