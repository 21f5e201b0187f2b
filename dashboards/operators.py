# pyright: reportUnknownMemberType=false
"""Operators and teams: figures side by side with their counts, small samples unranked, and one operator over time."""

from typing import Any

import polars as pl
import streamlit as st
from msgspec import structs

from analytics import questions
from analytics.metrics.catalogue import SMALL_SAMPLE, catalogue
from analytics.questions import Period
from dashboards import controls, downloads, figures, shown, trend
from dashboards.figures import Counted, definition
from dashboards.page import Page, heading
from dashboards.shown import Tile
from dashboards.texts import EMPTY, clean, plain

# Calls count for whoever talked last, or else was rung last; of the talk of a transferred one each has his own part.
OF_CALLS = ("answer_rate", "service_level", "answer_seconds_median", "contact_rate")
OF_PARTS = ("operator_talk_minutes",)
BOARD = (*OF_CALLS, *OF_PARTS)
ORDER = "answer_rate"
SAME_SHARE = 0.01
# A channel on which more of the unanswered calls than this rang nobody we know tells nothing about teams: of theirs
# only those count that somebody answered.
MOST = 0.5
_NOTHING: dict[str, Any] = {"value": None, "numerator": None, "sample": 0}


def draw(page: Page) -> None:
    """Draw the page: the board, or the operator that the URL names."""
    controls.stamp(page)
    if page.state.operator:
        _one(page)
        return
    say = page.say
    teams = _figures(page, by="team")
    if not teams:
        controls.nothing(page, name="operators")
        return
    answered = _answered(page)
    untold = untold_channels(answered)
    heading(answer(page, answered, untold=untold), level=2)
    _notes(page, untold=untold)
    heading(say("Teams"))
    _board(page, teams, by="team")
    heading(say("Operators"))
    operators = _figures(page, by="operator")
    metric = page.state.metric if page.state.metric in BOARD else ORDER
    st.selectbox(
        say("Sort by"),
        BOARD,
        format_func=lambda name: catalogue()[name].title.of(say.language),
        **controls.bind("metric", value=metric),
    )
    _board(page, operators, by="operator", order=metric)
    downloads.draw(page, lambda: _long(page), name="angime-operators")


def untold_channels(answered: pl.DataFrame) -> list[str]:
    """Name the channels, of answer rates by channel and team, whose unanswered calls mostly belong to no team."""
    lost = pl.col("sample") - pl.col("numerator")
    channels = answered.group_by("channel", maintain_order=True).agg(
        lost=lost.sum(), nameless=lost.filter(pl.col("team").is_null()).sum()
    )
    return channels.filter(pl.col("nameless") > MOST * pl.col("lost"))["channel"].to_list()


def answer(page: Page, answered: pl.DataFrame, *, untold: list[str]) -> str:
    """Say how far the teams lie apart on the channels that tell it; of small samples nothing is said."""
    told = _apart(page, answered.filter(~pl.col("channel").is_in(untold)))
    channels = answered.filter(pl.col("sample") > 0, ~pl.col("channel").is_in(untold))["channel"].unique().sort()
    if not untold or channels.is_empty():
        return told
    return page.say("{where}: {told}", where=_channels(page, channels.to_list()), told=told)


def _apart(page: Page, answered: pl.DataFrame) -> str:
    say = page.say
    teams = answered.filter(pl.col("team").is_not_null()).group_by("team").agg(pl.col("numerator", "sample").sum())
    fair = teams.filter(pl.col("sample") >= SMALL_SAMPLE).with_columns(share=pl.col("numerator") / pl.col("sample"))
    if fair.height < 2:
        return say("Too few calls to compare teams.")
    ranked = fair.sort("share", "team").to_dicts()
    low, high = ranked[0], ranked[-1]
    if high["share"] - low["share"] < SAME_SHARE:
        return say("All teams answer alike: about {share}.", share=say.figure(high["share"], unit="share"))
    return say(
        "{low} answers {low_share} of its incoming calls, {high} {high_share}.",
        low=_name(page, low["team"], by="team"),
        low_share=say.figure(low["share"], unit="share"),
        high=_name(page, high["team"], by="team"),
        high_share=say.figure(high["share"], unit="share"),
    )


