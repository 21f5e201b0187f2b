"""The charts, proved once against Vega-Lite's grammar, since pages do not prove them each time."""

from datetime import date

import altair as alt
import polars as pl
import pytest
from jsonschema import ValidationError

from dashboards import charts
from dashboards.charts import Spec
from dashboards.texts import texts

NUMBER = texts("en").number_format()
TITLES = dict.fromkeys(
    ("day", "value", "sample", "before", "weekday", "hour", "missed", "incoming", "channel", "outcome", "calls"), "told"
) | dict.fromkeys(("state", "episodes", "minutes", "cost", "way", "by", "height"), "told")
DAYS = pl.DataFrame(
    {
        "day": [date(2026, 3, 9), date(2026, 3, 10)],
        "label": ["9 Mar", "10 Mar"],
        "value": [0.5, None],
        "shown": ["50%", ""],
        "sample": [40, 4],
        "before": [None, 0.25],
        "before_shown": ["", "25%"],
        "is_small": [False, True],
    }
)
CELLS = pl.DataFrame({"weekday": [1], "weekday_label": ["Mon"], "hour": [12], "missed": [3], "incoming": [9]})
ENDS = pl.DataFrame(
    {"channel": ["phone"], "channel_label": ["Phone"], "outcome": ["missed"], "outcome_label": ["Missed"], "calls": [3]}
)
HOURS = pl.DataFrame({"hour": [12], "state": ["open"], "state_label": ["Open"], "episodes": [3]})
LINES = pl.DataFrame(
    {"minutes": [0.0, 9.0, 0.0, 9.0], "way": ["fee", "fee", "meter", "meter"], "cost": [5.0, 5.0, 0.0, 9.0]}
)
BARS = pl.DataFrame({"by": ["a", "b"], "height": [1.0, 2.0]})
DRAWN = {
    "trend": charts.trend(DAYS, titles=TITLES, number=NUMBER, is_share=True),
    "line": charts.line([0.5, 0.25], number=NUMBER),
    "flat line": charts.line([0.5, 0.5], number=NUMBER),
    "heat": charts.heat(CELLS, weekdays=["Mon"], titles=TITLES, number=NUMBER),
    "outcomes": charts.outcomes(ENDS, titles=TITLES, number=NUMBER),
    "recovery": charts.recovery(HOURS, titles=TITLES, number=NUMBER),
    "crossing": charts.crossing(LINES, even=5, own=3, ways=["fee", "meter"], titles=TITLES, number=NUMBER),
    "bars": charts.bars(BARS, titles=TITLES, number=NUMBER),
    "lying bars": charts.bars(BARS, titles=TITLES, number=NUMBER, is_lying=True),
    "nothing": charts.bars(BARS.clear(), titles=TITLES, number=NUMBER),
}


@pytest.mark.parametrize("spec", DRAWN.values(), ids=DRAWN)
def test_a_chart_is_valid_and_holds_its_rows_and_no_size_across(spec: Spec) -> None:
    (alt.LayerChart if "layer" in spec else alt.Chart).validate(spec)
    assert (True, {"strokeWidth": 0}) == ("rows" in spec["datasets"], spec["config"]["view"])


def test_words_are_stacked_and_listed_in_the_order_of_their_meaning() -> None:
    outcomes = ["abandoned", "answered", "machine", "missed", "told_anew"]
    ends = pl.concat(ENDS.with_columns(outcome=pl.lit(one), outcome_label=pl.lit(one.upper())) for one in outcomes)
    spec = charts.outcomes(ends, titles=TITLES, number=NUMBER)
    listed = ["ANSWERED", "MACHINE", "MISSED", "ABANDONED", "TOLD_ANEW"]
    stacked = [row["outcome_label"] for row in sorted(spec["datasets"]["rows"], key=lambda row: row["place"])]
    assert [listed, listed] == [spec["encoding"]["color"]["scale"]["domain"], stacked]
    assert "place" == spec["encoding"]["order"]["field"]


@pytest.mark.parametrize("name", ["heat", "recovery"])
def test_an_axis_of_hours_is_a_whole_day_so_that_one_hour_does_not_fill_the_page(name: str) -> None:
    assert list(range(24)) == DRAWN[name]["encoding"]["x"]["scale"]["domain"]


def test_a_weekday_alone_is_as_high_as_one_of_seven() -> None:
    week = pl.concat(CELLS.with_columns(weekday=pl.lit(day, dtype=pl.Int64)) for day in range(1, 8))
    spec = charts.heat(week, weekdays=["Mon"], titles=TITLES, number=NUMBER)
    assert (charts.HEIGHT, charts.HEIGHT - 6 * charts.HEIGHT_OF_A_CELL) == (spec["height"], DRAWN["heat"]["height"])


@pytest.mark.parametrize(("name", "across"), [("outcomes", "x"), ("recovery", "y"), ("bars", "y"), ("crossing", "y")])
def test_an_axis_of_whole_numbers_has_no_halves_that_would_be_written_twice(name: str, across: str) -> None:
    spec = DRAWN[name]
    encoding = spec.get("encoding") or spec["layer"][0]["encoding"]
    assert 1 == encoding[across]["axis"]["tickMinStep"]


def test_an_axis_of_small_numbers_writes_their_digits() -> None:
    prices = DAYS.with_columns(value=pl.Series([0.0455, 0.0467]))
    axis = charts.trend(prices, titles=TITLES, number=NUMBER, is_share=False)["layer"][0]["encoding"]["y"]["axis"]
    assert (",.6~r", False) == (axis["format"], "tickMinStep" in axis)


def test_a_chart_that_is_wrong_is_found_so() -> None:
    with pytest.raises(ValidationError):
        alt.Chart.validate(DRAWN["bars"] | {"mark": "banana"})
