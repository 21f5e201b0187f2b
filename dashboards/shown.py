# pyright: reportUnknownMemberType=false
"""What most pages draw: figures side by side, and tables of words whose files hold the raw figures."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import polars as pl
import streamlit as st
from msgspec import Struct

from dashboards import charts, downloads
from dashboards.page import Page
from dashboards.state import State
from dashboards.texts import plain

ACROSS = 3  # tiles
HIGHEST = 560
ROW_HEIGHT = 37
MOST_SENTENCES = 8
SIGN_WIDTH, AROUND_A_CELL = 7, 30  # pixels
Delta = Literal["normal", "inverse", "off"]


class Tile(Struct, frozen=True, kw_only=True):
    """A figure in words: what it is, its value, what stands behind it, how it is meant, its change and its days.

    `help` is a sentence; a `definition` of the catalogue, which is Markdown of ours, stands in its place. What stands
    `behind` it in few words leads to these `calls`; a note may be long.
    """

    label: str
    value: str
    note: str = ""
    help: str = ""
    definition: str = ""
    change: str | None = None
    change_is: Delta = "off"
    is_flat: bool = False
    line: tuple[float, ...] = ()
    behind: str = ""
    calls: State | None = None


def tiles(page: Page, drawn: Sequence[Tile]) -> None:
    """Draw figures side by side: in rows of ACROSS at most, of which none is much shorter than another."""
    rows = -(-len(drawn) // ACROSS)
    for row in range(rows):
        some = drawn[-(-len(drawn) * row // rows) : -(-len(drawn) * (row + 1) // rows)]
        for column, tile in zip(st.columns(len(some)), some, strict=True):
            with column, st.container(border=True, height="stretch"):
                st.metric(
                    tile.label,
                    tile.value,
                    tile.change,
                    delta_color=tile.change_is,
                    delta_arrow="off" if tile.is_flat else "auto",
                    help=tile.definition or (plain(tile.help, limit=1_000) if tile.help else None),
                )
                if len(tile.line) > 1:
                    # The chart that st.metric draws itself warns in the browser of what it does not draw.
                    st.vega_lite_chart(
                        charts.line(tile.line, number=page.say.number_format()),
                        alt=": ".join((tile.label, page.say("Day by day"))),
                    )
                if tile.calls:
                    page.link("calls", plain(tile.behind), state=tile.calls, icon=":material/list:")
                if tile.note:
                    st.caption(plain(tile.note, limit=300))


def side_by_side(figures: Sequence[tuple[str, str]]) -> None:
    """Draw short figures side by side, each below its label."""
    with st.container(horizontal=True, gap="medium"):
        for label, value in figures:
            st.markdown(f":gray[{plain(label)}]  \n**{plain(value)}**", width="content")


def table(  # noqa: PLR0913  # a table is drawn in this many words
    columns: Mapping[str, Sequence[Any]],
    *,
    alt: str,
    key: str | None = None,
    highest: int = HIGHEST,
    widths: Mapping[str, int] | None = None,
    definitions: Mapping[str, str] | None = None,
) -> int | None:
    """Draw a table of words; with a `key`, a cell can be chosen, and the place of its row is given.

    `widths` are pixels, for columns whose few long words would be cut off: a table is as wide as most of its words.
    `definitions` are Markdown of ours, which stands over the name of a column that a person points at.
    """
    frame = pl.DataFrame(dict(columns), strict=False)
    height: Any = "content" if frame.height * ROW_HEIGHT <= highest else highest
    drawn: dict[str, Any] = {"hide_index": True, "height": height, "alt": alt}
    if widths or definitions:
        wide, help_of = widths or {}, definitions or {}
        drawn["column_config"] = {
            name: st.column_config.Column(width=wide.get(name), help=help_of.get(name)) for name in {*wide, *help_of}
        }
    if key is None:
        st.dataframe(frame, **drawn)
        return None
    chosen = st.dataframe(frame, **drawn, on_select="rerun", selection_mode="single-cell", key=key)
    return next((row for row, _ in chosen["selection"].get("cells", [])), None)


def width_of(words: Iterable[str]) -> int:
    """Give how many pixels a column takes that cuts off none of these words."""
    return AROUND_A_CELL + SIGN_WIDTH * max(map(len, words), default=0)


def sentences(columns: Mapping[str, Sequence[str]], *, alt: str, names: Sequence[str] = ()) -> None:
    """Draw a table with sentences in it, which are broken into lines; of such a table nothing can be chosen.

    What rows are called by, their `names`, stands before their first sentences: a phone has no room for more columns.
    """
    told = {title: [plain(cell, limit=300) for cell in cells] for title, cells in columns.items()}
    if names:
        first = next(iter(told))
        told[first] = [f"**{plain(name, limit=300)}.** {cell}" for name, cell in zip(names, told[first], strict=True)]
    frame = pl.DataFrame(told)
    st.table(frame, hide_index=True, alt=alt, height="content" if frame.height <= MOST_SENTENCES else HIGHEST)


def files(page: Page, frame: pl.DataFrame, *, name: str) -> None:
    """Draw the links that take all of `frame` along."""
    downloads.draw(page, lambda: frame, name=name)


def rows_of(page: Page, *, drawn: int, whole: int) -> None:
    """Say that a list is cut, where it is; its files are not."""
    if drawn < whole:
        told = page.say(
            "The first {drawn} of {whole} are listed; a file holds all of them.",
            drawn=page.say.number(drawn),
            whole=page.say.number(whole),
        )
        st.caption(plain(told, limit=200))
