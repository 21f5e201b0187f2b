"""The charts: frames in, Vega-Lite out; no clock, no warehouse, nothing of Streamlit."""

from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
import polars as pl
from altair.utils import schemapi

# A chart as Vega-Lite, with its rows in it.
Spec = dict[str, Any]

# Altair proves each part of a chart against the grammar as it is made, which takes longer than all the rest of a page.
# A test proves every chart once.
schemapi.disable_debug_mode()

ROWS = "rows"

CALM = "#1F8A82"
LOSS = "#D1495B"
GREY = "#8A9694"
# Words are stacked, and stand in legends, in the order in which their colours stand here.
OUTCOME_COLOURS = {
    "answered": CALM,
    "voicemail": "#8E7CC3",
    "machine": "#6C8EBF",
    "missed": LOSS,
    "abandoned": "#E8934A",
    "rejected": "#B5637A",
    "no_answer": "#E0B84C",
    "busy": "#B08968",
    "cancelled": "#9AA5A3",
    "failed": "#5D6B6A",
    "not_permitted": "#3E4C59",
    "in_progress": "#64B5F6",
}
STATE_COLOURS = {
    "called_back": CALM,
    "called_again": "#6C8EBF",
    "messaged": "#8E7CC3",
    "open": "#E8934A",
    "lost": LOSS,
}
HEIGHT = 260
HEIGHT_OF_A_LINE = 56
# A chart's height holds its legend and the title of its axis.
HEIGHT_OF_LEGEND = 230
HEIGHT_OF_A_BAR = 44
# With these a week is as high as other charts, and a day alone still has its cells.
HEIGHT_OF_AXIS = 85
HEIGHT_OF_A_CELL = 25


def trend(frame: pl.DataFrame, *, titles: dict[str, str], number: dict[str, str], is_share: bool) -> Spec:
    """Draw a metric by day (columns day, label, value, shown, before, before_shown, sample, is_small)."""
    labels = frame.sort("day")["label"].to_list()
    top = alt.Scale(domain=[0, 1]) if is_share else alt.Scale(zero=True)
    axis_x = alt.Axis(labelAngle=0, labelOverlap="greedy", title=None, ticks=False, labelPadding=8)
    bare: dict[str, Any] = {"title": None, "tickCount": 4, "domain": False, "ticks": False}
    axis_y = alt.Axis(format=".0%", **bare) if is_share else _numbers(frame["value"], **bare)
    base = alt.Chart(alt.NamedData(ROWS)).encode(
        x=alt.X("label:O", sort=labels, axis=axis_x),
        tooltip=[
            alt.Tooltip("label:N", title=titles["day"]),
            alt.Tooltip("shown:N", title=titles["value"]),
            alt.Tooltip("sample:N", title=titles["sample"]),
            alt.Tooltip("before_shown:N", title=titles["before"]),
        ],
    )
    before = base.mark_line(strokeDash=[4, 4], color=GREY, strokeWidth=1.5).encode(
        y=alt.Y("before:Q", scale=top, axis=axis_y)
    )
    line = base.mark_line(color=CALM, strokeWidth=2.5).encode(y=alt.Y("value:Q", scale=top, axis=axis_y))
    points = base.mark_point(size=70, color=CALM, filled=True, opacity=1).encode(
        y=alt.Y("value:Q", scale=top, axis=axis_y),
        fillOpacity=alt.condition("datum.is_small", alt.value(0.15), alt.value(1)),
    )
    layers = (before, line, points) if frame["before"].is_not_null().any() else (line, points)
    return _finish(alt.layer(*layers).properties(height=HEIGHT), frame=frame, number=number)


def line(values: Sequence[float], *, number: dict[str, str]) -> Spec:
    """Draw the days of a figure as a line without words, for a tile that says all else."""
    low, high = min(values), max(values)
    frame = pl.DataFrame({"step": range(len(values)), "value": list(values), "floor": [low] * len(values)})
    # What is drawn has its extent told, also where all is of one height.
    steps = alt.Scale(domain=[0, len(values) - 1])
    heights = alt.Scale(domain=[low, high] if low < high else [low - 1, low + 1])
    chart = (
        alt.Chart(alt.NamedData(ROWS))
        .mark_area(color=CALM, opacity=0.2, line={"color": CALM, "strokeWidth": 1.5}, tooltip=None)
        .encode(x=alt.X("step:Q", scale=steps, axis=None), y=alt.Y("value:Q", scale=heights, axis=None), y2="floor")
        .properties(height=HEIGHT_OF_A_LINE, padding={"left": 0, "right": 0, "top": 2, "bottom": 2})
    )
    return _finish(chart, frame=frame, number=number)


