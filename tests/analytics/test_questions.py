"""What pages ask: figures, losses, lists and single calls, on drawn calls in a real DuckDB."""

import weakref
from collections.abc import Callable, Generator
from datetime import UTC, date, datetime
from functools import cache
from typing import Any, cast
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from analytics import questions
from analytics.folding.scratch import Scratch, scratch
from analytics.metrics.catalogue import Dimension, catalogue, over
from analytics.metrics.sql import measures_of
from analytics.questions import CallFilter, Order, Period, Reader, Scope, conversion
from analytics.reading.held import Held
from tests.analytics.drawn_rows import sum_again

WEEK = Period(date(2026, 3, 9), date(2026, 3, 15))
NOMAD = Scope(company="nomad")

# company, day, hour, direction, channel, team, outcome, in hours, wait, talk, left out
CALLS = """
    nomad   2026-03-09  12  incoming  phone  south  missed      yes  -   -    -
    nomad   2026-03-09  12  incoming  phone  south  missed      yes  -   -    -
    nomad   2026-03-09  13  incoming  phone  south  abandoned   yes  -   -    -
    nomad   2026-03-10  10  incoming  phone  north  answered    yes  10  60   -
    nomad   2026-03-10  10  incoming  waba   north  answered    yes  30  120  -
    nomad   2026-03-11  20  incoming  waba   north  voicemail   no   -   -    -
    nomad   2026-03-11  10  outgoing  phone  north  answered    yes  5   300  -
    nomad   2026-03-11  10  outgoing  phone  north  no_answer   yes  -   -    -
    nomad   2026-03-11  10  incoming  phone  north  in_progress yes  -   -    -
    nomad   2026-03-12  10  incoming  phone  north  missed      yes  -   -    internal
    nomad   2026-03-12  10  incoming  phone  north  missed      yes  -   -    test
    nomad   2026-03-03  12  incoming  phone  south  answered    yes  20  60   -
    nomad   2026-03-03  10  incoming  phone  north  missed      yes  -   -    -
    other   2026-03-10  10  incoming  phone  north  missed      yes  -   -    -
"""


@pytest.fixture(scope="module")
def reader() -> Generator[Scratch]:
    opened = scratch()
    opened.build()
    names = "call_id company day hour direction channel team_id outcome is_business_hours answer_seconds talk_seconds"
    for number, line in enumerate(CALLS.strip().splitlines()):
        company, day, hour, direction, channel, team, outcome, is_open, wait, talk, left_out = line.split()
        row = [f"call-{number}", company, day, int(hour), direction, channel, team, outcome, is_open == "yes"]
        row += [None if seconds == "-" else float(seconds) for seconds in (wait, talk)]
        row += [
            left_out == "internal",
            left_out == "test",
            f"{day} {hour}:30:00+00",
            date.fromisoformat(day).isoweekday(),
        ]
        row += [{0: "=cmd()", 6: None}.get(number, f"Contact {number}"), f"phone:+7701{number:07d}"]
        columns = ", ".join(
            [*names.split(), "is_internal", "is_test", "started_at", "weekday", "contact_name", "contact_key"]
        )
        places = ", ".join("?" for _ in row)
        opened.connection.execute(f"insert into facts.calls ({columns}) values ({places})", row)  # noqa: S608
    opened.connection.execute("update facts.calls set is_in_time = coalesce(answer_seconds <= 20, false)")
    for table, names in (
        ("identities", "'phone:+77010000006' as identity, 'dana' as contact_id"),
        ("contacts", "'dana' as contact_id, 'Dana Known' as name"),
    ):
        opened.connection.execute(f"insert into facts.{table} by name select 'nomad' as company, {names}")
    sum_again(opened)
    yield opened
    opened.close()


def figure(reader: Scratch, metric: str, *, scope: Scope = NOMAD) -> tuple[float | None, int]:
    row = questions.figures(reader, period=WEEK, scope=scope, metrics=(metric,)).to_dicts()[0]
    return row["value"], row["sample"]


