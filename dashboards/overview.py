# pyright: reportUnknownMemberType=false
"""The first page: better or worse than before, where the loss is, and the figures behind it."""

from collections.abc import Sequence

import polars as pl
import streamlit as st
from msgspec import Struct, structs

from analytics import questions
from analytics.metrics.catalogue import SMALL_SAMPLE, Metric, catalogue
from analytics.questions import missed
from dashboards import charts, controls, shown, trend
from dashboards.figures import COUNTED, TILES, Figure, compared, days_of_both, figure_of, was
from dashboards.page import Page, heading
from dashboards.shown import Tile
from dashboards.state import WEEK_STARTS, State, without_page
from dashboards.texts import plain

UNANSWERED = (
    *("missed", "abandoned", "voicemail", "machine", "rejected"),
    *("no_answer", "busy", "cancelled", "failed", "not_permitted"),
)
# A difference of the answer rate below a point is called no difference.
SAME_SHARE = 0.01


class Loss(Struct, frozen=True):
    """A place where incoming calls were lost: its name, and how many of how many."""

    name: str
    lost: int
    incoming: int
    state: State


def draw(page: Page) -> None:
    """Draw the page."""
    now, before = figures(page)
    ended = page.ask(questions.ended, period=page.period, scope=page.scope)
    controls.stamp(page)
    if ended.left_out["calls"] == 0:
        controls.nothing(page, name="overview")
        return
    rates = now["answer_rate"], before.get("answer_rate", Figure())
    found = losses(page, rank=rank(*rates))
    incoming = now["missed_calls"].sample
    heading(answer(page, now=rates[0], before=rates[1], incoming=incoming, losses=found), level=2)
    _links(page, found)
    _to_do(page)
    _tiles(page, now=now, before=before)
    trend.by_choice(page)
    left, right = st.columns(2, gap="large")
    with left:
        _heat(page)
    with right:
        _outcomes(page, ended.outcomes)
    _footer(page, ended.left_out)


def answer(page: Page, *, now: Figure, before: Figure, incoming: int, losses: Sequence[Loss]) -> str:
    """Say in words whether more of the incoming calls were answered than before, and where they were lost."""
    say = page.say
    share = say.figure(now.value, unit="share")
    if now.value is None and incoming:
        return say("Nothing tells how many incoming calls were answered.")
    if now.value is None:
        return say("No incoming calls in this period.")
    if now.sample < SMALL_SAMPLE:
        return say.plural(
            "Only {n} incoming call: too few to say whether it got better or worse.",
            "Only {n} incoming calls: too few to say whether it got better or worse.",
            now.sample,
        )
    earlier = was(catalogue()["answer_rate"], now=now, before=before)
    before_share = say.figure(earlier, unit="share")
    if earlier is None:
        told = say("{share} of incoming calls were answered.", share=share)
    elif abs(now.value - earlier) < SAME_SHARE:
        told = say("About the same: answer rate is {share}, it was {before}.", share=share, before=before_share)
    elif now.value > earlier:
        told = say("Better: answer rate rose to {share} from {before}.", share=share, before=before_share)
    else:
        told = say("Worse: answer rate fell to {share} from {before}.", share=share, before=before_share)
    where = say(", ").join(loss.name for loss in losses)
    more = say(" Heaviest loss: {where}.", where=where) if where else ""
    return told + more


def rank(now: Figure, before: Figure) -> questions.Rank:
    """Say by what losses are ranked: what was lost beyond the share of before, when it got worse."""
    earlier = was(catalogue()["answer_rate"], now=now, before=before)
    is_worse = now.value is not None and earlier is not None and now.value < earlier - SAME_SHARE
    return "excess" if is_worse else "lost"


def figures(page: Page) -> tuple[dict[str, Figure], dict[str, Figure]]:
    """Count what tiles are written with, of the period and of the one before it."""
    now, before = (
        {row["metric"]: figure_of(row) for row in counted.whole.to_dicts()} for counted in days_of_both(page, COUNTED)
    )
    return now, before