def heat(frame: pl.DataFrame, *, weekdays: Sequence[str], titles: dict[str, str], number: dict[str, str]) -> Spec:
    """Draw missed calls by weekday and hour (columns weekday, weekday_label, hour, missed, incoming); cells select."""
    cell = alt.selection_point(name="cell", fields=["weekday", "hour"], on="click", empty=True)
    chart = (
        alt.Chart(alt.NamedData(ROWS))
        .mark_rect(color=LOSS, cornerRadius=3, stroke="transparent", strokeWidth=2, cursor="pointer")
        .encode(
            x=_hours(title=titles["hour"]),
            y=alt.Y("weekday_label:O", sort=list(weekdays), axis=alt.Axis(title=None, ticks=False)),
            opacity=alt.Opacity("missed:Q", scale=alt.Scale(range=[0.07, 1]), legend=None),
            tooltip=[
                alt.Tooltip("weekday_label:N", title=titles["weekday"]),
                alt.Tooltip("hour:N", title=titles["hour"]),
                alt.Tooltip("missed:Q", title=titles["missed"]),
                alt.Tooltip("incoming:Q", title=titles["incoming"]),
            ],
        )
        .add_params(cell)
        .properties(height=HEIGHT_OF_AXIS + HEIGHT_OF_A_CELL * frame["weekday"].n_unique())
    )
    return _finish(chart, frame=frame, number=number)


def outcomes(frame: pl.DataFrame, *, titles: dict[str, str], number: dict[str, str]) -> Spec:
    """Draw how calls ended by channel (columns channel, channel_label, outcome, outcome_label, calls); bars select."""
    bar = alt.selection_point(name="bar", fields=["channel", "outcome"], on="click", empty=True)
    frame, stacked = _stacked(frame, by="outcome", colours=OUTCOME_COLOURS)
    chart = (
        alt.Chart(alt.NamedData(ROWS))
        .mark_bar(cornerRadius=2, cursor="pointer")
        .encode(
            x=alt.X("calls:Q", stack="zero", axis=_numbers(frame["calls"], title=titles["calls"])),
            y=alt.Y(
                "channel_label:N",
                sort="-x",
                scale=alt.Scale(paddingInner=0.35),
                axis=alt.Axis(title=None, ticks=False, labelLimit=120),
            ),
            **stacked,
            tooltip=[
                alt.Tooltip("channel_label:N", title=titles["channel"]),
                alt.Tooltip("outcome_label:N", title=titles["outcome"]),
                alt.Tooltip("calls:Q", title=titles["calls"]),
            ],
        )
        .add_params(bar)
        .properties(height=HEIGHT_OF_LEGEND + HEIGHT_OF_A_BAR * frame["channel_label"].n_unique())
    )
    return _finish(chart, frame=frame, number=number)