@pytest.mark.parametrize(
    ("metric", "expected"),
    [
        ("answer_rate", (2 / 6, 6)),
        ("missed_calls", (2.0, 6)),
        ("abandonment_rate", (1 / 5, 5)),
        ("service_level", (1 / 4, 4)),
        ("answer_seconds_median", (20.0, 2)),
        ("answer_seconds_p90", (28.0, 2)),
        ("contact_rate", (1 / 2, 2)),
        ("talk_minutes", (8.0, 3)),
    ],
)
def test_a_metric_counts_what_the_catalogue_says(reader: Scratch, metric: str, expected: tuple[float, int]) -> None:
    value, sample = figure(reader, metric)
    assert (pytest.approx(value), sample) == expected


def test_every_metric_of_the_catalogue_can_be_counted(reader: Scratch) -> None:
    rows = questions.figures(reader, period=WEEK, scope=NOMAD, metrics=tuple(catalogue()))
    assert list(catalogue()) == rows["metric"].to_list()


def test_a_metric_without_calls_is_empty_and_not_zero(reader: Scratch) -> None:
    rows = questions.figures(reader, period=WEEK, scope=Scope(company="nobody"), metrics=tuple(catalogue()))
    assert [None] * len(catalogue()) == rows["value"].to_list()


@pytest.mark.parametrize("scope", [NOMAD, Scope(company="nomad", teams=("south",)), Scope(company="nobody")])
def test_two_periods_asked_together_give_what_each_gives(reader: Scratch, scope: Scope) -> None:
    periods, names = (WEEK, WEEK.before()), tuple(catalogue())
    one_by_one = [questions.figures(reader, period=one, scope=scope, metrics=names) for one in periods]
    both = questions.figures_of_both(reader, period=WEEK, before=WEEK.before(), scope=scope, metrics=names)
    for expected, found in zip(one_by_one, both, strict=True):
        assert_frame_equal(expected, found)


@pytest.mark.parametrize("scope", [NOMAD, Scope(company="nomad", teams=("south",)), Scope(company="nobody")])
@pytest.mark.parametrize("before", [WEEK.before(), None])
def test_periods_asked_for_together_with_their_days_give_what_each_gives(
    reader: Scratch, scope: Scope, before: Period | None
) -> None:
    names = tuple(catalogue())
    both = questions.figures_by_day(reader, period=WEEK, before=before, scope=scope, metrics=names)
    for period, found in zip((WEEK, before), both, strict=True):
        if period is None:
            assert (0, 0) == (found.whole.height, found.days.height)
            continue
        whole = questions.figures(reader, period=period, scope=scope, metrics=names)
        assert_frame_equal(whole, found.whole)
        days = questions.figures(reader, period=period, scope=scope, metrics=names, by=("day",))
        assert_frame_equal(days, found.days)


@pytest.mark.parametrize("scope", [NOMAD, Scope(company="nomad", teams=("south",)), Scope(company="nobody")])
def test_the_way_to_a_deal_is_told_with_what_its_metrics_give_as_a_whole_and_by_each_dimension(
    reader: Scratch, scope: Scope
) -> None:
    names = ("deals_won_after_call", "conversion_after_call")
    by: tuple[Dimension, ...] = ("channel", "team", "operator")
    told = conversion.way(reader, period=WEEK, scope=scope, metrics=names, by=by).figures
    assert_frame_equal(questions.figures(reader, period=WEEK, scope=scope, metrics=names), told.whole)
    assert list(by) == list(told.by)
    for dimension, rows in told.by.items():
        alone = questions.figures(reader, period=WEEK, scope=scope, metrics=names, by=(dimension,))
        assert_frame_equal(alone, rows)


def test_a_day_that_is_not_over_is_cut_at_the_moment(reader: Scratch) -> None:
    cut = Period(date(2026, 3, 9), date(2026, 3, 11), datetime(2026, 3, 11, 12, tzinfo=UTC))
    [rate, *_] = questions.figures(reader, period=cut, scope=NOMAD, metrics=tuple(catalogue())).to_dicts()
    assert (2 / 5, 5) == (rate["value"], rate["sample"])
    expected = {"calls": 8, "internal": 0, "test": 0, "in_progress": 1}
    assert expected == questions.ended(reader, period=cut, scope=NOMAD).left_out