def _channels(page: Page, channels: list[str]) -> str:
    return page.say(", ").join(page.say.word(channel) for channel in channels)


def _answered(page: Page) -> pl.DataFrame:
    by = ("channel", "team")
    return page.ask(questions.figures, period=page.period, scope=page.scope, metrics=(ORDER,), by=by)


def _notes(page: Page, *, untold: list[str]) -> None:
    """Say what these figures are not, and on which channels they flatter."""
    say = page.say
    if untold:
        told = say(
            "{channels}: nobody tells whom an unanswered call rang, so whoever answers there looks better than he is.",
            channels=_channels(page, untold),
        )
        st.caption(plain(told, limit=300))
    told = say(
        "These figures judge conversations, not people: who gets which calls and when differs. They are no ground for"
        " employment decisions on their own."
    )
    st.caption(plain(told, limit=500))


def _figures(page: Page, *, by: Any) -> list[dict[str, Any]]:
    """Give a row a team or operator: its key, empty for calls of none, and its figure of every metric of the board."""
    rows = _counted(page, page.period, by=by).to_dicts()
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        key = row[by] or ""
        found.setdefault(key, {"key": key, **dict.fromkeys(BOARD, _NOTHING)})[row["metric"]] = row
    return [row for row in found.values() if any(row[name]["sample"] for name in BOARD)]


def _counted(page: Page, period: Period, *, by: Any) -> pl.DataFrame:
    """Count the metrics of the board: those of calls, which may be held in memory, apart from those of their parts."""
    return pl.concat(
        page.ask(questions.figures, period=period, scope=page.scope, metrics=metrics, by=(by,))
        for metrics in (OF_CALLS, OF_PARTS)
    )


def _board(page: Page, rows: list[dict[str, Any]], *, by: str, order: str = ORDER) -> None:
    say = page.say
    falls = catalogue()[order].good != "down"

    def place(row: dict[str, Any]) -> tuple[bool, bool, float, str]:
        figure = row[order]
        is_small = figure["sample"] < SMALL_SAMPLE
        value = 0.0 if is_small or figure["value"] is None else float(figure["value"])
        return not row["key"], is_small, -value if falls else value, _name(page, row["key"], by=by)

    ranked = sorted(rows, key=place)
    columns: dict[str, list[str]] = {say("Team") if by == "team" else say("Operator"): []}
    columns |= {catalogue()[name].title.of(say.language): [] for name in BOARD}
    for row in ranked:
        columns[say("Team") if by == "team" else say("Operator")].append(_name(page, row["key"], by=by))
        for name in BOARD:
            columns[catalogue()[name].title.of(say.language)].append(_told(page, row[name], name=name))
    chosen = shown.table(
        columns,
        alt=say("Figures side by side, each with the number of calls behind it."),
        key=f"board_{by}",
        definitions={catalogue()[name].title.of(say.language): definition(page, catalogue()[name]) for name in BOARD},
    )
    choose = (
        say("Choose a row to see the team's calls.")
        if by == "team"
        else say("Choose a row to see the operator day by day.")
    )
    brackets = say("In brackets: the calls behind it. Fewer than {n} are marked * and not ranked.", n=SMALL_SAMPLE)
    st.caption(plain(f"{choose} {brackets}", limit=300))
    if "" in (row["key"] for row in rows):
        told = say("Calls that rang nobody we know count for none of them; they stand last, so that all add up.")
        st.caption(plain(told, limit=200))
    if chosen is None or not ranked[chosen]["key"]:
        return
    if by == "operator":
        page.go("operators", state=structs.replace(page.state, operator=ranked[chosen]["key"]))
    page.go("calls", state=structs.replace(page.state, team=ranked[chosen]["key"]))