def recovery(frame: pl.DataFrame, *, titles: dict[str, str], number: dict[str, str]) -> Spec:
    """Draw missed contacts by hour and how they stand (columns hour, state, state_label, episodes); bars select."""
    bar = alt.selection_point(name="bar", fields=["hour", "state"], on="click", empty=True)
    frame, stacked = _stacked(frame, by="state", colours=STATE_COLOURS)
    chart = (
        alt.Chart(alt.NamedData(ROWS))
        .mark_bar(cornerRadius=2, cursor="pointer")
        .encode(
            x=_hours(title=titles["hour"]),
            y=alt.Y("episodes:Q", stack="zero", axis=_numbers(frame["episodes"], title=titles["episodes"])),
            **stacked,
            tooltip=[
                alt.Tooltip("hour:O", title=titles["hour"]),
                alt.Tooltip("state_label:N", title=titles["state"]),
                alt.Tooltip("episodes:Q", title=titles["episodes"]),
            ],
        )
        .add_params(bar)
        .properties(height=HEIGHT + HEIGHT_OF_LEGEND // 2)
    )
    return _finish(chart, frame=frame, number=number)


def crossing(  # noqa: PLR0913  # two lines, where they cross, where we are, and their words
    frame: pl.DataFrame,
    *,
    even: float,
    own: float,
    ways: Sequence[str],
    titles: dict[str, str],
    number: dict[str, str],
) -> Spec:
    """Draw what minutes cost in two ways (columns minutes, way, cost), their crossing, and the own minutes dashed."""
    lines = (
        alt.Chart(alt.NamedData(ROWS))
        .mark_line(strokeWidth=2.5)
        .encode(
            x=alt.X("minutes:Q", axis=_numbers(frame["minutes"], title=titles["minutes"], tickCount=6)),
            y=alt.Y("cost:Q", axis=_numbers(frame["cost"], title=titles["cost"])),
            color=alt.Color(
                "way:N",
                scale=alt.Scale(domain=list(ways), range=[CALM, "#E8934A"]),
                legend=alt.Legend(title=None, orient="bottom"),
            ),
            tooltip=[
                alt.Tooltip("way:N", title=titles["way"]),
                alt.Tooltip("minutes:Q", title=titles["minutes"], format=",.0f"),
                alt.Tooltip("cost:Q", title=titles["cost"], format=",.0f"),
            ],
        )
    )
    fee = frame.filter(pl.col("way") == ways[0])["cost"][0]
    cross = alt.Chart(alt.Data(values=[{"minutes": even, "cost": fee}])).mark_point(size=160, color=LOSS, filled=True)
    here = alt.Chart(alt.Data(values=[{"minutes": own}])).mark_rule(color=GREY, strokeDash=[4, 4], strokeWidth=1.5)
    layers = alt.layer(lines, here.encode(x="minutes:Q"), cross.encode(x="minutes:Q", y="cost:Q"))
    return _finish(layers.properties(height=HEIGHT + 40), frame=frame, number=number)


def bars(frame: pl.DataFrame, *, titles: dict[str, str], number: dict[str, str], is_lying: bool = False) -> Spec:
    """Draw numbers in the order of their rows (columns by, height); `is_lying` gives long names their room."""
    names = alt.Axis(title=titles["by"] or None, labelLimit=160, labelOverlap="greedy", ticks=False)
    figures = _numbers(frame["height"], title=titles["height"])
    bar = alt.Chart(alt.NamedData(ROWS)).mark_bar(color=CALM, cornerRadius=2)
    if is_lying:
        bar = bar.encode(x=alt.X("height:Q", axis=figures), y=alt.Y("by:N", sort=None, axis=names))
    else:
        bar = bar.encode(x=alt.X("by:N", sort=None, axis=names), y=alt.Y("height:Q", axis=figures))
    told = [alt.Tooltip("by:N", title=titles["by"]), alt.Tooltip("height:Q", title=titles["height"])]
    return _finish(bar.encode(tooltip=told).properties(height=HEIGHT), frame=frame, number=number)


def _stacked(frame: pl.DataFrame, *, by: str, colours: Mapping[str, str]) -> tuple[pl.DataFrame, dict[str, Any]]:
    """Colour the bars of words and stack them in the order of the colours; gives the rows with a `place` in it.

    The legend lies below, so close that on a phone its long words are seen whole.
    """
    places = {word: place for place, word in enumerate(colours)}
    placed = frame.with_columns(place=pl.col(by).replace_strict(places, default=len(places), return_dtype=pl.Int64))
    used = placed.unique(by).sort("place", by)
    scale = alt.Scale(
        domain=used[f"{by}_label"].to_list(), range=[colours.get(word, GREY) for word in used[by].to_list()]
    )
    legend = alt.Legend(title=None, orient="bottom", columns=2, symbolType="square", columnPadding=2, labelFontSize=11)
    return placed, {"color": alt.Color(f"{by}_label:N", scale=scale, legend=legend), "order": alt.Order("place:Q")}


def _hours(*, title: str) -> alt.X:
    """Lay out the hours of a whole day: an axis of time skips none, and an hour is as wide whichever were called in."""
    axis = alt.Axis(labelAngle=0, title=title, ticks=False, labelOverlap="parity")
    return alt.X("hour:O", scale=alt.Scale(domain=list(range(24))), axis=axis)


def _numbers(figures: pl.Series, **axis: Any) -> alt.Axis:
    """Lay out an axis of numbers: between whole ones it has no steps, and small ones are not written as whole ones."""
    told: dict[str, Any] = {"tickCount": 5, "format": ",.6~r", **axis}
    if (figures.drop_nulls() % 1 == 0).all():
        told["tickMinStep"] = 1
    return alt.Axis(**told)


def _finish(chart: Any, *, frame: pl.DataFrame, number: dict[str, str]) -> Spec:
    """Write a chart whose rows are those of the frame; they come last, for Altair copies all that it holds."""
    locale = {"number": {**number, "grouping": [3], "currency": ["", ""]}}
    whole = chart.configure(locale=locale).configure_view(strokeWidth=0).configure_axis(grid=False, domainOpacity=0.3)
    spec: Spec = whole.to_dict(validate=False)
    # Altair's own theme gives a chart a width; here the page does.
    for size in ("continuousWidth", "continuousHeight"):
        spec["config"]["view"].pop(size, None)
    rows = frame.with_columns(pl.selectors.date().cast(pl.String)).to_dicts()
    return spec | {"datasets": {**spec.get("datasets", {}), ROWS: rows}}
