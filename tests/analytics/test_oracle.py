"""The warehouse against the oracle: metrics of a simulated company, through the real translators, to the last digit."""

from collections.abc import Callable, Generator
from datetime import timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from analytics import questions
from analytics.api.lists import METRICS, page
from analytics.folding.scratch import Scratch
from analytics.metrics.catalogue import QUANTILES, catalogue, fact_of, lists_calls
from analytics.metrics.sql import PARTS
from analytics.questions import CallFilter, Period, Scope
from analytics.questions.explain import rows_of
from analytics.views import read_views
from angime.simulator import company
from tests.analytics import oracle, oracle_of_agreements, oracle_of_talk, simulated
from tests.analytics.simulated import DAYS, NOW, WHOLE

# What a slice keeps of the warehouse's rows, and of the oracle's.
SLICES: dict[str, tuple[Scope, Callable[[oracle.Row], bool]]] = {
    "everything": (Scope(company="demo"), lambda _: True),
    "one channel": (Scope(company="demo", channels=("waba",)), lambda row: row.channel == "waba"),
    "two teams": (Scope(company="demo", teams=("north", "care")), lambda row: row.team in {"north", "care"}),
    "incoming": (Scope(company="demo", directions=("incoming",)), lambda row: row.direction == "incoming"),
    "closed hours": (Scope(company="demo", is_business_hours=False), lambda row: row.is_business_hours is False),
    "all at once": (
        Scope(company="demo", teams=("south",), channels=("phone",), is_business_hours=True),
        lambda row: (row.team, row.channel, row.is_business_hours) == ("south", "phone", True),
    ),
}


@pytest.fixture(scope="module")
def warehouse() -> Generator[Scratch]:
    built = simulated.warehouse()
    yield built
    built.close()


@pytest.fixture(scope="module")
def truth() -> dict[str, tuple[list[oracle.Row], oracle.Aggregate]]:
    halves = [part.metrics(simulated.story()) for part in (oracle, oracle_of_agreements, oracle_of_talk)]
    return halves[0] | halves[1] | halves[2]


@pytest.fixture(scope="module")
def days_of_all(warehouse: Scratch) -> list[dict[str, Any]]:
    return warehouse.sql("select * from metrics.daily order by day desc, metric desc").to_dicts()


@pytest.mark.parametrize("name", list(SLICES))
def test_every_metric_is_what_truly_happened_to_the_last_digit(
    warehouse: Scratch, truth: dict[str, tuple[list[oracle.Row], oracle.Aggregate]], name: str
) -> None:
    scope, keeps = SLICES[name]
    known = {metric: oracle.figure(filter(keeps, rows), how) for metric, (rows, how) in truth.items()}
    expected = {
        metric: counted
        for metric, counted in known.items()
        if set(scope.narrowed()) <= set(fact_of(catalogue()[metric]).dimensions)
    }

    figures = questions.figures(warehouse, period=WHOLE, scope=scope, metrics=tuple(expected))

    assert expected == {row["metric"]: (row["value"], row["sample"]) for row in figures.to_dicts()}


def test_days_asked_for_alone_give_what_the_views_of_contacts_give_of_them(warehouse: Scratch) -> None:
    names = tuple(name for name, metric in catalogue().items() if fact_of(metric).is_of_contacts)
    daily = warehouse.sql("select day, metric, value, numerator, denominator, sample from metrics.daily")
    days = [oracle.local_day(NOW) - timedelta(days=back) for back in range(DAYS)]

    alone = [
        questions.figures(warehouse, period=Period(day, day), scope=Scope(company="demo"), metrics=names)
        .filter(pl.col("sample") > 0)
        .select(pl.lit(day).alias("day"), pl.all())
        for day in days
    ]

    expected = daily.filter(pl.col("metric").is_in(names), pl.col("day").is_in(days))
    assert_frame_equal(expected, pl.concat(alone), check_row_order=False)


def test_every_metric_of_every_day_is_what_truly_happened(
    warehouse: Scratch, truth: dict[str, tuple[list[oracle.Row], oracle.Aggregate]]
) -> None:
    days = [oracle.local_day(NOW) - timedelta(days=back) for back in range(DAYS)]
    expected = {
        (metric, day): oracle.figure((row for row in rows if row.day == day), how)
        for metric, (rows, how) in truth.items()
        for day in days
    }

    daily = warehouse.sql("select metric, day, value, sample from metrics.daily where company = 'demo'")

    counted = {(metric, day): (value, sample) for metric, day, value, sample in daily.rows()}
    assert {key: counted_there for key, counted_there in expected.items() if counted_there[1]} == {
        key: counted[key] for key in expected if key in counted
    }