class Counting:
    """A reader that counts what it is asked."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self.asked = 0

    def sql(self, text: str, parameters: dict[str, Any]) -> pl.DataFrame:  # noqa: D102
        self.asked += 1
        return self._reader.sql(text, parameters)

    def snapshot_id(self) -> int:  # noqa: D102
        return 1


@pytest.mark.parametrize("until", [None, datetime(2026, 3, 11, 12, tzinfo=UTC)])
@pytest.mark.parametrize("scope", [NOMAD, Scope(company="nomad", teams=("north",), is_business_hours=True)])
def test_what_is_held_is_counted_as_in_the_warehouse_and_asked_for_once(
    reader: Scratch, scope: Scope, until: datetime | None
) -> None:
    period = Period(date(2026, 3, 5), date(2026, 3, 11), until)
    periods = (period, period.before())
    calls = tuple(name for name in over("calls") if "talk_ms" not in measures_of([name]))
    ways: list[Callable[[Reader], Any]] = [
        lambda asked: questions.figures(asked, period=period, scope=scope, metrics=calls),
        lambda asked: questions.figures(asked, period=period, scope=scope, metrics=calls, by=("day", "channel")),
        lambda asked: questions.figures(asked, period=period, scope=scope, metrics=("missed_calls",), by=("hour",)),
        lambda asked: questions.losses(
            asked, period=period, before=period.before(), scope=scope, by=("hour", "team"), rank="excess"
        ),
        lambda asked: questions.ended(asked, period=period, scope=scope).outcomes,
        lambda asked: questions.channels(asked, company="nomad", period=period),
    ]
    counting = Counting(cast("Reader", reader))
    held = cache(lambda: Held(lambda days: questions.groups_of(counting, company="nomad", days=days)))
    holding = questions.Holding(counting, company="nomad", periods=periods, held=held)
    for way in ways:
        expected, found = way(cast("Reader", reader)), way(holding)
        assert expected.height > 0
        assert_frame_equal(expected, found)
    expected, found = (
        questions.ended(asked, period=period, scope=scope).left_out for asked in (cast("Reader", reader), holding)
    )
    assert expected == found
    assert counting.asked == 1
    talk = [
        questions.figures(asked, period=period, scope=scope, metrics=("talk_seconds_median",))
        for asked in (cast("Reader", reader), holding)
    ]
    assert_frame_equal(*talk)
    assert counting.asked == 2
    with_parts = [
        questions.figures(asked, period=period, scope=scope, metrics=("answer_rate", "operator_talk_minutes"))
        for asked in (cast("Reader", reader), holding)
    ]
    assert_frame_equal(*with_parts)
    assert counting.asked == 3


def test_whoever_asked_of_what_is_held_keeps_none_of_it(reader: Scratch) -> None:
    held = [Held(lambda days: questions.groups_of(reader, company="nomad", days=days))]
    known = weakref.ref(held[0])
    holding = questions.Holding(reader, company="nomad", periods=[WEEK], held=lambda: held[0])
    found = [questions.ended(holding, period=WEEK, scope=NOMAD).left_out["calls"]]
    held[0] = Held(lambda days: questions.groups_of(reader, company="nomad", days=days))
    found.append(questions.ended(holding, period=WEEK, scope=NOMAD).left_out["calls"])
    assert ([11, 11], None) == (found, known())


def test_a_day_is_held_whole_and_cut_side_by_side(reader: Scratch) -> None:
    rows = Held(lambda days: questions.groups_of(reader, company="nomad", days=days))
    untils = (None, datetime(2026, 3, 11, 10, tzinfo=UTC), datetime(2026, 3, 11, 12, tzinfo=UTC), None)
    found: list[int] = []
    for until in untils:
        period = Period(date(2026, 3, 9), date(2026, 3, 11), until)
        holding = questions.Holding(reader, company="nomad", periods=[period], held=lambda: rows)
        found.append(questions.ended(holding, period=period, scope=NOMAD).left_out["calls"])
        assert found[-1] == questions.ended(reader, period=period, scope=NOMAD).left_out["calls"]
    assert [9, 5, 8, 9] == found


def test_single_operators_are_counted_from_their_own_calls(reader: Scratch) -> None:
    scope = Scope(company="nomad", operators=("nobody",))
    ended = questions.ended(reader, period=WEEK, scope=scope)
    assert (0, True) == (ended.left_out["calls"], ended.outcomes.is_empty())


def test_figures_of_days_add_up_to_the_figure_of_the_period(reader: Scratch) -> None:
    metrics = ("answer_rate", "missed_calls", "contact_rate", "talk_minutes")
    whole = questions.figures(reader, period=WEEK, scope=NOMAD, metrics=metrics).sort("metric")
    days = questions.figures(reader, period=WEEK, scope=NOMAD, metrics=metrics, by=("day",))
    summed = days.group_by("metric").agg(pl.col("numerator").sum(), pl.col("sample").sum()).sort("metric")
    assert whole["numerator"].to_list() == pytest.approx(summed["numerator"].to_list())
    assert whole.select("metric", "sample").to_dicts() == summed.select("metric", "sample").to_dicts()
    [talked] = whole.filter(metric="talk_minutes").to_dicts()
    assert talked["value"] == talked["numerator"]


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        (Scope(company="nomad", teams=("north",)), (2 / 3, 3)),
        (Scope(company="nomad", channels=("waba",)), (1 / 2, 2)),
        (Scope(company="nomad", is_business_hours=False), (0.0, 1)),
        (Scope(company="nomad", directions=("outgoing",)), (None, 0)),
        (Scope(company="other"), (0.0, 1)),
        (Scope(company="nomad' or 1=1 --"), (None, 0)),
    ],
)
def test_a_scope_is_respected(reader: Scratch, scope: Scope, expected: tuple[float | None, int]) -> None:
    assert expected == figure(reader, "answer_rate", scope=scope)


def test_the_loss_is_found_where_more_was_lost_than_before(reader: Scratch) -> None:
    among = ("hour", "team", "channel")
    rows = questions.losses(reader, period=WEEK, before=WEEK.before(), scope=NOMAD, by=among, rank="excess")
    heaviest = rows.unique("dimension", keep="first", maintain_order=True).rows()
    assert [("hour", "12", 3, 3), ("team", "south", 3, 3), ("channel", "phone", 3, 4)] == [row[:4] for row in heaviest]


def test_losses_without_a_period_before_are_ranked_by_their_number(reader: Scratch) -> None:
    rows = questions.losses(reader, period=WEEK, before=None, scope=NOMAD, by=("team",), rank="lost")
    assert [("south", 3), ("north", 1)] == rows.select("key", "lost").rows()


def test_what_metrics_leave_out_is_counted(reader: Scratch) -> None:
    expected = {"calls": 11, "internal": 1, "test": 1, "in_progress": 1}
    assert expected == questions.ended(reader, period=WEEK, scope=NOMAD).left_out


def test_the_list_of_missed_calls_has_as_many_rows_as_the_tile_says(reader: Scratch) -> None:
    missed = CallFilter(outcomes=("missed",))
    scope = Scope(company="nomad", directions=("incoming",))
    listed = questions.calls(reader, period=WEEK, scope=scope, filters=missed)
    counted = questions.count_calls(reader, period=WEEK, scope=scope, filters=missed)["calls"]
    assert (2, 2, 2.0) == (listed.height, counted, figure(reader, "missed_calls")[0])


def test_a_list_is_paged_without_gaps_or_repeats(reader: Scratch) -> None:
    pages = [
        questions.calls(reader, period=WEEK, scope=NOMAD, filters=CallFilter(), limit=4, offset=offset)
        for offset in (0, 4, 8)
    ]
    ids = [call_id for page in pages for call_id in page["call_id"]]
    assert (9, 9) == (len(ids), len(set(ids)))


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (CallFilter(search="contact 3"), ["call-3"]),
        (CallFilter(search="+77010000004"), ["call-4"]),
        (CallFilter(search="dana"), ["call-6"]),
        (CallFilter(search="%"), []),
        (CallFilter(search="' or 1=1 --"), []),
        (CallFilter(hours=(12, 13), weekdays=(1,)), ["call-0", "call-1", "call-2"]),
        (CallFilter(outcomes=("missed",), with_left_out=True), ["call-0", "call-1", "call-10", "call-9"]),
    ],
)
def test_a_list_is_filtered(reader: Scratch, filters: CallFilter, expected: list[str]) -> None:
    listed = questions.calls(reader, period=WEEK, scope=NOMAD, filters=filters)
    assert expected == sorted(listed["call_id"].to_list())


@pytest.mark.parametrize("order", ["started_at", "contact"])
def test_a_contact_whom_a_call_does_not_name_has_the_name_by_which_he_is_known(reader: Scratch, order: Order) -> None:
    listed = questions.calls(reader, period=WEEK, scope=NOMAD, filters=CallFilter(), order=order)
    [row] = listed.filter(call_id="call-6").to_dicts()
    assert ("Dana Known", "Dana Known") == (row["contact_name"], row["contact"])
    assert order != "contact" or listed["contact"].to_list() == sorted(listed["contact"], reverse=True)


def test_a_call_of_another_company_is_not_shown(reader: Scratch) -> None:
    asked = {"company": "nomad", "call_id": "call-13"}
    assert (None, 0) == (questions.call(reader, **asked), questions.facts_of_call(reader, **asked).height)


def test_a_contact_s_history_is_told_to_its_company_only(reader: Scratch) -> None:
    key = "phone:+77010000003"
    heights = [questions.history(reader, company=company, contact_key=key).height for company in ("nomad", "other")]
    assert [1, 0] == heights


def test_the_period_before_is_cut_at_the_same_moment() -> None:
    today = Period(date(2026, 3, 10), date(2026, 3, 10), datetime(2026, 3, 10, 9, 30, tzinfo=UTC))
    expected = Period(date(2026, 3, 3), date(2026, 3, 3), datetime(2026, 3, 3, 9, 30, tzinfo=UTC))
    assert expected == today.before()


def test_the_moment_is_one_of_the_local_clock_also_where_that_has_changed_since() -> None:
    until = datetime(2026, 3, 29, 9, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    before = Period(date(2026, 3, 29), date(2026, 3, 29), until).before()
    assert datetime(2026, 3, 22, 8, 30, tzinfo=UTC) == before.until


@pytest.mark.parametrize(
    ("first", "last", "expected"),
    [
        (date(2026, 3, 9), date(2026, 3, 15), (date(2026, 3, 2), date(2026, 3, 8))),
        (date(2026, 3, 9), date(2026, 3, 10), (date(2026, 3, 2), date(2026, 3, 3))),
        (date(2026, 3, 9), date(2026, 3, 18), (date(2026, 2, 23), date(2026, 3, 4))),
        (date(2026, 3, 9), date(2026, 3, 9), (date(2026, 3, 2), date(2026, 3, 2))),
    ],
)
def test_the_period_before_has_the_same_weekdays(first: date, last: date, expected: tuple[date, date]) -> None:
    before = Period(first, last).before()
    assert expected == (before.first, before.last)


def test_a_period_that_is_not_over_leaves_later_calls_out(reader: Scratch) -> None:
    until = Period(date(2026, 3, 9), date(2026, 3, 9), datetime(2026, 3, 9, 13, 0, tzinfo=UTC))
    expected = {"calls": 2, "answered": 0, "talk_minutes": 0}
    assert expected == questions.count_calls(reader, period=until, scope=NOMAD, filters=CallFilter())


@pytest.mark.parametrize(("today", "last", "calls"), [(12, 12, 13), (11, 11, 11), (2, None, 0)])
def test_the_extent_tells_the_first_and_the_last_day_up_to_today(
    reader: Scratch, today: int, last: int | None, calls: int
) -> None:
    days = (date(2026, 3, 3), date(2026, 3, last)) if last else (None, None)
    expected = {"first_day": days[0], "last_day": days[1], "calls": calls}
    assert expected == questions.extent(reader, company="nomad", today=date(2026, 3, today))