def _told(page: Page, figure: dict[str, Any], *, name: str) -> str:
    if not figure["sample"]:
        return EMPTY
    mark = "*" if figure["sample"] < SMALL_SAMPLE else ""
    value = page.say.figure(figure["value"], unit=catalogue()[name].unit)
    return f"{value}{mark} ({page.say.number(figure['sample'])})"


def _name(page: Page, key: str, *, by: str) -> str:
    if by == "team":
        return clean(page.team(key))
    return clean(page.operators().get(key, key)) or page.say("no operator")


def _long(page: Page) -> pl.DataFrame:
    """Give the board for a file, one row a metric and operator; numerators and denominators add up to the tiles."""
    rows = _counted(page, page.period, by="operator")
    names = page.operators()
    return rows.with_columns(name=pl.Series([names.get(key or "", key) for key in rows["operator"]], dtype=pl.String))


def _one(page: Page) -> None:
    say, key = page.say, page.state.operator
    page.link(
        "operators", say("All operators"), state=structs.replace(page.state, operator=""), icon=":material/arrow_back:"
    )
    if key not in page.operators():
        heading(say("No such operator"), level=2)
        st.write(plain(say("The link is wrong, or the operator belongs to another company."), limit=300))
        return
    row = next((row for row in _figures(page, by="operator") if row["key"] == key), None)
    heading(_name(page, key, by="operator"), level=2)
    if row is None:
        st.caption(plain(say("No calls in this period.")))
        return
    _notes(page, untold=untold_channels(_answered(page)))
    counted = Counted({name: row[name] for name in BOARD}, _before(page, key))
    shown.tiles(page, [_tile(page, name, counted=counted) for name in BOARD])
    _over_time(page, key)
    page.link("calls", say("All calls of this operator"), state=page.state, icon=":material/list:")


def _before(page: Page, key: str) -> dict[str, dict[str, Any]]:
    if page.before is None:
        return {}
    rows = _counted(page, page.before, by="operator")
    return {row["metric"]: row for row in rows.filter(pl.col("operator") == key).to_dicts()}


def _tile(page: Page, name: str, *, counted: Counted) -> Tile:
    tile = figures.tile(page, name, counted=counted)
    of_operator = tile.calls and structs.replace(tile.calls, operator=page.state.operator)
    return structs.replace(tile, calls=of_operator)


def _over_time(page: Page, key: str) -> None:
    say = page.say
    name = page.state.metric if page.state.metric in BOARD else ORDER
    metric = catalogue()[name]
    title, choice = st.columns([2, 1], vertical_alignment="bottom")
    with title:
        heading(say("Day by day"))
    choice.selectbox(
        say("Metric"),
        BOARD,
        format_func=lambda one: catalogue()[one].title.of(say.language),
        label_visibility="collapsed",
        **controls.bind("metric", value=name),
    )
    days = page.ask(
        questions.figures, period=page.period, scope=page.scope, metrics=(name,), by=("day", "operator")
    ).filter((pl.col("operator") == key) & (pl.col("sample") > 0))
    if days["value"].count() < 2:
        st.caption(plain(say("A trend needs more than one day with a figure."), limit=300))
        return
    frame = days.with_columns(
        label=pl.Series([say.day(day) for day in days["day"]], dtype=pl.String),
        shown=pl.Series([say.figure(value, unit=metric.unit) for value in days["value"]], dtype=pl.String),
        before=pl.lit(None, dtype=pl.Float64),
        before_shown=pl.lit(EMPTY),
        is_small=pl.col("sample") < SMALL_SAMPLE,
    )
    trend.draw(page, frame, metric, key=f"operator_{name}")
    called = metric.title.of(say.language)
    table = {say("Day"): frame["label"].to_list(), called: frame["shown"].to_list()}
    with st.expander(say("As a table"), icon=":material/table_rows:"):
        shown.table(table | {say("Calls"): frame["sample"].to_list()}, alt=called)
