"""The overview as one picture: words, tiles and the trend drawn together, as PNG and PDF; frames in, bytes out."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import polars as pl
import vl_convert
from msgspec import Struct

from dashboards.charts import CALM, GREY, LOSS

WIDTH = 760
ACROSS = 3
INK = "#17211F"
QUIET = "#5B6866"
WORDS_A_LINE = 58
SCALE = 2


class Told(Struct, frozen=True, kw_only=True):
    """A figure in words; `is_better` colours its change, None leaves it grey."""

    label: str
    value: str
    note: str
    change: str = ""
    is_better: bool | None = None


def draw(  # noqa: PLR0913  # what stands on a poster
    *, head: str, answer: str, tiles: Sequence[Told], days: pl.DataFrame, title: str, number: dict[str, str]
) -> dict[str, Any]:
    """Draw the poster as a Vega-Lite chart (days: columns day, label, value)."""
    lines = _lines(answer)
    parts = [
        _words([head], size=15, colour=QUIET),
        _words(lines, size=23, colour=INK, weight="bold"),
        _tiles(tiles),
        _words([title], size=17, colour=INK, weight="bold"),
        trend(days, is_share=True),
    ]
    stacked: Any = alt.vconcat(*parts, spacing=18)
    chart = stacked.configure(
        background="#FFFFFF",
        padding=32,
        font="sans-serif",
        locale={"number": {**number, "grouping": [3], "currency": ["", ""]}},
    )
    return chart.configure_view(strokeWidth=0).configure_axis(grid=False, domainOpacity=0.3).to_dict()


def trend(days: pl.DataFrame, *, is_share: bool) -> Any:
    """Draw a metric by day."""
    labels = days.sort("day")["label"].to_list()
    rows = alt.Data(values=days.select("label", "value").to_dicts())
    line: Any = alt.Chart(rows).mark_line(color=CALM, strokeWidth=2.5, point=alt.OverlayMarkDef(color=CALM, size=60))
    return line.encode(
        x=alt.X(
            "label:O",
            sort=labels,
            axis=alt.Axis(title=None, labelAngle=0, labelOverlap="greedy", ticks=False, labelPadding=8),
        ),
        y=alt.Y(
            "value:Q",
            scale=alt.Scale(domain=[0, 1]) if is_share else alt.Scale(zero=True),
            axis=alt.Axis(title=None, format=".0%" if is_share else ",.0f", tickCount=4, domain=False, ticks=False),
        ),
    ).properties(width=WIDTH, height=200)


def picture(days: pl.DataFrame, *, number: dict[str, str]) -> dict[str, Any]:
    """Draw the trend by itself, for a mail."""
    chart: Any = trend(days, is_share=True).configure(
        background="#FFFFFF", locale={"number": {**number, "grouping": [3], "currency": ["", ""]}}
    )
    return chart.configure_view(strokeWidth=0).configure_axis(grid=False, domainOpacity=0.3).to_dict()


def png(chart: dict[str, Any]) -> bytes:
    """Paint a chart as PNG."""
    return vl_convert.vegalite_to_png(chart, scale=SCALE)


def pdf(chart: dict[str, Any]) -> bytes:
    """Paint a chart as PDF."""
    return vl_convert.vegalite_to_pdf(chart)


def _words(lines: Sequence[str], *, size: int, colour: str, weight: Any = "normal") -> Any:
    rows = alt.Data(values=[{"text": line, "row": number} for number, line in enumerate(lines)])
    height = len(lines) * size * 1.35
    mark: Any = alt.Chart(rows).mark_text(align="left", baseline="top", fontSize=size, color=colour, fontWeight=weight)
    return mark.encode(
        x=alt.value(0),
        y=alt.Y("row:Q", scale=alt.Scale(domain=[0, len(lines)], range=[0, height]), axis=None),
        text="text:N",
    ).properties(width=WIDTH, height=height)


def _tiles(tiles: Sequence[Told]) -> Any:
    """Put the figures into a grid: label, value, change and count under each other."""
    step, tall = WIDTH / ACROSS, 104
    rows = [
        {
            "x": (place % ACROSS) * step,
            "y": (place // ACROSS) * tall,
            "label": tile.label,
            "value": tile.value,
            "change": tile.change,
            "note": tile.note.replace(" · ", "\n"),  # on one line it ran into the next tile, in Kazakh
            "colour": QUIET if tile.is_better is None else CALM if tile.is_better else LOSS,
        }
        for place, tile in enumerate(tiles)
    ]
    height = -(-len(tiles) // ACROSS) * tall
    base: Any = alt.Chart(alt.Data(values=rows)).encode(
        x=alt.X("x:Q", scale=alt.Scale(domain=[0, WIDTH], range=[0, WIDTH]), axis=None),
        y=alt.Y("y:Q", scale=alt.Scale(domain=[0, height], range=[0, height]), axis=None),
    )

    def text(field: str, *, below: int, size: int, colour: Any, right: int = 0) -> Any:
        mark: Any = base.mark_text(align="left", baseline="top", dy=below, dx=right, fontSize=size, lineBreak="\n")
        return mark.encode(text=f"{field}:N", color=colour)

    own = alt.Color("colour:N", scale=None)
    return alt.layer(
        base.mark_rule(color=GREY, strokeWidth=1, opacity=0.5)
        .encode(x2=alt.X2("right:Q"), y=alt.Y("y:Q", axis=None))
        .transform_calculate(right=f"datum.x + {step - 24}"),
        text("label", below=8, size=13, colour=alt.value(QUIET)),
        text("value", below=28, size=26, colour=alt.value(INK)),
        text("change", below=40, size=13, colour=own, right=140),
        text("note", below=64, size=12, colour=alt.value(QUIET)),
    ).properties(width=WIDTH, height=height)


def _lines(text: str) -> list[str]:
    lines = [""]
    for word in text.split():
        if len(lines[-1]) + len(word) + 1 > WORDS_A_LINE:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}".strip()
    return lines