@given(
    metric=st.sampled_from(("", *catalogue())),
    first=st.none() | st.integers(0, DAYS),
    last=st.none() | st.integers(0, DAYS),
    known=st.sampled_from(("demo", "nobody")),
)
def test_asked_by_company_days_and_metric_the_api_gives_what_the_table_of_days_holds(  # noqa: PLR0917  # each is drawn
    warehouse: Scratch,
    days_of_all: list[dict[str, Any]],
    metric: str,
    first: int | None,
    last: int | None,
    known: str,
) -> None:
    days = [oracle.local_day(NOW) - timedelta(days=back) for back in range(DAYS, -1, -1)]
    begin, end = days[first or 0], days[-1 if last is None else last]
    assume(first is None or last is None or begin <= end)
    asked = {"metric": metric, "from": first is not None and str(begin), "to": last is not None and str(end)}
    narrowed = {name: value for name, value in asked.items() if value}

    pages = [page(warehouse, METRICS, company=known, of="", asked=narrowed | {"limit": "500"})]
    while pages[-1].next:
        following = narrowed | {"limit": "500", "cursor": pages[-1].next}
        pages.append(page(warehouse, METRICS, company=known, of="", asked=following))

    expected = [
        {name: row[name] for name in METRICS.columns}
        for row in days_of_all
        if row["company"] == known
        and (first is None or row["day"] >= begin)
        and (last is None or row["day"] <= end)
        and metric in {"", row["metric"]}
    ]
    assert expected == [row for given_page in pages for row in given_page.rows]


def test_the_formula_of_every_metric_gives_the_figure_of_the_pages(warehouse: Scratch) -> None:
    scope = Scope(company="demo")
    found = questions.figures(warehouse, period=WHOLE, scope=scope, metrics=tuple(catalogue())).to_dicts()
    figures = {row["metric"]: pytest.approx(row["value"]) for row in found if row["sample"]}

    told = {name: float(warehouse.sql(catalogue()[name].formula).item()) for name in figures}

    assert figures == told
    assert set(catalogue()) == {*told, "risk_signs"}  # of which the story has none


@given(
    metric=st.sampled_from(sorted(catalogue())),
    first=st.integers(0, DAYS),
    length=st.integers(1, DAYS),
    teams=st.sets(st.sampled_from(sorted(company.TEAMS)), max_size=2),
    channels=st.sets(st.sampled_from(("phone", "waba")), max_size=1),
    directions=st.sets(st.sampled_from(("incoming", "outgoing")), max_size=1),
    is_business_hours=st.sampled_from((None, True, False)),
)
def test_exported_rows_add_up_to_the_tile(  # noqa: PLR0917  # each is drawn
    warehouse: Scratch,
    metric: str,
    first: int,
    length: int,
    teams: set[str],
    channels: set[str],
    directions: set[str],
    *,
    is_business_hours: bool | None,
) -> None:
    begin = oracle.local_day(NOW) - timedelta(days=first)
    period = Period(begin, begin + timedelta(days=length))
    fact = fact_of(catalogue()[metric])
    scope = Scope(
        company="demo",
        teams=tuple(teams) if "team" in fact.dimensions else (),
        channels=tuple(channels) if "channel" in fact.dimensions else (),
        directions=tuple(directions) if "direction" in fact.dimensions else (),
        is_business_hours=is_business_hours if "business_hours" in fact.dimensions else None,
    )

    [tile] = questions.figures(warehouse, period=period, scope=scope, metrics=(metric,)).to_dicts()
    rows = rows_of(catalogue()[metric], period=period, scope=scope).ask(warehouse)

    asked = catalogue()[metric]
    if lists_calls(asked):
        behind = CallFilter(behind=metric)
        assert rows.height == questions.count_calls(warehouse, period=period, scope=scope, filters=behind)["calls"]
    if asked.distinct and asked.kind == "share":
        rows = rows.group_by(asked.distinct).agg(pl.col("numerator").max(), pl.col("denominator").max())
    adds = rows["numerator"].drop_nulls().to_list()
    assert tile["sample"] == len(adds) or asked.kind == "count"
    if not tile["sample"]:
        assert tile["value"] is None
    elif asked.kind in QUANTILES:
        how = {"median": oracle.middle, "p90": oracle.nine_of_ten, "p95": oracle.nineteen_of_twenty}
        assert tile["value"] == how[asked.kind]([round(add * PARTS["seconds"]) for add in adds])
    elif asked.distinct and asked.kind == "count":
        assert tile["numerator"] == rows[asked.distinct].drop_nulls().explode().n_unique()
    else:
        assert tile["numerator"] == pytest.approx(float(sum(adds)))
        assert tile["denominator"] in {None, sum(rows["denominator"].drop_nulls().to_list())}


def test_no_check_finds_anything_at_the_simulated_company(warehouse: Scratch) -> None:
    checks = [view.relation for view in read_views() if view.layer == "checks"]
    assert [] == [check for check in checks if warehouse.sql(f"from {check} limit 1").height]


def test_the_oracle_knows_every_metric(truth: dict[str, tuple[list[oracle.Row], oracle.Aggregate]]) -> None:
    assert set(catalogue()) == set(truth)


def test_the_story_has_rows_for_every_metric_that_it_knows(
    truth: dict[str, tuple[list[oracle.Row], oracle.Aggregate]],
) -> None:
    few = [metric for metric, (rows, _) in truth.items() if len(rows) < 20]
    assert few == ["risk_signs"]  # providers tell the story's company nothing of its accounts