def losses(page: Page, *, rank: questions.Rank) -> list[Loss]:
    """Find the two hours, the team and the channel with the heaviest loss; one that is chosen already says nothing."""
    lost = structs.replace(without_page(page.state), behind="answer_rate", outcomes=UNANSWERED)
    among: tuple[questions.Dimension, ...] = ("hour", "team", "channel")
    rows_of_all = page.ask(
        questions.losses, period=page.period, before=page.before, scope=page.scope, by=among, rank=rank
    )
    found: list[Loss] = []
    for by in among:
        rows = rows_of_all.filter(pl.col("dimension") == by).to_dicts()
        if (by == "team" and page.state.team) or (by == "channel" and page.state.channel):
            continue
        if not rows or not rows[0]["lost"] or (by != "hour" and len(rows) == 1):
            continue
        heaviest = rows[0]
        name, state = _place(page, by=by, key=heaviest["key"], state=lost)
        found.append(Loss(name, heaviest["lost"], heaviest["incoming"], state))
    return found


def _place(page: Page, *, by: str, key: str, state: State) -> tuple[str, State]:
    if by == "hour":
        hour = int(key)
        return page.say.hours(hour, hour + 1), structs.replace(state, at_hours=(hour, hour + 1))
    if by == "team":
        return page.say("team {name}", name=page.team(key)), structs.replace(state, team=key)
    return page.say.word(key), structs.replace(state, channel=key)


def _links(page: Page, losses: Sequence[Loss]) -> None:
    if not losses:
        return
    with st.container(horizontal=True, gap="small"):
        for loss in losses:
            label = page.say(
                "{place}: {lost} of {incoming} not answered",
                place=loss.name,
                lost=page.say.number(loss.lost),
                incoming=page.say.number(loss.incoming),
            )
            page.link("calls", plain(label), state=loss.state, icon=":material/arrow_forward:")


def _to_do(page: Page) -> None:
    """Say whom to call back now, which is the first thing to do."""
    own = page.of_team()
    waiting = own.ask(missed.waiting, scope=own.scope)
    if waiting.is_empty():
        return
    label = page.say.plural(
        "{n} contact waits for a call back", "{n} contacts wait for a call back", int(waiting["episodes"][0])
    )
    page.link("missed", plain(label), state=page.state, icon=":material/phone_missed:")


def _tiles(page: Page, *, now: dict[str, Figure], before: dict[str, Figure]) -> None:
    days = days_of_both(page, COUNTED)[0].days
    lines = {name: days.filter(pl.col("metric") == name)["value"].drop_nulls().to_list() for name in TILES}
    drawn = [
        compared(
            page,
            catalogue()[name],
            now=now[name],
            before=before.get(name, Figure()),
            note=_more(page, name, now=now).removeprefix(" · "),
            line=lines[name],
        )
        for name in TILES
    ]
    led = [_leading(page, tile, name=name, figure=now[name]) for tile, name in zip(drawn, TILES, strict=True)]
    shown.tiles(page, led)


def _leading(page: Page, tile: Tile, *, name: str, figure: Figure) -> Tile:
    """Have a figure lead to the calls behind it, where there are any."""
    if figure.sample == 0:
        return tile
    calls = structs.replace(without_page(page.state), behind=name)
    return structs.replace(tile, behind=_rows(page, catalogue()[name], figure=figure), calls=calls)


def count(page: Page, metric: Metric, *, now: dict[str, Figure], figure: Figure) -> str:
    """Say how many calls stand behind a figure, for a figure never stands alone."""
    behind = _rows(page, metric, figure=figure) if figure.sample else ""
    return behind + _more(page, metric.name, now=now | {metric.name: figure})


def _rows(page: Page, metric: Metric, *, figure: Figure) -> str:
    say = page.say
    if metric.unit == "share":
        return say.plural("{part} of {n} call", "{part} of {n} calls", figure.sample, part=say.number(figure.numerator))
    if metric.name == "missed_calls":
        return say.plural("of {n} incoming call", "of {n} incoming calls", figure.sample)
    return say.plural("{n} answered call", "{n} answered calls", figure.sample)


def _more(page: Page, name: str, *, now: dict[str, Figure]) -> str:
    say, figure = page.say, now[name]
    if figure.sample == 0:
        return say("no calls that count here")
    nine_of_ten = say.seconds(now["answer_seconds_p90"].value).replace(" ", "\u00a0")
    within = say(" · 9 of 10 within {time}", time=nine_of_ten) if name == "answer_seconds_median" else ""
    return within + (say(" · small sample") if figure.sample < SMALL_SAMPLE else "")


def _heat(page: Page) -> None:
    say = page.say
    heading(say("When calls are missed"))
    rows = page.ask(
        questions.figures, period=page.period, scope=page.scope, metrics=("missed_calls",), by=("weekday", "hour")
    ).filter(pl.col("sample") > 0)
    if rows.is_empty():
        st.caption(plain(say("No incoming calls in this period.")))
        return
    names, first = say.weekdays(), WEEK_STARTS[page.company["week_starts"]]
    cells = rows.select(
        "weekday",
        "hour",
        weekday_label=pl.Series([names[day - 1] for day in rows["weekday"]], dtype=pl.String),
        missed=pl.col("numerator").cast(pl.Int64),
        incoming="sample",
    )
    titles = {
        "weekday": say("Weekday"),
        "hour": say("Hour of the day"),
        "missed": say("Missed calls"),
        "incoming": say("Incoming calls"),
    }
    chosen = st.vega_lite_chart(
        charts.heat(cells, weekdays=names[first:] + names[:first], titles=titles, number=say.number_format()),
        key="heat",
        on_select="rerun",
        alt=say("Missed calls by weekday and hour; a cell opens its calls."),
    )
    st.caption(plain(say("Choose a cell to see its calls."), limit=200))
    for cell in chosen.get("selection", {}).get("cell", []):
        state = structs.replace(
            without_page(page.state),
            behind="missed_calls",
            weekday=int(cell["weekday"]),
            at_hours=(int(cell["hour"]),),
        )
        page.go("calls", state=state)


def _outcomes(page: Page, rows: pl.DataFrame) -> None:
    say = page.say
    heading(say("How calls ended, by channel"))
    if rows.is_empty():
        st.caption(plain(say("No calls in this period.")))
        return
    bars = rows.group_by("channel", "outcome").agg(pl.col("calls").sum())
    bars = bars.with_columns(
        channel_label=pl.Series([say.word(word) for word in bars["channel"]], dtype=pl.String),
        outcome_label=pl.Series([say.word(word) for word in bars["outcome"]], dtype=pl.String),
    )
    titles = {"channel": say("Channel"), "outcome": say("Outcome"), "calls": say("Calls")}
    chosen = st.vega_lite_chart(
        charts.outcomes(bars, titles=titles, number=say.number_format()),
        key="outcomes",
        on_select="rerun",
        alt=say("Calls by channel and outcome; a bar opens its calls."),
    )
    st.caption(plain(say("Choose a bar to see its calls."), limit=200))
    for bar in chosen.get("selection", {}).get("bar", []):
        page.go("calls", state=structs.replace(page.state, channel=bar["channel"], outcomes=(bar["outcome"],)))


def _footer(page: Page, left_out: dict[str, int]) -> None:
    say = page.say
    told = say(
        "Left out of the figures: internal {internal}, test {test}, still in progress {in_progress}.",
        internal=say.number(left_out["internal"]),
        test=say.number(left_out["test"]),
        in_progress=say.number(left_out["in_progress"]),
    )
    st.caption(plain(told, limit=500))
    page.link("calls", say("All calls of this period"), state=page.state, icon=":material/list:")
